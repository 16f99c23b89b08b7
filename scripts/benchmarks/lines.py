#!/usr/bin/env python3
"""Times a line recogniser: the zoo, Keras line by line, PyTorch, ONNX Runtime, kraken's network.

    scripts/benchmarks/lines.py                          # all sides but kraken's, about 20 minutes
    scripts/benchmarks/lines.py --kraken-python ~/kraken/bin/python
    scripts/benchmarks/lines.py --sides zoo onnxruntime --threads 2 --rounds 2

The network is that of crnn.latin, the same on every side but kraken's, and a batch is 1, 16 or 32
lines of 792 columns, about 56 characters. `zoo_read` is the whole way from
images to text, `onnxruntime_images` the least that it can take: the columns and a bare session.
`keras_predict` is the way of the Keras tutorials: `model.predict`, line by line. `kraken`
is the network that kraken trains if it is told nothing else, on the same lines at its own height;
kraken wants other versions of what it stands on, so it is run by an interpreter of its own, from an
environment where it is installed. Each side runs in a process of its own that waits while the
others are timed; rounds alternate and the median of all calls counts. All sides with the zoo's
network must give the same logits.

Writes docs/benchmarks/lines.csv and a chart beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from side_by_side import (
    OnnxGraph,
    Side,
    arguments,
    compare,
    draw,
    say,
    weights_of,
    work,
    write_table,
)
from torch_layers import TorchLayers

ROOT = Path(__file__).resolve().parents[2]
LINE = 792  # columns of a line, as many as whole outputs have
LABELS = 120  # about as many as crnn.latin has
BATCHES = (1, 16, 32)
SIDES = {
    "zoo_read": "zoo read: images to text",
    "zoo": "zoo: columns to posteriors",
    "keras_predict": "Keras layers: model.predict, line by line",
    "torch": "PyTorch nn.LSTM",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime_images": "ONNX Runtime and the zoo's columns: images to posteriors",
    "kraken": "kraken's default network",
}
COLUMNS = (
    *("side", "label", "batch", "threads", "lines_per_second", "seconds_per_call"),
    *("fastest_seconds", "first_call_seconds", "timed_calls", "parameters"),
    *("versions", "processor"),
)


def main() -> None:
    parser = arguments(__doc__, SIDES, ROOT / "docs/benchmarks/lines.csv")
    parser.add_argument("--kraken-python", help="an interpreter that has kraken")
    args = parser.parse_args()
    if args.worker:
        name, threads = args.worker[0], int(args.worker[1])
        work(threads, args.repeats, lambda: make_side(name, threads))
        return
    if args.kraken_python is None and "kraken" in args.sides:
        args.sides.remove("kraken")
        say("without --kraken-python kraken is left out")
    from zoo.folder.provenance import processor_name

    rows = []
    for threads in args.threads:
        for worker, batch, seconds in compare(
            args, threads, BATCHES, {"kraken": args.kraken_python}
        ):
            median = statistics.median(seconds)
            rows.append(
                {
                    "side": worker.name,
                    "label": SIDES[worker.name],
                    "batch": batch,
                    "threads": threads,
                    "lines_per_second": f"{batch / median:.2f}",
                    "seconds_per_call": f"{median:.5f}",
                    "fastest_seconds": f"{min(seconds):.5f}",
                    "first_call_seconds": f"{worker.first[batch]:.3f}",
                    "timed_calls": len(seconds),
                    "parameters": worker.parameters,
                    "versions": worker.versions,
                    "processor": processor_name(),
                }
            )
    write_table(args.out, COLUMNS, rows)
    picture = args.out.with_suffix(".png")
    draw(rows, picture, "lines_per_second", "lines per second (more is better)", 1)
    say(f"wrote {args.out} and its chart")


def make_side(name: str, threads: int) -> Side:
    """A side of :data:`SIDES`."""
    if name == "kraken":
        return kraken_side(threads)
    import numpy as np

    from zoo import load_model
    from zoo.handwriting.line_reading import LineRecognition

    task = load_model("crnn.latin", kind=LineRecognition)
    image = some_line()
    columns = task.processor.read(image).columns[:LINE]
    assert len(columns) == LINE
    parameters = task.config.parameters()
    runtime = f"onnxruntime {version('onnxruntime')}"
    # Copies, since what is the same is read only once.
    images = {batch: [image.copy() for _ in range(batch)] for batch in BATCHES}
    lines = {batch: [columns.copy() for _ in range(batch)] for batch in BATCHES}
    stacked = {batch: np.stack(each) for batch, each in lines.items()}
    if name == "zoo_read":
        return Side(task.read, images, parameters, runtime)
    if name == "zoo":
        return Side(task.outputs, lines, parameters, runtime, first_of)
    if name == "torch":
        call, versions = torch_side(task, threads)
        return Side(call, stacked, parameters, versions, first_of)
    if name.startswith("onnxruntime"):
        session = onnx_session(task, threads)

        def bare(x: Any) -> Any:
            return session.run(None, {"columns": x})[0]

        if name == "onnxruntime":
            return Side(bare, stacked, parameters, runtime, first_of)

        def from_images(given: list[Any]) -> Any:
            return bare(np.stack([task.processor.read(one).columns[:LINE] for one in given]))

        return Side(from_images, images, parameters, runtime, first_of)
    from zoo.layers import to_keras_layers

    plain = to_keras_layers(task.network)
    mask = np.ones((1, LINE), bool)

    def predict(images: list[Any]) -> list[Any]:
        return [plain.predict([image[None], mask], verbose=0)[0] for image in images]

    versions = f"keras {version('keras')} tensorflow {version('tensorflow')}"
    return Side(predict, lines, parameters, versions, first_of)


def first_of(outputs: Any) -> Any:
    """The first line's logits."""
    return outputs[0]


