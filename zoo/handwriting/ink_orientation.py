"""Ink that is turned or mirrored, as tablets held the other way and axes that go up give it.

Writing upside down runs to the left, and writing turned by 90 degrees up or down, which the way of
the pen tells without reading. Writing whose y goes upwards runs to the right as it should, so only
reading it again can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zoo.handwriting.results import UPSIDE_DOWN, Word

MIRRORED = "it reads better mirrored; y must go downwards"
TURNED_LEFT = "it reads better turned by 90 degrees to the left"
TURNED_RIGHT = "it reads better turned by 90 degrees to the right"
"""Doubts of ink."""

# Chosen on UNIPEN's validation data. Of 400 of its texts and 600 of its words 99.8 % and 98.7 % are
# noticed upside down, 94.8 % and 78.0 % mirrored, and 82.1 % and 86.5 % turned by 90 degrees; of
# the same as they were written no text is doubted so, and 1.0 % of the words, all of these as
# mirrored.
_BETTER = 1.6  # times as many letters must be expected right
_BETTER_TURNED = 1.2  # what runs up or down is seldom right already
_LEAST = 3  # letters; a short word mirrored or turned is often another one


def direction(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Where the pen's way on the surface leads on the whole.

    Args:
        strokes: as :func:`~zoo.handwriting.ink.check_strokes` gives them.

    Returns:
        ``(2,)`` covariances of x and of y with the share of the way that the pen has gone; of
        writing as it should be the first is positive and, in a single line, the larger one.
    """
    steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes]
    lengths = np.concatenate(steps)
    total = lengths.sum()
    if not total > 0:
        return np.zeros(2)
    places = np.concatenate([(stroke[1:] + stroke[:-1]) / 2 for stroke in strokes])
    shares = lengths / total
    gone = np.cumsum(shares) - shares / 2
    # Differences first: places may be far from 0.
    away = places - places[0]
    return np.asarray((shares * gone) @ (away - shares @ away))


def other_ways(
    strokes: Sequence[np.ndarray], unsure: bool
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The ways that ink may have to be turned, each as a doubt and the turned strokes.

    Args:
        strokes: as :func:`~zoo.handwriting.ink.check_strokes` gives them.
        unsure: whether its reading has a low confidence, so that it may be mirrored.
    """
    right, down = direction(strokes)
    if right < 0:
        yield UPSIDE_DOWN, upside_down(strokes)
    elif unsure:
        yield MIRRORED, mirrored(strokes)
    if abs(down) > abs(right):
        yield (
            (TURNED_LEFT, turned_left(strokes))
            if down > 0
            else (TURNED_RIGHT, turned_right(strokes))
        )


def upside_down(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes turned by 180 degrees."""
    return [-stroke for stroke in strokes]


def mirrored(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes with y the other way."""
    return [stroke * (1.0, -1.0) for stroke in strokes]


def turned_left(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes turned by 90 degrees, so that what ran downwards runs to the right."""
    return [stroke[:, ::-1] * (1.0, -1.0) for stroke in strokes]


def turned_right(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The strokes turned by 90 degrees, so that what ran upwards runs to the right."""
    return [stroke[:, ::-1] * (-1.0, 1.0) for stroke in strokes]


def reads_better(other: Sequence[Word], words: Sequence[Word], doubt: str) -> bool:
    """Whether ink reads so much better another way that this is likely the right one.

    Args:
        other: the words of the ink that way.
        words: of the ink as it is; none if nothing was read.
        doubt: which way, one of those of :func:`other_ways`.
    """
    if doubt != UPSIDE_DOWN and sum(len(word.text) for word in other) < _LEAST:
        return False
    better = _BETTER_TURNED if doubt in (TURNED_LEFT, TURNED_RIGHT) else _BETTER
    return right_letters(other) > better * right_letters(words)


def right_letters(words: Sequence[Word]) -> float:
    """How many letters are to be expected right."""
    return sum(word.confidence * len(word.text) for word in words)
