#!/usr/bin/env python3
"""Copy, adding and parentheses: what each architecture learns to carry over how many steps.

    scripts/benchmarks/synthetic_tasks.py --seconds 120 --lengths 50 200 1000 --processes 2
    scripts/benchmarks/synthetic_tasks.py --only char_lstm --tasks adding --lengths 50 --seeds 0

- copy (Hochreiter and Schmidhuber 1997; as in Arjovsky, Shah and Bengio 2016, arXiv:1511.06464):
  ten symbols out of eight, so many blanks, a sign, and then the ten symbols are to be written;
  solved if more than 99 % of the symbols are right.
- adding (Hochreiter and Schmidhuber 1997): of numbers between 0 and 1 two are marked, one in each
  half; their sum is to be given at the end; solved if the mean squared error is below 0.01, where
  always saying 1 has 0.167.
- parentheses: brackets open and close at random, up to nine deep; at each step the depth is to be
  named; solved if more than 99 % are right.

All are trained in the same way on fresh examples for the same seconds of one core, and judged on
256 others; a run ends when it has solved its task. It is the time of the processor that counts, so
that other work on the machine changes little. The networks have about 6,500 weights each, as in
Arjovsky et al.; larger ones learn less in the same time. Finished runs stand in the table and are
not run again. Writes docs/comparison/tasks.csv.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
TASKS, LENGTHS = ("copy", "adding", "parentheses"), (50, 100, 200, 500, 1000)
# Units of one recurrent layer, for about as many weights; the Transformer has two blocks of 16.
UNITS = {"char_lstm": 32, "char_gru": 38, "char_rnn": 72}
CELLS = {"char_lstm": "lstm", "char_gru": "gru", "char_rnn": "rnn"}
ARCHITECTURES = (*CELLS, "char_transformer")
WIDTH, HEADS, BLOCKS = 16, 2, 2
SYMBOLS, COPIED, DEEPEST = 8, 10, 9
BATCH, JUDGED, EVERY = 32, 256, 50
RATES = {"char_lstm": 3e-3, "char_gru": 3e-3, "char_rnn": 1e-3, "char_transformer": 1e-3}
COLUMNS = (
    *("task", "length", "architecture", "seed", "solved", "score"),
    *("steps", "seconds", "parameters", "processor"),
)
Batch = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=120.0, help="of training of each run")
    parser.add_argument("--processes", type=int, default=1, help="runs at once, of one core each")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/comparison/tasks.csv")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(json.dumps(run(*json.loads(args.worker))))
        return
    done = read(args.out)
    wanted = [
        (task, length, architecture, seed)
        for seed, task, length, architecture in itertools.product(
            args.seeds, args.tasks, args.lengths, args.only
        )
        if (task, str(length), architecture, str(seed)) not in done
    ]
    with ThreadPoolExecutor(args.processes) as pool:
        runs = {pool.submit(in_a_process, *one, args.seconds): one for one in wanted}
        for ended in as_completed(runs):
            row = ended.result()
            done[tuple(map(str, runs[ended]))] = row
            write(args.out, done)
            print(json.dumps(row), flush=True)


def in_a_process(
    task: str, length: int, architecture: str, seed: int, seconds: float
) -> dict[str, Any]:
    """:func:`run` in a process of its own."""
    given = json.dumps([task, length, architecture, seed, seconds])
    command = [sys.executable, __file__, "--worker", given]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    row: dict[str, Any] = json.loads(shown.splitlines()[-1])
    return row


def run(task: str, length: int, architecture: str, seed: int, seconds: float) -> dict[str, Any]:
    """Train one network on one task, on one core."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)
    draw = np.random.default_rng([seed, length])
    make, regression = EXAMPLES[task], task == "adding"
    network = build(task, length, architecture)
    loss = "mse" if regression else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(RATES[architecture], clipnorm=1.0)
    network.compile(optimizer, loss)
    judged = make(np.random.default_rng(10_000 + seed), length, JUDGED)
    network.train_on_batch(*make(draw, length, BATCH))  # compiled before the time runs
    spent, steps, score, solved = 0.0, 0, float("nan"), False
    while spent < seconds and not solved:
        started = time.process_time()
        for _ in range(EVERY):
            network.train_on_batch(*make(draw, length, BATCH))
            steps += 1
            if spent + time.process_time() - started > seconds:
                break
        spent += time.process_time() - started
        score, solved = judge(task, network, judged)
    return {
        "task": task,
        "length": length,
        "architecture": architecture,
        "seed": seed,
        "solved": int(solved),
        "score": round(score, 4),
        "steps": steps,
        "seconds": round(spent, 1),
        "parameters": network.count_params(),
        "processor": processor_name(),
    }


