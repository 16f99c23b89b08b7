"""Lines cut out of pages by their polygons and baselines.

The prepared lines of Copiste, Poilus and Hooker were cut by these rules, so that a page is read as
the models have learnt it: the polygon is widened a little and what lies outside it filled with
paper, the cut is turned until the baseline is level, its contrast is stretched, and it is scaled
to a height.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from zoo.errors import DataError
from zoo.processing.page_xml import PageLayout, TextLine

HEIGHT = 48
MARGIN = 6
"""Pixels of the page by which a polygon is widened."""

LEVEL = 0.7
"""Degrees below which a line is left as it is: turning would blur more than it helps."""

MOST_TIMES = 100
"""How often the boxes of all lines may cover a page; those of a slanted page overlap."""

_DARKEST, _PAPER = 0.5, 85.0  # percentiles that become black and white
_MAX_WIDTH = 400  # times the height; what is longer is no line


def cut_line(grey: np.ndarray, line: TextLine) -> np.ndarray | None:
    """Cut a line out of its page.

    Args:
        grey: ``(height, width)`` uint8, the page.
        line: where it is.

    Returns:
        ``(48, width)`` uint8, or ``None`` if the line lies outside the page.
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
    paper = int(np.median(values[shown]))
    values[~shown] = paper
    cut = Image.fromarray(values)
    angle = _angle(line.baseline)
    if abs(angle) > LEVEL:
        cut = cut.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
        inside = Image.fromarray(shown.astype(np.uint8) * np.uint8(255))
        inside = inside.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        cut = cut.crop(inside.getbbox())
    return _scaled(_stretched(np.asarray(cut)))


def fit_layout(layout: PageLayout, width: int, height: int) -> PageLayout:
    """A layout in the pixels of an image that may be a smaller or larger copy of its page.

    Args:
        layout: of the page.
        width: of the image.
        height: of the image.

    Raises:
        DataError: the image is of another form than the page, or its lines' boxes together are
            more than :data:`MOST_TIMES` as large as the image and would take for ever to cut out.
    """
    # A file may say nothing of the page's size, or not all of it.
    if (layout.width, layout.height) == (width, height) or not (layout.width and layout.height):
        _check_area(layout, width, height)
        return layout
    scale = np.array([width / layout.width, height / layout.height])
    if abs(scale[0] / scale[1] - 1) > 0.02:
        raise DataError(
            f"{layout.document.name} is for an image of {layout.width} x {layout.height} pixels, "
            f"this one has {width} x {height}: is it another page, or turned?"
        )
    lines = tuple(
        TextLine(one.identity, one.polygon * scale, one.baseline * scale, one.text, one.kind)
        for one in layout.lines
    )
    fitted = PageLayout(layout.image, width, height, lines, layout.document)
    _check_area(fitted, width, height)
    return fitted


def _check_area(layout: PageLayout, width: int, height: int) -> None:
    image = np.array([width, height])
    boxes = (
        np.ptp(np.clip(line.polygon, -MARGIN, image + MARGIN), axis=0) + 2 * MARGIN
        for line in layout.lines
    )
    if sum(float(box.prod()) for box in boxes) > MOST_TIMES * image.prod():
        raise DataError(
            f"the {len(layout.lines):,} lines of {layout.document.name} cover the image more than "
            f"{MOST_TIMES} times: is it the layout of a page?"
        )


def _widened(shown: np.ndarray, margin: int) -> np.ndarray:
    """What is at most so many rows and columns away from a true value."""
    for _ in range(2):  # down the rows, then, turned over, down the columns
        counts = np.cumsum(shown, axis=0, dtype=np.int32)
        counts = np.pad(counts, ((margin + 1, margin), (0, 0)), mode="edge")
        counts[: margin + 1] = 0
        shown = (counts[2 * margin + 1 :] > counts[: -2 * margin - 1]).T
    return shown


def _angle(baseline: np.ndarray) -> float:
    """Degrees by which the line falls to the right."""
    (x0, y0), (x1, y1) = baseline[0], baseline[-1]
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def _stretched(values: np.ndarray) -> np.ndarray:
    dark, paper = np.percentile(values, (_DARKEST, _PAPER))
    shares = (values - dark) / max(paper - dark, 1.0)
    return np.clip(255 * shares, 0, 255).astype(np.uint8)


def _scaled(values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    columns = min(max(1, round(width * HEIGHT / height)), _MAX_WIDTH * HEIGHT)
    image = Image.fromarray(values).resize((columns, HEIGHT), Image.Resampling.BILINEAR)
    return np.array(image)
