"""The options of fine-tuning speech recognisers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions


@dataclass(frozen=True, kw_only=True)
class RecogniserOptions(BatchOptions):
    """How a speech recogniser is fine-tuned.

    Args:
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement; 0 for never.
        learning_rate: its peak.
        validation: fraction of the recordings held out for validation, chosen by the hash of their
            names.
        seed: of dropout, data order and augmentation.
        batch: recordings in a batch.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int = 30
    patience: int = 8
    learning_rate: float = 3e-4
    batch: int = 16
