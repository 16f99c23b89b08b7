#!/usr/bin/env python3
"""How long the zoo takes to start and how much memory it takes: commands, loading, the first text.

    scripts/benchmarks/start.py                  # writes docs/benchmarks/start.csv and a chart
    scripts/benchmarks/start.py --rounds 11 --out start.csv

Each measurement is a process of its own, the rounds interleaved; the median is reported beside the
fastest and the slowest, and the most memory that a process had in any round. Loading is counted
from after ``import zoo``. The first text includes the compilation of the loop, or its reading from
Numba's cache on disk when it has run before. Each task's ``zoo run`` reads one of the samples;
``import tensorflow`` is what each of them waited for when models ran on TensorFlow.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import time, zoo
started = time.perf_counter()
model = zoo.load_model({name!r})
print(time.perf_counter() - started)
"""
WRITE = """
import time, zoo
model = zoo.load_model({name!r})
started = time.perf_counter()
model.generate("ROMEO:", 100, seed=1, errors="replace")
print(time.perf_counter() - started)
"""
RUNS = {
    "char_lstm.shakespeare": ["ROMEO:", "--length", "400", "--seed", "1"],
    "ctc_bilstm.an4": ["samples/census.wav"],
    "ctc_lstm.an4": ["samples/census.wav"],
    "crnn.latin": ["samples/line.png"],
    "pen_bilstm.unipen": ["samples/word.inkml"],
    "seq2seq_lstm.tatoeba": ["Where is the station?", "--target", "fr"],
    "tagger_bilstm.chat": ["Hi, I'm Ana Lopez, order 4471"],
    "sentiment_lstm.topical_chat": ["I love this movie!"],
    "tracker_lstm.woz": ["samples/chat.jsonl"],
}
Measured = tuple[float, float]
"""Seconds, and the most memory in MiB."""


def finished(command: list[str]) -> tuple[str, float, float]:
    """What a process printed, its wall-clock seconds and the most memory that it had, in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return printed, seconds, usage.ru_maxrss / 1024


def timed(command: list[str]) -> Measured:
    """A whole process."""
    _, seconds, memory = finished(command)
    return seconds, memory


def printed(code: str) -> Measured:
    """The seconds that a process prints of itself."""
    told, _, memory = finished([sys.executable, "-c", code])
    return float(told), memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="char_lstm.shakespeare")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/start.csv"))
    arguments = parser.parse_args()

    zoo = [sys.executable, "-m", "zoo"]
    sides: dict[str, Callable[[], Measured]] = {
        "python -c pass": lambda: timed([sys.executable, "-c", "pass"]),
        "zoo list": lambda: timed([*zoo, "list"]),
        f"zoo show {arguments.model}": lambda: timed([*zoo, "show", arguments.model]),
        "import tensorflow": lambda: timed([sys.executable, "-c", "import tensorflow"]),
        "load_model after import zoo": lambda: printed(LOAD.format(name=arguments.model)),
        "first 100 characters after load_model": lambda: printed(
            WRITE.format(name=arguments.model)
        ),
    }
    for name, given in RUNS.items():
        sides[f"zoo run {name}"] = partial(timed, [*zoo, "run", name, *given])
    measured: dict[str, list[Measured]] = {side: [] for side in sides}
    for round_number in tqdm(range(arguments.rounds + 1), desc="rounds"):
        for side, measure in sides.items():
            value = measure()
            if round_number:  # the first round fills the caches of the disk
                measured[side].append(value)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "side",
                "seconds",
                "fastest",
                "slowest",
                "rounds",
                "memory_mib",
                "processor",
                "versions",
            ]
        )
        for side, rounds in measured.items():
            values = [seconds for seconds, _ in rounds]
            memory = max(mib for _, mib in rounds)
            row = [statistics.median(values), min(values), max(values)]
            cells = [f"{value:.3f}" for value in row]
            machine = f"{processor_name()}, {os.cpu_count()} cores"
            writer.writerow([side, *cells, len(values), f"{memory:.0f}", machine, versions()])
            print(f"{side}: {row[0]:.3f} s, {memory:.0f} MiB")
    draw(measured, arguments.out.with_suffix(".png"))


def draw(measured: Mapping[str, Sequence[Measured]], path: Path) -> None:
    """Bars of the median seconds and of the most memory of each side."""
    from matplotlib.figure import Figure

    sides = list(measured)[::-1]
    figure = Figure((11.0, 0.4 * len(sides) + 1.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, part, label in zip(panels, (0, 1), ("seconds", "memory, MiB"), strict=True):
        summary = max if part else statistics.median
        values = [summary([one[part] for one in measured[side]]) for side in sides]
        colours = ["#d95f02" if "zoo" in side else "#8da0cb" for side in sides]
        bars = axes.barh(sides, values, color=colours)
        axes.bar_label(bars, [f"{value:.3g}" for value in values], padding=3)
        axes.set_xlabel(f"{label} (less is better)")
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def versions() -> str:
    """Versions that the times depend on."""
    import importlib.metadata

    packages = ("onnxruntime", "numba", "tensorflow", "click")
    told = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return "; ".join([f"Python {platform.python_version()}", *told])


if __name__ == "__main__":
    main()
