"""Numbers and points out of layout files, and which way a baseline was drawn."""

from __future__ import annotations

import math
import re

import numpy as np

from zoo.errors import DataError

LARGEST = 1e6
"""Largest place that is read, in the units of the file."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_LONGEST = 40  # characters of a number
_LONGEST_TEXT = 1 << 20  # characters of points, some hundred thousand of them
_BETWEEN = str.maketrans("(),;[]", " " * 6)
_THIN = 1.0  # pixels of mean thickness; what is no thicker has no area
_SHORT = 1.0  # pixels from end to end; what is shorter leads nowhere
_STEEP = 2.0  # a baseline that rises so many times its width is upright
_LEVEL = 0.05  # of its height; a body that is nearer to its baseline lies on neither side


def number(text: str, what: str) -> float:
    """A single number.

    Args:
        text: such as ``" 12.5"``.
        what: its name in messages.

    Raises:
        DataError: it is none, or so large that no page can have it.
    """
    value = _value(text.strip())
    if value is None:
        raise DataError(f"its {what} is not a number: {text.strip()!r:.60}")
    if not abs(value) < LARGEST:
        raise DataError(f"its {what} is larger than any page: {text.strip()!r:.60}")
    return value


def points(text: str | None, what: str) -> np.ndarray | None:
    """Points ``(points, 2)`` of ``"1,2 3,4"``, ``"1 2 3 4"`` or ``"(1,2) (3,4)"``.

    Args:
        text: as the attribute has it; ``None`` and an empty text have no points.
        what: its name in messages.

    Raises:
        DataError: there is something else than numbers in it, or an odd number of them.
    """
    if text is not None and len(text) > _LONGEST_TEXT:
        raise DataError(f"its {what} has too many points: {text[:60]!r}")
    tokens = (text or "").translate(_BETWEEN).split()
    if not tokens:
        return None
    values = [_value(token) for token in tokens]
    shown = f"{(text or '').strip()!r:.60}"
    if None in values or len(values) % 2:
        raise DataError(f"its {what} has points that cannot be read: {shown}")
    found = np.array(values, np.float64).reshape(-1, 2)
    if not np.abs(found).max() < LARGEST:
        raise DataError(f"its {what} has a point outside of any page: {shown}")
    return found


def polygon_of(text: str | None) -> np.ndarray | None:
    """The points of a polygon, or ``None`` if it has no area.

    Args:
        text: as :func:`points` takes it.

    Raises:
        DataError: as :func:`points`.
    """
    found = points(text, "polygon")
    return None if found is None or is_flat(found) else found


def baseline_of(text: str | None) -> np.ndarray | None:
    """The points of a baseline, or ``None`` if it has no length.

    Args:
        text: as :func:`points` takes it.

    Raises:
        DataError: as :func:`points`.
    """
    found = points(text, "baseline")
    return None if found is None or is_short(found) else found


def is_flat(polygon: np.ndarray) -> bool:
    """Whether a polygon ``(points, 2)`` encloses nothing: it is a point, or goes there and back."""
    return abs(_area(polygon)) <= _THIN * float(np.hypot(*np.ptp(polygon, axis=0)))


def is_short(baseline: np.ndarray) -> bool:
    """Whether a baseline ``(points, 2)`` has no length."""
    return float(np.hypot(*np.ptp(baseline, axis=0))) < _SHORT


def _value(token: str) -> float | None:
    return float(token) if len(token) <= _LONGEST and _NUMBER.fullmatch(token) else None


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    """The corners ``(4, 2)`` of a box, from the upper left one clockwise."""
    right, bottom = left + width, top + height
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _cross(polygon: np.ndarray) -> np.ndarray:
    """Of each side twice the area between it and the first point, with its sign."""
    x, y = (polygon - polygon[0]).T
    return np.asarray(x * np.roll(y, -1) - np.roll(x, -1) * y)


def _area(polygon: np.ndarray) -> float:
    return float(_cross(polygon).sum()) / 2


def centre(polygon: np.ndarray) -> np.ndarray:
    """The centre of area of a polygon ``(points, 2)``; of a flat one that of its box."""
    x, y = (polygon - polygon[0]).T
    after_x, after_y = np.roll(x, -1), np.roll(y, -1)
    cross, area = _cross(polygon), _area(polygon)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    if abs(area) <= 1e-9 * max(float(np.prod(high - low)), 1e-9):
        return np.asarray((low + high) / 2)
    middle = np.array([((x + after_x) * cross).sum(), ((y + after_y) * cross).sum()])
    return np.clip(polygon[0] + middle / (6 * area), low, high)


def heading(degrees: str | None) -> np.ndarray | None:
    """Two points ``(2, 2)`` in the direction of writing, if that is turned against the clock.

    Args:
        degrees: as an attribute has it; nothing, or what is no number, says nothing.
    """
    value = _value((degrees or "").strip())
    if value is None or not value % 360:
        return None
    angle = math.radians(value % 360)
    return np.array([(0.0, 0.0), (math.cos(angle), -math.sin(angle))])


def under(polygon: np.ndarray, heading: np.ndarray | None) -> np.ndarray:
    """A baseline ``(2, 2)`` for a line that has only a polygon: a quarter of its height from below.

    Args:
        polygon: ``(points, 2)``.
        heading: two points in the direction of writing; ``None`` for the right.
    """
    along = np.array([1.0, 0.0]) if heading is None else heading[1] - heading[0]
    along /= float(np.hypot(*along)) or 1.0
    down = np.array([-along[1], along[0]])
    places, depths = polygon @ along, polygon @ down
    depth = depths.max() - 0.25 * np.ptp(depths)
    return np.array([place * along + depth * down for place in (places.min(), places.max())])


def side(polygon: np.ndarray, baseline: np.ndarray) -> float:
    """How far a line's body lies above its baseline, for someone who walks along it.

    Args:
        polygon: ``(points, 2)``.
        baseline: ``(points, 2)``.

    Returns:
        The distance as a share of the body's height; negative if the body lies below.
    """
    run, rise = baseline[-1] - baseline[0]
    normal = np.array([rise, -run])
    heights = polygon @ normal
    height = float(np.ptp(heights))
    if not height > 0:
        return 0.0
    return float((centre(polygon) - baseline.mean(axis=0)) @ normal) / height


def above(baseline: np.ndarray) -> np.ndarray:
    """The direction ``(2,)`` in which letters stand on a baseline: up, or to the left of its way.

    A line that is no more than slanted counts as level.
    """
    run, rise = baseline[-1] - baseline[0]
    if abs(rise) <= abs(run) or not (run or rise):
        return np.array([0.0, -1.0])
    return np.array([rise, -run]) / float(np.hypot(run, rise))


def forwards(baseline: np.ndarray, polygon: np.ndarray | None) -> np.ndarray:
    """A baseline in the direction of writing, whichever way it was drawn.

    What runs from right to left with the body above it was drawn backwards; with the body below it
    the writing stands upside down and runs so indeed. Writing that runs up or down the page has
    its body on the left of its direction.

    Args:
        baseline: ``(points, 2)``.
        polygon: ``(points, 2)``, or ``None`` if there is none; then writing runs to the right.
    """
    run, rise = baseline[-1] - baseline[0]
    upright = abs(rise) > _STEEP * abs(run)
    if run >= 0 and not upright:
        return baseline
    if polygon is None:
        return baseline if upright else baseline[::-1]
    away = side(polygon, baseline)
    backwards = away < -_LEVEL if upright else away < _LEVEL
    return baseline[::-1] if backwards else baseline