def torch_side(task: Any, threads: int) -> tuple[Callable[[Any], Any], str]:
    """The same network in PyTorch, with the same weights, and the versions it stands on."""
    import torch

    from zoo.handwriting.crnn import CONVOLUTIONS

    torch.set_num_threads(threads)
    layers = TorchLayers(weights_of(task))
    convolutions = []
    for number, layer in enumerate(CONVOLUTIONS, 1):
        name = f"convolution_{number}"
        norm = layers.normalisation(f"{name}_normalisation") if layer.normalised else None
        convolutions.append((layers.convolution(name, layer.strides, layer.size // 2), norm))
    recurrent = layers.recurrent_layers(task.config.layers)
    projection, dense = layers.dense("projection"), layers.dense("logits")

    def call(columns: Any) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy(columns)[:, None]
            for convolution, norm in convolutions:
                x = torch.relu(convolution(x))
                if norm is not None:
                    x = norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            x = torch.relu(projection(recurrent(x.permute(0, 2, 3, 1).flatten(2))))
            return dense(x.reshape(len(x), -1, task.config.projection)).numpy()

    return call, f"torch {torch.__version__}"


def some_line() -> Any:
    """A written line, twice side by side, ``(height, width)`` uint8."""
    import numpy as np
    from PIL import Image

    with Image.open(ROOT / "samples/line.png") as file:
        line = np.asarray(file.convert("L"))
    return np.concatenate([line, line], axis=1)


def onnx_session(task: Any, threads: int) -> Any:
    """The same network in ONNX Runtime, from ``columns`` to ``logits``."""
    import numpy as np

    from zoo.handwriting.crnn import CONVOLUTIONS

    graph, config = OnnxGraph(weights_of(task)), task.config
    x = graph.node(
        "Unsqueeze", ["columns", graph.constant("one", np.array([1], np.int64))], "image"
    )
    for number, layer in enumerate(CONVOLUTIONS, 1):
        name = f"convolution_{number}"
        x = graph.convolution(x, name, layer.strides, layer.size // 2)
        if layer.normalised:
            x = graph.node("Transpose", [x], f"{name}_last", perm=[0, 2, 3, 1])
            x = graph.normalisation(x, f"{name}_normalisation", 2)
            x = graph.node("Transpose", [x], f"{name}_first", perm=[0, 3, 1, 2])
    # (batch, channels, time, rows) to (time, batch, rows * channels), as the LSTM wants it.
    x = graph.node("Transpose", [x], "time_major", perm=[2, 0, 3, 1])
    x = graph.recurrent_layers(graph.reshape(x, (0, 0, -1), "frames"), config.layers, config.units)
    x = graph.node("Relu", [graph.dense(x, "projection")], "projected")
    x = graph.node("Transpose", [x], "batch_major", perm=[1, 0, 2])
    x = graph.dense(graph.reshape(x, (0, -1, config.projection), "outputs"), "logits")
    graph.node("Identity", [x], "logits")
    return graph.session(("columns", config.height), ("logits", config.labels), threads)


def kraken_side(threads: int) -> Side:
    """kraken's default network with random weights; the package zoo is not needed here."""
    import torch
    from kraken.configs import VGSLRecognitionTrainingConfig
    from kraken.lib.vgsl import TorchVGSLModel

    torch.set_num_threads(threads)
    spec = VGSLRecognitionTrainingConfig().spec.removesuffix("]")
    network = TorchVGSLModel(vgsl=f"{spec} O1c{LABELS}]")
    network.eval()
    height = int(spec.split(",")[1])
    lines = torch.rand(max(BATCHES), 1, height, LINE * height // 48)
    parameters = sum(weights.numel() for weights in network.parameters())

    def call(image: Any) -> Any:
        with torch.inference_mode():
            return network.nn(image)[0].numpy()

    versions = f"kraken {version('kraken')} torch {torch.__version__}"
    return Side(call, {batch: lines[:batch] for batch in BATCHES}, parameters, versions)


if __name__ == "__main__":
    main()
