"""The options of fine-tuning taggers, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions, Plan


@dataclass(frozen=True, kw_only=True)
class TaggerOptions(BatchOptions):
    """How a tagger is fine-tuned.

    The options that are not told here are those of :class:`~zoo.training.plan.BatchOptions`.

    Args:
        validation: fraction of the messages held out for validation.
        batch: messages in a batch; fewer when there are few.
        keep_labels: keep the model's labels and intents that the data does not have; any word
            that is not marked may then be one.
    """

    epochs: int = 30
    patience: int = 8
    learning_rate: float = 3e-3
    batch: int = 16
    keep_labels: bool = False

    def plan(self) -> Plan:
        """The plan that these options make."""
        return Plan(
            self.epochs,
            self.learning_rate,
            warmup_steps=20,
            patience=self.patience,
            average=0.98,
            seed=self.seed,
        )
