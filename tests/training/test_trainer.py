"""The training loop's optimiser: gradients are clipped, biases do not decay."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import ZooError
from zoo.folder.figures import Measure
from zoo.training.plan import Plan
from zoo.training.rundir import RunDirectory
from zoo.training.trainer import Trainer


class Slope:
    """An objective whose gradient is the same in every weight: a number for each batch."""

    validation_figure = Measure("sum", "")

    def __init__(self, network: keras.Model, gradients: Sequence[float]) -> None:
        self.network, self.gradients = network, gradients
        self.steps_per_epoch = len(gradients)

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        return [(np.float32(gradient),) for gradient in self.gradients]

    def initial_carry(self) -> list[np.ndarray]:
        return []

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        total = sum(tf.reduce_sum(v.value) for v in self.network.trainable_variables)
        return batch[0] * total, carry

    def validate(self) -> float:
        return float(sum(v.numpy().sum() for v in self.network.trainable_variables))


def train(
    out: Path, network: keras.Model, gradients: Sequence[float], **plan: Any
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each weight before and after training on batches with these gradients."""
    for variable in network.weights:
        variable.assign(np.full(variable.shape, 1.0))
    before = {v.path: v.numpy() for v in network.weights}
    settings = {"weight_decay": 0.0, "average": 0.0, "warmup_steps": 0} | plan
    with RunDirectory(out, {}) as run:
        Trainer(Slope(network, gradients), Plan(epochs=1, **settings), run).train()
    return {v.path: (before[v.path], v.numpy()) for v in network.weights}


def small_network() -> keras.Model:
    layers = [keras.layers.LSTM(3, name="lstm"), keras.layers.Dense(1, name="dense")]
    return keras.Sequential([keras.Input((None, 2)), *layers])


def test_gradients_are_clipped_to_the_global_norm(tmp_path: Path) -> None:
    network = small_network()
    # Adam moves by the gradients' ratios to each other, so the later ones tell of the first.
    small = 0.1 / np.sqrt(network.count_params())
    limit = 2.0 / np.sqrt(network.count_params())

    def end(name: str, first: float, clip_norm: float) -> np.ndarray:
        trained = train(
            tmp_path / name, network, [first, small, small], clip_norm=clip_norm, learning_rate=0.1
        )
        return np.concatenate([after.ravel() for _, after in trained.values()])

    clipped = end("clipped", 1000.0, 2.0)
    np.testing.assert_allclose(clipped, end("at the limit", limit, 2.0), atol=1e-5)
    assert np.abs(clipped - end("unlimited", 1000.0, 1e9)).min() > 1e-3


def test_weights_decay_and_biases_do_not(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", small_network(), [0.0] * 5, weight_decay=0.5)
    biases = {path for path in trained if path.endswith("/bias")}
    assert len(biases) == 2
    for path, (before, after) in trained.items():
        if path in biases:
            np.testing.assert_array_equal(after, before)
        else:
            assert (after < before - 1e-4).all(), path


@pytest.mark.parametrize("higher", [False, True])
def test_the_best_epoch_is_the_one_that_its_measure_calls_best(
    tmp_path: Path, higher: bool
) -> None:
    network = small_network()
    objective = Slope(network, [1.0, 1.0])  # the sum of the weights falls from epoch to epoch
    objective.validation_figure = Measure("sum", "", higher_is_better=higher)
    plan = Plan(epochs=4, patience=1, average=0.0, warmup_steps=0)
    with RunDirectory(tmp_path / "run", {}) as run:
        best = Trainer(objective, plan, run).train()
        with (run.training / "history.csv").open(newline="") as file:
            sums = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    assert sums == sorted(sums, reverse=True)
    assert len(sums) == (2 if higher else 4)
    assert best == sums[0 if higher else -1]
    assert objective.validate() == pytest.approx(best)


def test_a_checkpoint_of_another_run_does_not_fit_and_says_so(tmp_path: Path) -> None:
    objective = Slope(small_network(), [1.0])
    plan = Plan(epochs=1)
    with RunDirectory(tmp_path / "run", {}) as run:
        trainer = Trainer(objective, plan, run)
        state = {name: np.asarray(v.numpy()) for name, v in trainer._state().items()}
        facts = {"epoch": 0, "done": 0, "best_loss": 1.0, "history": [], "plan": asdict(plan)}
        name = "network/0"
        for arrays, told in [
            ({**state, name: np.zeros(7)}, facts),
            ({**state, name: np.asarray("text")}, facts),
            (state, facts),  # which has no best weights
            (state, {}),
            (state, {**facts, "plan": 3}),
        ]:
            run.save_checkpoint(arrays, told)
            with pytest.raises(ZooError, match=r"damaged|other values"):
                trainer.train()


def test_training_leaves_no_file_outside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's autograph writes Python files, which stay behind when the process is killed."""
    made: list[str] = []
    real = tempfile.NamedTemporaryFile

    def watched(*args: Any, **options: Any) -> Any:
        made.append(str(options))
        return real(*args, **options)

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", watched)
    train(tmp_path / "run", small_network(), [1.0, 1.0])
    assert made == []


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (None, "best {best:.4f} in epoch 2; ended after 2 epochs\n"),
        (100.0, "start 100.0000, best {best:.4f} in epoch 2; ended after 2 epochs\n"),
        (-100.0, "kept the start (-100.0000): no epoch improved on it; ended after 2 epochs\n"),
    ],
)
def test_the_end_says_what_was_reached_and_why_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], start: float | None, said: str
) -> None:
    objective = Slope(small_network(), [1.0, 1.0])
    plan = Plan(epochs=2, average=0.0, warmup_steps=0)
    with RunDirectory(tmp_path / "run", {}) as run:
        trainer = Trainer(objective, plan, run, None, start)
        trainer.train()
        best = trainer.history.rows[-1]["validation_loss"]
    assert capsys.readouterr().out.endswith(said.format(best=best))


def test_one_graph_serves_batches_of_all_lengths(tmp_path: Path) -> None:
    class Rows(Slope):
        traced = 0

        def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
            return [(np.full(3 + 2 * n, g, np.float32),) for n, g in enumerate(self.gradients)]

        def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
            self.traced += 1
            return super().loss((tf.reduce_mean(batch[0]),), carry, training)

    rows = Rows(small_network(), [1.0] * 10)
    with RunDirectory(tmp_path, {}) as run:
        Trainer(rows, Plan(epochs=2), run).train()
    assert rows.traced == 1
