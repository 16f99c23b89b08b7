"""A small English-French language, and a translator that has learnt it, for tests."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from zoo.training.plan import Plan, Stage
from zoo.training.run import train
from zoo.translation.datasets import Sentence
from zoo.translation.training.run import TranslatorTraining

DIRECTIONS = (("en", "fr"), ("fr", "en"))

NOUNS = {
    "cat": "chat",
    "dog": "chien",
    "wolf": "loup",
    "bear": "gros ours",
    "boy": "garçon",
    "king": "roi",
    "cook": "cuisinier",
    "donkey": "âne",
}
_VERBS = {"sees": "voit", "likes": "aime", "hears": "entend", "finds": "trouve"}


def language() -> list[Sentence]:
    """All sentences of the language."""
    return [
        Sentence(
            f"The {subject} {verb} the {thing}.",
            {"fr": (f"Le {NOUNS[subject]} {_VERBS[verb]} le {NOUNS[thing]}.",)},
        )
        for subject, verb, thing in itertools.product(NOUNS, _VERBS, NOUNS)
    ]


def train_small(out: Path, *, epochs: int = 12, **changes: Any) -> Path:
    """Train a small translator on the language; a fifth of it is held out for validation."""
    sentences = language()
    values: dict[str, Any] = {
        "learning_rate": 1e-2,
        "warmup_steps": 20,
        "average": 0.9,
        "seed": 3,
    }
    training = TranslatorTraining(
        card={
            "name": "seq2seq_lstm.small",
            "languages": ["en", "fr"],
            "license": "apache-2.0",
            "dataset": "small",
        },
        training=[one for number, one in enumerate(sentences) if number % 5],
        validation=sentences[::5],
        directions=DIRECTIONS,
        vocabulary_size=360,
        network={"units": 48, "embedding": 32, "output_dropout": 0.1, "weight_dropout": 0.1},
        batch=16,
        label_smoothing=0.05,
        others=128,
    )
    plan = Plan(epochs=epochs, **(values | changes))
    return train(training, Stage(plan, out))
