"""A tagger with other labels, intents and words: what it knows of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.decoding.crf import bio_tags
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.tokens import tokenize, word_key
from zoo.dialogue.training.glove import known_vectors
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import FIRST, UNKNOWN, Words
from zoo.folder.bundle import Bundle

_SPREAD = 0.05  # of the new rows of a head


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
    weights |= _word_rows(weights, old.words, words)
    tags = _places(bio_tags(old.labels), bio_tags(labels)) if labels else []
    goals = _places(old.intents, intents)
    rng = np.random.default_rng(0)

    def moved(path: str, axes: Mapping[int, Sequence[int]]) -> None:
        if path in config.shapes():
            before = weights.get(path)
            weights[path] = _moved(before, config.shapes()[path], axes, rng)

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


def grown_words(words: Words, texts: Sequence[str]) -> Words:
    """A vocabulary in which all words of some texts are known; those it lacked come last of them.

    Args:
        words: the vocabulary.
        texts: the messages.
    """
    known = set(words.words[: words.known])
    new = dict.fromkeys(
        key
        for text in texts
        for token in tokenize(text)
        if (key := word_key(token.text)) not in known and len(key) <= 64
    )
    others = [word for word in words.words[words.known :] if word not in new]
    return replace(
        words,
        words=(*words.words[: words.known], *new, *others),
        known=words.known + len(new),
    )


def _word_rows(weights: Mapping[str, np.ndarray], old: Words, new: Words) -> dict[str, np.ndarray]:
    general, learnt = (weights[f"{name}_vectors/embeddings"] for name in ("word", "known"))
    place = {word: number for number, word in enumerate(old.words, FIRST)}
    vectors = known_vectors()
    rows = np.zeros((len(new.words) + FIRST, general.shape[1]), np.float32)
    rows[:FIRST] = general[:FIRST]
    for number, word in enumerate(new.words, FIRST):
        if word in place:
            rows[number] = general[place[word]]
        elif word in vectors:
            rows[number] = vectors[word][: rows.shape[1]]
    added = new.known - old.known
    more = np.repeat(learnt[UNKNOWN][None], added, axis=0)
    return {
        "word_vectors/embeddings": rows,
        "known_vectors/embeddings": np.concatenate([learnt, more]),
    }


def _places(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """For each new name where it was, or -1."""
    place = {name: number for number, name in enumerate(old)}
    return [place.get(name, -1) for name in new]


def _moved(
    before: np.ndarray | None,
    shape: tuple[int, ...],
    axes: Mapping[int, Sequence[int]],
    rng: Any,
) -> np.ndarray:
    """An array whose rows along some axes are moved; those that are new begin near zero."""
    fresh = (_SPREAD * rng.standard_normal(shape)).astype(np.float32)
    if before is None:
        return fresh
    index = [np.arange(size) for size in shape]
    source = [np.arange(size) for size in before.shape]
    for axis, places in axes.items():
        index[axis] = np.flatnonzero(np.asarray(places) >= 0)
        source[axis] = np.asarray([place for place in places if place >= 0], np.int64)
    if all(len(i) == len(s) for i, s in zip(index, source, strict=True)):
        fresh[np.ix_(*index)] = before[np.ix_(*source)]
    return fresh
