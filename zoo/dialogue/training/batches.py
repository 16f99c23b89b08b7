"""Batches of messages as ids, with words hidden now and then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.dialogue.word_ids import FIRST, UNKNOWN
from zoo.dialogue.words import WordIds


class WordDropout:
    """Hides words in training, so that unknown ones are read by their spelling and context.

    Args:
        messages: the training messages.
        known: rows of the learnt vectors.
        rare: a word that stands ``n`` times has its learnt vector hidden with probability
            ``rare / (rare + n)``.
        both: probability that a word is hidden whole but for its spelling.
    """

    def __init__(
        self,
        messages: Sequence[WordIds],
        known: int,
        rare: float = 0.5,
        both: float = 0.05,
    ) -> None:
        counts = np.zeros(known)
        for ids in messages:
            np.add.at(counts, ids.known, 1)
        self._table = rare / (rare + counts) if rare else np.zeros(known)
        self._table[:FIRST] = 0.0
        self._both = both

    def __call__(
        self, words: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Padded ids ``(batch, tokens)`` with some words hidden."""
        real = words != 0
        both = (rng.random(words.shape) < self._both) & real
        learnt = (rng.random(words.shape) < self._table[known]) & real
        return np.where(both, UNKNOWN, words), np.where(both | learnt, UNKNOWN, known)
