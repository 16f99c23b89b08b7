"""The options of fine-tuning mood readers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions


@dataclass(frozen=True, kw_only=True)
class MoodOptions(BatchOptions):
    """How a mood reader is fine-tuned.

    The options that are not told here are those of :class:`~zoo.training.plan.BatchOptions`.

    Args:
        validation: fraction of the conversations held out for validation.
        batch: messages in a batch.
    """

    patience: int = 5
    learning_rate: float = 2e-3
    batch: int = 64
