#!/usr/bin/env python3
"""Scores TF-IDF with logistic regression beside the zoo's mood readers, on the same messages.

    scripts/benchmarks/moods.py                      # writes docs/benchmarks/moods.csv
    scripts/benchmarks/moods.py --models sentiment_lstm.topical_chat runs/meld

The regression learns from the recipe's training messages, words and pairs of words; its strength of
regularisation is chosen on the validation messages. It reads each message alone: with the words of
the message before, marked as such, it was worse on the validation messages. The figures of the
model are those of its folder; one that was only trained is scored here. Needs scikit-learn (the
extra `benchmark`).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from zoo.recipes.sentiment_lstm import MODELS  # noqa: E402

from zoo.dialogue.datasets import MoodMessage, load_moods  # noqa: E402
from zoo.dialogue.mood.training.scores import mood_figures, weighted_f1  # noqa: E402
from zoo.loading import load_model  # noqa: E402
from zoo.training.recipe import evaluate  # noqa: E402

SIDE = "TF-IDF, logistic regression"
STRENGTHS = (1.0, 3.0, 10.0)
COLUMNS = ("model", "side", "split", "weighted_f1", "interval", "macro_f1", "accuracy", "messages")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["sentiment_lstm.topical_chat"])
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/moods.csv")
    args = parser.parse_args()
    rows = [row for name in args.models for row in rows_of(name)]
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, (*COLUMNS, "versions"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*row.values())


def rows_of(name: str) -> list[dict[str, Any]]:
    """The rows of a model, by its name or folder, and of the regressions beside it."""
    reader = load_model(name)
    name = reader.card["name"]
    values, figures = MODELS[name], reader.metrics
    if not {*values.tests} <= {figure.split for figure in figures}:
        figures = evaluate(reader, name)
    rows = []
    for split in values.tests:
        of_split = {figure.metric: figure for figure in figures if figure.split == split}
        rows.append(row_of(name, name, split, of_split, f"zoo {version('sequence-zoo')}"))
    training, validation = (load_moods(values.corpus, part) for part in ("train", "validation"))
    model = fitted(training, validation)
    for split in values.tests:
        messages = load_moods(values.corpus, split)
        found = model.predict([one.text for one in messages])
        told = [number for number, one in enumerate(messages) if one.mood]
        scored = mood_figures(
            [messages[number].mood for number in told],
            [str(found[number]) for number in told],
            [messages[number].conversation for number in told],
            dataset=values.corpus,
            split=split,
        )
        table = {figure.metric: figure for figure in scored}
        rows.append(row_of(name, SIDE, split, table, f"scikit-learn {version('scikit-learn')}"))
    return rows


def row_of(
    name: str, side: str, split: str, figures: dict[str, Any], versions: str
) -> dict[str, Any]:
    """A row of figures by metric."""
    low, high = figures["weighted_f1"].interval_95
    return {
        "model": name,
        "side": side,
        "split": split,
        "interval": f"{low:.1f} to {high:.1f}",
        "messages": figures["weighted_f1"].extra["messages"],
        "versions": versions,
        **{
            metric: f"{figures[metric].value:.1f}"
            for metric in ("weighted_f1", "macro_f1", "accuracy")
        },
    }


def fitted(training: Sequence[MoodMessage], validation: Sequence[MoodMessage]) -> Any:
    """The regression with the strength that is the best on the validation messages."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def told(messages: Sequence[MoodMessage]) -> tuple[list[str], list[str]]:
        chosen = [one for one in messages if one.mood]
        return [one.text for one in chosen], [one.mood for one in chosen]

    texts, moods = told(training)
    held, right = told(validation)
    best: tuple[float, Any] = (-1.0, None)
    for strength in STRENGTHS:
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
            LogisticRegression(C=strength, max_iter=1_000),
        )
        model.fit(texts, moods)
        reached = weighted_f1(right, [str(one) for one in model.predict(held)])
        print(f"C {strength}: {100 * reached:.1f} % on validation", file=sys.stderr, flush=True)
        best = max(best, (reached, model), key=lambda pair: pair[0])
    return best[1]


if __name__ == "__main__":
    main()
