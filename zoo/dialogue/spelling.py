"""How words are spelt: letters in a row that a vocabulary's words have, and that noise has not."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

_LEAST_WORDS = 1_000  # fewer do not show how words are spelt
_PRIOR = 0.5  # added to each count
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


class Spelling:
    """A Markov chain over the letters of words, as in Shannon (1948), *A Mathematical Theory of
    Communication*, section 3.

    Args:
        words: distinct words in small letters; what is not of letters alone is left out.
    """

    def __init__(self, words: Iterable[str]) -> None:
        spelt = [_letters(word) for word in words if word.isalpha()]
        self._words = len(spelt)
        self._pairs = Counter(pair for letters in spelt for pair in pairwise(letters))
        self._firsts = Counter(letter for letters in spelt for letter in letters[:-1])

    def surprise(self, words: Iterable[str]) -> float | None:
        """How unlike the vocabulary's words others are spelt.

        Args:
            words: such as ``["Ana", "Lopez"]``.

        Returns:
            The mean negative log-probability of a letter, or of a word's end, after the one before
            it, in nats: about 2.5 of English words. ``None`` if the vocabulary is too small.
        """
        if self._words < _LEAST_WORDS:
            return None
        costs = [
            math.log(self._firsts[first] + _PRIOR * len(self._firsts))
            - math.log(self._pairs[first, second] + _PRIOR)
            for word in words
            for first, second in pairwise(_letters(word))
        ]
        return sum(costs) / len(costs)


def _letters(word: str) -> str:
    """A word between spaces: small letters without accents, drawn out ones ("sooo") once."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    return " " + _DRAWN_OUT.sub(r"\1", letters) + " "
