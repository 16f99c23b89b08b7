"""The options of fine-tuning speech recognisers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import UsageError
from zoo.training.plan import FinetuneOptions


@dataclass(frozen=True, kw_only=True)
class RecogniserOptions(FinetuneOptions):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1:
            raise UsageError(f"batch must be at least 1, not {self.batch}")
