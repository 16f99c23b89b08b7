"""Intervals of figures by resampling dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 2000


def share(rows: np.ndarray) -> float:
    """The share of what is right, of counts ``(rows, 2)``: how many are right, and how many."""
    right, count = rows.sum(axis=0)
    return float(right / count)


def interval(
    rows: np.ndarray, groups: Sequence[str], measure: Callable[[np.ndarray], float]
) -> tuple[float, float]:
    """95 % percentile interval in percent, by a bootstrap over groups of rows, drawn whole.

    Args:
        rows: ``(rows, counts)``.
        groups: what each row belongs to, such as a dialogue.
        measure: a figure from 0 to 1 of the sum of rows.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, index, rows)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        drawn.append(100 * measure((weights @ sums)[None]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
