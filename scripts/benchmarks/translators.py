#!/usr/bin/env python3
"""Score trained translators on their test sets, for the tables of the documents.

    scripts/benchmarks/translators.py runs/tatoeba_plain runs/multi30k_en_de runs/multi30k_en_fr

For models whose weights are not in the package: their figures go to
docs/benchmarks/translators.csv, in place of older ones of the same model; scripts/tables shows
them. Beside each stands what others have published for the same sentences and the same measure,
where they have.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from zoo.loading import load_model
from zoo.training.recipe import evaluate, recipe_of

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "model",
    "dataset",
    "split",
    "metric",
    "value",
    "published",
    "source",
    "decoding",
    "sentences",
    "parameters",
    "scorer",
    "commands",
    "commit",
    "processor",
)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The figures of a model folder, one row each."""
    model = load_model(folder)
    name = model.card["name"]
    published = {
        (each.get("split"), "bleu_tokenized_lowercased"): each
        for each in recipe_of(model.architecture).MODELS[name].comparison
    }
    rows = []
    for figure in evaluate(model, str(folder)):
        row = figure.to_row()
        other = published.get((row["split"], row["metric"]), {})
        rows.append(
            {
                "model": name,
                "parameters": model.config.parameters(),
                "published": other.get("value", ""),
                "source": other.get("source", ""),
                "processor": row["machine"],
                "commands": f"zoo train {name} --out {folder}; {row['command']}",
                **{key: row.get(key, "") for key in COLUMNS if key in row},
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="trained model folders")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/translators.csv")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        rows = rows_of(folder)
        kept = []
        if arguments.out.exists():
            with arguments.out.open(newline="") as file:
                kept = [row for row in csv.DictReader(file) if row["model"] != rows[0]["model"]]
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted([*kept, *rows], key=lambda row: row["model"]))
        for row in rows:
            print(f"{row['model']}: {row['metric']} {row['value']} ({row['split']})")


if __name__ == "__main__":
    main()
