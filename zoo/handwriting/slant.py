"""How far writing leans."""

from __future__ import annotations

import math

import numpy as np

_SLANTS = np.arange(-0.6, 1.31, 0.1)
_LONGEST = 1_000_000  # columns that are counted one by one
_NEAR = 0.95  # slants with nearly the best score count alike


def estimate_slant(x: np.ndarray, above: np.ndarray) -> float:
    """The slant of writing, as the tangent of its angle to the vertical, positive to the right.

    It is the shear that makes the columns fullest or emptiest, since upright strokes stand in few
    columns (after Vinciarelli and Luettin 2001, "A new normalization technique for cursive
    handwritten words").

    Args:
        x: ``(points,)`` places of the ink, in units of which a letter has about 15.
        above: ``(points,)`` their heights, upwards, from the middle of the writing.
    """
    if not len(x):
        return 0.0
    reach = math.ceil(max(abs(_SLANTS[0]), _SLANTS[-1]) * float(np.abs(above).max())) + 1
    x = x - x.min() + reach
    length = int(x.max()) + reach + 2
    places = np.round(x - _SLANTS[:, None] * above).astype(np.int64)
    if length > _LONGEST:
        return _best(np.array([_sparse_score(columns) for columns in places]))
    places += length * np.arange(len(_SLANTS))[:, None]
    full = np.bincount(places.ravel(), minlength=places.shape[0] * length)
    full = full.reshape(len(_SLANTS), length).astype(np.float64)
    # Rounding makes some columns full at slants of a half and a whole; three together do not.
    three = full[:, :-2] + full[:, 1:-1] + full[:, 2:]
    return _best((three**2).sum(axis=1))


def _sparse_score(columns: np.ndarray) -> float:
    """The same score of columns that are far apart, without an entry for each empty one."""
    filled, counts = np.unique(columns, return_counts=True)
    near = np.unique(np.concatenate([filled - 1, filled, filled + 1]))
    three = np.zeros(len(near))
    for shift in (-1, 0, 1):
        at = np.minimum(np.searchsorted(filled, near + shift), len(filled) - 1)
        three += np.where(filled[at] == near + shift, counts[at], 0)
    return float((three**2).sum())


def _best(scores: np.ndarray) -> float:
    good = scores >= scores.min() + _NEAR * (scores.max() - scores.min())
    return float(_SLANTS[good].mean())
