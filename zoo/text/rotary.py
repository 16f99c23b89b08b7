"""Rotary positions (Su et al. 2021, arXiv:2104.09864)."""

from __future__ import annotations

import numpy as np

_BASE = 10_000.0


def frequencies(features: int) -> np.ndarray:
    """The angle by which each pair of features turns from one position to the next.

    Args:
        features: of a head; feature ``n`` is paired with ``n + features / 2``.

    Returns:
        ``(features / 2,)`` float32 radians.
    """
    pairs = features // 2
    return (_BASE ** (-np.arange(pairs) / pairs)).astype(np.float32)
