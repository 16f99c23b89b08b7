"""From the places of a layout file to the pixels of an image.

A layout may be of a larger or smaller copy of the image, may measure in tenths of a millimetre, and
may count the pixels as the camera stored them while the image is shown turned by its EXIF data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageDraw

from zoo.errors import DataError, UsageError
from zoo.handwriting.image import OrientedImage
from zoo.handwriting.line_cutter import MARGIN
from zoo.handwriting.line_image import ink_of, small_copy
from zoo.handwriting.page_xml import PageLayout, TextLine
from zoo.handwriting.places import side

LayoutPixels = Literal["auto", "upright", "stored"]
"""The pixels that a layout counts, of the image as it is shown or as the camera stored it."""

MOST_TIMES = 100
"""How often the boxes of all lines may cover a page; those of a slanted page overlap."""
MOST_PIXELS = 1_000_000_000
"""Pixels of the boxes of all lines of a large page, which would take for ever to cut out."""
MOST_CORNERS = 200_000_000
"""Points of all polygons, each times the rows that its polygon has in the image."""
FEWEST_TIMES = 4
"""How often the boxes may cover the page however large it is."""

_FORM = 0.02  # how much the ratio of width to height may differ
_LOOK = 1000  # pixels of width at which ink is looked for
_INK = 0.35
_BETTER = 0.2  # share of the lines that must stand better one way than the other
_MORE = 1.03  # times the ink that must be under the lines one way


@dataclass(frozen=True)
class FittedLayout:
    """A layout in the pixels of its image.

    Args:
        layout: the layout.
        doubts: what was not certain about it.
    """

    layout: PageLayout
    doubts: tuple[str, ...] = ()


def check_pixels(pixels: str) -> None:
    """Raise :class:`~zoo.UsageError` if it is none of :data:`LayoutPixels`."""
    if pixels not in get_args(LayoutPixels):
        known = ", ".join(get_args(LayoutPixels))
        raise UsageError(f"layout_pixels must be one of {known}, not {pixels!r}")


def fitting_pages(
    pages: Sequence[PageLayout], image: OrientedImage, pixels: LayoutPixels = "auto"
) -> list[PageLayout]:
    """Those of a file's pages that have the form of an image.

    Args:
        pages: of one file.
        image: the image.
        pixels: which pixels they count.
    """
    return [page for page in pages if any(_ways(page, image, pixels))]


def fit_page(
    layout: PageLayout, image: OrientedImage, pixels: LayoutPixels = "auto"
) -> FittedLayout:
    """A layout in the pixels of an image as it is shown.

    Where the image is turned by its EXIF data, width and height of the layout decide which pixels
    it counts. Where they fit both ways, it is how the lines stand on their baselines, and else
    under which lines there is more ink.

    Args:
        layout: of the page.
        image: the page.
        pixels: which pixels the layout counts.

    Raises:
        DataError: as :func:`fit_layout`.
    """
    upright, stored = _ways(layout, image, pixels)
    if not upright and not stored and pixels == "stored" and image.orientation != 1:
        raise _other_form(layout, *image.stored_size)
    if not stored:
        height, width = image.grey.shape
        return FittedLayout(fit_layout(layout, width, height))
    if not upright:
        return FittedLayout(_turned(layout, image))
    return _either(layout, image)


def fit_layout(layout: PageLayout, width: int, height: int) -> PageLayout:
    """A layout in the pixels of an image that may be a smaller or larger copy of its page.

    Args:
        layout: of the page.
        width: of the image.
        height: of the image.

    Raises:
        DataError: the image is of another form than the page, or its lines would take for ever to
            cut out: their boxes cover the image more than :data:`MOST_TIMES` times, or their
            polygons have very many points.
    """
    # A file may say nothing of the page's size, or not all of it.
    if (layout.width, layout.height) != (width, height) and layout.width and layout.height:
        if not _is_form(layout, width, height):
            raise _other_form(layout, width, height)
        scale = np.array([width / layout.width, height / layout.height])
        if layout.unit:
            layout = layout.placed(lambda points: points * scale, width, height)
        else:
            lines = tuple(
                replace(line, polygon=line.polygon * scale, baseline=line.baseline * scale)
                for line in layout.lines
            )
            layout = replace(layout, lines=lines, width=width, height=height)
    _check_area(layout, width, height)
    return layout


def _ways(layout: PageLayout, image: OrientedImage, pixels: LayoutPixels) -> tuple[bool, bool]:
    """Whether a layout may count the pixels as they are shown, and as they are stored."""
    shown, stored = image.grey.shape[::-1], image.stored_size
    if image.orientation == 1 or pixels == "upright":
        return _is_form(layout, *shown), False
    if pixels == "stored":
        return False, _is_form(layout, *stored)
    size = (layout.width, layout.height)
    if shown != stored and size in (shown, stored):
        return size == shown, size == stored
    return _is_form(layout, *shown), _is_form(layout, *stored)


def _is_form(layout: PageLayout, width: int, height: int) -> bool:
    """Whether the page has the form of an image, or does not say."""
    if not (layout.width and layout.height):
        return True
    return abs(width / layout.width / (height / layout.height) - 1) <= _FORM


def _other_form(layout: PageLayout, width: int, height: int) -> DataError:
    return DataError(
        f"{layout.document.name} is for an image of {layout.width:g} x {layout.height:g} "
        f"{layout.unit or 'pixels'}, this one has {width} x {height}: is it another page, "
        "or turned?"
    )


def _turned(layout: PageLayout, image: OrientedImage) -> PageLayout:
    """A layout that counts stored pixels in those of the image as it is shown."""
    width, height = image.stored_size
    scale = np.array([width / (layout.width or width), height / (layout.height or height)])
    shown = image.grey.shape[::-1]
    turn = _TURNS[image.orientation]
    layout = layout.placed(lambda points: turn(points * scale, width, height), *shown)
    _check_area(layout, *shown)
    return layout


def _either(layout: PageLayout, image: OrientedImage) -> FittedLayout:
    """The way in which a layout fits better, where its size fits both."""
    height, width = image.grey.shape
    ways = [fit_layout(layout, width, height), _turned(layout, image)]
    standing = [_standing(way) for way in ways]
    if abs(standing[0] - standing[1]) > _BETTER:
        return FittedLayout(ways[int(standing[1] > standing[0])])
    ink = _ink_under([way.lines for way in ways], image.grey)
    better = int(ink[1] > ink[0])
    doubts = []
    if layout.lines and ink[better] <= _MORE * ink[1 - better]:
        shown = "stored" if better else "shown"
        doubts.append(
            f"the image is turned by its EXIF data and {layout.document.name} fits both ways; "
            f"its pixels were taken as {shown}"
        )
    return FittedLayout(ways[better], tuple(doubts))


def _standing(layout: PageLayout) -> float:
    """The share of the lines with a body and a baseline that stand as writing on a page does."""
    places = [
        (line.baseline[-1] - line.baseline[0], side(line.polygon, line.baseline))
        for line, entry in zip(layout.lines, layout.entries, strict=True)
        if entry.said.polygon is not None and entry.said.baseline is not None
    ]
    good = [run[0] > abs(run[1]) and above > 0 for run, above in places]
    return sum(good) / len(good) if good else 0.0


def _ink_under(ways: Sequence[tuple[TextLine, ...]], grey: np.ndarray) -> list[float]:
    """How much ink is under the lines, for each way in which they may lie."""
    small, scale = small_copy(grey, _LOOK)
    dark = ink_of(small) > _INK
    found = []
    for lines in ways:
        drawn = Image.new("1", small.shape[::-1])
        for line in lines:
            corners = [(float(x), float(y)) for x, y in line.polygon * scale]
            ImageDraw.Draw(drawn).polygon(corners, fill=1)
        found.append(float((dark & np.asarray(drawn)).sum()))
    return found


def _check_area(layout: PageLayout, width: int, height: int) -> None:
    image = np.array([width, height])
    area = corners = 0.0
    for line in layout.lines:
        box = np.ptp(np.clip(line.polygon, -MARGIN, image + MARGIN), axis=0) + 2 * MARGIN
        area += float(box.prod())
        corners += len(line.polygon) * float(box[1])  # drawing looks at all of them in each row
    pixels = float(image.prod())
    most = min(MOST_TIMES * pixels, max(MOST_PIXELS, FEWEST_TIMES * pixels))
    if corners > MOST_CORNERS:
        raise DataError(
            f"the polygons of {layout.document.name} have so many points that it would take for "
            "ever to draw them; simplify them"
        )
    if area > most:
        raise DataError(
            f"the {len(layout.lines):,} lines of {layout.document.name} cover the image more than "
            f"{most / pixels:.0f} times: is it the layout of a page?"
        )


def _turn(swapped: bool, left: bool, up: bool) -> Callable[[np.ndarray, int, int], np.ndarray]:
    """From stored points to those shown: x and y swapped, x and y from the other edge."""

    def turn(points: np.ndarray, width: int, height: int) -> np.ndarray:
        x, y = points.T
        if swapped:
            x, y, width, height = y, x, height, width
        return np.stack([width - x if left else x, height - y if up else y], axis=1)

    return turn


# Exif 2.3, tag 274: where the first row and the first column of what is stored belong.
_TURNS = {
    2: _turn(False, True, False),
    3: _turn(False, True, True),
    4: _turn(False, False, True),
    5: _turn(True, False, False),
    6: _turn(True, True, False),
    7: _turn(True, True, True),
    8: _turn(True, False, True),
}
