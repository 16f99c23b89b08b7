"""Results of reading handwriting: lines, strokes and pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from zoo.ctc.calibration import calibrated
from zoo.ctc.results import Alternative
from zoo.files import user_path, write_bytes
from zoo.handwriting.page_writing import (
    LayoutFormat,
    WrittenLine,
    WrittenPage,
    WrittenWord,
    check_format,
    page_bytes,
)
from zoo.handwriting.page_xml import PageLayout, TextLine
from zoo.results import rounded

UPSIDE_DOWN = "it reads better upside down"
"""A doubt of lines and of ink."""


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
class Word(Character):
    """A word with its place.

    Args:
        text: the word.
        start: as :class:`Character` has it.
        end: as :class:`Character` has it.
        confidence: 0 to 1: that of its least sure character or, where the model's confidences have
            been calibrated, how likely the word is to be right.
    """


@dataclass(frozen=True)
class Reading:
    """What is written.

    Args:
        text: the text; ink of several lines has a line break between them.
        characters: each with its place and confidence; spaces and line breaks are among them.
        confidence: 0 to 1, the geometric mean of the characters' confidences; where the model's
            confidences have been calibrated the mean of the words', which is the share of them to
            be expected right.
        alternatives: the ``n_best`` texts, this one first.
        words: each with its place and confidence.
        doubts: why the text may be wrong; empty if there is no reason to think so.
    """

    text: str
    characters: tuple[Character, ...] = field(repr=False)
    confidence: float
    alternatives: tuple[Alternative, ...] = field(repr=False)
    words: tuple[Word, ...] = field(default=(), repr=False)
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain JSON values: pixels to 1 decimal, the rest to 4."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "words": [word.to_dict() for word in self.words],
            "characters": [character.to_dict() for character in self.characters],
            "alternatives": [other.to_dict() for other in self.alternatives],
            "doubts": list(self.doubts),
        }


def word_ranges(characters: Sequence[Character]) -> list[tuple[int, int]]:
    """The first character of each word and the one behind its last."""
    ranges = []
    numbered = enumerate(characters)
    for is_space, group in groupby(numbered, lambda each: each[1].text.isspace()):
        if not is_space:
            places = [place for place, _ in group]
            ranges.append((places[0], places[-1] + 1))
    return ranges


def words_of(
    characters: Sequence[Character], scale: float = 1.0, bias: float = 0.0
) -> tuple[Word, ...]:
    """The words of characters.

    Args:
        characters: spaces are among them.
        scale: of the curve of the words' confidences, see :mod:`zoo.ctc.calibration`.
        bias: likewise.
    """
    words = []
    for first, end in word_ranges(characters):
        parts = characters[first:end]
        text = "".join(part.text for part in parts)
        sure = calibrated(min(part.confidence for part in parts), scale, bias)
        words.append(Word(text, parts[0].start, parts[-1].end, sure))
    return tuple(words)


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

    def written(self) -> WrittenLine:
        """The line as a new layout file has it."""
        text, words = self.reading.text, self._words()
        return WrittenLine(text, self.confidence, self.line.polygon, self.line.baseline, words)

    @property
    def confidence(self) -> float | None:
        """That of the text, or ``None`` if none was read: of an empty line nothing is claimed."""
        return self.reading.confidence if self.reading.text else None

    def _words(self) -> tuple[WrittenWord, ...]:
        ranges = word_ranges(self.reading.characters)
        own = self.reading.words or words_of(self.reading.characters)
        words = []
        for word, (first, end) in zip(own, ranges, strict=True):
            begin, last = self.boxes[first], self.boxes[end - 1]
            corners = np.stack([begin[0], last[1], last[2], begin[3]])
            words.append(WrittenWord(word.text, word.confidence, corners))
        return tuple(words)


@dataclass(frozen=True)
class PageReading:
    """A page as it was read.

    Args:
        lines: in the order of reading.
        doubts: what may be wrong with the lines; empty if there is no reason to think so.
        layout: the layout file, or ``None`` if the lines were found without one.
        width: of the image in pixels, as it is shown.
        height: likewise.
    """

    lines: tuple[PageLine, ...]
    doubts: tuple[str, ...] = ()
    layout: PageLayout | None = field(default=None, repr=False)
    width: int = 0
    height: int = 0

    @property
    def text(self) -> str:
        """The lines' texts, one a line."""
        return "\n".join(line.reading.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """0 to 1, the mean of the lines' confidences; that of a blank page is 1.

        A line of which no text was read counts as 0.
        """
        confidences = [line.confidence or 0.0 for line in self.lines]
        return float(np.mean(confidences)) if confidences else 1.0

    def doubted(self, *doubts: str) -> PageReading:
        """The same with more doubts."""
        return replace(self, doubts=(*self.doubts, *doubts))

    def __str__(self) -> str:
        return self.text

    def save(
        self,
        path: str | os.PathLike[str],
        layout_format: LayoutFormat | None = None,
        *,
        image: str = "",
        number: int = 1,
        created: datetime | None = None,
    ) -> Path:
        """Write a layout file with text and confidences.

        The layout file that the page was read with is filled in; lines that could not be read keep
        what they had. Of a page that was read without one, or if a format is named, a new file is
        written, in which lines that could not be read have no text.

        Args:
            path: where to.
            layout_format: ``"alto"`` (ALTO 4.3) or ``"page"`` (PAGE 2019-07-15); left out, the
                layout file itself or, without one, ALTO.
            image: the name of the page's image for a new file; left out, the one that the layout
                file has.
            number: which page of its document it is, for a new ALTO file.
            created: the date in a new PAGE file; left out, now.

        Raises:
            UsageError: the format is none of these.
            ZooError: it cannot be written.
        """
        if layout_format is not None:
            check_format(layout_format)
        target = user_path(path)
        if self.layout is not None and layout_format is None:
            texts = {
                place: (line.reading.text, line.confidence)
                for place, line in enumerate(self.lines)
                if not line.unread
            }
            write_bytes(target, self.layout.with_texts(texts))
            return target
        page = WrittenPage(
            image or (self.layout.image if self.layout else ""),
            self.width,
            self.height,
            tuple(line.written() for line in self.lines),
            number,
            created or datetime.now(UTC),
        )
        write_bytes(target, page_bytes(page, layout_format or "alto"))
        return target

    def to_dict(self) -> dict[str, Any]:
        """Lines and doubts as plain JSON values."""
        return {"lines": [line.to_dict() for line in self.lines], "doubts": list(self.doubts)}


def _place(place: Any) -> Any:
    return list(place) if isinstance(place, tuple) else round(place, 1)
