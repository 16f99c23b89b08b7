"""Networks that get other words and other outputs: what they know of them is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.dialogue.tokens import tokenize, word_key
from zoo.dialogue.training.glove import known_vectors
from zoo.dialogue.word_ids import FIRST, UNKNOWN
from zoo.dialogue.words import Words

_SPREAD = 0.05  # of the new rows of a head


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


def word_rows(weights: Mapping[str, np.ndarray], old: Words, new: Words) -> dict[str, np.ndarray]:
    """The rows of the word vectors and of the learnt vectors for a vocabulary that has grown.

    A new word has its vector of a large corpus if there is one, and begins with the learnt vector
    of an unknown word.

    Args:
        weights: float32 arrays by variable path.
        old: the vocabulary that they belong to.
        new: the vocabulary that has grown.
    """
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


def places_of(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """For each new name where it was, or -1."""
    place = {name: number for number, name in enumerate(old)}
    return [place.get(name, -1) for name in new]


def moved_rows(
    before: np.ndarray | None,
    shape: tuple[int, ...],
    axes: Mapping[int, Sequence[int]],
    rng: Any,
) -> np.ndarray:
    """An array whose rows along some axes are moved; those that are new begin near zero.

    Args:
        before: the array; ``None`` if there was none.
        shape: of the result.
        axes: for each axis whose entries change where each of the new ones was, or -1.
        rng: NumPy's generator of the new rows.
    """
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
