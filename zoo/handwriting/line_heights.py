"""How high lines are of which only the baselines are known.

A line is as high as its distance to the next one, measured across the direction of writing. What
lies beside a line, in another column or on a facing page, does not count, nor does what is written
in another direction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SAME = 5.0  # what is nearer is the same line once more
_SHARED = 0.25  # of the shorter line that must lie over or under the other one
_NEIGHBOURS = 8  # of whose distances the median counts, so that a single gap does not
_LEAST, _SHARE_OF_LENGTH = 40.0, 20  # of lines without neighbours


def line_heights(baselines: Sequence[np.ndarray]) -> np.ndarray:
    """The heights of a page's lines.

    Each is the median of the distances to the next line, over the line itself and those nearest
    over and under it; of a line with no others over or under it the median of the page.

    Args:
        baselines: ``(points, 2)`` each.

    Returns:
        ``(lines,)``.
    """
    ends = np.array([(*line[0], *line[-1]) for line in baselines]).reshape(-1, 4).T.copy()
    lengths = np.hypot(ends[2] - ends[0], ends[3] - ends[1])
    steps = np.full(len(lengths), np.nan)
    groups = []
    for place in range(len(lengths)):
        others, distances = _column(place, ends, lengths)
        steps[place] = distances.min() if len(others) else np.nan
        groups.append(np.append(others, place))
    known = steps[~np.isnan(steps)]
    longest = lengths.max(initial=0.0)
    typical = np.median(known) if len(known) else max(_LEAST, longest / _SHARE_OF_LENGTH)
    return np.array([typical if len(group) == 1 else np.median(steps[group]) for group in groups])


def _column(place: int, ends: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines nearest over and under one, and how far away they are.

    Args:
        place: of the line.
        ends: ``(4, lines)``, x and y of the first and of the last point of each.
        lengths: ``(lines,)``.
    """
    x, y, end_x, end_y = ends[:, place]
    length = float(lengths[place])
    dx, dy = (end_x - x) / max(length, 1e-9), (end_y - y) / max(length, 1e-9)
    # How far along the line the others begin and end.
    first = (ends[0] - x) * dx + (ends[1] - y) * dy
    last = (ends[2] - x) * dx + (ends[3] - y) * dy
    low = np.maximum(np.minimum(first, last), 0.0)
    high = np.minimum(np.maximum(first, last), length)
    shared = high - low >= _SHARED * np.minimum(lengths, length)
    others = np.flatnonzero(shared & (first != last))
    x0, y0, x1, y1 = ends[:, others]
    first, last = first[others], last[others]
    # How far across, half-way along what both have, since lines may converge.
    share = ((low + high)[others] / 2 - first) / (last - first)
    off = (y0 - y) * dx - (x0 - x) * dy
    distances = np.abs(off + share * ((y1 - y0) * dx - (x1 - x0) * dy))
    apart = distances > _SAME
    others, distances = others[apart], distances[apart]
    if len(others) > _NEIGHBOURS:
        nearest = np.argpartition(distances, _NEIGHBOURS)[:_NEIGHBOURS]
        others, distances = others[nearest], distances[nearest]
    return others, distances
