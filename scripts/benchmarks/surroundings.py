#!/usr/bin/env python3
"""Scores speech recognisers on utterances with silence and noise before, after and around them.

    scripts/benchmarks/surroundings.py                    # writes docs/benchmarks/surroundings.csv
    scripts/benchmarks/surroundings.py --models ctc_bilstm.english --corpora an4 english

`alone` is the greedy word error rate of the utterances as they are; the other rows have 10 s of
zeros, white noise, pink noise or mains hum there, and `more` says by how many points their rate is
higher. Noise and hum are 40 dB below the speech. Models that stream are scored as streams as well,
`two minutes of zeros between` on one stream of all utterances: each is ended by the silence after
it. Utterances are an even choice of each corpus's validation set.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from zoo.errors import ZooWarning
from zoo.loading import load_model
from zoo.speech.datasets import load_speech
from zoo.speech.processor import Utterance
from zoo.speech.training.sounds import hum, level
from zoo.training.error_rates import word_error_rate

ROOT = Path(__file__).resolve().parents[2]
SECONDS, BETWEEN = 10, 120
BELOW_DB = 40.0
PLACES = {"before": (1, 0), "after": (0, 1), "around": (1, 1)}
COLUMNS = ("model", "corpus", "surroundings", "utterances", "word_error_rate", "more")

Sound = Callable[[int, int, np.random.Generator], np.ndarray]


def zeros(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Digital silence."""
    return np.zeros(count, np.float32)


def white(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of equal power at every frequency."""
    return rng.standard_normal(count).astype(np.float32)


def pink(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose power falls by 3 dB an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    return np.fft.irfft(spectrum, count).astype(np.float32)


SOUNDS: dict[str, Sound] = {"zeros": zeros, "white noise": white, "pink noise": pink, "hum": hum}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["ctc_bilstm.an4", "ctc_lstm.an4"])
    parser.add_argument("--corpora", nargs="+", default=["an4"])
    parser.add_argument("--most", type=int, default=100, help="utterances of each corpus")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/surroundings.csv")
    options = parser.parse_args()
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for name in options.models:
            model: Any = load_model(name)
            for corpus in options.corpora:
                utterances = some_of(load_speech(corpus)["validation"], options.most)
                for row in rows_of(model, utterances):
                    table.writerow((name, corpus, *row))
                    stream.flush()
                    print(name, corpus, *row, flush=True)


def some_of(utterances: Sequence[Utterance], most: int) -> list[Utterance]:
    """At most so many utterances, evenly spread."""
    places = np.unique(np.linspace(0, len(utterances) - 1, min(most, len(utterances))).astype(int))
    return [utterances[int(place)] for place in places]


def rows_of(model: Any, utterances: Sequence[Utterance]) -> Iterator[tuple[Any, ...]]:
    """Surroundings, number of utterances, rate and difference, of each row."""
    rate = model.processor.log_mel.sample_rate
    ways: dict[str, Callable[[np.ndarray], str]] = {
        "": lambda samples: model.transcribe(samples, rate).text
    }
    if model.streams:
        ways[", streamed"] = lambda samples: " ".join(streamed(model, [samples]))
    references = [utterance.text for utterance in utterances]
    for way, read in ways.items():
        alone = score(references, [read(utterance.samples) for utterance in utterances])
        yield f"alone{way}", len(utterances), f"{alone:.2f}", ""
        for name, sound in SOUNDS.items():
            for place, (before, after) in PLACES.items():
                rng = np.random.default_rng(0)
                found = []
                for utterance in tqdm(utterances, desc=f"{name} {place}{way}", leave=False):
                    wanted = 10 ** (-BELOW_DB / 20) * level(utterance.samples)
                    sounds = [sound(SECONDS * rate, rate, rng) for _ in range(before + after)]
                    sounds = [wanted / level(made) * made for made in sounds]
                    parts = [*sounds[:before], utterance.samples, *sounds[before:]]
                    found.append(read(np.concatenate(parts)))
                worse = score(references, found)
                what = f"{SECONDS} s of {name} {place}{way}"
                yield what, len(utterances), f"{worse:.2f}", f"{worse - alone:+.2f}"
    if model.streams:  # the last way of the loop, with which it is compared
        found = streamed(model, [utterance.samples for utterance in utterances])
        worse = score([" ".join(references)], [" ".join(found)])
        what = "two minutes of zeros between, streamed"
        yield what, len(utterances), f"{worse:.2f}", f"{worse - alone:+.2f}"


def streamed(model: Any, recordings: Sequence[np.ndarray]) -> list[str]:
    """The texts of one stream of recordings with silence between them, fed 0.1 s at a time."""
    rate = model.processor.log_mel.sample_rate
    stream, texts = model.open_stream(), []
    silence = np.zeros(BETWEEN * rate, np.float32)
    for number, samples in enumerate(recordings):
        joined = np.concatenate([silence, samples]) if number else samples
        for start in range(0, len(joined), rate // 10):
            stream.feed(joined[start : start + rate // 10])
            if stream.endpoint:
                texts.append(stream.flush().text)
    texts.append(stream.finish().text)
    return [text for text in texts if text]


def score(references: Sequence[str], found: Sequence[str]) -> float:
    """Word error rate in percent."""
    return word_error_rate(references, found).value


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        main()
