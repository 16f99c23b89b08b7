"""The options of fine-tuning mood readers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions


@dataclass(frozen=True, kw_only=True)
class MoodOptions(BatchOptions):
    """How a mood reader is fine-tuned.

    Args:
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement; 0 for never.
        learning_rate: its peak.
        validation: fraction of the conversations held out for validation.
        seed: of dropout, data order and the choice of the validation set.
        batch: messages in a batch.

    Raises:
        UsageError: a value is out of range.
    """

    patience: int = 5
    learning_rate: float = 2e-3
    batch: int = 64
