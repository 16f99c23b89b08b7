#!/usr/bin/env python3
"""Tries the same number of values for each architecture of the comparison, in short runs.

    scripts/benchmarks/comparison_trials.py --minutes 6
    scripts/benchmarks/comparison_trials.py --minutes 6 --processes 2    # two runs, a core each
    scripts/benchmarks/comparison_trials.py --only char_rnn --minutes 0.2 --out a.csv   # a look

A comparison with an opponent that was not tuned is worth nothing. Each architecture has the same
trials around its recipe's rate of learning and dropout: 2.5 and 0.4 times the rate, and half the
dropout. Finished runs in --runs are not run again. What counts is the loss on the validation text.
Writes docs/comparison/trials.csv, from which comparison.py takes for each architecture the better
rate and the better dropout.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from comparison_runs import ARCHITECTURES, epochs_file, history_of, in_processes, values_of

from zoo.folder.provenance import processor_name

ROOT = Path(__file__).resolve().parents[2]
TRIALS = ((1.0, 1.0), (1.0, 0.5), (2.5, 1.0), (0.4, 1.0))  # factors of rate and dropout
TABLE = ROOT / "docs/comparison/trials.csv"
COLUMNS = (
    "architecture",
    "learning_rate",
    "dropout",
    "minutes",
    "runs_at_once",
    "epochs",
    "seconds",
    "validation_nats",
    "processor",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=ARCHITECTURES, default=ARCHITECTURES)
    parser.add_argument("--minutes", type=float, default=6.0, help="of each trial")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/comparison/trials")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--processes", type=int, default=1, help="runs at once, of a core each")
    args = parser.parse_args()
    runs = [
        (architecture, args.minutes, folder_of(args.runs, architecture, args.minutes, one), one)
        for architecture in args.only
        for one in trials(architecture)
    ]
    in_processes(runs, args.processes)
    rows = [row_of(*run, args.processes) for run in runs]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(args.out)


def trials(architecture: str) -> list[dict[str, Any]]:
    """The changes of each trial, the recipe's own values first."""
    values = values_of(architecture, {})
    rate, dropout = values.plans[0].learning_rate, values.network["hidden_dropout"]
    return [
        {"learning_rate": float(f"{rate * faster:.2g}"), "dropout": round(dropout * more, 4)}
        for faster, more in TRIALS
    ]


def chosen(architecture: str, path: Path = TABLE) -> dict[str, Any]:
    """The better rate among the trials with the first one's dropout, and the better dropout among
    those with its rate; nothing if there were no trials."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["architecture"] == architecture]
    best: dict[str, Any] = {}
    for key, other in (("learning_rate", "dropout"), ("dropout", "learning_rate")):
        alike = [row for row in rows if row[other] == rows[0][other]]
        best[key] = float(min(alike, key=lambda row: float(row["validation_nats"]))[key])
    return best


def folder_of(runs: Path, architecture: str, minutes: float, changes: dict[str, Any]) -> Path:
    """Where a run's files are."""
    name = "_".join(f"{value:g}" for value in changes.values())
    return runs / f"{architecture}_{name}_{minutes:g}"


def row_of(
    architecture: str, minutes: float, folder: Path, changes: dict[str, Any], at_once: int
) -> dict[str, Any]:
    """A row of the table."""
    history = history_of(folder)
    return {
        "architecture": architecture,
        "learning_rate": changes["learning_rate"],
        "dropout": changes["dropout"],
        "minutes": minutes,
        "runs_at_once": at_once,
        "epochs": round(float(epochs_file(folder).read_text()), 2),
        "seconds": round(history[-1]["total"]),
        "validation_nats": round(min(one["loss"] for one in history), 4),
        "processor": processor_name(),
    }


if __name__ == "__main__":
    main()
