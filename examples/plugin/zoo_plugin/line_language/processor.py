"""Lines of text to padded character ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zoo.errors import FolderError

PADDING, UNKNOWN, FIRST = 0, 1, 2  # ids; the characters' own begin at FIRST


@dataclass(frozen=True)
class LineProcessor:
    """The characters and the languages that a model knows.

    Args:
        characters: character ``i`` has the id ``i + FIRST``.
        languages: label ``i`` of the network is ``languages[i]``.
    """

    characters: str
    languages: tuple[str, ...]

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> LineProcessor:
        """Rebuild from the settings in a model folder's ``config.json``.

        Raises:
            FolderError: the settings are not a text and a list of texts.
        """
        characters, languages = settings.get("characters"), settings.get("languages")
        if not isinstance(characters, str) or not isinstance(languages, list):
            raise FolderError("processor: 'characters' or 'languages' is missing or malformed")
        if not all(isinstance(language, str) for language in languages):
            raise FolderError("processor: 'languages' is not a list of texts")
        return cls(characters, tuple(languages))

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return asdict(self)

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder: none, the settings say everything."""
        return {}

    def encode(self, lines: Sequence[str]) -> np.ndarray:
        """Character ids of lines, ``(lines, longest)`` int32, padded with zeros."""
        table = {character: number for number, character in enumerate(self.characters, FIRST)}
        ids = np.full((len(lines), max(map(len, lines))), PADDING, np.int32)
        for row, line in enumerate(lines):
            ids[row, : len(line)] = [table.get(character, UNKNOWN) for character in line]
        return ids
