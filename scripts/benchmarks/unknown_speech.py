#!/usr/bin/env python3
"""How often speech recognisers doubt speech of words that they do not know, and their own.

    scripts/benchmarks/unknown_speech.py              # writes docs/benchmarks/unknown_speech.csv
    scripts/benchmarks/unknown_speech.py --splits validation test

The share of the transcripts of AN4's utterances that are doubted should be low, that of the English
corpus's utterances with words that AN4 does not have should be high. Streams are fed 0.1 s at a
time, and each utterance that they find is a transcript. For `digits`, the phrases are the ten
digits in sequence, and what is taken for none of them counts as doubted. Utterances are an even
choice of each split. Score test splits once, at the end.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from phrases import DIGITS
from surroundings import some_of

from zoo.errors import ZooWarning
from zoo.loading import load_model
from zoo.speech.datasets import load_speech
from zoo.speech.processor import Utterance
from zoo.speech.results import Transcript
from zoo.speech.training.confidence import known_words, with_unknown_words

ROOT = Path(__file__).resolve().parents[2]
OWN = "AN4"
COLUMNS = ("model", "split", "speech", "read", "utterances", "transcripts", "doubted_(%)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["ctc_bilstm.an4", "ctc_lstm.an4"])
    parser.add_argument("--splits", nargs="+", default=["validation"], help="how they begin")
    parser.add_argument("--most", type=int, default=100, help="utterances of each split")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/unknown_speech.csv")
    options = parser.parse_args()
    speech = {split: chosen_speech(split, options.most) for split in options.splits}
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for name in options.models:
            model: Any = load_model(name)
            for split, parts in speech.items():
                for kind, utterances in parts.items():
                    for row in rows_of(model, utterances, kind != OWN):
                        table.writerow((name, split, kind, *row))
                        stream.flush()
                        print(name, split, kind, *row, flush=True)


def chosen_speech(split: str, most: int) -> dict[str, list[Utterance]]:
    """Utterances of AN4, and those of other English by their source."""
    own = load_speech("an4")
    known = known_words(one.text for one in own["train"].descriptions())
    found = {OWN: some_of(own[split], most)}
    for name, part in load_speech("english").items():
        if name.startswith(split):
            for utterance in with_unknown_words(some_of(part, most), known):
                found.setdefault(f"English, {utterance.source}", []).append(utterance)
    return found


def rows_of(model: Any, utterances: Sequence[Utterance], digits: bool) -> Iterator[tuple[Any, ...]]:
    """How it was read, utterances, transcripts and share of doubted ones, of each way."""
    rate = model.processor.log_mel.sample_rate
    ways = {"whole": lambda samples: [model.transcribe(samples, rate)]}
    if model.streams:
        ways["streamed"] = lambda samples: streamed(model, samples)
    if digits:
        ways["digits"] = lambda samples: [
            model.transcribe(samples, rate, phrases=DIGITS, repeat=True)
        ]
    for way, read in ways.items():
        results: list[Transcript] = [
            result
            for utterance in utterances
            for result in read(utterance.samples)
            if result.text or result.doubts
        ]
        share = sum(bool(result.doubts) for result in results) / max(1, len(results))
        yield way, len(utterances), len(results), f"{100 * share:.1f}"


def streamed(model: Any, samples: Any) -> list[Transcript]:
    """What one stream finds in a recording, utterance by utterance."""
    stream, results = model.open_stream(), []
    block = model.processor.log_mel.sample_rate // 10
    for start in range(0, len(samples), block):
        stream.feed(samples[start : start + block])
        if stream.endpoint:
            results.append(stream.flush())
    return [*results, stream.finish()]


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        main()
