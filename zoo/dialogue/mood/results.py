"""The mood of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mood:
    """The mood of a message in its conversation.

    Args:
        text: the message.
        speaker: who wrote it.
        label: the likeliest mood.
        probabilities: of each mood.
        valence: how good the mood is, from -1 to 1: the mean of the moods' valences.
        level: the valence of this speaker's messages so far, the later ones counting more.
        trend: how much this message has changed that level.
        escalate: whether the level has fallen below the threshold.
        doubts: why it may be wrong, see :mod:`zoo.dialogue.doubts`; empty if there is no reason.
    """

    text: str
    speaker: str
    label: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    valence: float = 0.0
    level: float = 0.0
    trend: float = 0.0
    escalate: bool = False
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The mood with its valence, such as ``angry (-0.82), escalate``."""
        valence = round(self.valence, 2) + 0.0  # never -0.00
        return f"{self.label} ({valence:+.2f})" + (", escalate" if self.escalate else "")

    def to_dict(self) -> dict[str, Any]:
        """The mood as plain JSON values."""
        return {
            "text": self.text,
            "label": self.label,
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
            "valence": round(self.valence, 4),
            "level": round(self.level, 4),
            "trend": round(self.trend, 4),
            "escalate": self.escalate,
            "doubts": list(self.doubts),
        }
