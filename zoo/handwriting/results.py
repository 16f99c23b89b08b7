"""Results of reading handwriting: lines, strokes and pages."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.ctc.results import Alternative
from zoo.errors import UsageError
from zoo.files import user_path, write_bytes
from zoo.handwriting.page_xml import PageLayout, TextLine
from zoo.results import rounded


@dataclass(frozen=True)
class Character:
    """A character with its place.

    CTC puts a character somewhere on it or just behind it, so a place is good to about half a
    letter.

    Args:
        text: the character.
        start: in an image the left edge in its pixels; in strokes the first point, as the numbers
            of stroke and point from 0.
        end: in an image the right edge; in strokes the last point.
        confidence: 0 to 1.
    """

    text: str
    start: Any
    end: Any
    confidence: float

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The character as plain JSON values: pixels to 1 decimal, confidence to 4."""
        return {
            "text": self.text,
            "start": _place(self.start),
            "end": _place(self.end),
            "confidence": round(self.confidence, 4),
        }


@dataclass(frozen=True)
class Reading:
    """What is written.

    Args:
        text: the text.
        characters: each with its place and confidence; spaces are among them.
        confidence: 0 to 1, the geometric mean of the characters' confidences.
        alternatives: the ``n_best`` texts, this one first.
    """

    text: str
    characters: tuple[Character, ...] = field(repr=False)
    confidence: float
    alternatives: tuple[Alternative, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain JSON values: pixels to 1 decimal, the rest to 4."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "characters": [character.to_dict() for character in self.characters],
            "alternatives": [other.to_dict() for other in self.alternatives],
        }


@dataclass(frozen=True)
class PageLine:
    """A line of a page as it was read.

    Args:
        line: where it is.
        reading: what is written there; characters begin and end at pixels of the page, counted from
            its left edge, where the middle of the line has them.
        boxes: ``(characters, 4, 2)``, where each character is on the page: x and y of the corners
            of its part of the line, which may be turned; the upper left one first, then clockwise.
        unread: why it could not be read, such as ``"lies outside the image"``; empty if it was.
    """

    line: TextLine
    reading: Reading
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 2)), repr=False)
    unread: str = ""

    def __str__(self) -> str:
        return self.reading.text

    def to_dict(self) -> dict[str, Any]:
        """The line's place and reading as plain JSON values; pixels to 1 decimal."""
        return {
            "id": self.line.identity,
            "polygon": rounded(self.line.polygon, 1),
            "baseline": rounded(self.line.baseline, 1),
            **self.reading.to_dict(),
            "boxes": rounded(self.boxes, 1),
        }


@dataclass(frozen=True)
class PageReading:
    """A page as it was read.

    Args:
        lines: in the order of the layout.
        doubts: what may be wrong with the lines; empty if there is no reason to think so.
        layout: the layout file, or ``None`` if the lines were found without one.
    """

    lines: tuple[PageLine, ...]
    doubts: tuple[str, ...] = ()
    layout: PageLayout | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The lines' texts, one a line."""
        return "\n".join(line.reading.text for line in self.lines)

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the layout file with text and confidences filled in.

        Lines that could not be read keep what they had.

        Args:
            path: where to.

        Raises:
            UsageError: the lines were found without a layout file.
            ZooError: it cannot be written.
        """
        if self.layout is None:
            raise UsageError("the page was read without a layout file, so there is none to fill in")
        texts = {
            place: (line.reading.text, line.reading.confidence)
            for place, line in enumerate(self.lines)
            if not line.unread
        }
        target = user_path(path)
        write_bytes(target, self.layout.with_texts(texts))
        return target

    def to_dict(self) -> dict[str, Any]:
        """Lines and doubts as plain JSON values."""
        return {"lines": [line.to_dict() for line in self.lines], "doubts": list(self.doubts)}


def _place(place: Any) -> Any:
    return list(place) if isinstance(place, tuple) else round(place, 1)
