#!/usr/bin/env python3
"""Measure character by character generation: the zoo against the usual ways, in one run.

    scripts/benchmarks/generation.py                 # all, about 7 minutes; writes docs/benchmarks/
    scripts/benchmarks/generation.py --quick         # fewer and shorter rounds, about 3 minutes
    scripts/benchmarks/generation.py --units 512 --batch 1 --sides numpy zoo_native

The network is an embedding, two LSTM layers and a dense output, with random weights of a fixed seed
that are exact in float16. Each side runs in a process of its own for each number of threads. Rounds
are interleaved, one side after the other, so that all of them see the same machine; a figure is the
median of the rounds. All sides work in float32 unless their name says otherwise, sample at
temperature 1, and must first give the same greedy ids as the NumPy side (int8 is not held to that).

Run it on a machine that does nothing else.
"""

import argparse
import csv
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from zoo.inference.stack import RecurrentStack, Sampling  # noqa: E402

VOCABULARY, EMBEDDING, WINDOW, CHECKED = 65, 32, 40, 50
SIDES = {  # name: (what it is, the packages whose versions matter)
    "keras_predict": ("Keras: predict on a window of 40, per character", ["keras", "tensorflow"]),
    "keras_step": ("Keras: stateful step in a tf.function", ["keras", "tensorflow"]),
    "torch": ("PyTorch: nn.LSTM step in a loop", ["torch"]),
    "onnxruntime": ("ONNX Runtime: LSTM step in a loop", ["onnxruntime"]),
    "onnxruntime_int8": ("ONNX Runtime: dynamic int8", ["onnxruntime"]),
    "numpy": ("NumPy: step in a loop", ["numpy"]),
    "zoo_native": ("zoo: loop compiled by Numba", ["numba"]),
    "zoo_native_float16": ("zoo: the same, weights stored as float16", ["numba"]),
}
BOUND = "weight_read"  # not a side: only reads as many bytes as there are float32 weights
COLUMNS = [
    "side", "units", "batch", "threads", "characters_per_second", "characters_per_second_min",
    "characters_per_second_max", "microseconds_per_step", "fraction_of_weight_read_bound",
    "warm_up_seconds", "same_greedy_ids", "versions",
]  # fmt: skip


def make_stack(units: int) -> RecurrentStack:
    """Two LSTM layers with random weights that are exact in float16."""
    random = np.random.default_rng(0)

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        values = scale * random.uniform(-1, 1, shape) / np.sqrt(units)
        return values.astype(np.float16).astype(np.float32)

    layers = tuple(
        (draw(inputs, 4 * units, scale=2), draw(units, 4 * units), draw(4 * units))
        for inputs in (EMBEDDING, units)
    )
    embedding = draw(VOCABULARY, EMBEDDING, scale=8)
    return RecurrentStack(
        embedding, "lstm", layers, draw(units, VOCABULARY, scale=8), draw(VOCABULARY)
    )


def read_a_step(units: int) -> int:
    """Bytes of float32 weights that a step reads: both matrices of the second layer, the recurrent
    one of the first (its other product is a row of a table), and the output's."""
    return 4 * (3 * units * 4 * units + units * VOCABULARY)


# A side is a function: (stack, batch, threads) -> run(steps, temperature), which generates from id
# 0 and zero state and returns ids (batch, steps).
Run = Callable[[int, float], np.ndarray]


def pick(logits: np.ndarray, temperature: float, uniform: np.ndarray) -> np.ndarray:
    """Sample ids (batch,) from logits (batch, vocabulary) for the sides whose loop is in Python."""
    if temperature == 0:
        return logits.argmax(1)
    weights = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
    reached = weights.cumsum(1)
    return (reached <= uniform[:, None] * reached[:, -1:]).sum(1).clip(max=VOCABULARY - 1)


