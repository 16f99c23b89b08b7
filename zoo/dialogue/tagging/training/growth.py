"""A tagger with other labels, intents and words: what it knows of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zoo.decoding.crf import bio_tags
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.training.growth import grown_words, moved_rows, places_of, word_rows
from zoo.dialogue.word_features import word_values
from zoo.folder.bundle import Bundle


def regrown(
    bundle: Bundle, labels: Sequence[str], intents: Sequence[str], texts: Sequence[str]
) -> Bundle:
    """A tagger's bundle for other labels, intents and words.

    Rows of labels, intents and words that stay are kept. A new word has its vector of a large
    corpus if there is one, and begins with the learnt vector of an unknown word.

    Args:
        bundle: of the tagger.
        labels: all labels that it shall have.
        intents: all intents.
        texts: messages whose words become known.
    """
    old: TaggedWords = bundle.processor
    words = grown_words(old.words, texts)
    new = TaggedWords(words, tuple(labels), tuple(intents))
    config = replace(bundle.config, **word_values(words), labels=len(labels), intents=len(intents))
    weights = {path: np.asarray(array, np.float32) for path, array in bundle.weights.items()}
    weights |= word_rows(weights, old.words, words)
    tags = places_of(bio_tags(old.labels), bio_tags(labels)) if labels else []
    goals = places_of(old.intents, intents)
    rng = np.random.default_rng(0)

    def moved(path: str, axes: Mapping[int, Sequence[int]]) -> None:
        if path in config.shapes():
            before = weights.get(path)
            weights[path] = moved_rows(before, config.shapes()[path], axes, rng)

    for path in ("emissions/kernel", "intent_emissions/kernel"):
        moved(path, {1: tags} | ({0: goals} if path.startswith("intent") else {}))
    for path in ("emissions/bias", "chain/start", "chain/end"):
        moved(path, {0: tags})
    moved("chain/transitions", {0: tags, 1: tags})
    moved("intents/kernel", {1: goals})
    moved("intents/bias", {0: goals})
    kept = {path: weights[path] for path in config.shapes()}
    decoder = dict(bundle.decoder)
    decoder["values"] = {k: v for k, v in decoder.get("values", {}).items() if k in labels}
    if decoder.get("outside") not in intents:
        decoder |= {"outside": "", "intent_threshold": 0.0}
    return replace(
        bundle, processor=new, config=config, weights=kept, decoder=decoder, golden={}, metrics=[]
    )
