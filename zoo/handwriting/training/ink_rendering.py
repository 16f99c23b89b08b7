"""Pen strokes drawn as images: real ink on paper of our making.

No free set of English line images from many hands exists, while UNIPEN has the pens of hundreds.
Drawing their strokes with pens, slants, paper and light of many kinds gives images to learn from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from zoo.handwriting.ink import height_of
from zoo.inference.compiling import compiled

_SPREAD = 8.0  # pixels of a spread of the writing's height
_MARGIN = 8
_THINNEST = 0.5  # pixels of the thinnest pen
_MOST_PIXELS = 4_000  # of an image's width or height; longer ink is drawn smaller


@dataclass(frozen=True)
class InkRendering:
    """How ink is drawn.

    Args:
        pen: thinnest and thickest pen, in spreads of the writing's height.
        nib_share: fraction of images drawn with a broad nib.
        slant: largest slant that is added, as the tangent of the angle.
        stretch: largest change of width, as a fraction.
        dark: darkest and lightest ink, from 0 to 255.
        paper: darkest and lightest paper, from 0 to 255.
        texture: largest standard deviation of the paper's brightness.
        rules_share: fraction of images on ruled paper.
        blur: largest radius of the blur, in pixels.
    """

    pen: tuple[float, float] = (0.1, 0.42)
    nib_share: float = 0.3
    slant: float = 0.3
    stretch: float = 0.15
    dark: tuple[int, int] = (0, 110)
    paper: tuple[int, int] = (190, 255)
    texture: float = 9.0
    rules_share: float = 0.35
    blur: float = 0.8

    def draw(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Draw strokes with a pen, a slant, paper and light of chance.

        Args:
            strokes: ``(points, 2)`` each, y downwards, in any unit.
            rng: of all that is chosen.

        Returns:
            ``(height, width)`` uint8.
        """
        wide = 1.0 + rng.uniform(-self.stretch, self.stretch)
        matrix = np.array([[wide, 0.0], [rng.uniform(-self.slant, self.slant), 1.0]])
        pen = math.exp(rng.uniform(*np.log(self.pen)))
        nib = np.zeros(2)
        if rng.random() < self.nib_share:
            angle = rng.uniform(0.2, 1.2)
            nib = pen * rng.uniform(0.3, 1.0) * np.array([math.cos(angle), -math.sin(angle)])
        ink = draw_ink([stroke @ matrix for stroke in strokes], pen, nib)
        if self.blur:
            blurred = Image.fromarray(ink).filter(
                ImageFilter.GaussianBlur(rng.uniform(0, self.blur))
            )
            ink = np.asarray(blurred)
        paper = self._paper(ink.shape, rng)
        dark = rng.uniform(*self.dark)
        shares = ink.astype(np.float32) / 255
        return np.clip(paper + shares * (dark - paper), 0, 255).astype(np.uint8)

    def _paper(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        height, width = shape
        level = rng.uniform(*self.paper)
        coarse = rng.standard_normal((height // 16 + 2, width // 16 + 2), np.float32)
        clouds = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        paper = level + rng.uniform(0, self.texture) * np.asarray(clouds)
        paper = paper + rng.uniform(0, self.texture / 2) * rng.standard_normal(shape, np.float32)
        if rng.random() < self.rules_share:
            dark = rng.uniform(0.3, 0.9)
            row = height - _MARGIN - int(rng.integers(0, 16))
            thick = int(rng.integers(1, 3))
            paper[max(0, row) : row + thick] *= dark
            if rng.random() < 0.3:  # squared paper, whose lines are pale
                paper[:, int(rng.integers(0, 24)) :: int(rng.integers(20, 40))] *= 0.85 + dark / 9
        return np.asarray(paper)


def draw_ink(
    strokes: Sequence[np.ndarray], pen: float = 0.2, nib: np.ndarray | None = None
) -> np.ndarray:
    """Draw strokes with a round pen, or a broad nib, on nothing.

    Args:
        strokes: ``(points, 2)`` each, y downwards, in any unit.
        pen: its width in spreads of the writing's height.
        nib: from one end of a broad nib to the other, in the same unit.

    Returns:
        ``(height, width)`` uint8, 0 where there is no ink and 255 where it is full.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = _SPREAD / max(height_of(strokes)[1], 1e-9)
    scale = min(scale, _MOST_PIXELS / max(float((high - low).max()), 1e-9))
    margin = np.full(2, _MARGIN + pen * _SPREAD)
    width, height = np.ceil((high - low) * scale + 2 * margin).astype(int).tolist()
    canvas = np.zeros((height, width), np.float32)
    radius = max(_THINNEST, pen * _SPREAD) / 2
    reach = np.zeros(2) if nib is None else nib * _SPREAD
    copies = 1 + math.ceil(2 * float(np.hypot(*reach)) / max(pen * _SPREAD, 0.5))
    for share in np.linspace(-0.5, 0.5, copies) if copies > 1 else (0.0,):
        for stroke in strokes:
            _draw_stroke(canvas, (stroke - low) * scale + margin + share * reach, radius)
    return np.round(255 * canvas).astype(np.uint8)


def plain_image(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Strokes drawn black on white with a pen of middle width, ``(height, width)`` uint8."""
    return np.asarray(255 - draw_ink(strokes))


@compiled(nogil=True)
def _draw_stroke(canvas: np.ndarray, places: np.ndarray, radius: float) -> None:
    """Draw a stroke with a round pen.

    A pixel is as dark as the pen covers it, taken from its distance to the nearest segment.

    Args:
        canvas: ``(height, width)`` float32, from 0 to 1; is drawn on.
        places: ``(points, 2)`` float64, x and y in pixels.
        radius: of the pen, in pixels.
    """
    height, width = canvas.shape
    reach = radius + 0.5
    for first in range(max(1, len(places) - 1)):
        last = min(first + 1, len(places) - 1)
        x, y = places[first]
        across, down = places[last, 0] - x, places[last, 1] - y
        square = max(across * across + down * down, 1e-12)
        top, bottom = min(y, y + down) - reach, max(y, y + down) + reach
        left, right = min(x, x + across) - reach, max(x, x + across) + reach
        for row in range(max(0, int(top)), min(height, int(bottom) + 2)):
            for column in range(max(0, int(left)), min(width, int(right) + 2)):
                share = ((column - x) * across + (row - y) * down) / square
                share = min(max(share, 0.0), 1.0)
                away = math.hypot(column - x - share * across, row - y - share * down)
                dark = min(reach - away, 1.0)
                if dark > canvas[row, column]:
                    canvas[row, column] = dark
