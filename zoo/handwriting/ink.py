"""Pen strokes as a sequence of features that does not depend on the tablet.

A stroke is what the pen writes between touching the surface and leaving it: ``(points, 2)``, x to
the right and y downwards, in any unit. Further columns, such as time and pressure, are not used.

The ink is brought to one look, and then walked along in steps of one length:

- jitter finer than a letter's detail is smoothed away;
- *slope*: the line through the writing is made level;
- *size*: the spread of the writing's height becomes 1. Height is weighted by vertical movement,
  which counts how often a height is crossed, as :mod:`zoo.handwriting.line_image` does for images;
- *slant*: see :func:`~zoo.handwriting.slant.estimate_slant`;
- *resampling* by arc length, so that fast and slow writing and any sampling rate give the same.
  The pen's moves through the air are walked along too, in longer steps.

Arc-length resampling and size and slope normalisation are those of Jaeger et al. 2001 ("Online
handwriting recognition: the NPen++ recognizer").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.handwriting.slant import estimate_slant
from zoo.values import check_range, make_settings

Strokes = Sequence[np.ndarray]

FEATURES = 5
"""Step to the right, step down, height, how far back from the rightmost ink, through the air."""

MAX_POINTS = 4_000_000
"""Points of the largest ink that is taken."""
MAX_FRAMES = 32_768
"""Frames of the longest ink after it was resampled."""
_FINE = 0.08  # spacing of smoothed points, in spreads
_SPREAD_PIXELS = 7.0  # a spread in the units of estimate_slant
_LONG = 12.0  # spreads of width from which on a line has a slope
_STEEPEST = 0.4
_AIR = 4.0  # steps through the air are so much longer
_JUMP = 1e5  # so long that a way through the air is one step; not infinite, so that places differ
_BACK = 4.0  # spreads back that count as 1


@dataclass(frozen=True)
class InkFeatures:
    """The features of a piece of ink, and where they come from.

    Args:
        features: ``(frames, 5)`` float32: step to the right and down in units of the spacing,
            height below the middle in spreads, how far back from the rightmost ink so far, and 1
            for a step through the air.
        stroke: ``(frames,)`` int32, the stroke of each frame; in the air the one that follows.
        point: ``(frames,)`` float32, its place in the stroke, in points and parts of them.
    """

    features: np.ndarray
    stroke: np.ndarray
    point: np.ndarray


@dataclass(frozen=True)
class InkNormaliser:
    """How ink is normalised.

    Args:
        spacing: step on the surface, as a fraction of the spread of the writing's height; a small
            letter is about three spreads high.
    """

    spacing: float = 0.4

    def __post_init__(self) -> None:
        check_range(self, "spacing", float, 0.05, 5.0)

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any]) -> InkNormaliser:
        """Rebuild from the settings of a model folder.

        Raises:
            FolderError: a value is unknown or out of range.
        """
        return make_settings(cls, settings, "ink")

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return asdict(self)

    def features(self, strokes: Strokes) -> InkFeatures:
        """The features of strokes.

        Args:
            strokes: as :func:`check_strokes` gives them.

        Raises:
            DataError: the ink is longer than :data:`MAX_FRAMES` steps.
        """
        return self._walked(_normalised(_Walk.of(strokes)))

    def normalise(self, strokes: Strokes) -> list[np.ndarray]:
        """Strokes smooth, level, upright, centred, with a spread of 1, and points thinned out.

        Args:
            strokes: as :func:`check_strokes` gives them.
        """
        walk = _normalised(_Walk.of(strokes)).resampled(self.spacing / 2, _JUMP)
        parts = np.split(walk.xy, np.flatnonzero(np.diff(walk.stroke)) + 1)
        return [part.astype(np.float32) for part in parts]

    def features_of_normal(self, strokes: Strokes) -> np.ndarray:
        """Features ``(frames, 5)`` of strokes that are normalised already.

        Args:
            strokes: as :meth:`normalise` gives them.
        """
        return self._walked(_Walk.of(strokes)).features

    def length(self, strokes: Strokes) -> float:
        """About how many frames strokes will give."""
        walk = _Walk.of(strokes)
        spread = max(walk.moments()[1], 1e-9)
        steps = np.hypot(*np.diff(walk.xy, axis=0).T)
        along = np.where(walk.air[1:], steps / _AIR, steps).sum() / spread / self.spacing
        # However short a stroke and the way to it are, each takes a frame.
        return float(along) + 1.5 * len(strokes)

    def _walked(self, walk: _Walk) -> InkFeatures:
        return _features(walk.resampled(self.spacing, _AIR), self.spacing)


def check_strokes(strokes: Any) -> list[np.ndarray]:
    """Strokes from anywhere as arrays ``(points, 2)`` of float64; empty ones stay, as empty.

    Args:
        strokes: a list of strokes, each a list of points or an array ``(points, 2 or more)``.

    Raises:
        UsageError: there is no point at all, there are more than :data:`MAX_POINTS`, or a stroke is
            no list of points or has NaN or infinite places.
    """
    if isinstance(strokes, (str, bytes)) or not isinstance(strokes, (Sequence, np.ndarray)):
        raise UsageError(f"strokes are a list of lists of points, not {type(strokes).__name__}")
    found, count = [], 0
    for number, stroke in enumerate(strokes, 1):
        try:
            points = np.asarray(stroke, dtype=np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"stroke {number} is not a list of points (x, y)") from None
        if points.size == 0:
            points = np.zeros((0, 2))
        if points.ndim != 2 or points.shape[1] < 2:
            raise UsageError(
                f"stroke {number} must be (points, 2), x and y; its shape is {points.shape}"
            )
        points = points[:, :2]
        # Very large values would overflow when they are multiplied.
        if not np.isfinite(points).all() or np.abs(points).max(initial=0.0) > 1e12:
            raise UsageError(f"stroke {number} has NaN, infinite or huge places")
        count += len(points)
        if count > MAX_POINTS:
            raise UsageError(f"the ink has more than {MAX_POINTS:,} points")
        found.append(points)
    if not count:
        raise UsageError("there is no ink: no stroke has a point")
    return found


def height_of(strokes: Strokes) -> tuple[float, float]:
    """Mean and standard deviation of the writing's height, as the normaliser sees it.

    Args:
        strokes: as :func:`check_strokes` gives them.
    """
    return _Walk.of(strokes).moments()


@dataclass(frozen=True)
class _Walk:
    """All points in the order of writing.

    Args:
        xy: ``(points, 2)``.
        stroke: ``(points,)``, the stroke of each.
        point: ``(points,)``, its place in the stroke as it was given.
        air: ``(points,)`` bool, whether the way to it went through the air.
    """

    xy: np.ndarray
    stroke: np.ndarray
    point: np.ndarray
    air: np.ndarray

    @classmethod
    def of(cls, strokes: Strokes) -> _Walk:
        lengths = [len(stroke) for stroke in strokes]
        stroke = np.repeat(np.arange(len(strokes)), lengths)
        point = np.concatenate([np.arange(length) for length in lengths]).astype(np.float64)
        air = point == 0
        air[0] = False
        xy = np.concatenate([np.asarray(s, np.float64).reshape(-1, 2) for s in strokes])
        return cls(xy, stroke, point, air)

    def on_surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight of each point by its vertical movement on the surface, and its height."""
        height = self.xy[:, 1]
        moved = np.where(self.air[1:], 0.0, np.abs(np.diff(height)))
        weights = np.zeros(len(height))
        weights[1:] += moved / 2
        weights[:-1] += moved / 2
        return weights, height

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the height, weighted by vertical movement."""
        weights, height = self.on_surface()
        total = weights.sum()
        if not total > 0:  # a dot, or a level stroke
            width = float(np.ptp(self.xy[:, 0]))
            return float(height.mean()), width / 4 if width > 0 else 1.0
        middle = float((weights * height).sum() / total)
        return middle, math.sqrt(float((weights * (height - middle) ** 2).sum() / total))

    def mapped(self, matrix: np.ndarray, origin: np.ndarray) -> _Walk:
        """The points after ``(xy - origin) @ matrix``."""
        return _Walk((self.xy - origin) @ matrix, self.stroke, self.point, self.air)

    def smoothed(self) -> _Walk:
        """Each point moved to the mean of itself and its neighbours in the stroke, 1 : 2 : 1."""
        before, after = self.xy.copy(), self.xy.copy()
        same = (self.stroke[1:] == self.stroke[:-1])[:, None]
        before[1:] = np.where(same, self.xy[:-1], self.xy[1:])
        after[:-1] = np.where(same, self.xy[1:], self.xy[:-1])
        ends = np.ones(len(self.xy), bool)  # a stroke keeps its ends
        ends[1:-1] = ~(same[:-1, 0] & same[1:, 0])
        middle = np.where(ends[:, None], self.xy, (before + 2 * self.xy + after) / 4)
        return _Walk(middle, self.stroke, self.point, self.air)

    def resampled(self, spacing: float, air: float) -> _Walk:
        """Points at even distances along the walk.

        Args:
            spacing: distance on the surface.
            air: distance through the air, in units of that on the surface.

        Raises:
            DataError: there would be more than :data:`MAX_FRAMES`.
        """
        steps = np.hypot(*np.diff(self.xy, axis=0).T)
        lengths = np.where(self.air[1:], steps / air, steps)
        along = np.concatenate([[0.0], np.cumsum(lengths)])
        # A leg is a stroke, or the way through the air to the next one.
        begins = np.flatnonzero(self.air)
        edges = np.sort(np.concatenate([[0], begins - 1, begins, [len(along) - 1]]))
        whole = along[edges[1:]] - along[edges[:-1]]
        counts = np.maximum(1, np.round(np.minimum(whole / spacing, 2.0**40))).astype(np.int64)
        total = int(counts.sum()) + 1
        if total > MAX_FRAMES:
            raise DataError(
                f"the ink is {total:,} steps long, at most {MAX_FRAMES:,} are read: "
                "is it more than a line?"
            )
        leg = np.repeat(np.arange(len(counts)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        share = (np.arange(total - 1) - first + 1) / counts[leg]
        places = np.concatenate([[0.0], along[edges[:-1]][leg] + share * whole[leg]])
        xy = np.stack([np.interp(places, along, self.xy[:, axis]) for axis in (0, 1)], axis=1)
        # Strokes and ways through the air alternate; each way belongs to the stroke it leads to.
        strokes = self.stroke[edges[1:]][leg]
        found = np.concatenate([self.stroke[:1], strokes])
        in_air = np.concatenate([[False], leg % 2 == 1])
        point = self._points_at(places, along, found, in_air)
        return _Walk(xy, found, point, in_air)

    def _points_at(
        self, places: np.ndarray, along: np.ndarray, stroke: np.ndarray, air: np.ndarray
    ) -> np.ndarray:
        """The place in its stroke of each place along the walk; in the air that is its begin."""
        point = np.interp(places, along, np.arange(len(along), dtype=np.float64))
        own = np.searchsorted(self.stroke, stroke)
        last = np.searchsorted(self.stroke, stroke, side="right") - 1
        point = np.clip(np.where(air, own, point), own, last)
        return np.interp(point, np.arange(len(self.point)), self.point)


def _normalised(walk: _Walk) -> _Walk:
    """Smooth, level, upright, centred, with a spread of 1."""
    middle, spread = walk.moments()
    origin = np.array([walk.xy[:, 0].min(), middle])
    walk = walk.mapped(np.eye(2) / max(spread, 1e-12), origin)
    walk = walk.resampled(_FINE, _JUMP).smoothed().smoothed()
    slope = _slope(walk)
    walk = walk.mapped(np.array([[1.0, -slope], [0.0, 1.0]]), np.zeros(2))
    middle, spread = walk.moments()
    walk = walk.mapped(np.eye(2) / max(spread, 1e-3), np.array([0.0, middle]))
    surface = walk.xy[~walk.air] * _SPREAD_PIXELS
    slant = estimate_slant(surface[:, 0], -surface[:, 1])
    return walk.mapped(np.array([[1.0, 0.0], [slant, 1.0]]), np.zeros(2))


def _slope(walk: _Walk) -> float:
    """How far a line falls for each unit to the right; 0 where it is too short to say."""
    weights, height = walk.on_surface()
    x = walk.xy[:, 0]
    if np.ptp(x) < _LONG or not weights.sum() > 0:
        return 0.0
    weights = weights / weights.sum()
    centred = x - (weights * x).sum()
    variance = (weights * centred**2).sum()
    if variance < 1.0:  # all that is high or low stands in one place
        return 0.0
    slope = float((weights * centred * height).sum() / variance)
    return float(np.clip(slope, -_STEEPEST, _STEEPEST))


def _features(walk: _Walk, spacing: float) -> InkFeatures:
    steps = np.zeros_like(walk.xy)
    steps[1:] = np.diff(walk.xy, axis=0) / spacing
    x, height = walk.xy.T
    reached = np.maximum.accumulate(np.where(walk.air, -np.inf, x))
    back = np.clip((reached - x) / _BACK, 0.0, 2.0)
    columns = [steps, height[:, None], back[:, None], walk.air[:, None]]
    features = np.concatenate(columns, axis=1).astype(np.float32)
    return InkFeatures(
        np.clip(features, -8.0, 8.0), walk.stroke.astype(np.int32), walk.point.astype(np.float32)
    )
