"""Changes of a line's image that a recogniser should not mind.

All are functions of a NumPy random generator, so that an epoch can be made again exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from zoo.inference.compiling import compiled

_MOST_RISE = 3.0


@dataclass(frozen=True)
class ImageAugmentation:
    """How much lines are changed in training.

    Args:
        stretch: largest change of width, as a fraction.
        size: largest change of size, as a fraction.
        shear: largest change of slant, as the tangent of the angle.
        turn: largest slope, as the tangent of the angle.
        shift: largest shift up or down, in rows.
        elastic: standard deviation of the elastic distortion (Simard et al. 2003), in pixels.
        elastic_pixels: distance over which it changes.
        thinner: most that strokes are made thinner, see :func:`thicken`.
        thicker: most that strokes are made thicker.
        gamma: ink becomes its own power between this and its inverse.
        fade: most of the ink's darkness that is lost.
        blur_share: fraction of lines that are blurred.
        noise: largest standard deviation of the noise.
        gaps: places for each 100 columns where the ink is wiped out.
        gap_columns: most columns of such a place.
    """

    stretch: float = 0.18
    size: float = 0.12
    shear: float = 0.25
    turn: float = 0.015
    shift: float = 2.5
    elastic: float = 1.1
    elastic_pixels: int = 18
    thinner: float = 0.35
    thicker: float = 0.7
    gamma: float = 0.7
    fade: float = 0.15
    blur_share: float = 0.25
    noise: float = 0.06
    gaps: float = 0.3
    gap_columns: int = 7

    def columns(self, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change a line.

        Args:
            columns: ``(width, height)`` float32, 0 paper and 1 ink.
            rng: of the changes.

        Returns:
            ``(other width, height)`` float32.
        """
        changed = self._bent(columns, rng)
        changed = thicken(changed, rng.uniform(-self.thinner, self.thicker))
        if rng.random() < self.blur_share:
            changed = _blurred(changed)
        changed = changed ** np.float32(self.gamma ** rng.uniform(-1.0, 1.0))
        changed *= np.float32(1.0 - self.fade * rng.random())
        noise = np.float32(rng.uniform(0.0, self.noise))
        changed += noise * rng.standard_normal(changed.shape, np.float32)
        for _ in range(rng.poisson(self.gaps * len(changed) / 100)):
            width = int(rng.integers(1, self.gap_columns + 1))
            start = int(rng.integers(0, len(changed)))
            changed[start : start + width] = 0.0
        return np.clip(changed, 0.0, 1.0)

    def _bent(self, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Affine and elastic distortion, in one go."""
        before, height = columns.shape
        size = 1.0 + rng.uniform(-self.size, self.size)
        wide = size * (1.0 + rng.uniform(-self.stretch, self.stretch))
        width = max(1, round(before * wide))
        x = np.arange(width, dtype=np.float32)[:, None]
        y = np.arange(height, dtype=np.float32)[None, :] - (height - 1) / 2
        slope, shear = rng.uniform(-self.turn, self.turn), rng.uniform(-self.shear, self.shear)
        rise = slope * (x - width / 2)
        # A long line would be turned out of the image.
        rise = np.clip(rise, -_MOST_RISE, _MOST_RISE) + rng.uniform(-self.shift, self.shift)
        across = _field(width, height, self.elastic_pixels, rng) * self.elastic
        down = _field(width, height, self.elastic_pixels, rng) * self.elastic
        source_x = (x + shear * y + across) / wide
        source_y = (y + rise + down) / size + (height - 1) / 2
        return sample(columns, source_x.astype(np.float32), source_y.astype(np.float32))


@compiled(nogil=True)
def sample(columns: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values between the pixels, bilinear; outside the image there is paper.

    Args:
        columns: ``(width, height)`` float32.
        x: ``(places, places)`` float32, along the width.
        y: ``(places, places)`` float32, along the height.
    """
    width, height = columns.shape
    bent = np.zeros(x.shape, np.float32)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            left, top = int(np.floor(x[i, j])), int(np.floor(y[i, j]))
            right, down = x[i, j] - left, y[i, j] - top
            for column in range(max(left, 0), min(left + 2, width)):
                across = right if column > left else 1 - right
                for row in range(max(top, 0), min(top + 2, height)):
                    bent[i, j] += across * (down if row > top else 1 - down) * columns[column, row]
    return bent


def thicken(columns: np.ndarray, amount: float) -> np.ndarray:
    """Make strokes thicker, or with a negative amount thinner.

    Args:
        columns: ``(width, height)`` float32, 0 paper and 1 ink.
        amount: 1 is a pixel on each side.
    """
    pick = np.maximum if amount > 0 else np.minimum
    padded = np.pad(columns, 1, mode="edge")
    wide = pick(pick(padded[:-2], padded[1:-1]), padded[2:])
    both = pick(pick(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
    return columns + abs(np.float32(amount)) * (both - columns)


def _field(width: int, height: int, distance: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth random displacements ``(width, height)`` of standard deviation about 1."""
    coarse = rng.standard_normal((width // distance + 3, height // distance + 3), np.float32)
    # A margin of one place is cut off, so that the edges are as free as the middle.
    size = (coarse.shape[1] * distance, coarse.shape[0] * distance)
    fine = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    return fine[distance : distance + width, distance : distance + height]


def _blurred(columns: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        ends = [(0, 0), (0, 0)]
        ends[axis] = (1, 1)
        padded = np.pad(columns, ends, mode="edge")
        first, middle, last = (
            padded.take(range(i, i + columns.shape[axis]), axis) for i in range(3)
        )
        columns = (first + 2 * middle + last) / 4
    return columns
