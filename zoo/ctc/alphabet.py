"""The labels of a CTC recogniser: which text each output stands for, and which one is the blank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import DataError, FolderError, UsageError
from zoo.folder.vocabulary import (
    MAX_VOCABULARY,
    VOCABULARY_FILE,
    describe_character,
    read_vocabulary,
    vocabulary_files,
)

BLANK = ""
SEPARATOR = " "


@dataclass(frozen=True)
class Alphabet:
    """Labels by index: label ``i`` stands for the character ``vocabulary[i]``, the blank for "".

    Args:
        vocabulary: distinct single characters, and ``""`` once, for the blank.

    Raises:
        UsageError: a label is repeated or longer than a character, or there is no blank.
    """

    vocabulary: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 < len(self.vocabulary) <= MAX_VOCABULARY:
            raise UsageError(f"an alphabet has 2 to {MAX_VOCABULARY} labels")
        if not all(isinstance(label, str) and len(label) <= 1 for label in self.vocabulary):
            raise UsageError("every label must be a single character, or '' for the blank")
        if len(set(self.vocabulary)) != len(self.vocabulary) or BLANK not in self.vocabulary:
            raise UsageError("labels must not repeat, and one must be '' for the blank")
        object.__setattr__(self, "_ids", {c: i for i, c in enumerate(self.vocabulary)})

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> Alphabet:
        """The blank, as label 0, and all characters of ``texts`` in code point order."""
        return cls((BLANK, *sorted(set().union(*texts))))

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Alphabet:
        """Rebuild from a model folder.

        Raises:
            FolderError: the file of the labels is missing or malformed, or the blank that the
                settings name is another.
        """
        alphabet = read_vocabulary(files, cls)
        if settings.get("blank") != alphabet.blank:
            raise FolderError(
                f"the settings say that the blank is label {settings.get('blank')!r}, "
                f"{VOCABULARY_FILE} says {alphabet.blank}"
            )
        return alphabet

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``: the index of the blank."""
        return {"blank": self.blank}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder."""
        return vocabulary_files(self.vocabulary)

    @property
    def blank(self) -> int:
        """Index of the blank."""
        return self.vocabulary.index(BLANK)

    @property
    def separator(self) -> int | None:
        """Index of the space between words, or ``None`` where there is none."""
        return self.vocabulary.index(SEPARATOR) if SEPARATOR in self.vocabulary else None

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str, where: str = "the text") -> np.ndarray:
        """Labels of a text.

        Args:
            text: what was said or written.
            where: its name in messages.

        Returns:
            ``(characters,)`` int32.

        Raises:
            DataError: the text has characters outside the alphabet.
        """
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        unknown = sorted(set(text) - ids.keys())
        if unknown:
            shown = ", ".join(describe_character(c) for c in unknown[:5])
            raise DataError(f"{where} has characters outside the alphabet: {shown}")
        return np.fromiter((ids[c] for c in text), dtype=np.int32, count=len(text))

    def spell(self, text: str, where: str = "the text") -> np.ndarray:
        """Labels of a text; a letter that the alphabet has in the other case only stands for that.

        Args:
            text: what was said or written.
            where: its name in messages.

        Returns:
            ``(characters,)`` int32.

        Raises:
            UsageError: the text has characters that the alphabet lacks.
        """
        known = set(self.vocabulary) - {BLANK}
        others = {c: c.swapcase() for c in set(text) - known if c.swapcase() in known}
        others |= {"’": "'"} if "'" in known and "’" not in known else {}
        try:
            return self.encode("".join(others.get(c, c) for c in text), where)
        except DataError as error:
            raise UsageError(
                f"{error}; write numbers and signs as words, or leave signs out"
            ) from None

    def decode(self, labels: Iterable[int]) -> str:
        """The text of labels; blanks stand for nothing."""
        return "".join(self.vocabulary[int(label)] for label in labels)
