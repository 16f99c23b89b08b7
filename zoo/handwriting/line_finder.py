"""The lines of a clean page, found without a layout file.

This is the projection method for straight lines in one column (Likforman-Sulem et al. 2007, "Text
line segmentation of historical documents: a survey", 4.1): the page is turned until its rows are
fullest and emptiest, and cut where few strokes are crossed. It says when it is unsure; a page with
columns, notes in the margin or bent lines needs a layout from a segmenter such as kraken.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from zoo.handwriting.line_image import ink_of, small_copy
from zoo.handwriting.page_xml import TextLine

_WIDTH = 1000  # pixels at which the page is looked at
_DARK = 0.35
_ANGLES = np.arange(-3.0, 3.01, 0.25)  # degrees
_RULE = 0.5  # a row or column with more ink than this is a rule or an edge
_FAINT = 0.15  # a line crosses at least this share of the strokes that a full one does
_TOUCHING = 0.5  # a gap between lines that is crossed more than this is none


@dataclass(frozen=True)
class FoundLines:
    """What was found on a page.

    Args:
        lines: from top to bottom.
        doubts: why they may be wrong; empty if there is no reason to think so.
    """

    lines: tuple[TextLine, ...]
    doubts: tuple[str, ...]


def find_lines(grey: np.ndarray) -> FoundLines:
    """Find the lines of a page.

    Args:
        grey: ``(height, width)`` uint8.
    """
    small, scale = small_copy(grey, _WIDTH)
    rows, columns = _strokes(small)
    if not len(rows):
        return FoundLines((), ("there is no writing on the page",))
    tangent = _tangent(rows, columns)
    level = rows - tangent * columns
    top = level.min()
    profile = np.bincount((level - top).astype(np.int64)).astype(np.float64)
    pitch = _pitch(profile)
    smooth = _smoothed(profile, max(1.0, pitch / 7))
    bands = _bands(smooth)
    doubts = _doubts_of_bands(smooth, bands)
    if abs(tangent) > 0.98 * math.tan(math.radians(_ANGLES[-1])):
        doubts.append("the page is turned by more than 3 degrees")
    found: list[TextLine] = []
    kept = []
    for first, peak, last in bands:
        # The first and the last one would reach to the edges of the writing.
        first, last = max(first, peak - round(pitch)), min(last, peak + round(pitch))
        inside = (level - top >= first) & (level - top < last)
        if inside.sum() < 3:
            continue
        kept.append(columns[inside])
        left, right = np.percentile(columns[inside], (0.5, 99.5)).tolist()
        left, right = left - 0.3 * pitch, right + 0.3 * pitch
        base = _base(smooth, peak, last)
        number = len(found) + 1
        found.append(_line(f"line_{number}", left, right, first, base, last, top, tangent, scale))
    if _has_columns(kept, pitch, small.shape[1]):
        doubts.append("the writing seems to stand in more than one column")
    if not found:
        doubts.append("there are no lines")
    return FoundLines(tuple(found), tuple(doubts))


def _strokes(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the places where a stroke begins, from left to right."""
    dark = ink_of(small) > _DARK
    dark[dark.mean(axis=1) > _RULE] = False
    dark[:, dark.mean(axis=0) > _RULE] = False
    begins = dark.copy()
    begins[:, 1:] &= ~dark[:, :-1]
    rows, columns = np.nonzero(begins)
    return rows, columns


def _tangent(rows: np.ndarray, columns: np.ndarray) -> float:
    """How far lines fall for each pixel to the right: where the rows are fullest."""
    best, tangent = -1.0, 0.0
    for angle in sorted(_ANGLES, key=abs):
        trial = math.tan(math.radians(angle))
        level = rows - trial * columns
        full = np.bincount(np.round(level - level.min()).astype(np.int64)).astype(np.float64)
        score = float((full**2).sum())
        if score > 1.002 * best:
            best, tangent = score, trial
    return tangent


def _pitch(profile: np.ndarray) -> float:
    """Distance from line to line: the first high point of the profile's autocorrelation."""
    if len(profile) < 24:
        return float(len(profile))
    centred = _smoothed(profile, 2.0)
    centred = centred - centred.mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(centred) // 2]
    correlation /= max(float(correlation[0]), 1e-9)
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:]) & (inner > 0.1))
    peaks = peaks[peaks > 8] + 1
    return float(peaks[0]) if len(peaks) else float(len(profile))


def _smoothed(profile: np.ndarray, deviation: float) -> np.ndarray:
    reach = math.ceil(3 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    padded = np.pad(profile, reach)
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _bands(smooth: np.ndarray) -> list[tuple[int, int, int]]:
    """First row, fullest row and end of each line."""
    padded = np.pad(smooth, 1)
    peaks = np.flatnonzero((smooth > padded[:-2]) & (smooth >= padded[2:]))
    full = np.percentile(smooth[peaks], 75) if len(peaks) else 0.0
    peaks = peaks[smooth[peaks] > _FAINT * full]
    # Of two peaks with no real gap between them the lower one is no line of its own.
    kept: list[int] = []
    for peak in peaks.tolist():
        if kept:
            gap = smooth[kept[-1] : peak].min()
            if gap > 0.85 * min(smooth[kept[-1]], smooth[peak]):
                kept[-1] = max(kept[-1], peak, key=lambda row: smooth[row])
                continue
        kept.append(peak)
    cuts = [int(a + smooth[a:b].argmin()) for a, b in itertools.pairwise(kept)]
    edges = [0, *cuts, len(smooth)]
    return [(edges[i], peak, edges[i + 1]) for i, peak in enumerate(kept)]


def _base(smooth: np.ndarray, peak: int, last: int) -> float:
    """The row that the line stands on: below its middle, where it has thinned out by half."""
    below = np.flatnonzero(smooth[peak:last] < smooth[peak] / 2)
    return float(peak + below[0]) if len(below) else float(last)


def _line(
    identity: str,
    left: float,
    right: float,
    first: float,
    base: float,
    last: float,
    top: float,
    tangent: float,
    scale: float,
) -> TextLine:
    """A line of the level page, as it stands on the page."""

    def on_page(*points: tuple[float, float]) -> np.ndarray:
        return np.array([(x, y + top + tangent * x) for x, y in points]) / scale

    corners = on_page((left, first), (right, first), (right, last), (left, last))
    return TextLine(identity, corners, on_page((left, base), (right, base)))


def _doubts_of_bands(smooth: np.ndarray, bands: list[tuple[int, int, int]]) -> list[str]:
    if len(bands) < 2:
        return ["only one line was found"] if bands else []
    doubts = []
    gaps = [
        smooth[before[2]] / min(smooth[before[1]], smooth[after[1]])
        for before, after in itertools.pairwise(bands)
    ]
    if np.mean(np.array(gaps) > _TOUCHING) > 0.2:
        doubts.append("lines run into each other, or are bent")
    steps = np.diff([peak for _, peak, _ in bands])
    if np.mean(np.abs(steps / np.median(steps) - 1) > 0.5) > 0.25:
        doubts.append("the lines' distances are uneven")
    return doubts


def _has_columns(lines: list[np.ndarray], pitch: float, width: int) -> bool:
    """Whether a gap runs down through most of the lines, with writing on both sides."""
    if len(lines) < 4:
        return False
    empty = np.zeros(width)
    for columns in lines:
        places = np.sort(columns)
        for start in np.flatnonzero(np.diff(places) > pitch).tolist():
            empty[places[start] + 1 : places[start + 1]] += 1
    return bool((empty > 0.6 * len(lines)).sum() > pitch / 2)
