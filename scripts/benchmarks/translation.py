#!/usr/bin/env python3
"""Times a translator: the zoo, the same network stepped naively in Keras, and PyTorch.

    scripts/benchmarks/translation.py                 # all sides
    scripts/benchmarks/translation.py --sides zoo torch --batches 1 --rounds 5
    scripts/benchmarks/translation.py --units 32 --rounds 1 --repeats 1    # to see that it works

The network is the one of seq2seq_lstm.tatoeba with random weights, the same on every side; sources
have 12 tokens, as a sentence of ten words has, and every translation is 12 tokens long. All sides
use the same beam search and must write the same tokens, but for ties: the zoo by its graphs of the
encoder and of a step, `keras` by calling the network on the source and all that was written so far,
`torch` with the encoder run once and its states kept. Each side runs in a process of its own that
waits while the others are timed; rounds alternate and the median of all calls counts. The first
call is timed apart, with all that it compiles.

Writes docs/benchmarks/translation.csv and a chart beside it.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
TOKENS = 12
BEGIN, NO_END = 1, -1
AGREEMENT = 0.95  # fraction of sentences that all sides must write alike
SIDES = {
    "zoo": "zoo: a step at a time in ONNX Runtime",
    "keras": "Keras: the whole network at each step",
    "torch": "PyTorch: encoder once, a step at a time",
}
COLUMNS = (
    *("side", "label", "batch", "beam_size", "threads", "sentences_per_second"),
    *("milliseconds_per_call", "fastest_milliseconds", "first_call_seconds", "timed_calls"),
    *("parameters", "versions", "processor"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES), metavar="SIDE")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 64], metavar="N")
    parser.add_argument("--beams", nargs="+", type=int, default=[1, 5], metavar="N")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=2, help="rounds over all sides")
    parser.add_argument("--repeats", type=int, default=3, help="timed calls a round and side")
    parser.add_argument("--units", type=int, default=0, help="another width than the model's")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/translation.csv")
    parser.add_argument("--worker", nargs=2, metavar=("SIDE", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker[0], int(args.worker[1]), args.repeats, args.units)
        return
    rows = [row for threads in args.threads for row in compare(args, threads)]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, args.out.with_suffix(".png"))
    say(f"wrote {args.out} and its chart")


def compare(args: argparse.Namespace, threads: int) -> list[dict[str, Any]]:
    """Time all sides on some threads, in alternating rounds; one row a side and case."""
    workers = {name: Worker(name, threads, args) for name in args.sides}
    cases = [(batch, beam) for batch in args.batches for beam in args.beams]
    first: dict[tuple[str, int, int], float] = {}
    for case in cases:
        written = {}
        for name, worker in workers.items():
            seconds, *written[name] = worker.ask("first", *case)
            first[name, *case] = float(seconds)
        # In another order of additions a tie may be broken otherwise.
        same = sum(len(set(each)) == 1 for each in zip(*written.values(), strict=True))
        if same < AGREEMENT * case[0]:
            sys.exit(f"at batch {case[0]}, beam {case[1]} the sides write different tokens")
        say(f"{threads} threads: batch {case[0]}, beam {case[1]} is ready")
    times: dict[tuple[str, int, int], list[float]] = {}
    for number in range(args.rounds):
        for case in cases:
            for name, worker in workers.items():
                measured = [float(value) for value in worker.ask("time", *case)]
                times.setdefault((name, *case), []).extend(measured)
        say(f"{threads} threads: round {number + 1} of {args.rounds}")
    rows = []
    for (name, batch, beam), measured in times.items():
        median = statistics.median(measured)
        rows.append(
            {
                "side": name,
                "label": SIDES[name],
                "batch": batch,
                "beam_size": beam,
                "threads": threads,
                "sentences_per_second": f"{batch / median:.2f}",
                "milliseconds_per_call": f"{1000 * median:.2f}",
                "fastest_milliseconds": f"{1000 * min(measured):.2f}",
                "first_call_seconds": f"{first[name, batch, beam]:.3f}",
                "timed_calls": len(measured),
                "parameters": workers[name].parameters,
                "versions": workers[name].versions,
                "processor": processor_name(),
            }
        )
    for worker in workers.values():
        worker.stop()
    return rows


class Worker:
    """A side's process: it builds its network, then does what it is told, line by line."""

    def __init__(self, name: str, threads: int, args: argparse.Namespace) -> None:
        command = [sys.executable, __file__, "--worker", name, str(threads)]
        command += ["--repeats", str(args.repeats), "--units", str(args.units)]
        env = os.environ | {
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": str(threads),
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_NUM_INTEROP_THREADS": str(threads),
        }
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self.parameters, self.versions = self._line()

    def ask(self, what: str, batch: int, beam: int) -> list[str]:
        """The answer to an order for a case."""
        assert self.process.stdin is not None
        print(what, batch, beam, file=self.process.stdin, flush=True)
        return self._line()

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


