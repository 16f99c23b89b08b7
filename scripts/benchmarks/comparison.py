#!/usr/bin/env python3
"""Trains LSTM, GRU, plain RNN and Transformer alike, and compares what comes out.

    scripts/benchmarks/comparison.py train --minutes 40 --seeds 0 1 2
    scripts/benchmarks/comparison.py train --minutes 80 --seeds 0 --processes 2    # a core each
    scripts/benchmarks/comparison.py measure
    scripts/benchmarks/comparison.py train --minutes 0.2 --seeds 0 --runs /tmp/look    # a look
    scripts/benchmarks/comparison.py measure --runs /tmp/look --out /tmp/look --validation

``train`` trains each architecture for the same minutes on Tiny Shakespeare, by its recipe's values
with the rate and the dropout that were best in the trials (docs/comparison/trials.csv); finished
runs are kept, broken-off ones go on. ``measure`` reads the runs and writes into
docs/comparison:

- quality.csv: nats a character of the test text by architecture, mean and 95 % interval over seeds;
- curves.csv: the validation loss over the time of training, by architecture and seed;
- time_to_loss.csv: seconds of training until the validation loss first was below a mark;
- stream.csv: memory and time of a character after 100 to 100,000 characters of a stream;
- distance.csv: the loss with the context cut to the last k characters;
- highways.csv and highways.png: the gradient left k steps back, the median over places of a text.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from comparison_runs import ARCHITECTURES, history_of, in_processes
from comparison_trials import chosen

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
MARKS = (2.0, 1.8, 1.7, 1.6, 1.55, 1.5, 1.45)
POSITIONS = (100, 1_000, 10_000, 100_000)
CONTEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
TIMED = 200  # characters of the stream that are timed at each position
JUDGED = 400  # places of the text at which the context is cut, and
BACK, PLACES = 100, 40  # steps and places of the highways
# Two-sided 95 % quantiles of Student's t by the number of seeds.
T = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["train", "measure"])
    parser.add_argument("--only", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--minutes", type=float, default=40.0, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=1, help="runs at once, of a core each")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/comparison")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/comparison")
    parser.add_argument("--validation", action="store_true", help="leave the test text alone")
    args = parser.parse_args()
    if args.what == "train":
        runs = [
            (
                architecture,
                args.minutes,
                args.runs / f"{architecture}_{seed}",
                {**chosen(architecture), "seed": seed},
            )
            for seed in args.seeds
            for architecture in args.only
        ]
        in_processes(runs, args.processes)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    measure(args.runs, args.only, args.out, "validation" if args.validation else "test")


def measure(runs: Path, architectures: Iterable[str], out: Path, split: str) -> None:
    """All tables of the runs that there are."""
    from zoo.datasets import load_text
    from zoo.loading import load_model

    text = load_text("karpathy_shakespeare")
    folders = {
        name: sorted(path for path in runs.glob(f"{name}_*") if (path / "manifest.json").exists())
        for name in architectures
    }
    folders = {name: found for name, found in folders.items() if found}
    models = {name: load_model(found[0]) for name, found in folders.items()}
    write(out / "quality.csv", [quality(n, found, text[split]) for n, found in folders.items()])
    write(out / "curves.csv", [row for n, found in folders.items() for row in learning(n, found)])
    write(out / "time_to_loss.csv", [row for n, f in folders.items() for row in marks(n, f)])
    judged = text["validation"]
    write(out / "distance.csv", [r for n, m in models.items() for r in distances(n, m, judged)])
    highways = {name: median_highway(model, judged) for name, model in models.items()}
    write(out / "highways.csv", [row for n, h in highways.items() for row in h.rows_of(n)])
    draw(highways, out / "highways.png")
    write(out / "stream.csv", [row for n, m in models.items() for row in stream(n, m, judged)])


def quality(name: str, folders: list[Path], text: str) -> dict[str, Any]:
    """Nats a character of a text, in one pass with the state carried over."""
    from zoo.loading import load_model

    losses, model = [], None
    for folder in folders:
        model = load_model(folder)
        losses.append(model.score(text).nats_per_character)  # type: ignore[attr-defined]
    spread = np.std(losses, ddof=1) if len(losses) > 1 else float("nan")
    half = T.get(len(losses), 1.96) * spread / len(losses) ** 0.5
    seconds = [history_of(folder)[-1]["total"] for folder in folders]
    assert model is not None
    return {
        "architecture": name,
        "parameters": model.config.parameters(),
        "seeds": len(losses),
        "nats_per_character": round(float(np.mean(losses)), 4),
        "interval_95": "" if np.isnan(half) else round(float(half), 4),
        "each_seed": " ".join(f"{one:.4f}" for one in losses),
        "training_seconds": round(float(np.mean(seconds))),
        "epochs": " ".join(str(len(history_of(folder))) for folder in folders),
        "processor": processor_name(),
    }


def learning(name: str, folders: list[Path]) -> list[dict[str, Any]]:
    """The validation loss after each epoch of each run."""
    return [
        {
            "architecture": name,
            "seed": folder.name.rpartition("_")[2],
            "epoch": row["epoch"],
            "seconds": round(row["total"], 1),
            "validation_nats": round(row["loss"], 4),
        }
        for folder in folders
        for row in history_of(folder)
    ]


def marks(name: str, folders: list[Path]) -> list[dict[str, Any]]:
    """Seconds of training to each mark, the mean over the seeds that reached it."""
    rows = []
    for mark in MARKS:
        reached = [
            next((row["total"] for row in history_of(folder) if row["loss"] < mark), None)
            for folder in folders
        ]
        found = [one for one in reached if one is not None]
        rows.append(
            {
                "architecture": name,
                "validation_nats": mark,
                "seconds": round(float(np.mean(found))) if found else "",
                "reached": f"{len(found)}/{len(reached)}",
            }
        )
    return rows


def distances(name: str, model: Any, text: str) -> list[dict[str, Any]]:
    """The loss of the same characters with their context cut to the last k."""
    ids = model.processor.encode(text)
    ends = np.linspace(max(CONTEXTS), len(ids) - 1, JUDGED).astype(int)
    inference, rows = model.inference, []
    for context in CONTEXTS:
        losses = []
        for start in range(0, len(ends), 16):
            part = ends[start : start + 16]
            windows = np.stack([ids[end - context : end] for end in part])
            log_probs = inference.read(windows, inference.initial_state(len(part))).log_probs
            losses += [-log_probs[n, -1, ids[end]] for n, end in enumerate(part)]
        error = float(np.std(losses) / len(losses) ** 0.5)
        rows.append(
            {
                "architecture": name,
                "context": context,
                "nats": round(float(np.mean(losses)), 4),
                "standard_error": round(error, 4),
                "characters": len(losses),
            }
        )
    return rows


class Highways:
    """Median highway curves over places of a text.

    Args:
        curves: by layer and state the norms of each place, relative, ``(places, steps + 1)``.
    """

    def __init__(self, curves: dict[tuple[str, str], list[np.ndarray]]) -> None:
        self.medians = {key: np.median(np.stack(found), axis=0) for key, found in curves.items()}

    def rows_of(self, name: str) -> list[dict[str, Any]]:
        """A row for each layer, state and some steps back."""
        return [
            {
                "architecture": name,
                "layer": layer,
                "state": state,
                "steps_back": k,
                "gradient_left": f"{median[k]:.3g}",
            }
            for (layer, state), median in self.medians.items()
            for k in (1, 2, 5, 10, 20, 40, 60, 80, 100)
        ]


def median_highway(model: Any, text: str) -> Highways:
    """The highways of places spread over a text."""
    curves: dict[tuple[str, str], list[np.ndarray]] = {}
    for start in np.linspace(0, len(text) - 3 * BACK - 2, PLACES).astype(int):
        found = model.highway(text[start : start + 3 * BACK + 2], at=3 * BACK, steps=BACK)
        for curve in found.curves:
            curves.setdefault((curve.layer, curve.state), []).append(curve.relative)
    return Highways(curves)


def draw(highways: dict[str, Highways], path: Path) -> None:
    """The median curves of all architectures on one axis: c of the LSTM, h or x of others."""
    from zoo.inspection.charts import draw_highways
    from zoo.inspection.highway import Curve, Highway

    draw_highways(
        {
            name: Highway(
                0,
                "",
                0.0,
                tuple(Curve(*key, median) for key, median in found.medians.items()),
            )
            for name, found in highways.items()
        },
        path,
    )


def stream(name: str, model: Any, text: str) -> list[dict[str, Any]]:
    """What one more character costs after so many."""
    ids = model.processor.encode(text)
    inference = model.inference
    state, read, rows = inference.initial_state(1), 0, []
    for position in POSITIONS:
        while read < position:
            count = min(1000, position - read)
            window = np.take(ids, np.arange(read, read + count), mode="wrap")
            state = inference.read(window[None], state).state
            read += count
        seconds = []
        for n in range(TIMED):
            started = time.perf_counter()
            state, _ = inference.step(state, ids[n : n + 1])
            seconds.append(time.perf_counter() - started)
        read += TIMED
        rows.append(
            {
                "architecture": name,
                "position": position,
                "microseconds_per_character": round(1e6 * float(np.median(seconds)), 1),
                "state_kilobytes": round(sum(np.asarray(one).nbytes for one in state) / 1000, 1),
                "weight_megabytes": round(4 * model.config.parameters() / 1e6, 1),
                "processor": processor_name(),
            }
        )
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8", newline="") as written:
        writer = csv.DictWriter(written, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(path)


if __name__ == "__main__":
    main()
