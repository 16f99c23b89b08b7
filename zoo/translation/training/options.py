"""The options of fine-tuning translators, which are those of ``zoo finetune`` too."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.training.plan import BatchOptions, Plan


@dataclass(frozen=True, kw_only=True)
class TranslatorOptions(BatchOptions):
    """How a translator is fine-tuned.

    The options that are not told here are those of :class:`~zoo.training.plan.BatchOptions`.

    Args:
        validation: fraction of the sources held out for validation, with all their translations.
        batch: pairs in a batch; fewer when there are few.
        both_ways: train each pair in the other direction too.
    """

    learning_rate: float = 5e-4
    batch: int = 64
    both_ways: bool = False

    def plan(self) -> Plan:
        """The plan that these options make."""
        return Plan(
            self.epochs,
            self.learning_rate,
            warmup_steps=50,
            patience=self.patience,
            seed=self.seed,
        )
