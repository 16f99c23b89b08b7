"""The state of a request after a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DialogueState:
    """What is asked for after a message.

    Args:
        text: the message.
        speaker: who wrote it.
        slots: the value of each slot that has one, ``"dontcare"`` where everything will do.
        scores: for each of them how sure the model was when it was said, from 0 to 1.
        requests: what this message asks for.
        changed: the slots that this message gave another value.
        doubts: why it may be wrong, see :mod:`zoo.dialogue.doubts`; empty if there is no reason.
    """

    text: str
    speaker: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    requests: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The slots and the questions, such as ``food=thai, area=north; asks for phone``."""
        slots = ", ".join(f"{slot}={value}" for slot, value in self.slots.items()) or "-"
        return f"{slots}; asks for {', '.join(self.requests)}" if self.requests else slots

    def to_dict(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "text": self.text,
            "slots": dict(self.slots),
            "scores": {slot: round(score, 4) for slot, score in self.scores.items()},
            "requests": list(self.requests),
            "changed": list(self.changed),
            "doubts": list(self.doubts),
        }
