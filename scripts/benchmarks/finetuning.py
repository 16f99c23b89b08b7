#!/usr/bin/env python3
"""Score a handwriting recogniser before and after fine-tuning on one hand, for the documents.

    scripts/benchmarks/finetuning.py hooker crnn.latin runs/hooker_100 runs/hooker_1000 runs/hooker

The first model is scored as it is, the others are folders that `zoo finetune` wrote from it. All
are scored on the test lines of the folder of lines, and stand in docs/benchmarks/finetuning.csv in
the order given; scripts/tables shows them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from zoo.loading import load_model
from zoo.training.recipe import evaluate

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "label",
    "decoding",
    "lines",
    "cer",
    "cer_interval",
    "wer",
    "wer_interval",
    "epochs",
    "minutes",
    "commands",
    "scorer",
    "commit",
    "processor",
)


def rows_of(model: str, data: Path) -> list[dict[str, Any]]:
    """The figures of a model on the test lines, one row for each way of decoding."""
    loaded = load_model(model)
    facts = {"label": model, "commands": "", **learning(Path(model))}
    if "base_model" in loaded.card:
        facts["label"] = loaded.card["data"].rstrip(".")
        # The folder may have been trained from a copy of the model that it names.
        words = loaded.metrics[0].command.split(" ")
        words[2] = loaded.card["base_model"]
        facts["commands"] = " ".join(words) + "; "
    rows: dict[str, dict[str, Any]] = {}
    for figure in evaluate(loaded, model, data):
        row = rows.setdefault(figure.decoding, dict(facts))
        row |= {"decoding": figure.decoding, "lines": figure.extra["lines"]}
        row |= {"scorer": figure.scorer, "commit": figure.commit, "processor": figure.machine}
        low, high = figure.interval_95 or ("", "")
        row |= {figure.metric: figure.value, f"{figure.metric}_interval": f"{low} to {high}"}
        row["commands"] = facts["commands"] + figure.command
    return list(rows.values())


def learning(folder: Path) -> dict[str, Any]:
    """How long a run took, if this is one."""
    history = folder / "training/history.csv"
    if not history.exists():
        return {}
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    seconds = sum(float(row["seconds"]) for row in rows)
    return {"epochs": len(rows), "minutes": round(seconds / 60, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder of lines that names test lines")
    parser.add_argument("models", nargs="+", help="a registered name, then fine-tuned folders")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/finetuning.csv")
    arguments = parser.parse_args()
    rows = [row for model in arguments.models for row in rows_of(model, arguments.data)]
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(f"{row['label']}: {row['decoding']} CER {row['cer']} WER {row['wer']}")


if __name__ == "__main__":
    main()
