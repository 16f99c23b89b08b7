"""Which word of a translation belongs to which word of its source, by the network's attention."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from zoo.translation.processor import Subwords

_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class Alignment:
    """How much each word of a translation attends to each word of its source.

    Args:
        source: start and end of each word of the source, in characters.
        target: the same of the translation.
        words: of each word of the translation whether it is one, and not punctuation.
        weights: ``(target, source)``.
    """

    source: tuple[tuple[int, int], ...]
    target: tuple[tuple[int, int], ...]
    words: tuple[bool, ...]
    weights: np.ndarray

    @classmethod
    def of(
        cls,
        subwords: Subwords,
        source: str,
        target: str,
        tokens: Sequence[int],
        attention: np.ndarray,
    ) -> Self:
        """The alignment of a translation.

        Without attention, words are aligned by their place in the sentence.

        Args:
            subwords: the vocabulary.
            source: what the network has read.
            target: what it has written.
            tokens: the ids of ``target``.
            attention: ``(at least len(tokens), source)`` of each id to the ids of the source, the
                language's token and the end included.
        """
        words = tuple(
            tuple(found.span() for found in _WORD.finditer(text)) for text in (source, target)
        )
        read = _shares(subwords, subwords.encode(source).tolist(), words[0])
        written = _shares(subwords, tokens, words[1])
        weights = written @ attention[: len(tokens), 1 : 1 + read.shape[1]] @ read.T
        if not weights.any():
            places = [(np.arange(len(each)) + 0.5) / max(1, len(each)) for each in words]
            weights = 1 - np.abs(places[1][:, None] - places[0][None])
        real = tuple(target[start].isalnum() for start, _ in words[1])
        return cls(words[0], words[1], real, weights)

    def words_for(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the translation of a stretch of the source stands.

        Args:
            start: number of characters before the stretch.
            end: number of characters up to its end.

        Returns:
            Start and end in the translation; ``None`` if there are no words in the stretch.
        """
        inside = [i for i, (a, b) in enumerate(self.source) if start <= a and b <= end]
        if not inside or not self.target:
            return None
        # Punctuation attends anywhere.
        words = [i for i in range(len(self.target)) if self.words[i]]
        chosen = [i for i in words if self.weights[i].argmax() in inside]
        chosen = chosen or [int(self.weights[:, inside].sum(axis=1).argmax())]
        return self.target[chosen[0]][0], self.target[chosen[-1]][1]

    def place(self, offset: int, *, after: bool) -> int:
        """Where something between two words of the source belongs in the translation.

        Args:
            offset: number of characters before it in the source.
            after: it belongs to the word before it, not to the one behind it.

        Returns:
            Number of characters before it in the translation.
        """
        beside = [
            word for word in self.source if (word[1] <= offset if after else word[0] >= offset)
        ]
        around = self.words_for(*beside[-1 if after else 0]) if beside else None
        if around is None:
            return 0 if after or not self.target else self.target[-1][1]
        return around[1] if after else around[0]


def _shares(subwords: Subwords, ids: Sequence[int], words: Sequence[tuple[int, int]]) -> np.ndarray:
    """``(words, ids)``, 1 where an id writes a part of a word, else 0."""
    ends = [len(subwords.decode(ids[: count + 1])) for count in range(len(ids))]
    starts = [0, *ends[:-1]]
    shares = np.zeros((len(words), len(ids)))
    for row, (start, end) in enumerate(words):
        for column in range(len(ids)):
            shares[row, column] = starts[column] < end and ends[column] > start
    return shares
