"""Changes of pen strokes that a recogniser should not mind.

All are functions of a NumPy random generator, so that an epoch can be made again exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InkAugmentation:
    """How much normalised ink is changed in training.

    All lengths are in spreads of the writing's height, as
    :meth:`zoo.handwriting.ink.InkNormaliser.normalise` gives the ink.

    Args:
        stretch: largest change of width, as a fraction.
        size: largest change of size, as a fraction.
        shear: largest change of slant, as the tangent of the angle.
        slope: largest slope, as the tangent of the angle.
        bend: standard deviation of the pen's smooth straying.
        bend_points: points over which it changes.
        jitter: largest standard deviation of the straying of single points.
        stroke_shift: standard deviation of the shift of whole strokes.
        hidden: places for each 100 frames where the features are wiped out.
        hidden_frames: most frames of such a place.
    """

    stretch: float = 0.2
    size: float = 0.12
    shear: float = 0.3
    slope: float = 0.05
    bend: float = 0.12
    bend_points: int = 12
    jitter: float = 0.03
    stroke_shift: float = 0.08
    hidden: float = 0.3
    hidden_frames: int = 4

    def strokes(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """Change normalised strokes ``(points, 2)`` each."""
        size = 1.0 + rng.uniform(-self.size, self.size)
        wide = size * (1.0 + rng.uniform(-self.stretch, self.stretch))
        shear, slope = rng.uniform(-self.shear, self.shear), rng.uniform(-self.slope, self.slope)
        matrix = np.array([[wide, slope * wide], [-shear * size, size]])
        lengths = [len(stroke) for stroke in strokes]
        points = np.concatenate(strokes) @ matrix
        points += self.bend * _smooth(len(points), self.bend_points, rng)
        points += rng.uniform(0.0, self.jitter) * rng.standard_normal(points.shape)
        shifts = self.stroke_shift * rng.standard_normal((len(strokes), 2))
        points += np.repeat(shifts, lengths, axis=0)
        return np.split(points, np.cumsum(lengths)[:-1])

    def features(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Wipe out stretches of ``(frames, features)``."""
        features = features.copy()
        for _ in range(rng.poisson(self.hidden * len(features) / 100)):
            width = int(rng.integers(1, self.hidden_frames + 1))
            start = int(rng.integers(0, len(features)))
            features[start : start + width] = 0.0
        return features


def _smooth(count: int, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Random ``(count, 2)`` of standard deviation about 1 that change slowly."""
    knots = rng.standard_normal((count // distance + 2, 2))
    places = np.arange(count) / distance
    return np.stack(
        [np.interp(places, np.arange(len(knots)), column) for column in knots.T], axis=1
    )
