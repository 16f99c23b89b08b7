#!/usr/bin/env python3
"""Times a streaming recogniser on one core: each 100 ms of audio, and the wait for the first word.

    scripts/benchmarks/streaming.py                       # writes docs/benchmarks/streaming.csv
    scripts/benchmarks/streaming.py --model runs/mine --seconds 60

`zoo` is the stream as `open_stream` gives it, features and decoding included. `zoo_int8` runs on
the exported graph that multiplies in int8; `keras_graph` does the same work as `zoo` with the
network's step as a compiled TensorFlow graph of the same layers, and must write the same text. All
are fed the same samples, a tenth of a second at a time, in alternating rounds.

`streams` is how many streams in real time one core carries at the mean cost of a chunk.

The wait for the first word is measured on the validation speakers of AN4 (it needs the corpus,
through ZOO_DATA_MIRROR or the network): from the end of the word, by forced alignment, to the
moment its text stands in `partial()`, the audio that has to come first and the work together.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from side_by_side import draw, write_table

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 0.1
COLUMNS = (
    *("side", "label", "chunk_milliseconds", "median_milliseconds", "p99_milliseconds"),
    *("mean_milliseconds", "streams", "chunks", "first_word_milliseconds"),
    *("first_word_p90_milliseconds", "words", "parameters", "versions", "processor"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="ctc_lstm.an4")
    parser.add_argument("--seconds", type=float, default=30.0, help="of audio, a round and side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/streaming.csv")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    import keras
    import numpy as np
    import tensorflow as tf
    from tqdm import tqdm

    import zoo
    from zoo.speech.datasets import load_speech
    from zoo.speech.recognition import SpeechRecognition

    model = zoo.load_model(args.model, kind=SpeechRecognition)
    rate = model.processor.log_mel.sample_rate
    held_out = load_speech("an4")["validation"]
    samples = np.concatenate([held_out[i].samples for i in range(len(held_out))])
    samples = np.resize(samples, round(args.seconds * rate))
    runtime = f"onnxruntime {version('onnxruntime')}"
    graph = f"keras {keras.__version__} tensorflow {tf.__version__}"
    sides: dict[str, tuple[str, Any, str]] = {
        "zoo": ("zoo stream", model, runtime),
        "zoo_int8": ("zoo stream, arithmetic in int8", with_int8_arithmetic(model), runtime),
        "keras_graph": ("the step as a TensorFlow graph", with_graph_step(model), graph),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    texts = {}
    for _ in tqdm(range(args.rounds), desc="streaming"):
        for name, (_, task, _) in sides.items():
            seconds, texts[name] = run(task, samples, rate)
            times[name] += seconds
    if texts["zoo"] != texts["keras_graph"]:  # int8 rounds what it reads
        raise SystemExit("the sides wrote different texts")
    waits = 1000 * np.asarray(first_words(model, held_out))
    rows = []
    for name, (label, _, versions) in sides.items():
        milliseconds = 1000 * np.asarray(times[name])
        row = {
            "side": name,
            "label": label,
            "chunk_milliseconds": round(1000 * CHUNK),
            "median_milliseconds": f"{np.median(milliseconds):.3f}",
            "p99_milliseconds": f"{np.percentile(milliseconds, 99):.3f}",
            "mean_milliseconds": f"{milliseconds.mean():.3f}",
            "streams": f"{1000 * CHUNK / milliseconds.mean():.0f}",
            "chunks": len(milliseconds),
            "parameters": model.config.parameters(),
            "versions": versions,
            "processor": processor_name(),
        }
        if name == "zoo":
            row["first_word_milliseconds"] = f"{np.median(waits):.0f}"
            row["first_word_p90_milliseconds"] = f"{np.percentile(waits, 90):.0f}"
            row["words"] = len(waits)
        rows.append(row)
    write_table(args.out, COLUMNS, rows)
    bars = [{**row, "batch": 1, "threads": 1} for row in rows]
    axis = "streams in real time on one core (more is better)"
    draw(bars, args.out.with_suffix(".png"), "streams", axis, 0)
    print(f"wrote {args.out} and its chart")


def run(task: Any, samples: Any, rate: int) -> tuple[list[float], str]:
    """Seconds that each chunk took, and the text; the first three chunks are not counted."""
    stream = task.open_stream()
    step = round(CHUNK * rate)
    seconds = []
    for start in range(0, len(samples), step):
        began = time.perf_counter()
        stream.feed(samples[start : start + step])
        stream.partial()
        seconds.append(time.perf_counter() - began)
    return seconds[3:], stream.finish().text


def first_words(model: Any, utterances: Any) -> list[float]:
    """Seconds from the end of each utterance's first word to its text, where it is right."""
    rate = model.processor.log_mel.sample_rate
    step = round(CHUNK * rate)
    waits = []
    for number in range(len(utterances)):
        utterance = utterances[number]
        first = utterance.text.split()[0]
        end = model.align(utterance.samples, utterance.text, rate).words[0].end
        stream = model.open_stream()
        for start in range(0, len(utterance.samples), step):
            began = time.perf_counter()
            stream.feed(utterance.samples[start : start + step])
            if stream.partial().startswith(first):
                waits.append(stream.seconds - end + time.perf_counter() - began)
                break
    return waits


