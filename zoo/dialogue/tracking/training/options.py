"""The options of fine-tuning trackers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions


@dataclass(frozen=True, kw_only=True)
class TrackerOptions(BatchOptions):
    """How a tracker is fine-tuned.

    Args:
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement; 0 for never.
        learning_rate: its peak.
        validation: fraction of the dialogues held out for validation.
        seed: of dropout, data order and the choice of the validation set.
        batch: turns in a batch.

    Raises:
        UsageError: a value is out of range.
    """

    patience: int = 6
    learning_rate: float = 2e-3
    batch: int = 16
