#!/usr/bin/env python3
"""Times one training step of a character LSTM: Keras, the zoo, JAX and PyTorch side by side.

    scripts/benchmarks/training.py                   # all sides, 2x256 and 2x512, about ten minutes
    scripts/benchmarks/training.py --units 512 --sides keras zoo_float32 torch --rounds 3

The model is two LSTM layers over one-hot characters with a dense output; a step is forward,
backward and Adam. All sides start from the same weights and train on the same data, so the losses
they print must agree (float32 to about four digits). Each side runs in a process of its own that
waits while the others are timed; rounds of all sides alternate, so that a slow spell of the machine
hits all of them, and the median of all steps is reported.

Writes a CSV file and a chart beside it. `fraction` is the share of the machine's own rate of large
matrix products (measured in the same rounds, in the side's own precision) that the step reaches,
counting 6 operations for each weight in a matrix product and each character, or 4 for the weights
of the one-hot input, which needs no gradient.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
BATCH, STEPS, VOCABULARY, LAYERS = 64, 128, 65, 2
LEARNING_RATE = 1e-3
EPSILON = 1e-12  # next to nothing: Keras and PyTorch add it at different places


@dataclass(frozen=True)
class Side:
    """One contender: how it is called, what it needs, and the precision of its products."""

    label: str
    library: str
    backend: str
    precision: str = "float32"


SIDES = {
    "keras": Side("Keras LSTM on TensorFlow", "tensorflow", "tensorflow"),
    "keras_bfloat16": Side(
        "Keras LSTM on TensorFlow, bfloat16", "tensorflow", "tensorflow", "bfloat16"
    ),
    "zoo_float32": Side("zoo LSTM", "tensorflow", "tensorflow"),
    "zoo_bfloat16": Side("zoo LSTM, bfloat16", "tensorflow", "tensorflow", "bfloat16"),
    "jax": Side("Keras LSTM on JAX", "jax", "jax"),
    "torch": Side("PyTorch nn.LSTM", "torch", "torch"),
}
COLUMNS = [
    *("side", "label", "units", "layers", "batch", "steps", "precision"),
    *("seconds_per_step", "fastest_seconds", "characters_per_second", "speed_up_on_keras"),
    *("gflops", "matmul_gflops", "fraction", "loss_steps", "loss"),
    *("threads", "versions", "processor", "timed_steps"),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, nargs="+", default=[256, 512], metavar="N")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), metavar="SIDE")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all sides")
    parser.add_argument("--repeats", type=int, default=4, help="timed steps a round and side")
    parser.add_argument("--loss-steps", type=int, default=5, help="steps before the loss is read")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/training.csv")
    parser.add_argument("--worker", nargs=2, metavar=("SIDE", "UNITS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker[0], int(args.worker[1]), args.loss_steps, args.repeats)
        return
    names = []
    for name in args.sides:
        if importlib.util.find_spec(SIDES[name].library) is None:
            say(f"{name}: skipped, {SIDES[name].library} is not installed")
        else:
            names.append(name)
    rows = [row for units in args.units for row in compare(names, units, args)]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, args.out.with_suffix(".png"))
    say(f"wrote {args.out} and {args.out.with_suffix('.png')}")


def compare(names: list[str], units: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs all sides for one model size, in alternating rounds; returns one row a side."""
    workers = {}
    for name in names:
        say(f"2x{units} {name}: starting")
        workers[name] = Worker(name, units, args)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for number in range(args.rounds):
        for name, worker in workers.items():
            times, rate = worker.round()
            seconds[name] += times
            # The best rate any library reaches is the machine's.
            rates[SIDES[name].precision].append(rate)
            say(f"2x{units} round {number + 1} {name}: {statistics.median(times):.3f} s a step")
    for worker in workers.values():
        worker.stop()

    rows = []
    for name, worker in workers.items():
        side, median = SIDES[name], statistics.median(seconds[name])
        keras = statistics.median(seconds["keras"]) if "keras" in seconds else None
        gflops = operations(units) / median / 1e9
        matmul = max(rates[side.precision])
        rows.append(
            {
                "side": name,
                "label": side.label,
                "units": units,
                "layers": LAYERS,
                "batch": BATCH,
                "steps": STEPS,
                "precision": side.precision,
                "seconds_per_step": f"{median:.4f}",
                "fastest_seconds": f"{min(seconds[name]):.4f}",
                "characters_per_second": round(BATCH * STEPS / median),
                "speed_up_on_keras": f"{keras / median:.2f}" if keras else "",
                "gflops": f"{gflops:.1f}",
                "matmul_gflops": f"{matmul:.1f}",
                "fraction": f"{gflops / matmul:.3f}",
                "loss_steps": args.loss_steps,
                "loss": worker.loss,
                "threads": worker.threads,
                "versions": worker.versions,
                "processor": processor_name(),
                "timed_steps": len(seconds[name]),
            }
        )
    return rows


