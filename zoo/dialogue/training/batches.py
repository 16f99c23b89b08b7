"""Batches of messages as ids, with words hidden now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from zoo.dialogue.words import FIRST, UNKNOWN, WordIds


class WordDropout:
    """Hides words in training, so that unknown ones are read by their spelling and context.

    Args:
        messages: the training messages.
        rare: a word that stands ``n`` times has its learnt vector hidden with probability
            ``rare / (rare + n)``.
        both: probability that a word is hidden whole but for its spelling.
    """

    def __init__(self, messages: Sequence[WordIds], rare: float = 0.5, both: float = 0.05) -> None:
        counts: Counter[int] = Counter()
        for ids in messages:
            counts.update(ids.known.tolist())
        table = np.zeros(max(counts, default=0) + 1)
        for word, count in counts.items():
            table[word] = 0.0 if word < FIRST else rare / (rare + count)
        self._table, self._both = table, both

    def __call__(
        self, words: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Padded ids ``(batch, tokens)`` with some words hidden."""
        real = words != 0
        both = (rng.random(words.shape) < self._both) & real
        learnt = (rng.random(words.shape) < self._table[known]) & real
        return np.where(both, UNKNOWN, words), np.where(both | learnt, UNKNOWN, known)


def pad_words(messages: Sequence[WordIds], length: int = 1) -> tuple[np.ndarray, ...]:
    """Messages as arrays ``words``, ``known`` ``(batch, tokens)`` and ``characters``.

    Args:
        messages: as ids.
        length: tokens at least.
    """
    longest = max(length, *(len(ids.words) for ids in messages))
    width = messages[0].characters.shape[1]
    words = np.zeros((len(messages), longest), np.int32)
    known = np.zeros_like(words)
    characters = np.zeros((len(messages), longest, width), np.int32)
    for row, ids in enumerate(messages):
        count = len(ids.words)
        words[row, :count], known[row, :count] = ids.words, ids.known
        characters[row, :count] = ids.characters
    return words, known, characters
