#!/usr/bin/env python3
"""What looking inside costs, beside the engine's own pass over the same input.

    scripts/benchmarks/inspection.py                 # writes docs/benchmarks/inspection.csv
    scripts/benchmarks/inspection.py --rounds 9 --out inspection.csv

A trace keeps every gate of every layer; a highway goes 100 steps back; an attribution takes 32
gradients. Medians of interleaved rounds in one process, after one round that is not counted.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.folder.provenance import processor_name
from zoo.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
CHARACTERS = 401
BACK = 100


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/inspection.csv")
    args = parser.parse_args()
    rows = []
    for name, sides in (("char_lstm.shakespeare", text()), ("ctc_lstm.an4", speech())):
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(args.rounds + 1):
            for side, work in sides.items():
                started = time.perf_counter()
                work()
                if number:
                    seconds[side].append(time.perf_counter() - started)
        medians = {side: statistics.median(found) for side, found in seconds.items()}
        rows += [
            {
                "model": name,
                "what": side,
                "milliseconds": round(1000 * median, 1),
                "times_the_pass": round(median / medians[base(side)], 1),
                "processor": processor_name(),
            }
            for side, median in medians.items()
        ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(args.out)


def base(side: str) -> str:
    """The pass of the engine that a side is compared with."""
    short = side.startswith(("highway", "attribution", f"pass over {BACK}"))
    return f"pass over {BACK} steps" if short else "pass over all steps"


def text() -> dict[str, Callable[[], Any]]:
    """What is done with a text."""
    model: Any = load_model("char_lstm.shakespeare")
    letters = model.processor.vocabulary
    drawn = np.random.default_rng(0).integers(0, len(letters), CHARACTERS)
    whole = "".join(letters[n] for n in drawn)
    short = whole[: BACK + 1]
    return {
        "pass over all steps": lambda: model.score(whole),
        "trace of all steps": lambda: model.trace(whole),
        f"pass over {BACK} steps": lambda: model.score(short),
        f"highway of {BACK} steps": lambda: model.highway(short, steps=BACK),
        f"attribution over {BACK} steps": lambda: model.attribute(short),
    }


def speech() -> dict[str, Callable[[], Any]]:
    """What is done with a recording."""
    model: Any = load_model("ctc_lstm.an4")
    recording = ROOT / "samples/census.wav"
    return {
        "pass over all steps": lambda: model.log_probs(recording),
        "trace of all steps": lambda: model.trace(recording),
    }


if __name__ == "__main__":
    main()
