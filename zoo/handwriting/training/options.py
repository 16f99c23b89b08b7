"""The options of fine-tuning handwriting recognisers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import UsageError
from zoo.training.plan import FinetuneOptions


@dataclass(frozen=True, kw_only=True)
class HandwritingOptions(FinetuneOptions):
    """How a handwriting recogniser is fine-tuned.

    Args:
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement; 0 for never.
        learning_rate: its peak.
        validation: fraction of the lines held out for validation, where the folder names no splits.
        seed: of dropout, data order and augmentation.
        limit: maximum number of lines to train on.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int = 30
    patience: int = 6
    limit: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit must be at least 1, not {self.limit}")
