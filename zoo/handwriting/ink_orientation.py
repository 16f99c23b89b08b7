"""Ink that is upside down or mirrored, as tablets held the other way and axes that go up give it.

Writing upside down runs to the left, which the way of the pen tells without reading. Writing whose
y goes upwards runs to the right as it should, so only reading it again can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.handwriting.results import Word

MIRRORED = "it reads better mirrored; y must go downwards"
"""A doubt of ink."""

# Chosen on UNIPEN's validation data. Of 400 of its texts and 600 of its words 99.8 % and 98.7 % are
# noticed upside down, and 94.8 % and 78.0 % mirrored; of the same as they were written no text is
# doubted so, and 1.0 % of the words, all of these as mirrored.
_BETTER = 1.6  # times as many letters must be expected right
_LEAST_MIRRORED = 3  # letters; the mirror image of a short word is often another one


def runs_left(strokes: Sequence[np.ndarray]) -> bool:
    """Whether the pen's way on the surface leads from right to left on the whole.

    Args:
        strokes: as :func:`~zoo.handwriting.ink.check_strokes` gives them.

    Returns:
        Whether x and the way that the pen has gone are negatively correlated.
    """
    steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes]
    lengths = np.concatenate(steps)
    total = lengths.sum()
    if not total > 0:
        return False
    x = np.concatenate([(stroke[1:, 0] + stroke[:-1, 0]) / 2 for stroke in strokes])
    shares = lengths / total
    gone = np.cumsum(shares) - shares / 2
    # Differences first: places may be far from 0.
    away = x - x[0]
    return bool((shares * (away - (shares * away).sum()) * gone).sum() < 0)


def upside_down(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes turned by 180 degrees."""
    return [-stroke for stroke in strokes]


def mirrored(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes with y the other way."""
    return [stroke * (1.0, -1.0) for stroke in strokes]


def reads_better(other: Sequence[Word], words: Sequence[Word], doubt: str) -> bool:
    """Whether ink reads so much better the other way that this is likely the right one.

    Args:
        other: the words of the ink upside down or mirrored.
        words: of the ink as it is; none if nothing was read.
        doubt: which of the two, :data:`~zoo.handwriting.results.UPSIDE_DOWN` or :data:`MIRRORED`.
    """
    if doubt == MIRRORED and sum(len(word.text) for word in other) < _LEAST_MIRRORED:
        return False
    return _right_letters(other) > _BETTER * _right_letters(words)


def _right_letters(words: Sequence[Word]) -> float:
    """How many letters are to be expected right."""
    return sum(word.confidence * len(word.text) for word in words)
