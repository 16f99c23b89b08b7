"""Parts of results that speech and handwriting share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """A word with its place.

    Args:
        text: the word.
        start: seconds from the beginning.
        end: seconds from the beginning.
        confidence: 0 to 1: that of its least sure label.
    """

    text: str
    start: float
    end: float
    confidence: float

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The word as plain JSON values: times to milliseconds, confidence to 4 decimals."""
        return {
            "text": self.text,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "confidence": round(self.confidence, 4),
        }


@dataclass(frozen=True)
class Alternative:
    """Another text for the same input.

    Args:
        text: the text.
        score: natural log; what the texts are ranked by.
        confidence: 0 to 1.
    """

    text: str
    score: float
    confidence: float

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The alternative as plain JSON values: score and confidence to 4 decimals."""
        return {
            "text": self.text,
            "score": round(self.score, 4),
            "confidence": round(self.confidence, 4),
        }
