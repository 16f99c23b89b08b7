"""What the benchmarks of recognisers share: sides in processes of their own, graphs, tables."""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOLERANCE = 2e-3


@dataclass
class Side:
    """What a worker times.

    Args:
        call: the function that is timed.
        inputs: what it is given, by batch size.
        parameters: of its network.
        versions: what it stands on.
        logits: from its result the first input's logits, which all sides must agree on; ``None``
            for a side that gives no logits, or has a network of its own.
    """

    call: Callable[[Any], Any]
    inputs: Mapping[int, Any]
    parameters: int
    versions: str
    logits: Callable[[Any], Any] | None = None


def arguments(
    description: str | None, sides: Collection[str], out: Path
) -> argparse.ArgumentParser:
    """The options that all have; a worker is told its side and its threads."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", nargs="+", choices=sides, default=list(sides), metavar="SIDE")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all sides")
    parser.add_argument("--repeats", type=int, default=3, help="timed calls a round and side")
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--worker", nargs=2, metavar=("SIDE", "THREADS"), help=argparse.SUPPRESS)
    return parser


class Worker:
    """A side's process: it builds its network, then times a batch size whenever it is told to."""

    def __init__(
        self, name: str, threads: int, repeats: int, batches: Sequence[int], python: str
    ) -> None:
        command = [python, sys.argv[0], "--worker", name, str(threads), "--repeats", str(repeats)]
        env = os.environ | {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "ZOO_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_NUM_INTEROP_THREADS": str(threads),
        }
        if python != sys.executable:
            env.pop("PYTHONPATH", None)  # packages of this interpreter
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        first, checksum, parameters, self.versions = self._line()
        self.first = dict(zip(batches, map(float, first.split()), strict=True))
        self.checksum = float(checksum) if checksum else None
        self.parameters = int(parameters)
        say(f"{threads} threads: {name} is ready")

    def round(self, batch: int) -> list[float]:
        """Seconds of each timed call."""
        assert self.process.stdin is not None
        print(batch, file=self.process.stdin, flush=True)
        return [float(value) for value in self._line()]

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _line(self) -> list[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("result\t"):
                return line.rstrip("\n").split("\t")[1:]
        sys.exit(f"the process of side {self.name!r} ended early, see above")


def compare(
    args: argparse.Namespace,
    threads: int,
    batches: Sequence[int],
    pythons: Mapping[str, str] | None = None,
) -> list[tuple[Worker, int, list[float]]]:
    """Time all sides on some threads, in alternating rounds.

    Args:
        args: of :func:`arguments`.
        threads: of each side.
        batches: sizes of a batch.
        pythons: the interpreters of sides that do not run in this one.

    Returns:
        Side, batch size and the seconds of all calls.
    """
    workers = [
        Worker(name, threads, args.repeats, batches, (pythons or {}).get(name, sys.executable))
        for name in args.sides
    ]
    checked = [worker for worker in workers if worker.checksum is not None]
    for worker in checked[1:]:
        first = checked[0].checksum
        assert first is not None
        assert worker.checksum is not None
        if abs(worker.checksum - first) > TOLERANCE:
            sys.exit(f"{worker.name} gives other logits: {worker.checksum} instead of {first}")
    times: dict[tuple[int, int], list[float]] = {}
    for number in range(args.rounds):
        for batch in batches:
            for place, worker in enumerate(workers):
                times.setdefault((place, batch), []).extend(worker.round(batch))
        say(f"{threads} threads: round {number + 1} of {args.rounds}")
    for worker in workers:
        worker.stop()
    return [(workers[place], batch, seconds) for (place, batch), seconds in times.items()]


def work(threads: int, repeats: int, make: Callable[[], Side]) -> None:
    """The worker's side of :class:`Worker`."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import numpy as np

    side = make()
    first, checksum = [], ""
    for batch in side.inputs.values():
        started = time.perf_counter()
        output = side.call(batch)
        first.append(time.perf_counter() - started)
        if side.logits is not None:
            checksum = str(float(np.abs(log_softmax(np.asarray(side.logits(output)))).mean()))
    told = " ".join(f"{seconds:.4f}" for seconds in first)
    print("result", told, checksum, side.parameters, side.versions, sep="\t", flush=True)
    for line in sys.stdin:
        batch = side.inputs[int(line)]
        side.call(batch)  # the caches are another side's: this one is not counted
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            side.call(batch)
            seconds.append(time.perf_counter() - started)
        print("result", *seconds, sep="\t", flush=True)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def draw(
    rows: Sequence[Mapping[str, Any]], path: Path, column: str, axis: str, digits: int
) -> None:
    """Bars of a column, a panel for each batch size and number of threads.

    Args:
        rows: with ``side``, ``label``, ``batch`` and ``threads``.
        path: of the picture.
        column: what is drawn.
        axis: what it is called.
        digits: after the point.
    """
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys((row["batch"], row["threads"]) for row in rows))
    figure = Figure((11.0, 2.6 * -(-len(cases) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(cases) // 2), min(2, len(cases)), squeeze=False)
    for axes, (batch, threads) in zip(panels.flat, cases, strict=False):
        chosen = [r for r in rows if (r["batch"], r["threads"]) == (batch, threads)][::-1]
        values = [float(row[column]) for row in chosen]
        colours = ["#d95f02" if row["side"].startswith("zoo") else "#8da0cb" for row in chosen]
        bars = axes.barh([row["label"] for row in chosen], values, color=colours)
        axes.bar_label(bars, [f"{value:.{digits}f}" for value in values], padding=3)
        axes.set(xscale="log", title=f"batch {batch}, {threads} threads")
        axes.set_xlim(min(values) / 2, max(values) * 6)
        axes.set_xlabel(axis)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def weights_of(task: Any) -> dict[str, Any]:
    """The network's weights by their path."""
    return {variable.path: variable.numpy() for variable in task.network.weights}


def recurrent_weights(weights: Mapping[str, Any], number: int, direction: str) -> list[Any]:
    """Kernel, recurrent kernel and bias of one direction of a layer, gates i, f, c, o."""
    arrays = []
    for kind in ("kernel", "recurrent_kernel", "bias"):
        (path,) = (
            path
            for path in weights
            if path.startswith(f"recurrent_{number}/{direction}_") and path.endswith(f"/{kind}")
        )
        arrays.append(weights[path])
    return arrays


class OnnxGraph:
    """An ONNX graph in the making, from the weights of a network.

    Args:
        weights: see :func:`weights_of`.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def constant(self, name: str, array: Any) -> str:
        """An array, once for each name."""
        import numpy as np
        from onnx import numpy_helper

        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """An operation; gives its output's name."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def reshape(self, x: str, shape: tuple[int, ...], output: str) -> str:
        """In the shape 0 is a length as it was, and -1 what is left."""
        import numpy as np

        lengths = self.constant(f"{output}_shape", np.array(shape, np.int64))
        return self.node("Reshape", [x, lengths], output)

    def convolution(self, x: str, name: str, strides: Sequence[int], padding: int) -> str:
        """A convolution of ``(batch, channels, time, rows)`` with its ReLU."""
        kernel = self.constant(f"{name}_k", self._weights[f"{name}/kernel"].transpose(3, 2, 0, 1))
        bias = self.constant(f"{name}_b", self._weights[f"{name}/bias"])
        pads = [padding] * 4
        x = self.node("Conv", [x, kernel, bias], f"{name}_sum", strides=list(strides), pads=pads)
        return self.node("Relu", [x], name)

    def normalisation(self, x: str, name: str, axis: int) -> str:
        """A layer normalisation of the axes from ``axis`` on."""
        gamma = self.constant(f"{name}_gamma", self._weights[f"{name}/gamma"])
        beta = self.constant(f"{name}_beta", self._weights[f"{name}/beta"])
        return self.node("LayerNormalization", [x, gamma, beta], name, axis=axis, epsilon=1e-3)

    def dense(self, x: str, name: str) -> str:
        """A dense layer without activation."""
        kernel = self.constant(f"{name}_k", self._weights[f"{name}/kernel"])
        product = self.node("MatMul", [x, kernel], f"{name}_product")
        bias = self.constant(f"{name}_b", self._weights[f"{name}/bias"])
        return self.node("Add", [product, bias], f"{name}_sum")

    def recurrent_layers(self, x: str, layers: int, units: int) -> str:
        """Bidirectional LSTM layers with normalisation, on ``(time, batch, features)``."""
        import numpy as np

        order = [0, 3, 1, 2]  # Keras has the gates i, f, c, o; ONNX i, o, f, c
        for number in range(1, layers + 1):
            w, r, b = [], [], []
            for direction in ("forward", "backward"):
                kernel, recurrent, bias = recurrent_weights(self._weights, number, direction)
                gates = [np.split(array.T, 4)[g] for array in (kernel, recurrent) for g in order]
                w.append(np.concatenate(gates[:4]))
                r.append(np.concatenate(gates[4:]))
                biases = np.concatenate([np.split(bias, 4)[g] for g in order])
                b.append(np.concatenate([biases, np.zeros_like(biases)]))
            parts = {"w": w, "r": r, "b": b}
            inputs = [x, *(self.constant(f"{k}{number}", np.stack(v)) for k, v in parts.items())]
            values = {"hidden_size": units, "direction": "bidirectional"}
            x = self.node("LSTM", inputs, f"lstm_{number}", **values)
            x = self.node("Transpose", [x], f"joined_{number}", perm=[0, 2, 1, 3])
            x = self.reshape(x, (0, 0, -1), f"both_{number}")
            x = self.normalisation(x, f"normalisation_{number}", -1)
        return x

    def session(self, given: tuple[str, int], output: tuple[str, int], threads: int) -> Any:
        """An ONNX Runtime session on some threads.

        Args:
            given: name and width of the input ``(batch, time, width)``.
            output: name and width of the output ``(batch, outputs, width)``.
            threads: of a call.
        """
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper

        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", f"{name}_time", width])
            for name, width in (given, output)
        ]
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "recogniser", ends[:1], ends[1:], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def log_softmax(logits: Any) -> Any:
    """Natural log-probabilities."""
    import numpy as np

    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def say(message: str) -> None:
    """Tell how it goes."""
    print(message, file=sys.stderr, flush=True)
