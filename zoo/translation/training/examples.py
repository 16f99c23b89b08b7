"""Sentence pairs as ids of subwords, to train translators on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.errors import DataError
from zoo.translation.processor import Subwords
from zoo.translation.training.pairs import Pair


@dataclass(frozen=True)
class Examples:
    """Pairs as ids; a text that is in many pairs is kept once.

    Args:
        values: ids of all texts, one after the other.
        offsets: ``(texts + 1,)``, where each text begins.
        source: ``(examples,)`` number of the text to translate.
        target: ``(examples,)`` number of its translation.
        language: ``(examples,)`` id of the token that asks for the target language.
        texts: all texts in the order of their numbers.
    """

    values: np.ndarray
    offsets: np.ndarray
    source: np.ndarray
    target: np.ndarray
    language: np.ndarray
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    def text(self, number: int) -> np.ndarray:
        """The ids of a text."""
        return self.values[self.offsets[number] : self.offsets[number + 1]]

    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of each example's source and target as the network reads them."""
        counts = np.diff(self.offsets)
        return counts[self.source] + 2, counts[self.target] + 1

    def segmented_anew(self, processor: Subwords, dropout: float, seed: int) -> Examples:
        """The same examples in other subwords.

        Args:
            processor: the subwords.
            dropout: how far from the usual ones, see
                :meth:`~zoo.translation.processor.Subwords.encode_many`.
            seed: of the subwords.
        """
        values, offsets = _joined(processor.encode_many(self.texts, dropout, seed))
        return replace(self, values=values, offsets=offsets)


def make_examples(pairs: Iterable[Pair], processor: Subwords, longest: int) -> Examples:
    """Encode pairs.

    Args:
        pairs: sentences and translations.
        processor: the subwords.
        longest: tokens; pairs with a longer side are left out.

    Raises:
        DataError: no pair is left.
    """
    numbers: dict[str, int] = {}
    tokens = {target: int(processor.encode_source("", target)[0]) for target in processor.targets}
    rows = np.asarray(
        [
            (
                numbers.setdefault(pair.source, len(numbers)),
                numbers.setdefault(pair.target, len(numbers)),
                tokens[pair.target_language],
            )
            for pair in pairs
        ],
        np.int32,
    ).reshape(-1, 3)
    values, offsets = _joined(processor.encode_many(list(numbers)))
    if len(rows):
        sides = np.diff(offsets)[rows[:, :2]]
        rows = rows[(sides.max(axis=1) <= longest) & (sides.min(axis=1) > 0)]
    if not len(rows):
        raise DataError(f"there is no pair of sentences of 1 to {longest} tokens")
    source, target, language = np.ascontiguousarray(rows.T)
    return Examples(values, offsets, source, target, language, tuple(numbers))


def _joined(encoded: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All ids, one text after the other, and where each text begins."""
    counts = np.asarray([len(ids) for ids in encoded], np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate([np.zeros(0, np.int32), *encoded]), offsets