def work(name: str, threads: int, repeats: int, units: int) -> None:
    """The worker's side of `Worker`."""
    import numpy as np

    from zoo.decoding.beam_search import beam_search

    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config, network = translator(units)
    start, step, versions = make_side(name, config, network, threads)
    rng = np.random.default_rng(0)
    sources = rng.integers(4, config.vocabulary_size, (1024, TOKENS)).astype(np.int32)

    def call(batch: int, beam: int) -> list[tuple[int, ...]]:
        beams = beam_search(
            step,
            start(sources[:batch], beam),
            BEGIN,
            NO_END,
            [TOKENS] * batch,
            beam_size=beam,
        )
        return [hypotheses[0].tokens for hypotheses in beams]

    print("result", config.parameters(), versions, sep="\t", flush=True)
    for line in sys.stdin:
        what, batch, beam = line.split()
        begun = time.perf_counter()
        # Not counted when it is timed: the caches are another side's.
        tokens = call(int(batch), int(beam))
        if what == "first":
            print("result", time.perf_counter() - begun, *tokens, sep="\t", flush=True)
            continue
        times = []
        for _ in range(repeats):
            begun = time.perf_counter()
            call(int(batch), int(beam))
            times.append(time.perf_counter() - begun)
        print("result", *times, sep="\t", flush=True)


def translator(units: int) -> tuple[Any, Any]:
    """The values and the network of seq2seq_lstm.tatoeba, with random weights."""
    import keras

    from zoo.registry import resolve
    from zoo.translation.seq2seq_lstm import build
    from zoo.translation.seq2seq_values import Seq2SeqConfig

    values = resolve("zoo.recipes.seq2seq_lstm:MODELS")["seq2seq_lstm.tatoeba"]
    network = {**values.network, **values.plans[-1].network}
    network |= {"units": units} if units else {}
    config = Seq2SeqConfig(values.vocabulary_size, **network)
    keras.utils.set_random_seed(0)
    made = build(config)
    for variable in made.trainable_variables:  # so that no two tokens are equally likely
        variable.assign_add(0.02 * keras.random.normal(variable.shape, seed=1))
    return config, made


def make_side(
    name: str, config: Any, network: Any, threads: int
) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    """The start of a state, the step of a beam search, and the versions that they stand on."""
    if name == "torch":
        return torch_side(config, network, threads)
    if name == "zoo":
        import onnxruntime

        import zoo
        from zoo.translation.inference import GraphTranslator

        zoo.set_threads(threads)
        steps = GraphTranslator(config, {one.path: one.numpy() for one in network.weights})
        return steps.start, steps.step, f"onnxruntime {onnxruntime.__version__}"
    import keras
    import tensorflow as tf

    versions = f"keras {keras.__version__} tensorflow {tf.__version__}"
    return *naive_keras(network), versions


