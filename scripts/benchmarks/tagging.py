#!/usr/bin/env python3
"""Scores and times taggers on the same messages: the zoo beside spaCy's en_core_web_sm.

    scripts/benchmarks/tagging.py --spacy-python spacy/bin/python

Writes docs/benchmarks/tagging.csv and a chart beside it. The messages are test sets of the corpora
of `tagger_bilstm.chat`. spaCy's labels PERSON, DATE, TIME and CARDINAL are taken for `person`,
`date`, `time` and `people`. An entity counts as found if label and both ends are right (strict), or
if one of that label shares a character with it (overlap). Each side runs in a process of its own on
one core, and times are its processor time; the start is importing, loading and the first message.
spaCy runs with its entity recogniser alone, in an environment of its own:

    python -m venv spacy && spacy/bin/pip install spacy
    spacy/bin/python -m spacy download en_core_web_sm

The worker reads lines of JSON and needs nothing of the zoo, so that it runs in that environment.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIDES = {"zoo": "zoo: tagger_bilstm.chat", "spacy": "spaCy: en_core_web_sm"}
SPACY = {"PERSON": "person", "DATE": "date", "TIME": "time", "CARDINAL": "people"}
CORPORA = {"restaurants": 4_000, "multidogo": 6_000}  # messages at most
COLUMNS = (
    *("corpus", "side", "label", "entities", "strict_f1", "overlap_f1"),
    *("messages_per_second", "start_seconds", "megabytes", "versions", "processor"),
)
Found = tuple[str, int, int]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spacy-python", help="an interpreter that has spaCy and its model")
    parser.add_argument(
        "--spacy-model", default="en_core_web_sm", help="its package there, if it has another name"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/tagging.csv")
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.spacy_model)
        return
    from zoo.folder.provenance import processor_name

    pythons = {"zoo": sys.executable, "spacy": args.spacy_python}
    rows = []
    for corpus, texts, gold in test_sets():
        for side, python in pythons.items():
            if python is None:
                continue
            told = run_worker(python, side, texts, args.spacy_model)
            facts = {
                "corpus": corpus,
                "side": SIDES[side],
                "messages_per_second": f"{len(texts) / told['seconds']:.0f}",
                "start_seconds": f"{told['start']:.2f}",
                "megabytes": f"{told['bytes'] / 1e6:.1f}",
                "versions": told["versions"],
                "processor": processor_name(),
            }
            found = [[tuple(entity) for entity in entities] for entities in told["found"]]
            for label in sorted({name for spans in gold for name, *_ in spans}):
                rows.append({**facts, "label": label, **scores(gold, found, label)})
                print(*rows[-1].values(), flush=True)
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, args.out.with_suffix(".png"))


def test_sets() -> list[tuple[str, list[str], list[list[Found]]]]:
    """Name, messages and entities of each corpus, of the labels that both sides know."""
    sys.path.insert(0, str(ROOT))
    from zoo.recipes.tagger_bilstm import MODELS, scored_sets

    made = []
    known = set(SPACY.values())
    for corpus, messages in scored_sets(MODELS["tagger_bilstm.chat"], "test").items():
        messages = messages[: CORPORA[corpus]]
        gold = [
            [(one.label, one.start, one.end) for one in message.entities if one.label in known]
            for message in messages
        ]
        if corpus == "multidogo":  # a number of people is hardly ever said there
            gold = [[one for one in spans if one[0] != "people"] for spans in gold]
        made.append((corpus, [message.text for message in messages], gold))
    return made


def scores(
    gold: Sequence[Sequence[Found]], found: Sequence[Sequence[Found]], label: str
) -> dict[str, Any]:
    """Strict and overlapping F1 of a label, in percent."""
    there = told = strict = covered = hit = 0
    for right, spans in zip(gold, found, strict=True):
        wanted = [one for one in right if one[0] == label]
        given = [one for one in spans if one[0] == label]
        there, told = there + len(wanted), told + len(given)
        strict += len(set(wanted) & set(given))
        covered += sum(any(shares(one, other) for other in given) for one in wanted)
        hit += sum(any(shares(one, other) for other in wanted) for one in given)
    recall, precision = covered / max(1, there), hit / max(1, told)
    overlap = 2 * recall * precision / max(1e-9, recall + precision)
    return {
        "entities": there,
        "strict_f1": f"{200 * strict / max(1, there + told):.1f}",
        "overlap_f1": f"{100 * overlap:.1f}",
    }


def shares(one: Found, other: Found) -> bool:
    """Whether two spans share a character."""
    return one[1] < other[2] and other[1] < one[2]


def run_worker(python: str, side: str, texts: list[str], package: str) -> dict[str, Any]:
    """What a side's process says of the messages."""
    ended = subprocess.run(
        [python, __file__, "--worker", side, "--spacy-model", package],
        input=json.dumps(texts),
        env=os.environ | {"OMP_NUM_THREADS": "1", "ZOO_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        sys.exit(f"the process of side {side!r} failed:\n{ended.stderr}")
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def work(side: str, package: str) -> None:
    """Load, tag what standard input brings, and tell it with its times."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = json.loads(sys.stdin.read())
    started = time.process_time()
    tag, folder, versions = zoo_side() if side == "zoo" else spacy_side(package)
    tag(texts[:1])
    start = time.process_time() - started
    started = time.process_time()
    found = tag(texts)
    seconds = time.process_time() - started
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    told = {"start": start, "seconds": seconds, "found": found, "bytes": size}
    print(json.dumps({**told, "versions": versions}))


def zoo_side() -> tuple[Any, Path, str]:
    """The tagger of the zoo."""
    sys.path.insert(0, str(ROOT))
    from zoo.catalogue import WEIGHTS_FOLDER
    from zoo.loading import load_model
    from zoo.version import __version__

    model: Any = load_model("tagger_bilstm.chat")

    def tag(texts: list[str]) -> list[list[Found]]:
        return [
            [(one.label, one.start, one.end) for one in result.entities]
            for result in model.tag(texts)
        ]

    return tag, WEIGHTS_FOLDER / "tagger_bilstm.chat", f"zoo {__version__}"


def spacy_side(package: str) -> tuple[Any, Path, str]:
    """The entity recogniser of spaCy's small English pipeline."""
    import spacy

    pipeline = spacy.load(package, exclude=["tagger", "parser", "lemmatizer"])

    def tag(texts: list[str]) -> list[list[Found]]:
        return [
            [(SPACY[e.label_], e.start_char, e.end_char) for e in doc.ents if e.label_ in SPACY]
            for doc in pipeline.pipe(texts, batch_size=64)
        ]

    return tag, pipeline.path, f"spacy {spacy.__version__}, model {pipeline.meta['version']}"


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Overlapping F1 by label, a panel for each corpus."""
    from matplotlib.figure import Figure

    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    figure = Figure((5.0 * len(corpora), 3.2), layout="constrained")
    panels = figure.subplots(1, len(corpora), squeeze=False)[0]
    sides = list(dict.fromkeys(row["side"] for row in rows))
    for axes, corpus in zip(panels, corpora, strict=True):
        labels = list(dict.fromkeys(row["label"] for row in rows if row["corpus"] == corpus))
        for number, side in enumerate(sides):
            chosen = [r for r in rows if (r["corpus"], r["side"]) == (corpus, side)]
            places = [labels.index(r["label"]) + 0.4 * number for r in chosen]
            colour = "#d95f02" if side.startswith("zoo") else "#8da0cb"
            values = [float(r["overlap_f1"]) for r in chosen]
            bars = axes.bar(places, values, 0.38, color=colour, label=side)
            axes.bar_label(bars, fmt="%.0f")
        axes.set_xticks([place + 0.2 for place in range(len(labels))], labels)
        axes.set(title=corpus, ylabel="overlapping F1, %", ylim=(0, 135))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, loc="upper left", fontsize="small")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
