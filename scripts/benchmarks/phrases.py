#!/usr/bin/env python3
"""Scores given phrases, digits, confidences and made sounds of speech recognisers.

    scripts/benchmarks/phrases.py                         # writes docs/benchmarks/phrases.csv
    scripts/benchmarks/phrases.py --models ctc_bilstm.english --split test

Lists of 50 phrases are drawn from the transcripts of at most eight words of a split, whose speakers
are in no training data. `exact match` is the share of the utterances of these phrases that are
recognised as what they are, where one of the list has to be taken (the runner-up of a rejection
counts); `false rejection` is the share of them that is taken for none, `rejection` that of the
split's other utterances. `digits` is one minus the word error rate of utterances that consist of
digits, with the digits as phrases in sequence. `calibration error` is the expected calibration
error of words; `sounds without text` the share of made sounds, 4 s of each of six kinds, that give
an empty text. The default split is validation; score test splits once, at the end.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from zoo.ctc.search import SearchFactory
from zoo.ctc.training.calibration import judged_words, word_calibration_error
from zoo.errors import ZooWarning
from zoo.loading import load_model
from zoo.speech.datasets import load_speech
from zoo.speech.processor import Utterance
from zoo.speech.training.sounds import SOUNDS
from zoo.training.error_rates import word_error_rate

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PHRASES, WORDS, LISTS = 50, 8, 10
SOUNDS_EACH, SOUND_SECONDS, FIRST_SEED = 5, 4, 7000  # seeds that no training draws
COLUMNS = ("model", "corpus", "split", "figure", "percent", "of")

Row = tuple[str, float, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models",
        nargs="+",
        default=["ctc_bilstm.an4", "ctc_lstm.an4", "ctc_bilstm.english", "ctc_lstm.english"],
    )
    parser.add_argument("--corpus", help="one, or several joined by +; the model's own if left out")
    parser.add_argument("--split", default="validation", help="the beginning of its name")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/phrases.csv")
    options = parser.parse_args()
    with open(options.out, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for name in options.models:
            model: Any = load_model(name)
            corpus = options.corpus or model.card["dataset"]
            utterances = utterances_of(corpus, options.split)
            texts = [utterance.text for utterance in utterances]
            features = [model.processor.log_mel.features(one.samples) for one in utterances]
            outputs = model.outputs(features)
            rows = [
                *score_lists(model.searches, outputs, texts),
                *score_digits(model.searches, outputs, texts),
                score_confidence(model, outputs, texts),
                score_sounds(model),
            ]
            for figure, share, count in rows:
                row = (name, corpus, options.split, figure, f"{100 * share:.2f}", count)
                table.writerow(row)
                print(*row, flush=True)


def utterances_of(corpora: str, split: str) -> list[Utterance]:
    """The utterances of corpora that are joined by +, of the splits that begin with a name."""
    return [
        part[number]
        for corpus in corpora.split("+")
        for name, part in load_speech(corpus).items()
        if name.startswith(split)
        for number in range(len(part))
    ]


def score_lists(
    searches: SearchFactory, outputs: list[np.ndarray], texts: list[str], seed: int = 0
) -> list[Row]:
    """Exact match, false rejection and rejection over lists of phrases."""
    rng = np.random.default_rng(seed)
    short = sorted({text for text in texts if 0 < len(text.split()) <= WORDS})
    size = min(PHRASES, len(short) // 2)
    right = lost = inside = kept_out = outside = 0
    for _ in range(LISTS if len(short) < 4 * PHRASES else LISTS // 5):
        phrases = [short[number] for number in rng.choice(len(short), size, replace=False)]
        search = searches.make_for_phrases(phrases)
        for log_probs, text in zip(outputs, texts, strict=True):
            best, *others = search.run(log_probs)
            rejected = not best.phrases
            if text in phrases:
                nearest = others[0] if rejected and others else best
                inside += 1
                lost += rejected
                right += [phrase.text for phrase in nearest.phrases] == [text]
            else:
                outside += 1
                kept_out += rejected
    return [
        (f"exact match of {size}", right / max(1, inside), inside),
        ("false rejection", lost / max(1, inside), inside),
        ("rejection", kept_out / max(1, outside), outside),
    ]


def score_digits(searches: SearchFactory, outputs: list[np.ndarray], texts: list[str]) -> list[Row]:
    """The share of digits that are right in utterances of digits."""
    search = searches.make_for_phrases(DIGITS, repeat=True)
    chosen = [
        i for i, text in enumerate(texts) if text and set(text.lower().split()) <= set(DIGITS)
    ]
    if not chosen:
        return []
    found = []
    for number in chosen:
        best = next((one for one in search.run(outputs[number]) if one.phrases), None)
        found.append(" ".join(phrase.text for phrase in best.phrases) if best else "")
    references = [texts[number].lower() for number in chosen]
    share = 1 - word_error_rate(references, found).value / 100
    return [("digits", share, sum(len(text.split()) for text in references))]


def score_confidence(model: Any, outputs: list[np.ndarray], texts: list[str]) -> Row:
    """The expected calibration error of words."""
    words = judged_words(model.processor.alphabet, outputs, texts)
    error = word_calibration_error(words, model.searches.settings)
    return "calibration error", error, len(words)


def score_sounds(model: Any) -> Row:
    """The share of made sounds that give no text."""
    rate = model.processor.log_mel.sample_rate
    empty = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        for make in SOUNDS.values():
            for number in range(SOUNDS_EACH):
                rng = np.random.default_rng(FIRST_SEED + number)
                sound = make(SOUND_SECONDS * rate, rate, rng)
                level = 10 ** (-rng.uniform(6, 40) / 20) / np.abs(sound).max()
                empty.append(not model.transcribe((level * sound).astype(np.float32), rate).text)
    return "sounds without text", sum(empty) / len(empty), len(empty)


if __name__ == "__main__":
    main()
