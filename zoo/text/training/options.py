"""The options of fine-tuning character models, which are those of ``zoo finetune`` too."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from zoo.errors import UsageError
from zoo.training.plan import FinetuneOptions, Plan

_EPOCHS = 20
_UPDATES = 600
"""Updates that a fine-tuning should have; a short text has few in an epoch."""


@dataclass(frozen=True, kw_only=True)
class LanguageModelOptions(FinetuneOptions):
    """How a character model is fine-tuned.

    Args:
        epochs: maximum number of epochs; left out, 20, or as many as a short text needs for 600
            updates.
        patience: stop after this many epochs without improvement; 0 for never. Where a short text
            has more epochs, it is longer in proportion.
        learning_rate: its peak.
        validation: fraction of the text, at its end, held out for validation.
        seed: of dropout and data order.
        batch: parallel streams of text; fewer when the text is short.
        window: characters of backpropagation through time.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int | None = None  # type: ignore[assignment]
    batch: int = 32
    window: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1 or self.window < 1:
            raise UsageError("batch and window must be at least 1")

    def for_text(self, updates: int) -> Self:
        """These options for a text.

        Args:
            updates: of one epoch.
        """
        if self.epochs is not None:
            return self
        epochs = max(_EPOCHS, math.ceil(_UPDATES / updates))
        return replace(self, epochs=epochs, patience=round(self.patience * epochs / _EPOCHS))

    def plan(self) -> Plan:
        """The plan that these options make."""
        return super().plan() if self.epochs is not None else replace(self, epochs=_EPOCHS).plan()