def loop(batch: int, start: Callable[[], Callable[[np.ndarray], np.ndarray]]) -> Run:
    """Make a run from ``start``, which resets the state and gives step(ids (batch,)) -> logits."""

    def run(steps: int, temperature: float) -> np.ndarray:
        step = start()
        uniforms = np.random.default_rng(1).random((steps, batch))
        ids = np.zeros((steps + 1, batch), np.int64)
        for t in range(steps):
            ids[t + 1] = pick(step(ids[t]), temperature, uniforms[t])
        return ids[1:].T

    return run


def numpy_side(stack: RecurrentStack, batch: int, threads: int) -> Run:
    (kernel, recurrent_1, bias_1), (kernel_2, recurrent_2, bias_2) = stack.layers
    table = stack.embedding @ kernel + bias_1
    fused = np.concatenate([kernel_2, recurrent_2])
    units = recurrent_1.shape[0]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 0.5 * np.tanh(0.5 * x) + np.float32(0.5)

    def cell(gates: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i, f, value, o = np.split(gates, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(value)
        return sigmoid(o) * np.tanh(c), c

    def start() -> Callable[[np.ndarray], np.ndarray]:
        h1 = c1 = h2 = c2 = np.zeros((batch, units), np.float32)

        def step(ids: np.ndarray) -> np.ndarray:
            nonlocal h1, c1, h2, c2
            h1, c1 = cell(table[ids] + h1 @ recurrent_1, c1)
            h2, c2 = cell(np.concatenate([h1, h2], 1) @ fused + bias_2, c2)
            return h2 @ stack.output_kernel + stack.output_bias

        return step

    return loop(batch, start)


def torch_side(stack: RecurrentStack, batch: int, threads: int) -> Run:
    import torch

    torch.set_num_threads(threads)
    units = stack.units[0]
    embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
    lstm = torch.nn.LSTM(EMBEDDING, units, num_layers=2)
    dense = torch.nn.Linear(units, VOCABULARY)
    with torch.no_grad():
        embedding.weight.copy_(torch.tensor(stack.embedding))
        for n, (kernel, recurrent, bias) in enumerate(stack.layers):
            getattr(lstm, f"weight_ih_l{n}").copy_(torch.tensor(kernel.T))
            getattr(lstm, f"weight_hh_l{n}").copy_(torch.tensor(recurrent.T))
            getattr(lstm, f"bias_ih_l{n}").copy_(torch.tensor(bias))
            getattr(lstm, f"bias_hh_l{n}").zero_()
        dense.weight.copy_(torch.tensor(stack.output_kernel.T))
        dense.bias.copy_(torch.tensor(stack.output_bias))

    def start() -> Callable[[np.ndarray], np.ndarray]:
        state = None

        def step(ids: np.ndarray) -> np.ndarray:
            nonlocal state
            with torch.inference_mode():
                x, state = lstm(embedding(torch.from_numpy(ids)[None]), state)
                return dense(x[0]).numpy()

        return step

    return loop(batch, start)


def onnx_model(stack: RecurrentStack) -> Any:
    """A step as ONNX graph: ids (batch,), h1, c1, h2, c2 (1, batch, units) -> logits, new state."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    units = stack.units[0]
    weights = {
        "embedding": stack.embedding,
        "output_kernel": stack.output_kernel,
        "output_bias": stack.output_bias,
        "axis": np.array([0], np.int64),
        "axis_1": np.array([1], np.int64),
    }

    def reorder(
        array: np.ndarray,
    ) -> np.ndarray:  # i, f, c, o to ONNX's i, o, f, c; gates to the front
        i, f, c, o = np.split(array.T, 4)
        return np.ascontiguousarray(np.concatenate([i, o, f, c]))

    nodes = [
        helper.make_node("Gather", ["embedding", "ids"], ["embedded"]),
        helper.make_node("Unsqueeze", ["embedded", "axis"], ["x0"]),
    ]
    states = []
    for n, (kernel, recurrent, bias) in enumerate(stack.layers, 1):
        both = np.concatenate([reorder(bias), np.zeros_like(bias)])
        weights |= {f"w{n}": reorder(kernel)[None], f"r{n}": reorder(recurrent)[None]}
        weights[f"b{n}"] = both[None]
        inputs = [f"x{n - 1}", f"w{n}", f"r{n}", f"b{n}", "", f"h{n}", f"c{n}"]
        outputs = [f"y{n}", f"h{n}_new", f"c{n}_new"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=units))
        nodes.append(helper.make_node("Squeeze", [f"y{n}", "axis_1"], [f"x{n}"]))
        states += [f"h{n}", f"c{n}"]
    nodes += [
        helper.make_node("Squeeze", ["x2", "axis"], ["top"]),
        helper.make_node("MatMul", ["top", "output_kernel"], ["product"]),
        helper.make_node("Add", ["product", "output_bias"], ["logits"]),
    ]

    def value(name: str, kind: int, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    number, part = TensorProto.FLOAT, [1, "batch", units]
    graph = helper.make_graph(
        nodes,
        "step",
        [value("ids", TensorProto.INT64, ["batch"])] + [value(s, number, part) for s in states],
        [value("logits", number, ["batch", VOCABULARY])]
        + [value(f"{s}_new", number, part) for s in states],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def onnxruntime_side(stack: RecurrentStack, batch: int, threads: int, int8: bool = False) -> Run:
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "step.onnx")
        onnx.save(onnx_model(stack), path)
        if int8:
            from onnxruntime.quantization import quantize_dynamic

            small = Path(folder, "int8.onnx")
            quantize_dynamic(path, small)
            path = small
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def start() -> Callable[[np.ndarray], np.ndarray]:
        zeros = np.zeros((1, batch, stack.units[0]), np.float32)
        state = dict.fromkeys(("h1", "c1", "h2", "c2"), zeros)

        def step(ids: np.ndarray) -> np.ndarray:
            logits, *new = session.run(None, {"ids": ids, **state})
            state.update(zip(state, new, strict=True))
            return logits

        return step

    return loop(batch, start)


def keras_network(stack: RecurrentStack, batch: int, length: int, stateful: bool) -> Any:
    """The network in Keras; logits of the last position."""
    import keras

    units = stack.units[0]
    inputs = keras.Input(batch_shape=(batch, length), dtype="int32")
    x = keras.layers.Embedding(VOCABULARY, EMBEDDING)(inputs)
    x = keras.layers.LSTM(units, return_sequences=True, stateful=stateful)(x)
    x = keras.layers.LSTM(units, stateful=stateful)(x)
    network = keras.Model(inputs, keras.layers.Dense(VOCABULARY)(x))
    weights = [stack.embedding, *(w for layer in stack.layers for w in layer)]
    network.set_weights([*weights, stack.output_kernel, stack.output_bias])
    return network


def limit_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def keras_step_side(stack: RecurrentStack, batch: int, threads: int) -> Run:
    import tensorflow as tf

    network = keras_network(stack, batch, 1, stateful=True)
    call = tf.function(lambda ids: network(ids))

    def start() -> Callable[[np.ndarray], np.ndarray]:
        for layer in network.layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()
        return lambda ids: call(tf.constant(ids[:, None], tf.int32)).numpy()

    return loop(batch, start)


def keras_predict_side(stack: RecurrentStack, batch: int, threads: int) -> Run:
    """Its state begins anew in each window, so it can agree with the others on one window only: the
    greedy run fills the window with what the NumPy side generates and returns the id after it."""
    network = keras_network(stack, batch, WINDOW, stateful=False)
    reference = numpy_side(stack, batch, threads)

    def run(steps: int, temperature: float) -> np.ndarray:
        if temperature == 0:
            known = reference(WINDOW - 1, 0)
            window = np.concatenate([np.zeros((batch, 1), np.int64), known], 1)
            last = network.predict(window, verbose=0, batch_size=batch).argmax(1)
            return np.concatenate([known, last[:, None]], 1)
        window = np.zeros((batch, WINDOW), np.int64)
        uniforms = np.random.default_rng(1).random((steps, batch))
        for t in range(steps):
            logits = network.predict(window, verbose=0, batch_size=batch)
            following = pick(logits, temperature, uniforms[t])
            window = np.concatenate([window[:, 1:], following[:, None]], 1)
        return window

    return run


def zoo_side(stack: RecurrentStack, batch: int, threads: int, kind: str) -> Run:
    from zoo.inference.loop import NativeEngine

    engine = NativeEngine(stack, threads=threads, half=kind == "zoo_native_float16")
    state = [np.zeros((batch, units), np.float32) for units in stack.units for _ in range(2)]

    def run(steps: int, temperature: float) -> np.ndarray:
        uniforms = np.random.default_rng(1).random((steps, batch)).astype(np.float32)
        first = np.zeros(batch, np.int32)
        return engine.run(state, first, uniforms, Sampling(temperature))[0].T

    return run


def weight_read_side(stack: RecurrentStack, batch: int, threads: int) -> Run:
    """Not a generator: each thread reads its share of the weights' bytes, and nothing else."""
    import numba

    @numba.njit(nogil=True, fastmath=True)
    def read(array, times):  # type: ignore[no-untyped-def]
        total = np.float32(0)
        for _ in range(times):
            for i in range(array.shape[0]):
                total += array[i] * array[i]
        return total

    share = read_a_step(stack.units[0]) // 4 // threads
    parts = [np.ones(share, np.float32) for _ in range(threads)]

    def run(steps: int, temperature: float) -> np.ndarray:
        workers = [threading.Thread(target=read, args=(part, steps)) for part in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return np.zeros((batch, steps), np.int64)

    return run


def make_side(name: str, stack: RecurrentStack, batch: int, threads: int) -> Run:
    if name.startswith("keras"):
        limit_tensorflow(threads)
    if name.startswith("zoo"):
        return zoo_side(stack, batch, threads, name)
    if name.startswith("onnxruntime"):
        return onnxruntime_side(stack, batch, threads, int8=name.endswith("int8"))
    simple = {
        "keras_predict": keras_predict_side,
        "keras_step": keras_step_side,
        "torch": torch_side,
        "numpy": numpy_side,
        BOUND: weight_read_side,
    }
    return simple[name](stack, batch, threads)


def serve(name: str, threads: int, seconds: float) -> None:
    """What a side's process does: answer each line (units, batch) on stdin with a line of JSON.

    The first time for a network it builds, warms up and runs the greedy check; after that it
    measures once, for about the given time.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print goes to stderr
    runs: dict[tuple[int, int], tuple[Run, int]] = {}
    for package in SIDES[name][1] if name != BOUND else ["numba"]:
        importlib.import_module(package)  # importing is no part of warming up
    for line in sys.stdin:
        units, batch = json.loads(line)
        if (units, batch) not in runs:
            stack = make_stack(units)
            begun = time.perf_counter()
            run = make_side(name, stack, batch, threads)
            run(1, 1.0)
            answer = {"warm_up": time.perf_counter() - begun, "ids": run(CHECKED, 0.0).tolist()}
            steps, taken = 1, 0.0
            while taken < seconds / 4:
                steps *= 2
                begun = time.perf_counter()
                run(steps, 1.0)
                taken = time.perf_counter() - begun
            runs[units, batch] = run, max(1, round(steps * seconds / taken))
        else:
            run, steps = runs[units, batch]
            begun = time.perf_counter()
            run(steps, 1.0)
            answer = {"steps_per_second": steps / (time.perf_counter() - begun)}
        print(json.dumps(answer), file=answers, flush=True)


def start_side(name: str, threads: int, seconds: float) -> subprocess.Popen[str]:
    limits = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, __file__, "--serve", name, str(threads), str(seconds)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **dict.fromkeys(limits, str(threads)), **quiet},
    )


def ask(process: subprocess.Popen[str], units: int, batch: int) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps([units, batch]), file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"the process of a side ended: {process.args!r}")
    return json.loads(answer)


def measure(
    names: list[str], networks: list[tuple[int, int]], threads: int, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """The rows of the table for one number of threads."""
    processes = {name: start_side(name, threads, seconds) for name in [BOUND, *names]}
    rows = []
    try:
        first: dict[tuple[str, int, int], dict[str, Any]] = {}
        speeds: dict[tuple[str, int, int], list[float]] = {}
        for name, process in processes.items():
            for units, batch in networks:
                first[name, units, batch] = ask(process, units, batch)
                speeds[name, units, batch] = []
            print(f"  {threads} threads: {name} is ready", file=sys.stderr)
        for number in range(rounds):
            for units, batch in networks:
                for name, process in processes.items():
                    time.sleep(0.05)  # for the idle threads of the side before to stop spinning
                    speed = ask(process, units, batch)["steps_per_second"]
                    speeds[name, units, batch].append(speed)
            print(f"  {threads} threads: round {number + 1} of {rounds}", file=sys.stderr)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    for units, batch in networks:
        bound = statistics.median(speeds[BOUND, units, batch])
        for name in [BOUND, *names]:
            rates = speeds[name, units, batch]
            speed = statistics.median(rates)
            same: bool | str = ""
            if name != BOUND:
                ids = np.array(first[name, units, batch]["ids"])
                expected = numpy_side(make_stack(units), batch, threads)(ids.shape[1], 0.0)
                same = bool(np.array_equal(ids, expected))
                if not same and not name.endswith("int8"):
                    raise RuntimeError(f"{name} at 2 x {units} does not compute the same network")
            packages = SIDES[name][1] if name != BOUND else ["numba"]
            versions = [f"{p} {importlib.metadata.version(p)}" for p in packages]
            values: list[Any] = [
                name, units, batch, threads, round(speed * batch, 1), round(min(rates) * batch, 1),
                round(max(rates) * batch, 1), round(1e6 / speed, 2), round(speed / bound, 4),
                round(first[name, units, batch]["warm_up"], 3), same, "; ".join(versions),
            ]  # fmt: skip
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Bars of characters a second, a panel for each network; the line is the bound."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    networks = sorted({(row["batch"], row["units"]) for row in rows})
    counts = sorted({row["threads"] for row in rows})
    names = [name for name in SIDES if any(row["side"] == name for row in rows)]
    figure, axes = plt.subplots(
        len(networks), 1, figsize=(10, 1.2 + 3.6 * len(networks)), squeeze=False
    )
    height = 0.8 / len(counts)
    for axis, (batch, units) in zip(axes[:, 0], networks, strict=True):
        for number, threads in enumerate(counts):
            here = {
                row["side"]: row["characters_per_second"]
                for row in rows
                if (row["batch"], row["units"], row["threads"]) == (batch, units, threads)
            }
            color = f"C{number}"
            places = [y + number * height for y in range(len(names))]
            label = f"{threads} thread{'s' * (threads > 1)}"
            bars = axis.barh(
                places, [here[name] for name in names], height, color=color, label=label
            )
            axis.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=7)
            if batch == 1:
                label = f"weights only read, {threads}"
                axis.axvline(here[BOUND], color=color, linestyle=":", label=label)
        axis.set_yticks([y + 0.4 - height / 2 for y in range(len(names))])
        axis.set_yticklabels([SIDES[name][0] for name in names], fontsize=8)
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xlabel("characters per second (log scale)")
        axis.set_title(f"LSTM 2 x {units}, batch {batch}")
        axis.legend(fontsize=7, loc="upper right")
        axis.margins(x=0.15)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def available(name: str) -> bool:
    packages = [*SIDES[name][1], *(["onnx"] if name.startswith("onnxruntime") else [])]
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"skipped {name}: {package} is not installed", file=sys.stderr)
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--units", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of one side in one round")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.2 seconds")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/generation.csv")
    values = parser.parse_args()
    rounds, seconds = (3, 0.2) if values.quick else (values.rounds, values.seconds)
    names = [name for name in values.sides if available(name)]
    networks = [(units, batch) for batch in values.batch for units in values.units]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores", file=sys.stderr)
    rows = [
        row
        for threads in values.threads
        for row in measure(names, networks, threads, rounds, seconds)
    ]
    values.out.parent.mkdir(parents=True, exist_ok=True)
    with values.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, values.out.with_suffix(".png"))
    print(f"wrote {values.out} and its chart", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
