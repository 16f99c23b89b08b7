"""Lines cut out of pages by their polygons and baselines.

The prepared lines of Copiste, Poilus and Hooker were cut by these rules, so that a page is read as
the models have learnt it: the polygon is widened a little and what lies outside it filled with
paper, the cut is turned until the baseline is level, its contrast is stretched, and it is scaled
to a height.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from zoo.handwriting.page_xml import TextLine

HEIGHT = 48
MARGIN = 6
"""Pixels of the page by which a polygon is widened."""

LEVEL = 0.7
"""Degrees below which a line is not turned, since that would blur more than it helps."""

_CLEAR = 25  # grey values between white writing and its ground
_DARKEST, _PAPER = 0.5, 85.0  # percentiles that become black and white
_MAX_WIDTH = 400  # times the height; what is longer is no line


@dataclass(frozen=True)
class LineCut:
    """A line that was cut out of its page.

    Args:
        image: ``(48, width)`` uint8.
        to_page: ``(2, 3)``, the affine map that takes ``(x, y, 1)`` in the image to the page.
    """

    image: np.ndarray
    to_page: np.ndarray

    def box(self, start: float, end: float) -> np.ndarray:
        """Where a part of the line is on the page.

        Args:
            start: its left edge in the image's pixels.
            end: its right edge.

        Returns:
            ``(4, 2)`` x and y of its corners: upper left, upper right, lower right, lower left.
        """
        corners = [(start, 0, 1), (end, 0, 1), (end, HEIGHT, 1), (start, HEIGHT, 1)]
        return np.array(corners) @ self.to_page.T


def cut_line(grey: np.ndarray, line: TextLine) -> LineCut | None:
    """Cut a line out of its page.

    Args:
        grey: ``(height, width)`` uint8, the page.
        line: where it is.

    Returns:
        The line, dark on light, or ``None`` if it lies outside the page.
    """
    low = np.floor(line.polygon.min(axis=0)).astype(int) - MARGIN
    high = np.ceil(line.polygon.max(axis=0)).astype(int) + MARGIN + 1
    left, top = np.maximum(low, 0)
    right, bottom = np.minimum(high, grey.shape[::-1])
    if right <= left or bottom <= top:
        return None
    drawn = Image.new("L", (int(right - left), int(bottom - top)))
    corners = [(float(x), float(y)) for x, y in line.polygon - (left, top)]
    ImageDraw.Draw(drawn).polygon(corners, fill=255)
    shown = _widened(np.asarray(drawn) > 0, MARGIN)
    if not shown.any():
        return None
    values = grey[top:bottom, left:right].copy()
    if _is_light_on_dark(values[shown]):
        values = 255 - values
    paper = int(np.median(values[shown]))
    values[~shown] = paper
    cut = Image.fromarray(values)
    to_page = np.array([(1.0, 0.0, left), (0.0, 1.0, top)])
    angle = _angle(line.baseline)
    if abs(angle) > LEVEL:
        before = np.array(cut.size)
        cut = cut.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
        to_page = _after(to_page, _turn(angle, before, np.array(cut.size)))
        inside = Image.fromarray(shown.astype(np.uint8) * np.uint8(255))
        inside = inside.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        box = inside.getbbox() or (0, 0, *cut.size)
        cut = cut.crop(box)
        to_page = _after(to_page, np.array([(1.0, 0.0, box[0]), (0.0, 1.0, box[1])]))
    image = _scaled(_stretched(np.asarray(cut)))
    width, height = np.array(cut.size) / image.shape[::-1]
    return LineCut(image, _after(to_page, np.array([(width, 0.0, 0.0), (0.0, height, 0.0)])))


def _is_light_on_dark(values: np.ndarray) -> bool:
    """Whether what stands out from the ground is lighter than it, and clearly so."""
    low, middle, high = np.percentile(values, (5, 50, 95))
    return bool(high - middle > max(2 * (middle - low), _CLEAR))


def _after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The affine map that does one and then another."""
    return second @ np.vstack([first, (0.0, 0.0, 1.0)])


def _turn(angle: float, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """From an image that was turned about its middle back to what it was.

    Args:
        angle: degrees against the clock by which it was turned.
        before: its width and height before.
        after: its width and height after.
    """
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    matrix = np.array([(cosine, -sine), (sine, cosine)])
    return np.column_stack([matrix, before / 2 - matrix @ (after / 2)])


def _widened(shown: np.ndarray, margin: int) -> np.ndarray:
    """What is at most so many rows and columns away from a true value."""
    for _ in range(2):  # down the rows, then, turned over, down the columns
        reach = 0
        while reach < margin:  # what was reached already reaches as far again
            step = min(reach + 1, margin - reach)
            wider = shown.copy()
            wider[step:] |= shown[:-step]
            wider[:-step] |= shown[step:]
            shown, reach = wider, reach + step
        shown = shown.T
    return shown


def _angle(baseline: np.ndarray) -> float:
    """Degrees by which the line falls to the right."""
    (x0, y0), (x1, y1) = baseline[0], baseline[-1]
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def _stretched(values: np.ndarray) -> np.ndarray:
    dark, paper = np.percentile(values, (_DARKEST, _PAPER))
    shares = (np.arange(256, dtype=np.uint8) - dark) / max(paper - dark, 1.0)
    return np.clip(255 * shares, 0, 255).astype(np.uint8)[values]


def _scaled(values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    columns = min(max(1, round(width * HEIGHT / height)), _MAX_WIDTH * HEIGHT)
    image = Image.fromarray(values).resize((columns, HEIGHT), Image.Resampling.BILINEAR)
    return np.array(image)
