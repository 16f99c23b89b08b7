"""What a tagger finds in a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entity:
    """Something that matters in a message.

    Args:
        text: as it is written in the message.
        label: what it is, such as ``"date"``.
        start: of its first character in the message.
        end: after its last one.
        score: probability that exactly this is an entity of this label, from 0 to 1.
        value: the same in a standard form, such as ``"2024-03-03"`` or ``"4"``, or ``None``.
    """

    text: str
    label: str
    start: int
    end: int
    score: float
    value: str | None = None

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The entity as plain JSON values."""
        return {
            "text": self.text,
            "label": self.label,
            "start": self.start,
            "end": self.end,
            "score": round(self.score, 4),
            "value": self.value,
        }


@dataclass(frozen=True)
class Tagging:
    """The entities and the intent of a message.

    Args:
        text: the message.
        entities: in the order of the message; they do not overlap.
        intent: what the message is for; ``None`` if no intent is likely enough, or the model tells
            none.
        intent_score: probability of the likeliest intent, from 0 to 1; 0 if the model tells none.
        doubts: why it may be wrong, see :mod:`zoo.dialogue.doubts`; empty if there is no reason.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    intent: str | None = None
    intent_score: float = 0.0
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The message with its entities in brackets, such as ``[Ana Lopez](person)``."""
        parts, end = [], 0
        for entity in self.entities:
            parts += [self.text[end : entity.start], f"[{entity.text}]({entity.label})"]
            end = entity.end
        marked = "".join([*parts, self.text[end:]])
        return f"{self.intent}: {marked}" if self.intent else marked

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {
            "text": self.text,
            "entities": [entity.to_dict() for entity in self.entities],
            "intent": self.intent,
            "intent_score": round(self.intent_score, 4),
            "doubts": list(self.doubts),
        }
