"""Messages to ids, and tags and intents to their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.dialogue.words import WordIds, Words
from zoo.errors import FolderError, UsageError

_MAX_NAME = 200


@dataclass(frozen=True)
class TaggedWords:
    """The vocabulary of a tagger with the names of what it tells.

    Args:
        words: the vocabulary.
        labels: names of the kinds of entities.
        intents: names of the intents.

    Raises:
        UsageError: a name is repeated, empty or too long.
    """

    words: Words
    labels: tuple[str, ...]
    intents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what in ("labels", "intents"):
            names = getattr(self, what)
            if len(set(names)) != len(names):
                raise UsageError(f"{what} must not repeat a name")
            if not all(isinstance(name, str) and 0 < len(name) <= _MAX_NAME for name in names):
                raise UsageError(f"{what} must be names of 1 to {_MAX_NAME} characters")

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> TaggedWords:
        """Rebuild from a model folder's settings and files.

        Raises:
            FolderError: a file or a setting is missing or malformed.
        """
        words = Words.from_files(settings, files)
        try:
            names = [settings.get(what, []) for what in ("labels", "intents")]
            if not all(isinstance(one, list) for one in names):
                raise UsageError("labels and intents must be lists of names")
            return cls(words, *(tuple(one) for one in names))
        except (UsageError, TypeError) as error:
            raise FolderError(f"config.json, processor: {error}") from None

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {
            **self.words.settings(),
            "labels": list(self.labels),
            "intents": list(self.intents),
        }

    def files(self) -> dict[str, bytes]:
        """The vocabulary files of a model folder."""
        return self.words.files()

    def encode(self, text: str) -> WordIds:
        """A message as ids."""
        return self.words.encode(text)
