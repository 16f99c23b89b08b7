"""How a training run goes, as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.folder.manifest import MANIFEST


@dataclass(frozen=True)
class Plan:
    """How to train.

    Args:
        epochs: passes over the training data.
        learning_rate: its peak.
        warmup_steps: steps of linear rise to the peak.
        final_share: share of the peak that the cosine decay ends at; 1.0 keeps the rate constant.
        weight_decay: of AdamW (Loshchilov and Hutter 2019), not on biases.
        beta_2: of AdamW.
        clip_norm: largest global norm of a gradient.
        average: decay per step of the exponential moving average of the weights that is validated
            and kept (Polyak and Juditsky 1992); 0.0 for none.
        patience: stop after so many epochs without a better validation loss; 0 for never.
        seed: of weights, dropout and data order.
        dtype: Keras dtype policy of the network while it trains.
        network: values of the network that are others under this plan, such as its dropout.
        values: values of the recipe that are others under this plan, such as shares of the data.
        start_shares: where a plan goes on from other weights: shares of these that are tried in
            the mean of the two, the best by validation being kept (Wortsman et al. 2022,
            arXiv:2109.01903).
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
    dtype: str = "mixed_bfloat16"
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


@dataclass(frozen=True)
class Stage:
    """One of several plans that a model is trained by.

    Args:
        plan: how to train.
        folder: the stage's run.
        start: the model folder to start from, or ``None`` to start from scratch.
        last: whether the model is finished with it.
    """

    plan: Plan
    folder: Path
    start: Path | None
    last: bool


def stages(plans: Sequence[Plan], out: Path, **changes: Any) -> Iterator[Stage]:
    """What is left to do of several plans, each from the best weights of the last.

    A stage's model folder must be there when the next stage is asked for.

    Args:
        plans: how to train, in order.
        out: folder of the last stage; those before it lie in its ``training/``.
        **changes: fields of each plan to change, such as ``epochs=1``.
    """
    start = None
    for number, plan in enumerate(plans, 1):
        last = number == len(plans)
        folder = out if last else out / "training" / f"stage_{number}"
        if last or not (folder / MANIFEST).exists():
            yield Stage(replace(plan, **changes), folder, start, last)
        start = folder