def naive_keras(network: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The network as it is trained, called anew at each step; the state is what was written."""
    import numpy as np

    from zoo.layers import to_keras_layers

    plain = to_keras_layers(network)

    def start(sources: np.ndarray, rows: int) -> Any:
        return np.repeat(sources, rows, axis=0), np.zeros((len(sources) * rows, 0), np.int32)

    def step(state: Any, rows: np.ndarray, tokens: np.ndarray, k: int) -> Any:
        sources, prefixes = (part[rows] for part in state)
        prefixes = np.concatenate([prefixes, tokens[:, None].astype(np.int32)], axis=1)
        logits, _ = plain([sources, prefixes], training=False)
        return *best(np.asarray(logits)[:, -1], k), None, (sources, prefixes)

    return start, step


def best(logits: Any, k: int) -> tuple[Any, Any]:
    """The ``k`` likeliest tokens of each row and their log-probabilities."""
    import numpy as np

    ids = np.argpartition(-logits, k, axis=1)[:, :k]
    top = np.take_along_axis(logits, ids, 1)
    order = np.argsort(-top, axis=1)
    ids, top = np.take_along_axis(ids, order, 1), np.take_along_axis(top, order, 1)
    highest = logits.max(axis=1, keepdims=True)
    return ids, top - highest - np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))


def torch_side(
    config: Any, network: Any, threads: int
) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    """The same network in PyTorch, with the same weights."""
    import torch

    torch.set_num_threads(threads)
    weights = {variable.path: variable.numpy() for variable in network.weights}

    def tensor(start: str, end: str) -> Any:
        (path,) = (path for path in weights if path.startswith(start) and path.endswith(end))
        return torch.from_numpy(weights[path].copy())

    half, units, width = config.units // 2, config.units, config.embedding
    embedding = tensor("embedding", "embeddings")
    keys = torch.nn.Linear(units, units, bias=False)
    answer = torch.nn.Linear(2 * units, width)
    output = torch.nn.Linear(units + width, width)
    encoders, decoders = [], []
    with torch.no_grad():

        def fill(layer: Any, name: str, ending: str = "") -> None:
            getattr(layer, f"weight_ih{ending}").copy_(tensor(name, "/kernel").T)
            getattr(layer, f"weight_hh{ending}").copy_(tensor(name, "/recurrent_kernel").T)
            getattr(layer, f"bias_ih{ending}").copy_(tensor(name, "/bias"))
            getattr(layer, f"bias_hh{ending}").zero_()

        for number in range(1, config.encoder_layers + 1):
            reads = width if number == 1 else units
            encoders.append(torch.nn.LSTM(reads, half, batch_first=True, bidirectional=True))
            fill(encoders[-1], f"encoder_{number}/forward", "_l0")
            fill(encoders[-1], f"encoder_{number}/backward", "_l0_reverse")
        for number in range(1, config.decoder_layers + 1):
            decoders.append(torch.nn.LSTMCell(width if number <= 2 else units, units))
            fill(decoders[-1], f"decoder_{number}/")
        scale = units**-0.5 if config.attention == "scaled" else 1.0
        keys.weight.copy_(scale * tensor("attention_keys", "/kernel").T)
        named = [("attention_output", answer)]
        if config.decoder_layers > 1:
            named.append(("output", output))
        for name, layer in named:
            layer.weight.copy_(tensor(f"{name}/", "/kernel").T)
            layer.bias.copy_(tensor(f"{name}/", "/bias"))

    @torch.inference_mode()
    def start(sources: Any, rows: int) -> Any:
        x = embedding[torch.from_numpy(sources).long()] * width**0.5
        ends = []
        for encoder in encoders:
            x, last = encoder(x)
            ends.append([torch.cat([part[0], part[1]], dim=1) for part in last])
        begins = [ends[min(number, len(ends) - 1)] for number in range(config.decoder_layers)]
        state = [keys(x), x, *(part for layer in begins for part in layer)]
        return [part.repeat_interleave(rows, 0) for part in state]

    @torch.inference_mode()
    def step(state: Any, rows: Any, tokens: Any, k: int) -> Any:
        chosen = torch.from_numpy(rows)
        compared, memory, *states = (part[chosen] for part in state)
        x = embedding[torch.from_numpy(tokens)] * width**0.5
        hidden, cell = decoders[0](x, (states[0], states[1]))
        after = [compared, memory, hidden, cell]
        attention = torch.softmax(torch.bmm(compared, hidden[:, :, None])[:, :, 0], dim=1)
        context = torch.bmm(attention[:, None], memory)[:, 0]
        read = upper = torch.tanh(answer(torch.cat([hidden, context], dim=1)))
        for number, decoder in enumerate(decoders[1:], 1):
            upper, cell = decoder(upper, (states[2 * number], states[2 * number + 1]))
            after += [upper, cell]
        if len(decoders) > 1:
            read = torch.tanh(output(torch.cat([upper, read], dim=1)))
        log_probs, ids = torch.log_softmax(read @ embedding.T, dim=1).topk(k)
        return ids.numpy(), log_probs.numpy(), attention.numpy(), after

    return start, step, f"torch {torch.__version__}"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Bars of sentences a second, a panel for each batch, beam and number of threads."""
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys((row["batch"], row["beam_size"], row["threads"]) for row in rows))
    figure = Figure((11.0, 2.2 * -(-len(cases) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(cases) // 2), min(2, len(cases)), squeeze=False).ravel()
    for panel, case in zip(panels, cases, strict=False):
        chosen = [row for row in rows if (row["batch"], row["beam_size"], row["threads"]) == case]
        values = [float(row["sentences_per_second"]) for row in chosen]
        bars = panel.barh([row["label"] for row in chosen], values, color="tab:blue")
        panel.bar_label(bars, [f"{value:.4g}" for value in values], padding=3)
        panel.invert_yaxis()
        panel.margins(x=0.2)
        batch, beam, threads = case
        panel.set_title(f"batch {batch}, beam {beam}, {threads} threads")
        panel.set_xlabel("sentences per second")
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    figure.savefig(path, dpi=110)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
