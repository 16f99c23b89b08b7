#!/usr/bin/env python3
"""How often the dialogue models doubt messages, for the documents.

    scripts/benchmarks/doubts.py                     # writes docs/benchmarks/doubts.csv

The validation messages of each model's own corpora should not be doubted; the sentences of
Tatoeba's validation set in other languages should be, all the more the longer they are.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import load_dialogues, load_moods, load_tagged
from zoo.dialogue.tokens import tokenize
from zoo.loading import load_model
from zoo.translation.datasets import load_translations

ROOT = Path(__file__).resolve().parents[2]
CORPORA = {
    "tagger_bilstm.chat": ("multidogo", "restaurants"),
    "tagger_bilstm.snips": ("snips",),
    "sentiment_lstm.topical_chat": ("topical_chat", "go_emotions"),
    "tracker_lstm.woz": ("woz",),
}
FOREIGN = {"de": "German", "es": "Spanish", "fr": "French"}
LENGTHS = {"1 to 2": (1, 2), "3 to 4": (3, 4), "5 to 7": (5, 7), "8 or more": (8, 10_000)}
COLUMNS = ("model", "messages_of", "messages", "doubted_(%)", *(f"{one} words" for one in LENGTHS))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/doubts.csv")
    args = parser.parse_args()
    with args.out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, corpora in CORPORA.items():
            model = load_model(name)
            sets = {corpus: texts_of(corpus) for corpus in corpora}
            sets |= {f"Tatoeba, {language}": sentences(code) for code, language in FOREIGN.items()}
            for told, texts in sets.items():
                writer.writerow((name, told, len(texts), *rates(model, texts)))
    print(args.out.read_text())


def rates(model: Any, texts: Sequence[str]) -> Iterator[Any]:
    """The percentage of texts that are doubted, of all and of each length."""
    doubted = {text: bool(model.doubts_of(model.processor.encode(text))) for text in texts}
    for low, high in ((0, 10_000), *LENGTHS.values()):
        chosen = [doubted[text] for text in texts if low <= words(text) <= high]
        yield round(100 * sum(chosen) / len(chosen), 1) if chosen else ""


def words(text: str) -> int:
    """How many words of letters a text has."""
    return sum(token.text[0].isalpha() for token in tokenize(text))


@cache
def texts_of(corpus: str) -> list[str]:
    """The validation messages of a corpus."""
    if corpus == "woz":
        turns = load_dialogues(corpus, "validation")
        return [text for turn in turns for text in (turn.system, turn.user) if text]
    if corpus in ("topical_chat", "go_emotions"):
        return [one.text for one in load_moods(corpus, "validation")]
    return [one.text for one in load_tagged(corpus, "validation")]


@cache
def sentences(code: str) -> list[str]:
    """The sentences of Tatoeba's validation set in a language."""
    rows = load_translations("tatoeba", "validation")
    return [text for row in rows for text in row.translations.get(code, ())]


if __name__ == "__main__":
    main()
