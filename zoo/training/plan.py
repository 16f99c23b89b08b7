"""How a model is trained, as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.folder.manifest import MANIFEST
from zoo.training.precision import AUTO


@dataclass(frozen=True)
class Plan:
    """How to train.

    Args:
        epochs: maximum number of epochs.
        learning_rate: its peak.
        warmup_steps: steps of linear warm-up to the peak.
        final_share: fraction of the peak at which the cosine decay ends; 1.0 keeps the rate
            constant.
        weight_decay: of AdamW (Loshchilov and Hutter 2019), not on biases.
        beta_2: of AdamW.
        clip_norm: maximum global norm of the gradients.
        average: decay per step of the exponential moving average of the weights, which is what is
            validated and kept (Polyak and Juditsky 1992); 0.0 for none.
        patience: early stopping: stop after this many epochs without improvement on the validation
            set; 0 for never.
        seed: of weights, dropout and data order.
        dtype: Keras dtype policy of the network during training; ``"auto"`` is
            ``"mixed_bfloat16"`` where the processor multiplies in bfloat16, else ``"float32"``.
        network: values of the network that this plan overrides, such as its dropout.
        values: values of the recipe that this plan overrides, such as how much of a corpus is used.
        start_shares: for a plan that starts from the weights of another: weights of the start in
            the average of start and result that are tried; the best on the validation set is kept
            (Wortsman et al. 2022, arXiv:2109.01903).
        checkpoint_seconds: time between checkpoints.
    """

    epochs: int
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    final_share: float = 0.0
    weight_decay: float = 0.01
    beta_2: float = 0.99
    clip_norm: float = 1.0
    average: float = 0.999
    patience: int = 0
    seed: int = 0
    dtype: str = AUTO
    network: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    start_shares: tuple[float, ...] = ()
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"epochs must be at least 1, not {self.epochs}")
        if not self.learning_rate > 0 or not math.isfinite(self.learning_rate):
            raise UsageError(f"learning rate must be above 0, not {self.learning_rate}")
        if self.patience < 0:
            raise UsageError(f"patience must be 0 (never) or more, not {self.patience}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"seed must be from 0 to 2**32 - 1, not {self.seed}")


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """How a model is fine-tuned; a task has defaults of its own and may add options.

    Args:
        epochs: maximum number of epochs.
        patience: early stopping: stop after this many epochs without improvement on the validation
            set; 0 for never.
        learning_rate: its peak.
        validation: fraction of the data held out for validation.
        seed: of dropout, data order, augmentation and the choice of the validation set.

    Raises:
        UsageError: a value is out of range.
    """

    epochs: int = 20
    patience: int = 3
    learning_rate: float = 1e-3
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.validation < 1:
            raise UsageError(
                f"validation must be a fraction between 0 and 1, not {self.validation}"
            )
        self.plan()  # which checks the other values

    def plan(self) -> Plan:
        """The plan that these options make."""
        return Plan(
            epochs=self.epochs,
            patience=self.patience,
            learning_rate=self.learning_rate,
            average=0.99,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class BatchOptions(FinetuneOptions):
    """How a model is fine-tuned in batches of a chosen size.

    The options that are not told here are those of :class:`FinetuneOptions`.

    Args:
        batch: examples in a batch; fewer when there are few.
    """

    batch: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch < 1:
            raise UsageError(f"batch must be at least 1, not {self.batch}")

    def batch_for(self, examples: int) -> int:
        """The size of a batch: at least four steps an epoch, so that a few examples are not one.

        Args:
            examples: number of training examples.
        """
        return max(1, min(self.batch, examples // 4))


@dataclass(frozen=True)
class Stage:
    """One of several plans by which a model is trained.

    Args:
        plan: how to train.
        folder: the run's folder; a run in it that was broken off is continued.
        start: the model folder to start from, or ``None`` to start from scratch. Its weights are
            kept if nothing does better.
        last: whether this stage finishes the model.
        command: the command line that trains the model, for its card; empty where there is none.
    """

    plan: Plan
    folder: Path
    start: Path | None = None
    last: bool = True
    command: str = ""


def stages(plans: Sequence[Plan], out: Path, command: str = "", **changes: Any) -> Iterator[Stage]:
    """The stages that are left to train of several plans, each from the best weights of the last.

    A stage's model folder must exist when the next stage is asked for.

    Args:
        plans: how to train, in order.
        out: folder of the last stage; those of the earlier ones are in its ``training/``.
        command: the command line that trains the model, for its card.
        **changes: fields of each plan to change, such as ``epochs=1``.
    """
    start = None
    for number, plan in enumerate(plans, 1):
        last = number == len(plans)
        folder = out if last else out / "training" / f"stage_{number}"
        if last or not (folder / MANIFEST).exists():
            yield Stage(replace(plan, **changes), folder, start, last, command)
        start = folder