def operations(units: int) -> int:
    """Multiplications and additions in the products of one training step."""
    inputs = VOCABULARY * 4 * units
    others = (2 * LAYERS - 1) * units * 4 * units + units * VOCABULARY
    return (4 * inputs + 6 * others) * BATCH * STEPS


class Worker:
    """A side's process: it builds its model, then times a round whenever it is told to."""

    def __init__(self, name: str, units: int, args: argparse.Namespace):
        command = [sys.executable, __file__, "--worker", name, str(units)]
        command += ["--loss-steps", str(args.loss_steps), "--repeats", str(args.repeats)]
        env = {**os.environ, "KERAS_BACKEND": SIDES[name].backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        env["CUDA_VISIBLE_DEVICES"] = "-1"
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self.loss, self.threads, self.versions = self._line().split("\t")
        say(f"2x{units} {name}: loss after {args.loss_steps} steps {self.loss}")

    def round(self) -> tuple[list[float], float]:
        """Returns the times of the round's steps, and the rate of a large product in GFLOP/s."""
        assert self.process.stdin is not None
        print("round", file=self.process.stdin, flush=True)
        rate, *times = (float(number) for number in self._line().split("\t"))
        return times, rate

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("result\t"):
                return line.rstrip("\n").removeprefix("result\t")
        sys.exit(f"the process of side {self.name!r} ended early, see above")


def work(name: str, units: int, loss_steps: int, repeats: int) -> None:
    """The worker's side of `Worker`."""
    make = torch_side if name == "torch" else keras_side
    step, product, threads, versions = make(name, units)
    for _ in range(loss_steps):
        loss = step()
    product()
    print(f"result\t{loss:.6f}\t{threads}\t{versions}", flush=True)
    for _ in sys.stdin:
        step()  # the caches are another side's: this one is not counted
        times = [timed(step) for _ in range(repeats)]
        rate = 2 * PRODUCT[0] * PRODUCT[1] * PRODUCT[2] / min(timed(product) for _ in range(3))
        print("result", rate / 1e9, *times, sep="\t", flush=True)


PRODUCT = (4096, 1024, 2048)
"""The shape of the product that measures the machine."""


def timed(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def initial_weights(units: int) -> list[Any]:
    """The same weights for every side, in Keras's order and layout."""
    import numpy as np

    rng = np.random.default_rng(0)
    weights, features = [], VOCABULARY
    for _ in range(LAYERS):
        for rows in (features, units):
            weights.append(rng.normal(scale=rows**-0.5, size=(rows, 4 * units)))
        weights.append(np.zeros(4 * units))
        features = units
    weights += [rng.normal(scale=units**-0.5, size=(units, VOCABULARY)), np.zeros(VOCABULARY)]
    return [weight.astype("float32") for weight in weights]


def characters() -> tuple[Any, Any]:
    """(batch, steps) inputs and the characters that follow them, from a made-up cyclic language."""
    import numpy as np

    rng = np.random.default_rng(1)
    jumps = rng.choice([1, 2, 7], size=(BATCH, STEPS + 1), p=[0.7, 0.2, 0.1])
    text = (rng.integers(VOCABULARY, size=(BATCH, 1)) + jumps.cumsum(1)) % VOCABULARY
    return text[:, :-1], text[:, 1:]


def keras_side(name: str, units: int) -> tuple[Any, Any, int, str]:
    import keras
    import numpy as np

    precision = SIDES[name].precision
    layer = keras.layers.LSTM
    if name.startswith("zoo"):
        sys.path.insert(0, str(ROOT))
        from zoo.layers import LSTM as layer  # noqa: N811

    policy = "float32" if precision == "float32" else "mixed_bfloat16"
    x = keras.Input((STEPS,), dtype="int32")
    hidden = keras.ops.one_hot(x, VOCABULARY)
    for _ in range(LAYERS):
        hidden = layer(units, return_sequences=True, dtype=policy)(hidden)
    hidden = keras.layers.Dense(VOCABULARY, dtype=policy)(hidden)
    model = keras.Model(x, keras.layers.Activation("linear", dtype="float32")(hidden))
    model.set_weights(initial_weights(units))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    inputs, targets = characters()
    inputs, targets = inputs.astype("int32"), targets.astype("int32")

    def step() -> float:
        model.reset_metrics()  # else the loss would be the mean of all steps so far
        return float(model.train_on_batch(inputs, targets))

    a, b = (
        keras.ops.convert_to_tensor(np.random.default_rng(2).normal(size=shape), dtype=precision)
        for shape in (PRODUCT[:2], PRODUCT[1:])
    )

    def product() -> None:
        # Reading one element waits for the product; reading all would time the copy too.
        float(keras.ops.cast(keras.ops.matmul(a, b)[0, 0], "float32"))

    threads = os.cpu_count() or 1
    if SIDES[name].backend == "tensorflow":
        import tensorflow as tf

        threads = tf.config.threading.get_intra_op_parallelism_threads() or threads
        versions = f"keras {keras.__version__} tensorflow {tf.__version__}"
    else:
        import jax

        versions = f"keras {keras.__version__} jax {jax.__version__}"
    return step, product, threads, versions


def torch_side(name: str, units: int) -> tuple[Any, Any, int, str]:
    import torch

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(VOCABULARY, units, LAYERS, batch_first=True)
            self.dense = torch.nn.Linear(units, VOCABULARY)

        def forward(self, x: Any) -> Any:
            return self.dense(self.lstm(torch.nn.functional.one_hot(x, VOCABULARY).float())[0])

    model = Model()
    weights = [torch.from_numpy(weight) for weight in initial_weights(units)]
    with torch.no_grad():
        for index in range(LAYERS):
            # Both order the gates input, forget, candidate, output; PyTorch has a second bias,
            # which here starts at zero and is not trained, so that Adam moves the sum alike.
            kernel, recurrent, bias = weights[3 * index : 3 * index + 3]
            getattr(model.lstm, f"weight_ih_l{index}").copy_(kernel.T)
            getattr(model.lstm, f"weight_hh_l{index}").copy_(recurrent.T)
            getattr(model.lstm, f"bias_ih_l{index}").copy_(bias)
            second = getattr(model.lstm, f"bias_hh_l{index}")
            second.zero_()
            second.requires_grad_(False)
        model.dense.weight.copy_(weights[-2].T)
        model.dense.bias.copy_(weights[-1])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, LEARNING_RATE, eps=EPSILON)
    inputs, targets = (torch.from_numpy(array) for array in characters())

    def step() -> float:
        optimizer.zero_grad()
        logits = model(inputs)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    a, b = torch.randn(PRODUCT[:2]), torch.randn(PRODUCT[1:])
    return step, lambda: a @ b, torch.get_num_threads(), f"torch {torch.__version__}"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Bars of characters a second, one group a model size."""
    if importlib.util.find_spec("matplotlib") is None:
        say("no chart: matplotlib is not installed")
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted({row["units"] for row in rows})
    figure, axes = plt.subplots(
        1, len(sizes), figsize=(5.5 * len(sizes), 3.2), squeeze=False, layout="constrained"
    )
    for axis, units in zip(axes[0], sizes, strict=True):
        chosen = [row for row in rows if row["units"] == units][::-1]
        speeds = [row["characters_per_second"] for row in chosen]
        colours = ["#d95f02" if row["side"].startswith("zoo") else "#8da0cb" for row in chosen]
        bars = axis.barh([row["label"] for row in chosen], speeds, color=colours)
        axis.bar_label(bars, [f"{speed:,}" for speed in speeds], padding=3)
        axis.set_xlim(0, 1.2 * max(speeds))
        axis.set_title(f"{LAYERS} x {units} LSTM, batch {BATCH}, {STEPS} steps")
        axis.set_xlabel("characters trained on per second")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
