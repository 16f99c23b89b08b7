"""The result of language identification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LineLanguage:
    """The language of a line.

    Args:
        language: the most likely one, an ISO 639-1 code.
        confidence: its probability, 0 to 1.
        probabilities: of all languages that the model tells apart.
    """

    language: str
    confidence: float
    probabilities: Mapping[str, float] = field(repr=False)

    def __str__(self) -> str:
        return self.language

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values; probabilities to 4 decimals."""
        return {
            "language": self.language,
            "confidence": round(self.confidence, 4),
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
        }
