"""The options of fine-tuning character models, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import UsageError
from zoo.training.plan import FinetuneOptions


@dataclass(frozen=True, kw_only=True)
class LanguageModelOptions(FinetuneOptions):
    """How a character model is fine-tuned.

    Args:
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement; 0 for never.
        learning_rate: its peak.
        validation: fraction of the text, at its end, held out for validation.
        seed: of dropout and data order.
        batch: parallel streams of text; fewer when the text is short.
        window: characters of backpropagation through time.

    Raises:
        UsageError: a value is out of range.
    """

    batch: int = 32
    window: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1 or self.window < 1:
            raise UsageError("batch and window must be at least 1")
