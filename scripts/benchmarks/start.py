#!/usr/bin/env python3
"""How long the zoo takes to start: listing, loading a shipped model, and its first text.

    scripts/benchmarks/start.py                  # writes docs/benchmarks/start.csv
    scripts/benchmarks/start.py --rounds 11 --out start.csv

Each measurement is a process of its own, the rounds interleaved; the median is reported beside the
fastest and the slowest. Loading is counted from after ``import tensorflow``. The first text
includes the compilation of the loop, or its reading from Numba's cache on disk when it has run
before.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tqdm import tqdm

from zoo.folder.provenance import processor_name

LOAD = """
import time, tensorflow
started = time.perf_counter()
import zoo
model = zoo.load_model({name!r})
print(time.perf_counter() - started)
"""
WRITE = """
import time, tensorflow, zoo
model = zoo.load_model({name!r})
started = time.perf_counter()
model.generate("ROMEO:", 100, seed=1, errors="replace")
print(time.perf_counter() - started)
"""


def timed(command: list[str]) -> float:
    """Wall-clock seconds of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def printed(code: str) -> float:
    """The seconds that a process prints of itself."""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="char_lstm.shakespeare")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/start.csv"))
    arguments = parser.parse_args()

    zoo = [sys.executable, "-m", "zoo"]
    sides = {
        "python -c pass": lambda: timed([sys.executable, "-c", "pass"]),
        "zoo list": lambda: timed([*zoo, "list"]),
        f"zoo show {arguments.model}": lambda: timed([*zoo, "show", arguments.model]),
        "import tensorflow": lambda: timed([sys.executable, "-c", "import tensorflow"]),
        "load_model after import tensorflow": lambda: printed(LOAD.format(name=arguments.model)),
        "first 100 characters after load_model": lambda: printed(
            WRITE.format(name=arguments.model)
        ),
    }
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for round_number in tqdm(range(arguments.rounds + 1), desc="rounds"):
        for side, measure in sides.items():
            value = measure()
            if round_number:  # the first round fills the caches of the disk
                seconds[side].append(value)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["side", "seconds", "fastest", "slowest", "rounds", "processor", "versions"]
        )
        for side, values in seconds.items():
            row = [statistics.median(values), min(values), max(values)]
            cells = [f"{value:.3f}" for value in row]
            machine = f"{processor_name()}, {os.cpu_count()} cores"
            writer.writerow([side, *cells, len(values), machine, versions()])
            print(f"{side}: {row[0]:.3f} s")


def versions() -> str:
    """Versions that the times depend on."""
    import importlib.metadata

    packages = ("tensorflow", "keras", "numba", "click")
    told = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return "; ".join([f"Python {platform.python_version()}", *told])


if __name__ == "__main__":
    main()
