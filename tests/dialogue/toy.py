"""A small tagged language, and untrained dialogue models of it that need no Keras."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from zoo.catalogue import registry
from zoo.dialogue.datasets import Span, TaggedMessage
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.folder.bundle import Bundle
from zoo.folder.writing import write_bundle

NAMES = ("Ana", "Boris", "Chloe Smith", "Dan O'Hara", "Eve")
TIMES = ("7pm", "noon", "18:30", "8 o'clock")


def messages() -> list[TaggedMessage]:
    """Messages with persons, times and two intents."""
    made = []
    for name, time in itertools.product(NAMES, TIMES):
        for intent, pattern in (
            ("book", "Book a table for {} at {}, please"),
            ("cancel", "This is {} , cancel my {} booking"),
        ):
            before, middle, after = pattern.split("{}")
            start = len(before)
            second = start + len(name) + len(middle)
            spans = (
                Span("person", start, start + len(name)),
                Span("time", second, second + len(time)),
            )
            text = f"{before}{name}{middle}{time}{after}"
            made.append(TaggedMessage(text, spans, intent, name))
    return made


def random_weights(config: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of the right shapes, in float16 as a folder has them."""
    rng = np.random.default_rng(seed)
    return {
        path: (0.3 * rng.standard_normal(shape)).astype(np.float16)
        for path, shape in sorted(config.shapes().items())
    }


def vocabulary() -> Words:
    """Words of the language, and some that are not in it."""
    return Words.of_texts((one.text for one in messages()), ("parcel", "hello"), size=60)


def tagger_bundle(seed: int = 0, **values: Any) -> Bundle:
    """An untrained tagger, the same for the same values."""
    labels = values.pop("labels", ("person", "time"))
    intents = values.pop("intents", ("book", "cancel"))
    processor = TaggedWords(vocabulary(), labels, intents)
    entry = registry().architecture("tagger_bilstm")
    sizes = {"word_vectors": 8, "known_vectors": 4, "character_vectors": 4, "filters": 8}
    config = entry.load("config")(
        **word_values(processor.words),
        labels=len(labels),
        intents=len(intents),
        **({"units": 8, "layers": 2, **sizes} | values),
    )
    card = {"name": "tagger_bilstm.toy", "languages": ["en"], "license": "apache-2.0"}
    decoder = {"values": {"time": "time"} if "time" in labels else {}}
    weights = random_weights(config, seed)
    return Bundle(entry, config, processor, decoder, weights, card=card)


def make_task(bundle: Bundle) -> Any:
    """The task of a bundle."""
    return bundle.architecture.load("task_class")(bundle)


def save(bundle: Bundle, folder: Path) -> Path:
    """Write a bundle as it is, without the golden outputs that would need Keras."""
    return write_bundle(folder, bundle)
