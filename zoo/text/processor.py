"""Text to character ids and back."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.folder.vocabulary import (
    MAX_VOCABULARY,
    describe_character,
    read_vocabulary,
    vocabulary_files,
)
from zoo.typography import plain_spelling


@dataclass(frozen=True)
class Characters:
    """A character vocabulary: character number ``i`` is ``vocabulary[i]``.

    Args:
        vocabulary: distinct single characters (Unicode code points).

    Raises:
        UsageError: the vocabulary is empty, too large, or has a repeated or longer entry.
    """

    vocabulary: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.vocabulary) <= MAX_VOCABULARY:
            raise UsageError(f"a vocabulary has 1 to {MAX_VOCABULARY} characters")
        if not all(isinstance(c, str) and len(c) == 1 for c in self.vocabulary):
            raise UsageError("every vocabulary entry must be a single character")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise UsageError("a vocabulary must not repeat a character")
        object.__setattr__(self, "_ids", {c: i for i, c in enumerate(self.vocabulary)})

    @classmethod
    def of_text(cls, *texts: str) -> Characters:
        """The vocabulary of all characters in ``texts``, in code point order."""
        return cls(tuple(sorted(set().union(*texts))))

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Characters:
        """Rebuild from a model folder's processor settings and vocabulary file.

        Raises:
            FolderError: the file is missing or is not a list of distinct characters.
        """
        return read_vocabulary(files, cls)

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``: none, the vocabulary is a file of its own."""
        return {}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder."""
        return vocabulary_files(self.vocabulary)

    def with_vocabulary(self, vocabulary: tuple[str, ...]) -> Characters:
        """The same with other characters.

        Raises:
            UsageError: the vocabulary is empty, too large, or has a repeated or longer entry.
        """
        return Characters(vocabulary)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, character: object) -> bool:
        return character in self._ids  # type: ignore[attr-defined]

    def encode(self, text: str, errors: str = "strict") -> np.ndarray:
        """Character ids of a text.

        Args:
            text: any string.
            errors: ``"strict"`` raises on a character outside the vocabulary; ``"replace"`` writes
                the nearest there is: the plain character for a typographic one, such as ``'`` for
                ``’``, or the letter without its accent (NFKD) where that is known, else
                ``"\\ufffd"``, ``"?"`` or a space, else the first of the vocabulary.

        Returns:
            ``(characters,)`` int32.

        Raises:
            UsageError: an unknown character under ``"strict"``, another policy, or no text.
        """
        if not isinstance(text, str):
            raise UsageError(f"expected text, got {type(text).__name__}")
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        if errors not in ("strict", "replace"):
            raise UsageError(f"errors must be 'strict' or 'replace', not {errors!r}")
        unknown = sorted(set(text) - ids.keys())
        if unknown and errors == "strict":
            shown = ", ".join(describe_character(c) for c in unknown[:5])
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            raise UsageError(
                f"the model does not know {shown}{more}; "
                "remove them or pass errors='replace' (--errors replace)"
            )
        table = ids | {c: self._nearest(c) for c in unknown}
        return np.fromiter((table[c] for c in text), dtype=np.int32, count=len(text))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of character ids.

        Raises:
            UsageError: an id is outside the vocabulary.
        """
        numbers = [int(i) for i in ids]
        if any(not 0 <= i < len(self.vocabulary) for i in numbers):
            raise UsageError(f"character ids must be 0 to {len(self.vocabulary) - 1}")
        return "".join(self.vocabulary[i] for i in numbers)

    def _nearest(self, character: str) -> int:
        ids: dict[str, int] = self._ids  # type: ignore[attr-defined]
        plain = plain_spelling(character)[:1]
        base = unicodedata.normalize("NFKD", character)[0]
        quote = "'" if plain == '"' else plain
        for candidate in (plain, base, quote, "\ufffd", "?", " "):
            if candidate in ids:
                return ids[candidate]
        return 0
