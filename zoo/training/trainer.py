"""The training loop of every task.

It can be killed at any moment and started again with the same values: it then goes on from its last
checkpoint and ends at the same weights as a run that was never broken, because all that the next
step depends on (weights, optimiser, averaged weights, random states, carried recurrent state, place
in the data) is in the checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.errors import ZooError
from zoo.training.ahead import made_ahead
from zoo.training.history import History
from zoo.training.objective import Objective
from zoo.training.plan import Plan
from zoo.training.rundir import RunDirectory, damaged_checkpoint, differences


class Trainer:
    """Trains an objective by a plan inside a run directory.

    Args:
        objective: network, batches and loss.
        plan: how to train.
        run: where checkpoints, history and pictures go.
        on_epoch: called after each epoch with its number (from 1) while the averaged weights are in
            the network, to write samples for example.
        start_loss: validation figure of the weights as they are; they are kept if nothing beats it.
    """

    def __init__(
        self,
        objective: Objective,
        plan: Plan,
        run: RunDirectory,
        on_epoch: Callable[[int], None] | None = None,
        start_loss: float | None = None,
    ) -> None:
        self.objective, self.plan, self.run_directory = objective, plan, run
        self.on_epoch = on_epoch
        self._measure = objective.validation_figure
        self.history = History(self._measure)
        self._trainable = objective.network.trainable_variables
        self._schedule = self._make_schedule()
        self._optimizer = self._make_optimizer()
        self._average = [tf.Variable(v.value, trainable=False) for v in self._trainable]
        self._best = [v.numpy() for v in self._trainable]
        self._start_loss = start_loss
        self._best_loss = self._measure.worst if start_loss is None else start_loss
        self._compiled_step = tf.function(self._step, reduce_retracing=True, autograph=False)

    def train(self) -> float:
        """Train to the end of the plan, or go on from the last checkpoint.

        The best averaged weights by validation are in the network afterwards.

        Returns:
            The best value of the validation figure.

        Raises:
            ZooError: the loss became NaN or infinite, or a checkpoint does not fit.
        """
        epoch, done, carry, losses = self._resume()
        total = self.plan.epochs * self.objective.steps_per_epoch
        start = epoch * self.objective.steps_per_epoch + done
        with tqdm(total=total, initial=start, unit="step", desc="training") as bar:
            while epoch < self.plan.epochs and not self._stalled():
                self._train_epoch(epoch, done, carry, losses, bar)
                epoch, done, losses = epoch + 1, 0, []
                carry = self.objective.initial_carry()
                self._save(epoch, done, carry, losses)
            bar.write(self._ending())
        for variable, value in zip(self._trainable, self._best, strict=True):
            variable.assign(value)
        return self._best_loss

    def _train_epoch(
        self, epoch: int, done: int, carry: list[Any], losses: list[float], bar: tqdm
    ) -> None:
        indices = range(done, self.objective.steps_per_epoch)
        make = self.objective.batches(epoch).__getitem__
        # Some batches take longer to make than to train on, and some less.
        with closing(made_ahead(make, indices, threads=1)) as batches:
            first = list(islice(batches, _TRACED))
            if first:
                self._trace(first, carry)
            saved = started = time.monotonic()
            for index, arrays in zip(indices, chain(first, batches), strict=True):
                batch = tuple(tf.constant(array) for array in arrays)
                loss, carry = self._compiled_step(batch, [tf.convert_to_tensor(c) for c in carry])
                losses.append(float(loss))
                if not math.isfinite(losses[-1]):
                    raise ZooError(
                        f"the loss became {losses[-1]} in epoch {epoch + 1}; "
                        "try a lower learning rate"
                    )
                bar.update()
                bar.set_postfix(loss=f"{np.mean(losses[-50:]):.4f}", refresh=False)
                if time.monotonic() - saved > self.plan.checkpoint_seconds:
                    self._save(epoch, index + 1, carry, losses)
                    saved = time.monotonic()
        self._finish_epoch(epoch, losses, time.monotonic() - started, bar)

    def _finish_epoch(self, epoch: int, losses: list[float], seconds: float, bar: tqdm) -> None:
        live = [v.numpy() for v in self._trainable]
        if self.plan.average:
            for variable, average in zip(self._trainable, self._average, strict=True):
                variable.assign(average)
        validation = self.objective.validate()
        if self._measure.is_better(validation, self._best_loss):
            self._best_loss, self._best = validation, [v.numpy() for v in self._trainable]
        rate = float(keras.ops.convert_to_numpy(self._schedule(self._optimizer.iterations)))
        self.history.add(
            epoch=epoch + 1,
            step=(epoch + 1) * self.objective.steps_per_epoch,
            seconds=round(seconds, 1),
            learning_rate=rate,
            training_loss=float(np.mean(losses)),
            validation_loss=validation,
        )
        last = epoch + 1 == self.plan.epochs or self._stalled()
        self.history.write(self.run_directory, last=last)
        bar.write(
            f"epoch {epoch + 1}/{self.plan.epochs}  training {np.mean(losses):.4f}  "
            f"validation {validation:.4f}  best {self._best_loss:.4f}  {seconds:.0f} s"
        )
        if self.on_epoch:
            self.on_epoch(epoch + 1)
        for variable, value in zip(self._trainable, live, strict=True):
            variable.assign(value)

    def _stalled(self) -> bool:
        rows = self.history.rows
        if not self.plan.patience or not rows:
            return False
        best = self._measure.best(rows, key=lambda row: row["validation_loss"])
        return rows[-1]["epoch"] - best["epoch"] >= self.plan.patience

    def _ending(self) -> str:
        """What was reached, when, and why the training ended."""
        best = self._measure.best(self.history.rows, key=lambda row: row["validation_loss"])
        value, start = best["validation_loss"], self._start_loss
        ended = f"ended after {len(self.history.rows)} epochs"
        if self._stalled():
            ended += f", {self.plan.patience} without improvement"
        if start is not None and not self._measure.is_better(value, start):
            return f"kept the start ({start:.4f}): no epoch improved on it; {ended}"
        began = "" if start is None else f"start {start:.4f}, "
        return f"{began}best {value:.4f} in epoch {best['epoch']}; {ended}"

    def _trace(self, batches: Sequence[Sequence[np.ndarray]], carry: Sequence[Any]) -> None:
        """Make the graph of a step for batches of all the shapes that some have, once.

        Left to itself, TensorFlow makes one for the shapes of the first batch and then another.
        """
        if self._compiled_step.experimental_get_tracing_count():
            return
        batch = tuple(
            tf.TensorSpec([_only(sizes) for sizes in zip(*shapes, strict=True)], arrays[0].dtype)
            for arrays in zip(*batches, strict=True)
            for shapes in [[array.shape for array in arrays]]
        )
        states = [tf.TensorSpec(c.shape, c.dtype) for c in map(tf.convert_to_tensor, carry)]
        self._compiled_step.get_concrete_function(batch, states)

    def _step(self, batch: Any, carry: Any) -> tuple[Any, Any]:
        # Asked for a rate, Keras would work it out once for each weight.
        self._rate = self._schedule(self._optimizer.iterations)
        with tf.GradientTape() as tape:
            loss, carry = self.objective.loss(batch, carry, training=True)
        gradients = tape.gradient(loss, [v.value for v in self._trainable])
        self._optimizer.apply(gradients, self._trainable)
        if self.plan.average:
            # Early on the mean runs over what there is, so that the random start soon drops out.
            step = tf.cast(self._optimizer.iterations.value, "float32")
            decay = tf.minimum(self.plan.average, (1.0 + step) / (10.0 + step))
            for variable, average in zip(self._trainable, self._average, strict=True):
                average.assign(decay * average + (1.0 - decay) * variable.value)
        return loss, carry

    def _make_schedule(self) -> Any:
        plan = self.plan
        total = plan.epochs * self.objective.steps_per_epoch
        warmup = min(plan.warmup_steps, max(1, total // 10))
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=plan.learning_rate / 100,
            warmup_target=plan.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, total - warmup),
            alpha=plan.final_share,
        )

    def _make_optimizer(self) -> keras.Optimizer:
        plan = self.plan
        optimizer = keras.optimizers.AdamW(
            lambda: self._rate,
            weight_decay=plan.weight_decay,
            beta_2=plan.beta_2,
            global_clipnorm=plan.clip_norm,
        )
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(self._trainable)
        return optimizer

    def _state(self) -> dict[str, Any]:
        """Every variable that the next step depends on, by a stable name."""
        named = {f"network/{i}": v for i, v in enumerate(self.objective.network.variables)}
        named |= {f"optimizer/{i}": v for i, v in enumerate(self._optimizer.variables)}
        named |= {f"average/{i}": v for i, v in enumerate(self._average)}
        return named

    def _save(self, epoch: int, done: int, carry: Sequence[Any], losses: list[float]) -> None:
        arrays = {name: np.asarray(v.numpy()) for name, v in self._state().items()}
        arrays |= {f"best/{i}": value for i, value in enumerate(self._best)}
        arrays |= {f"carry/{i}": _storable(value) for i, value in enumerate(carry)}
        arrays["losses"] = np.asarray(losses, np.float64)
        facts = {
            "epoch": epoch,
            "done": done,
            "best_loss": self._best_loss,
            "history": self.history.rows,
            "plan": asdict(self.plan),
        }
        self.run_directory.save_checkpoint(arrays, facts)

    def _resume(self) -> tuple[int, int, list[Any], list[float]]:
        loaded = self.run_directory.load_checkpoint()
        if loaded is None:
            return 0, 0, self.objective.initial_carry(), []
        try:
            return self._restore(*loaded)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged_checkpoint(self.run_directory.path, error) from None

    def _restore(
        self, arrays: dict[str, np.ndarray], facts: dict[str, Any]
    ) -> tuple[int, int, list[Any], list[float]]:
        state = self._state()
        saved = {name for name in arrays if name.split("/")[0] in _STATE_GROUPS}
        if saved != set(state) or differences(facts["plan"], self.plan):
            raise ZooError(
                f"the checkpoint in {self.run_directory.path} was made with other values; "
                "use them again or another --out"
            )
        for name, variable in state.items():
            variable.assign(arrays[name])
        self._best = [arrays[f"best/{i}"] for i in range(len(self._best))]
        self._best_loss = facts["best_loss"]
        self.history.rows = facts["history"]
        template = self.objective.initial_carry()
        carry = [arrays[f"carry/{i}"].astype(c.dtype) for i, c in enumerate(template)]
        return facts["epoch"], facts["done"], carry, arrays["losses"].tolist()


def _only(sizes: Sequence[int]) -> int | None:
    """What all are, if they are all the same."""
    return sizes[0] if len(set(sizes)) == 1 else None


_TRACED = 6  # batches whose shapes the graph of a step is made for
_STATE_GROUPS = ("network", "optimizer", "average")


def _storable(value: Any) -> np.ndarray:
    # NumPy files know no bfloat16; float32 holds every bfloat16 value.
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind not in "fiub" else array
