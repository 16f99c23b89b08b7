"""Training for the comparison: one architecture for so many minutes, in a process of its own.

Every architecture gets the same text, the same minutes and the same machine, or one core of it. How
many epochs fit is measured first, since the rate of learning falls to zero over a number of steps;
where not even one fits, the text is cut to what does.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ARCHITECTURES = ("char_lstm", "char_gru", "char_rnn", "char_transformer")
_TIMED, _BEFORE = 8, 3  # steps that are timed, and those before them


def values_of(architecture: str, changes: dict[str, Any]) -> Any:
    """The recipe's values of ``ARCHITECTURE.shakespeare`` in one plan, with changes.

    Args:
        architecture: one of :data:`ARCHITECTURES`.
        changes: fields of the plan such as ``learning_rate`` and ``seed``; ``dropout``, which is
            the network's ``hidden_dropout``, to which its others keep their ratio; others are the
            network's.
    """
    from zoo.recipes.char_lstm import MODELS

    values = MODELS[f"{architecture}.shakespeare"]
    plan = values.plans[0]
    network = dict(values.network)
    for key, value in changes.items():
        if key == "dropout":
            factor = value / network["hidden_dropout"]
            for name in network:
                if name.endswith("dropout"):
                    network[name] = round(network[name] * factor, 4)
        elif hasattr(plan, key):
            plan = replace(plan, **{key: value})
        else:
            network[key] = value
    return replace(values, network=network, plans=(plan,))


def train_for(architecture: str, minutes: float, out: Path, changes: dict[str, Any]) -> Path:
    """Train one architecture; what is in ``out`` already is continued or kept.

    Returns:
        ``out``, a model folder.
    """
    from zoo.datasets import load_text
    from zoo.text.processor import Characters
    from zoo.text.training.run import LanguageModelTraining
    from zoo.training import run
    from zoo.training.plan import stages

    values = values_of(architecture, changes)
    text = load_text(values.corpus)
    training = LanguageModelTraining(
        card=values.card(f"{architecture}.shakespeare"),
        characters=Characters.of_text(*text.values()),
        training=text["train"],
        validation=text["validation"],
        network=values.network,
        batch=values.batch,
        window=values.window,
    )
    told = epochs_file(out)
    if not told.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        told.write_text(f"{60 * minutes / epoch_seconds(training, values.plans[0]):.3f}")
    epochs = float(told.read_text())  # an interrupted run goes on with what it began with
    if epochs < 1:
        training = replace(training, training=text["train"][: round(epochs * len(text["train"]))])
    plan = replace(values.plans[0], epochs=max(1, round(epochs)))
    for stage in stages((plan,), out, f"{architecture} for {minutes:g} minutes"):
        run.train(training, stage)
    return out


def epochs_file(out: Path) -> Path:
    """Where it stands how many epochs a run has, or which part of one."""
    return out.with_name(f"{out.name}.epochs")


def epoch_seconds(training: Any, plan: Any) -> float:
    """Seconds of an epoch, by a few steps of training."""
    import keras
    import tensorflow as tf

    from zoo.loading import make_task
    from zoo.network import build_network
    from zoo.training.precision import training_dtype

    config = training.config(training.characters)
    network = build_network(training.architecture, config, training_dtype(plan.dtype))
    task = make_task(
        training.architecture.name, network, config, training.characters, training.card
    )
    objective = training.objective(task, 0)
    optimizer = keras.optimizers.AdamW(1e-6)
    variables = network.trainable_variables

    @tf.function
    def step(batch: Any, carry: Any) -> Any:
        with tf.GradientTape() as tape:
            loss, carry = objective.loss(batch, carry, True)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return carry

    carry: Any = objective.initial_carry()
    started = 0.0
    for number, batch in enumerate(objective.batches(0)[: _BEFORE + _TIMED]):
        if number == _BEFORE:
            started = time.perf_counter()
        carry = step(tuple(map(tf.constant, batch)), carry)
    return (time.perf_counter() - started) / _TIMED * objective.steps_per_epoch


def history_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's history, with ``total`` seconds of training up to each."""
    (path,) = folder.rglob("history.csv")
    total, rows = 0.0, []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            total += float(row["seconds"])
            rows.append({**row, "total": total, "loss": float(row["validation_loss"])})
    return rows


def in_processes(runs: Iterable[tuple[str, float, Path, dict[str, Any]]], at_once: int) -> None:
    """:func:`train_for` each in a process of its own, so that no run has another's memory.

    Args:
        runs: the arguments of each; what is finished is left alone.
        at_once: 1: each has the whole machine; more: so many at once, each on a core of its own.
            Two small networks on a core each learn more in the same time than one on both.
    """
    cores: SimpleQueue[list[int]] = SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[:at_once]:
        cores.put([core] if at_once > 1 else sorted(os.sched_getaffinity(0)))

    def one(run: tuple[str, float, Path, dict[str, Any]]) -> None:
        architecture, minutes, out, changes = run
        taken = cores.get()
        try:
            given = json.dumps([architecture, minutes, str(out), changes, taken])
            subprocess.run([sys.executable, str(Path(__file__)), given], check=True)
        finally:
            cores.put(taken)

    left = [run for run in runs if not (run[2] / "manifest.json").exists()]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, left))


if __name__ == "__main__":
    name, length, folder, changed, taken_cores = json.loads(sys.argv[1])
    os.sched_setaffinity(0, taken_cores)  # before TensorFlow counts them
    train_for(name, length, Path(folder), changed)
