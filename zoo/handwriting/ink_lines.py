"""Ink of several lines, cut into its lines.

Who writes on a tablet goes on in the next line, and a recogniser of lines makes nothing of that. A
line ends where the pen goes back to the left and a line's height down. What is added later, such as
the dot of an i, goes to the line that it lies in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from zoo.ctc.results import Alternative
from zoo.handwriting.results import Character, Reading, Word

Placed = TypeVar("Placed", bound=Character)

_TALL = 0.7  # share of the ink, by its length, whose strokes are not taller than letters
_DOWN = 0.8  # heights from the middle of a line to that of the next
_BACK = 0.5  # share of a line's width that the next one begins before
_NEAR = 3.0  # heights to both sides of a stroke within which a line is looked at
_LEAST = 0.5  # heights of the ink that a line must have
_MOST = 5_000  # strokes; the time grows with their square


def cut_ink(strokes: Sequence[np.ndarray]) -> list[list[int]]:
    """The lines of a piece of ink.

    Args:
        strokes: as :func:`~zoo.handwriting.ink.check_strokes` gives them.

    Returns:
        The numbers of each line's strokes, lines in the order of writing; empty strokes are in
        none. Ink of very many strokes is not cut.
    """
    written = [number for number, stroke in enumerate(strokes) if len(stroke)]
    if not 1 < len(written) <= _MOST:
        return [written] if written else []
    boxes = _Boxes.of([strokes[number] for number in written])
    if not boxes.height > 0:
        return [written]
    lines = [[0]]
    for place in range(1, len(written)):
        drop = boxes.drop(place, lines[-1])
        if drop > _DOWN and boxes.is_back(place, lines[-1]):
            lines.append([place])
        elif drop < -_DOWN and len(lines) > 1:
            min(lines, key=lambda line: abs(boxes.drop(place, line))).append(place)
        else:
            lines[-1].append(place)
    return [sorted(written[place] for place in line) for line in _joined(lines, boxes)]


@dataclass(frozen=True)
class _Boxes:
    """The boxes of strokes, and the height of letters.

    Args:
        low: ``(strokes, 2)`` left and top.
        high: ``(strokes, 2)`` right and bottom.
        height: of letters.
    """

    low: np.ndarray
    high: np.ndarray
    height: float

    @classmethod
    def of(cls, strokes: Sequence[np.ndarray]) -> _Boxes:
        low = np.array([stroke.min(axis=0) for stroke in strokes])
        high = np.array([stroke.max(axis=0) for stroke in strokes])
        lengths = [float(np.hypot(*np.diff(stroke, axis=0).T).sum()) for stroke in strokes]
        heights = high[:, 1] - low[:, 1]
        order = np.argsort(heights, kind="stable")
        share = np.cumsum(np.array(lengths)[order])
        middle = min(int(np.searchsorted(share, _TALL * share[-1])), len(strokes) - 1)
        return cls(low, high, float(heights[order][middle]))

    def drop(self, place: int, line: list[int]) -> float:
        """How many heights a stroke lies below a line where the stroke stands.

        Lines may rise or fall, so what counts is what is near.
        """
        left, right = self.low[line, 0], self.high[line, 0]
        away = np.maximum(np.maximum(left - self.high[place, 0], self.low[place, 0] - right), 0.0)
        near = away <= max(_NEAR * self.height, float(away.min()) + self.height)
        middles = (self.low[line, 1] + self.high[line, 1]) / 2
        weights = self.high[line, 1] - self.low[line, 1] + 0.05 * self.height
        level = (middles * weights)[near].sum() / weights[near].sum()
        return float((self.low[place, 1] + self.high[place, 1]) / 2 - level) / self.height

    def is_back(self, place: int, line: list[int]) -> bool:
        """Whether a stroke begins in the left part of a line's width, or before it."""
        left, right = self.low[line, 0].min(), self.high[line, 0].max()
        return bool(self.low[place, 0] < left + _BACK * (right - left))


def _joined(lines: list[list[int]], boxes: _Boxes) -> list[list[int]]:
    """The lines, each that has next to no ink joined to the one before."""
    kept: list[list[int]] = []
    for line in lines:
        tall = (boxes.high[line, 1] - boxes.low[line, 1]).max()
        if kept and tall < _LEAST * boxes.height:
            kept[-1] += line
        else:
            kept.append(line)
    return kept


def join_lines(readings: Sequence[Reading], lines: Sequence[Sequence[int]]) -> Reading:
    """The reading of ink that was read line by line.

    Args:
        readings: of the lines.
        lines: the numbers of each line's strokes, as :func:`cut_ink` gives them.

    Returns:
        The texts with line breaks between them, and the characters with the strokes of the whole
        ink; a line break stands where its line ends. The confidence is the mean of the words'.
    """
    characters: list[Character] = []
    words: list[Word] = []
    for reading, line in zip(readings, lines, strict=True):
        if characters and reading.characters:
            end = characters[-1].end
            characters.append(Character("\n", end, end, 1.0))
        characters += [_in_ink(one, line) for one in reading.characters]
        words += [_in_ink(one, line) for one in reading.words]
    text = "".join(character.text for character in characters)
    confidence = mean_confidence(words)
    score = sum(reading.alternatives[0].score for reading in readings)
    doubts = [f"it was cut into {len(lines)} lines"]
    doubts += dict.fromkeys(doubt for reading in readings for doubt in reading.doubts)
    alternatives = (Alternative(text, score, confidence),)
    return Reading(text, tuple(characters), confidence, alternatives, tuple(words), tuple(doubts))


def mean_confidence(words: Sequence[Word]) -> float:
    """The mean of words' confidences; 0 without a word."""
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def _in_ink(part: Placed, line: Sequence[int]) -> Placed:
    """A character or a word with the numbers of the strokes in the whole ink."""
    (first, start), (last, end) = part.start, part.end
    return replace(part, start=(line[first], start), end=(line[last], end))
