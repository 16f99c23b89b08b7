"""Messages to ids, and moods to their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.dialogue.words import WordIds, Words
from zoo.errors import FolderError, UsageError


@dataclass(frozen=True)
class MoodWords:
    """The vocabulary of a mood reader, and the moods.

    Args:
        words: the vocabulary.
        moods: their names.

    Raises:
        UsageError: a name is repeated, empty or too long, or there are fewer than two.
    """

    words: Words
    moods: tuple[str, ...]

    def __post_init__(self) -> None:
        if not all(isinstance(mood, str) and 0 < len(mood) <= 200 for mood in self.moods):
            raise UsageError("moods must be names of 1 to 200 characters")
        if len(set(self.moods)) != len(self.moods) or len(self.moods) < 2:
            raise UsageError("there must be at least two different moods")

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> MoodWords:
        """Rebuild from a model folder's settings and files.

        Raises:
            FolderError: a file or a setting is missing or malformed.
        """
        words, moods = Words.from_files(settings, files), settings.get("moods")
        if not isinstance(moods, list):
            raise FolderError("config.json, processor: moods must be a list of names")
        try:
            return cls(words, tuple(moods))
        except UsageError as error:
            raise FolderError(f"config.json, processor: {error}") from None

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {**self.words.settings(), "moods": list(self.moods)}

    def files(self) -> dict[str, bytes]:
        """The vocabulary files of a model folder."""
        return self.words.files()

    def encode(self, text: str) -> WordIds:
        """A message as ids."""
        return self.words.encode(text)
