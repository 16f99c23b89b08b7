"""A line of writing brought to one look: ink on paper, upright letters, one size.

Everything is estimated from the line itself:

- *background*: the paper's brightness is the local maximum, smoothed; the image is divided by it;
- *contrast*: paper becomes 0 and the darkest ink 1; white writing on a dark ground is turned round;
- *slant*: see :func:`~zoo.handwriting.slant.estimate_slant`;
- *height*: mean and spread of the rows, as Kozielski et al. 2012 ("Moment-based image normalization
  for handwritten text recognition") have it. What is counted in a row is how often ink begins, not
  how much ink there is, so that ruled lines weigh next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from zoo.errors import DataError
from zoo.handwriting.slant import estimate_slant
from zoo.values import check_range, make_settings

MAX_COLUMNS = 32_768
"""Columns of the widest line after it was brought to its height."""
MAX_WORKING_PIXELS = 16_000_000
"""Pixels at which ink is looked for; of larger images a smaller copy is taken."""
_FAINT = 0.06  # contrast below which there is no ink
_DARKEST = 95.0  # percentile of the ink that is black
_INK = 0.35
_EDGE = 2  # pixels around the ink that are kept
_WORKING_HEIGHT = 96
_SCALES = (0.6, 1.7)  # limits of the size, as shares of what makes the ink fill the height


@dataclass(frozen=True)
class LineImage:
    """A normalised line.

    Args:
        columns: ``(width, height)`` float32, 0 paper and 1 ink.
        left: where column 0 begins in the image it came from, in its pixels.
        scale: columns for each pixel of that image.
    """

    columns: np.ndarray
    left: float
    scale: float

    def source_x(self, column: float) -> float:
        """Where a column begins in the image it came from, at the middle of the writing."""
        return self.left + column / self.scale


@dataclass(frozen=True)
class LineNormaliser:
    """How lines are normalised.

    Args:
        height: rows of the result.
        spread: rows of one standard deviation of the writing's height.
        margin: empty columns before and after the ink.
    """

    height: int = 48
    spread: float = 7.0
    margin: int = 8

    def __post_init__(self) -> None:
        check_range(self, "height", int, 8, 256)
        check_range(self, "spread", float, 1.0, 128.0)
        check_range(self, "margin", int, 0, 256)

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any]) -> LineNormaliser:
        """Rebuild from the settings of a model folder.

        Raises:
            FolderError: a value is unknown or out of range.
        """
        return make_settings(cls, settings, "image")

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return asdict(self)

    def normalise(self, grey: np.ndarray) -> LineImage:
        """Normalise the image of a line.

        Args:
            grey: ``(height, width)`` uint8, as :func:`zoo.handwriting.image.read_image` gives it.

        Returns:
            The line; without a column where there is no ink.

        Raises:
            DataError: the line is wider than :data:`MAX_COLUMNS` at its height.
        """
        grey, shrunk = small_copy(grey, grey.shape[1])
        ink, ratio = _working_size(ink_of(grey))
        ratio *= shrunk
        box = _ink_box(ink)
        if box is None:
            return LineImage(np.zeros((0, self.height), np.float32), 0.0, 1.0)
        top, bottom, left, right = box
        fill = self.height / (bottom - top)
        # The same around the ink however wide the margins are, and without specks in them.
        ink = np.pad(ink, _EDGE)[top : bottom + 2 * _EDGE, left : right + 2 * _EDGE]
        left -= _EDGE
        dark = ink > _INK
        middle, spread = _moments(dark)
        rows, places = np.nonzero(dark)
        slant = estimate_slant(places, middle - rows)
        scale = float(
            np.clip(self.spread / max(spread, 1e-3), _SCALES[0] * fill, _SCALES[1] * fill)
        )
        columns, before = self._resample(ink, scale, slant, middle)
        inked = np.flatnonzero((columns > _INK).any(axis=1))
        # Thin ink may be paler at another size; then all columns are kept.
        first, last = (inked[0], inked[-1]) if len(inked) else (0, len(columns) - 1)
        first, last = max(0, int(first) - self.margin), int(last) + 1 + self.margin
        begin = (left + (first - before) / scale) / ratio
        return LineImage(columns[first:last], begin, scale * ratio)

    def turned(self, line: LineImage) -> LineImage:
        """The same line upside down.

        Args:
            line: as :meth:`normalise` gives it; its middle row and its slant stay what they are.
        """
        return replace(line, columns=np.ascontiguousarray(line.columns[::-1, ::-1]))

    def _resample(
        self, ink: np.ndarray, scale: float, slant: float, middle: float
    ) -> tuple[np.ndarray, int]:
        """Scale, shear about the middle row, and put that row into the middle of the result.

        Returns:
            The columns, and how many of them are before the ink's left edge.
        """
        height, width = (max(1, round(scale * length)) for length in ink.shape)
        before = self.margin + math.ceil(abs(slant) * self.height / 2)
        columns = width + 2 * before
        if columns > MAX_COLUMNS:
            raise DataError(
                f"the line is {columns} columns wide at a height of {self.height}; "
                f"at most {MAX_COLUMNS} are read: is it a page, or turned?"
            )
        image = Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR)
        canvas = Image.new("F", (columns, height + 2 * self.height))
        canvas.paste(image, (before, self.height))
        # (x, y) of the result comes from (x - slant * (y - height / 2), y + first).
        first = middle * height / ink.shape[0] + self.height - self.height / 2
        shear = (1.0, -slant, slant * self.height / 2, 0.0, 1.0, first)
        found = canvas.transform(
            (columns, self.height), Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR
        )
        return np.ascontiguousarray(np.clip(np.asarray(found), 0.0, 1.0).T), before


def small_copy(grey: np.ndarray, width: int) -> tuple[np.ndarray, float]:
    """An image no wider than asked for, and with no more than :data:`MAX_WORKING_PIXELS`.

    Args:
        grey: ``(height, width)`` uint8.
        width: pixels across at most.

    Returns:
        The image, or a smaller copy, and how much smaller that is.
    """
    pixels = grey.shape[0] * grey.shape[1]
    scale = min(1.0, width / grey.shape[1], math.sqrt(MAX_WORKING_PIXELS / pixels))
    if scale == 1.0:
        return grey, scale
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX)), scale


def ink_of(grey: np.ndarray) -> np.ndarray:
    """How much ink is in each place of an image, whatever the paper and the light.

    Args:
        grey: ``(height, width)`` uint8.

    Returns:
        ``(height, width)`` float32, 0 paper and 1 ink; all 0 where there is no contrast.
    """
    low, middle, high = np.percentile(grey, (0.5, 50, 99.5))
    if high - low < _FAINT * 255:  # little writing on much paper, or none
        low, high = float(grey.min()), float(grey.max())
    if high - low < _FAINT * 255:
        return np.zeros(grey.shape, np.float32)
    if middle - low < high - middle:  # most of it is dark: white writing
        grey = 255 - grey
    light = grey.astype(np.float32) + 1.0
    ink = 1.0 - np.minimum(light / _background(grey), 1.0)
    paper = np.float32(np.median(ink))
    grain = np.median(np.abs(ink - paper))
    written = ink[ink > paper + max(_FAINT, 6 * float(grain))]
    if not len(written):
        return np.zeros(grey.shape, np.float32)
    # Of the ink alone, so that the width of the margins makes no difference.
    darkest = np.float32(np.percentile(written, _DARKEST))
    return np.clip((ink - paper) / (darkest - paper), 0.0, 1.0)


def _background(grey: np.ndarray) -> np.ndarray:
    """The paper's brightness ``(height, width)`` float32: the local maximum, smoothed."""
    height, width = grey.shape
    step = max(1, height // 12)
    small = Image.fromarray(grey).resize(
        (max(1, width // step), max(1, height // step)), Image.Resampling.BOX
    )
    near = small.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.GaussianBlur(4))
    whole = near.convert("F").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(whole) + 1.0


def _working_size(ink: np.ndarray) -> tuple[np.ndarray, float]:
    """The ink at no more rows than are needed, and how much smaller that is."""
    height, width = ink.shape
    if height <= _WORKING_HEIGHT:
        return ink, 1.0
    ratio = _WORKING_HEIGHT / height
    size = (max(1, round(width * ratio)), _WORKING_HEIGHT)
    small = Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(small), ratio


def _ink_box(ink: np.ndarray) -> tuple[int, int, int, int] | None:
    """Top, bottom, left and right of the ink, or none."""
    dark = ink > _INK
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _moments(dark: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the rows, weighted by how often ink begins in them."""
    begins = dark[:, :1].sum(axis=1) + (dark[:, 1:] & ~dark[:, :-1]).sum(axis=1)
    weights = begins / begins.sum()
    rows = np.arange(len(dark)) + 0.5
    middle = float((weights * rows).sum())
    return middle, math.sqrt(float((weights * (rows - middle) ** 2).sum()))
