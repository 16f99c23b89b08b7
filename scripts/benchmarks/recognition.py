#!/usr/bin/env python3
"""Times a speech recogniser's network on the same features: the zoo, Keras, PyTorch, ONNX Runtime.

    scripts/benchmarks/recognition.py                 # all sides, about 5 minutes
    scripts/benchmarks/recognition.py --sides zoo onnxruntime --threads 2 --rounds 2

The network is that of ctc_bilstm.an4, the same on every side, and a batch is 1, 16 or 32 utterances
of three seconds in which somebody speaks. The first call is timed apart, with all that it compiles.
The real-time factor is seconds of work for each second of audio. `zoo_transcribe` is the whole way
from samples to text, `onnxruntime_samples` the least that it can take: the features and a bare
session. Each side runs in a process of its own that waits while the others are timed;
rounds alternate and the median of all calls counts. All sides must give the same logits.

Writes docs/benchmarks/recognition.csv and a chart beside it.
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

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = f"onnxruntime {version('onnxruntime')}"
SECONDS = 3.0
BATCHES = (1, 16, 32)
SIDES = {
    "zoo_transcribe": "zoo transcribe: samples to text",
    "zoo": "zoo: features to posteriors",
    "zoo_graph": "zoo layers in a TensorFlow graph",
    "keras_call": "Keras layers: model(x)",
    "keras_predict": "Keras layers: model.predict(x)",
    "torch": "PyTorch nn.LSTM",
    "onnxruntime": "ONNX Runtime",
    "onnxruntime_samples": "ONNX Runtime and the zoo's features: samples to posteriors",
}
COLUMNS = (
    *("side", "label", "batch", "threads", "real_time_factor", "seconds_per_call"),
    *("fastest_seconds", "first_call_seconds", "timed_calls", "parameters"),
    *("versions", "processor"),
)


def main() -> None:
    args = arguments(__doc__, SIDES, ROOT / "docs/benchmarks/recognition.csv").parse_args()
    if args.worker:
        name, threads = args.worker[0], int(args.worker[1])
        work(threads, args.repeats, lambda: make_side(name, threads))
        return
    rows = []
    for threads in args.threads:
        for worker, batch, seconds in compare(args, threads, BATCHES):
            median = statistics.median(seconds)
            rows.append(
                {
                    "side": worker.name,
                    "label": SIDES[worker.name],
                    "batch": batch,
                    "threads": threads,
                    "real_time_factor": f"{median / (batch * SECONDS):.5f}",
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
    draw(rows, picture, "real_time_factor", "real-time factor (less is better)", 4)
    say(f"wrote {args.out} and its chart")


def make_side(name: str, threads: int) -> Side:
    """A side of :data:`SIDES`."""
    import numpy as np

    from zoo import load_model
    from zoo.speech.recognition import SpeechRecognition

    task = load_model("ctc_bilstm.an4", kind=SpeechRecognition)
    samples = speech()
    parameters = task.config.parameters()
    # Each recording of a batch begins elsewhere: what is the same is read only once.
    recordings = {
        batch: [np.roll(samples, 1_600 * number) for number in range(batch)] for batch in BATCHES
    }
    if name == "zoo_transcribe":
        return Side(lambda x: task.transcribe(x, 16_000), recordings, parameters, RUNTIME)
    log_mel = task.processor.log_mel
    if name == "onnxruntime_samples":
        bare, versions = onnxruntime_side(task, threads)
        return Side(
            lambda x: bare(np.stack([log_mel.features(one) for one in x])),
            recordings,
            parameters,
            versions,
            lambda outputs: outputs[0],
        )
    features = log_mel.features(samples)
    call, versions = network_side(name, task, threads)
    inputs = {batch: np.stack([features] * batch) for batch in BATCHES}
    return Side(call, inputs, parameters, versions, lambda outputs: outputs[0])


def speech() -> Any:
    """Three seconds in which somebody speaks, ``(samples,)``."""
    import numpy as np

    from zoo.speech.audio import read_audio

    return np.resize(read_audio(ROOT / "samples/census.wav"), round(SECONDS * 16_000))


def network_side(name: str, task: Any, threads: int) -> tuple[Callable[[Any], Any], str]:
    """A function of a batch of features to logits, and the versions that it stands on."""
    import numpy as np

    if name == "torch":
        return torch_side(task, threads)
    if name == "onnxruntime":
        return onnxruntime_side(task, threads)
    if name == "zoo":
        inference = task.inference
        return lambda x: inference.log_probs(x, np.full(len(x), x.shape[1], np.int32)), RUNTIME
    import tensorflow as tf

    if name == "zoo_graph":
        network = task.network

        @tf.function(reduce_retracing=True)
        def run(features: Any) -> Any:
            return network([features, tf.ones(tf.shape(features)[:2], tf.bool)])

        return lambda x: run(tf.convert_to_tensor(x)).numpy(), keras_versions()
    from zoo.layers import to_keras_layers

    plain = to_keras_layers(task.network)

    def mask(features: Any) -> Any:
        return np.ones(features.shape[:2], bool)

    if name == "keras_call":
        return lambda x: np.asarray(plain([x, mask(x)], training=False)), keras_versions()
    return lambda x: plain.predict([x, mask(x)], verbose=0), keras_versions()


def keras_versions() -> str:
    return f"keras {version('keras')} tensorflow {version('tensorflow')}"


def torch_side(task: Any, threads: int) -> tuple[Callable[[Any], Any], str]:
    """The same network in PyTorch, with the same weights."""
    import torch

    torch.set_num_threads(threads)
    layers = TorchLayers(weights_of(task))
    convolutions = [layers.convolution(f"convolution_{n}", (2, 2), 1) for n in (1, 2)]
    recurrent = layers.recurrent_layers(task.config.layers)
    dense = layers.dense("logits")

    def call(features: Any) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy(features)[:, None]
            for convolution in convolutions:
                x = torch.relu(convolution(x))
            return dense(recurrent(x.permute(0, 2, 3, 1).flatten(2))).numpy()

    return call, f"torch {torch.__version__}"


def onnxruntime_side(task: Any, threads: int) -> tuple[Callable[[Any], Any], str]:
    """The same network as an ONNX graph, with the same weights."""
    import numpy as np

    graph, config = OnnxGraph(weights_of(task)), task.config
    x = graph.node(
        "Unsqueeze", ["features", graph.constant("one", np.array([1], np.int64))], "image"
    )
    for number in (1, 2):
        x = graph.convolution(x, f"convolution_{number}", (2, 2), 1)
    # (batch, channels, time, bins) to (time, batch, bins * channels), as the LSTM wants it.
    x = graph.node("Transpose", [x], "time_major", perm=[2, 0, 3, 1])
    x = graph.recurrent_layers(graph.reshape(x, (0, 0, -1), "frames"), config.layers, config.units)
    graph.node("Transpose", [graph.dense(x, "logits")], "logits", perm=[1, 0, 2])
    session = graph.session(("features", config.bins), ("logits", config.labels), threads)
    return lambda features: session.run(None, {"features": features})[0], RUNTIME


if __name__ == "__main__":
    main()
