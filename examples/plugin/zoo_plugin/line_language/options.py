"""The options of fine-tuning line classifiers."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import FinetuneOptions


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions(FinetuneOptions):
    """The usual options, with another default."""

    epochs: int = 10