def judge(task: str, network: Any, judged: Batch) -> tuple[float, bool]:
    """The mean squared error of adding, the fraction of right symbols of the others; and whether
    that is enough."""
    x, y = judged
    found = network.predict(x, batch_size=64, verbose=0)
    if task == "adding":
        error = float(np.square(found - y).mean())
        return error, error < 0.01
    right = found.argmax(axis=-1) == y
    share = float(right[:, -COPIED:].mean() if task == "copy" else right.mean())
    return share, share > 0.99


def build(task: str, length: int, architecture: str) -> Any:
    """A network from the inputs of :data:`EXAMPLES` to their targets."""
    import keras

    from zoo.layers import recurrent_layer
    from zoo.text.char_transformer import CharTransformerConfig, transformer_blocks

    classes = {"copy": SYMBOLS + 2, "adding": 1, "parentheses": DEEPEST + 1}[task]
    steps = length + (2 * COPIED if task == "copy" else 0)
    transformer = architecture == "char_transformer"
    width = WIDTH if transformer else 16
    if task == "adding":
        given = keras.Input((steps, 2))
        x = keras.layers.Dense(width)(given)
    else:
        given = keras.Input((steps,), dtype="int32")
        x = keras.layers.Embedding(SYMBOLS + 2, width)(given)
    if transformer:
        config = CharTransformerConfig(
            SYMBOLS + 2, layers=BLOCKS, width=width, heads=HEADS, context=steps
        )
        positions = keras.ops.cumsum(keras.ops.ones_like(x[..., 0], dtype="int32"), axis=1) - 1
        x = transformer_blocks(x, positions, config, "float32")
    else:
        units = UNITS[architecture]
        x = recurrent_layer(CELLS[architecture], units, return_sequences=True)(x)
    if task == "adding":
        x = x[:, -1]
    return keras.Model(given, keras.layers.Dense(classes)(x))


def copy(draw: np.random.Generator, length: int, count: int) -> Batch:
    """Symbols 0 to 7, blank 8, sign 9."""
    symbols = draw.integers(0, SYMBOLS, (count, COPIED))
    x = np.full((count, length + 2 * COPIED), SYMBOLS)
    x[:, :COPIED] = symbols
    x[:, -COPIED - 1] = SYMBOLS + 1
    y = np.full_like(x, SYMBOLS)
    y[:, -COPIED:] = symbols
    return x, y


def adding(draw: np.random.Generator, length: int, count: int) -> Batch:
    """Numbers and marks ``(count, length, 2)``, and the sum of the marked ones ``(count, 1)``."""
    numbers = draw.random((count, length))
    marks, rows = np.zeros((count, length)), np.arange(count)
    for first, last in ((0, length // 2), (length // 2, length)):
        marks[rows, draw.integers(first, last, count)] = 1
    x = np.stack([numbers, marks], axis=-1).astype(np.float32)
    return x, (numbers * marks).sum(axis=1, keepdims=True).astype(np.float32)


def parentheses(draw: np.random.Generator, length: int, count: int) -> Batch:
    """Opening brackets 1 and closing ones 0, and how many are open after each."""
    x, y = np.zeros((count, length), np.int64), np.zeros((count, length), np.int64)
    depth = np.zeros(count, np.int64)
    for step in range(length):
        opens = (draw.random(count) < 0.5) & (depth < DEEPEST) | (depth == 0)
        depth += np.where(opens, 1, -1)
        x[:, step], y[:, step] = opens, depth
    return x, y


EXAMPLES: dict[str, Callable[[np.random.Generator, int, int], Batch]] = {
    "copy": copy,
    "adding": adding,
    "parentheses": parentheses,
}


def read(path: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of a table by task, length, architecture and seed."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {tuple(row[key] for key in COLUMNS[:4]): row for row in csv.DictReader(stream)}


def write(path: Path, rows: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """Write all rows, each run in a row of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


if __name__ == "__main__":
    main()
