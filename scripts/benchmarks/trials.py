#!/usr/bin/env python3
"""Try values of the translator in short runs, all from nothing and all on the same pairs.

    scripts/benchmarks/trials.py                                # all trials, about 25 minutes
    scripts/benchmarks/trials.py --only "twice the rate" --steps 20 --out trials.csv   # a look

Each trial goes once over a third of the pairs that seq2seq_lstm.tatoeba learns from, without
dropout, with a rate that falls to zero. What counts is the cross-entropy of a whole validation
sentence, since that of a token depends on how many tokens there are. Rows of trials that are run
again are replaced. Writes docs/experiments/translation_trials.csv.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHARE = 3
TRIALS: dict[str, dict[str, Any]] = {
    "as the recipe began": {},
    "vocabulary of 16,000": {"vocabulary_size": 16_000},
    "attention scaled": {"attention": "scaled"},
    "no attention, but as many weights": {"attention": "none", "units": 552},
    "twice the rate": {"learning_rate": 4e-3},
    "four times the rate": {"learning_rate": 8e-3},
    "two decoder layers, three times the rate": {"decoder_layers": 2, "learning_rate": 6e-3},
}
COLUMNS = (
    "label",
    "changes",
    "parameters",
    "steps",
    "seconds",
    "nats_per_token",
    "nats_per_sentence",
    "versions",
    "processor",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="TRIAL")
    parser.add_argument("--steps", type=int, help="so many steps instead of the whole pass")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs/experiments/translation_trials.csv"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print("result", json.dumps(run(args.worker, args.steps)), flush=True)
        return
    rows = {}
    if args.out.exists():
        with args.out.open(newline="") as file:
            rows = {row["label"]: row for row in csv.DictReader(file)}
    for label in args.only:
        rows[label] = ask(label, args.steps)
        print(f"{label}: {rows[label]['nats_per_sentence']} nats a sentence", file=sys.stderr)
        with args.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows[name] for name in TRIALS if name in rows)


def ask(label: str, steps: int | None) -> dict[str, Any]:
    """The row of a trial, from a process of its own, so that none is slowed by those before."""
    command = [sys.executable, __file__, "--worker", label]
    command += ["--steps", str(steps)] if steps else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("result "))
    row: dict[str, Any] = json.loads(line.removeprefix("result "))
    return row


def run(label: str, steps: int | None) -> dict[str, Any]:
    """Train by the values of a trial."""
    import keras
    import tensorflow as tf

    from zoo.folder.provenance import processor_name
    from zoo.registry import resolve
    from zoo.training.plan import Plan
    from zoo.training.rundir import RunDirectory
    from zoo.training.trainer import Trainer
    from zoo.translation.datasets import load_translations
    from zoo.translation.seq2seq_lstm import build
    from zoo.translation.seq2seq_values import Seq2SeqConfig
    from zoo.translation.training.examples import make_examples
    from zoo.translation.training.objective import Seq2SeqObjective
    from zoo.translation.training.pairs import pairs_of, with_copies
    from zoo.translation.training.run import COPIED_SHARE, LONGEST, learn_subwords

    recipe = resolve("zoo.recipes.seq2seq_lstm:MODELS")["seq2seq_lstm.tatoeba"]
    changes = dict(TRIALS[label])
    plan = Plan(epochs=1, learning_rate=changes.pop("learning_rate", 2e-3), warmup_steps=500)
    size = changes.pop("vocabulary_size", recipe.vocabulary_size)
    training, validation = (
        load_translations(recipe.corpus, split) for split in ("train", "validation")
    )
    processor = learn_subwords(training, size, recipe.directions)
    pairs = with_copies(pairs_of(training, recipe.directions), COPIED_SHARE)
    examples = make_examples(pairs, processor, LONGEST)
    chosen = slice(None, None, SHARE)
    examples = dataclasses.replace(
        examples,
        source=examples.source[chosen],
        target=examples.target[chosen],
        language=examples.language[chosen],
    )
    judged = make_examples(pairs_of(validation, recipe.directions), processor, LONGEST)
    config = Seq2SeqConfig(
        len(processor),
        **{**recipe.network, **recipe.plans[1].network, **changes},
    )
    keras.utils.set_random_seed(0)
    objective = Seq2SeqObjective(
        build(config, dtype=plan.dtype), config, examples, judged, batch=recipe.batch, seed=0
    )
    objective.steps_per_epoch = steps or objective.steps_per_epoch
    with tempfile.TemporaryDirectory() as folder, RunDirectory(Path(folder) / "run", {}) as made:
        trainer = Trainer(objective, plan, made)
        trainer.train()
        seconds = trainer.history.rows[-1]["seconds"]
    # What is measured is the cross-entropy without the smoothing that it learns by.
    loss = Seq2SeqObjective(
        objective.network,
        config,
        examples,
        judged,
        batch=recipe.batch,
        seed=0,
        label_smoothing=0.0,
    ).validate()
    return {
        "label": label,
        "changes": ", ".join(f"{key} {value}" for key, value in TRIALS[label].items()),
        "parameters": config.parameters(),
        "steps": objective.steps_per_epoch,
        "seconds": seconds,
        "nats_per_token": round(loss, 4),
        "nats_per_sentence": round(loss * float(judged.lengths()[1].mean()), 3),
        "versions": f"keras {keras.__version__} tensorflow {tf.__version__}",
        "processor": processor_name(),
    }


if __name__ == "__main__":
    main()
