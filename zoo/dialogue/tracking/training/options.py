"""The options of fine-tuning trackers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions


@dataclass(frozen=True, kw_only=True)
class TrackerOptions(BatchOptions):
    """How a tracker is fine-tuned.

    The options that are not told here are those of :class:`~zoo.training.plan.BatchOptions`.

    Args:
        validation: fraction of the dialogues held out for validation.
        batch: turns in a batch.
    """

    patience: int = 6
    learning_rate: float = 2e-3
    batch: int = 16
