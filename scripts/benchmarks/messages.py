#!/usr/bin/env python3
"""Fine-tune a tagger on 200 messages, and score it per label before and after, for the documents.

    scripts/benchmarks/messages.py runs/mine            # writes docs/benchmarks/messages.csv

The messages stand for one's own: bookings of restaurants from SNIPS, of which the tagger has seen
none. `people`, `time` and `city` are labels that it has already; the others are new. The folder
gets mine.jsonl, test.jsonl, and the model; the two commands of the documents do the same.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.datasets import TaggedMessage, load_tagged
from zoo.dialogue.tagging.training.files import read_tagged
from zoo.dialogue.tagging.training.run import finetune_tagger
from zoo.dialogue.tagging.training.scores import score_messages
from zoo.loading import load_model

ROOT = Path(__file__).resolve().parents[2]
BASE, COUNT, INTENT = "tagger_bilstm.chat", 200, "BookRestaurant"
NAMES = {"party_size_number": "people", "timeRange": "time"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for the data and the model")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/messages.csv")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    training = [one for one in load_tagged("snips", "train") if one.intent == INTENT]
    chosen = np.random.default_rng(0).permutation(len(training))[:COUNT]
    write(args.folder / "mine.jsonl", [training[number] for number in sorted(chosen)])
    test = [one for one in load_tagged("snips", "test") if one.intent == INTENT]
    write(args.folder / "test.jsonl", test)
    before = labels_of(BASE, args.folder / "test.jsonl")
    finetune_tagger(BASE, [args.folder / "mine.jsonl"], args.folder / "model")
    after = labels_of(str(args.folder / "model"), args.folder / "test.jsonl")
    with args.out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("label", "in_the_200_messages", "in_the_test", "F1_before", "F1_after"))
        mine = read_tagged(args.folder / "mine.jsonl")
        for label, (entities, value) in after.items():
            known = sum(span.label == label for one in mine for span in one.entities)
            known = known if label != "all" else sum(len(one.entities) for one in mine)
            writer.writerow((label, known, entities, before.get(label, (0, 0.0))[1], value))
    print(args.out.read_text())


def write(path: Path, messages: list[TaggedMessage]) -> None:
    """Messages as JSON lines, with the labels that the guide uses."""
    rows = []
    for one in messages:
        entities = [[s.start, s.end, NAMES.get(s.label, s.label)] for s in one.entities]
        rows.append(json.dumps({"text": one.text, "label": entities}))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def labels_of(model: str, data: Path) -> dict[str, tuple[int, float]]:
    """Entities and F1 in percent of each label that the data has, and of all."""
    loaded: Any = load_model(model)
    messages = read_tagged(data)
    (figure,) = (f for f in score_messages(loaded, messages) if f.metric == "entity_f1")
    labels = sorted({span.label for one in messages for span in one.entities})
    table = {
        label: (found["entities"], round(found["f1"], 1))
        for label, found in figure.extra["labels"].items()
        if label in labels
    }
    return {**table, "all": (figure.extra["entities"], round(figure.value, 1))}


if __name__ == "__main__":
    main()