def with_int8_arithmetic(model: Any) -> Any:
    """The same task on the graphs that ``zoo export --format onnx-int8-dynamic`` writes."""
    import copy

    from zoo.export.checking import run_on_files
    from zoo.export.writing import export

    twin = copy.deepcopy(model)
    folder, _ = export(model, Path(tempfile.mkdtemp()) / "model", "onnx-int8-dynamic")
    run_on_files(twin, {part: folder / f"{part}.onnx" for part in twin.inference.sessions()})
    return twin


def with_graph_step(model: Any) -> Any:
    """The same task with another engine for the steps."""
    import copy

    import numpy as np
    import tensorflow as tf

    step = streaming_step(model.network, model.config)

    @tf.function
    def compiled(frames: Any, real: Any, state: Any) -> Any:
        logits, *after = step([frames, real, *state])
        return tf.nn.log_softmax(logits)[0], after

    class GraphSteps:
        look_ahead = model.config.look_ahead
        log_probs = model.inference.log_probs

        def start(self) -> Any:
            return [tf.zeros((1, *spec.shape[1:])) for spec in step.inputs[2:]]

        def step(self, frames: Any, real: float, state: Any) -> Any:
            values = tf.constant(frames[None]), tf.constant(np.full((1, 1), real, np.float32))
            log_probs, after = compiled(*values, state)
            return log_probs.numpy(), after

    twin = copy.copy(model)
    twin._inference_weights = twin.weights()
    twin._inference = GraphSteps()
    return twin


def streaming_step(network: Any, config: Any) -> Any:
    """The layers of ``ctc_lstm`` for four frames at a time, with the state as input and output.

    A step gives the output that lies ``look_ahead`` steps back; so the first ``look_ahead`` outputs
    of a stream are to be thrown away, and as many steps with ``real`` 0 bring the last ones.

    Args:
        network: what :func:`build_causal` made.
        config: its values.

    Returns:
        A model from ``[frames (batch, 4, bins), real (batch, 1), *state]`` to ``[logits
        (batch, 1, labels), *state]``. ``real`` is 1 before the end of the utterance and 0 after it.
        A stream starts with all states zero.
    """
    import keras

    from zoo.cells import CELLS
    from zoo.ctc.network_parts import zero_padding
    from zoo.ctc.subsampling import SUBSAMPLING

    frames = keras.Input((SUBSAMPLING, config.bins), name="frames")
    real = keras.Input((1,), name="real")
    x = keras.layers.Reshape((SUBSAMPLING, config.bins, 1))(frames)
    before: list[Any] = []
    after: list[Any] = []

    def joined(x: Any, shape: tuple[int, ...]) -> Any:
        """Put the last frames of the step before in front, and keep those of this one."""
        context = keras.Input(shape, dtype=x.dtype, name=f"state_{len(before)}")
        whole = keras.ops.concatenate([context, x], axis=1)
        before.append(context)
        after.append(whole[:, -shape[0] :])
        return whole

    for number in (1, 2):
        x = joined(x, (2, *x.shape[2:]))
        x = keras.layers.ZeroPadding2D(((0, 0), (1, 1)))(x)
        x = network.get_layer(f"convolution_{number}")(x)
    x = keras.layers.Reshape((1, x.shape[2] * x.shape[3]))(x)
    for number in range(1, config.layers + 1):
        layer = network.get_layer(f"recurrent_{number}")
        states = [
            keras.Input((config.units,), dtype=layer.compute_dtype, name=f"state_{len(before) + i}")
            for i in range(CELLS[config.cell].states)
        ]
        x, *new = layer(x, initial_state=states)
        before += states
        after += new
        x = network.get_layer(f"normalisation_{number}")(x)
    if config.look_ahead:
        x = joined(zero_padding(x, real), (config.look_ahead, config.units))
    logits = network.get_layer("logits")(network.get_layer("ahead")(x))
    return keras.Model([frames, real, *before], [logits, *after], name="ctc_lstm_step")


if __name__ == "__main__":
    main()
