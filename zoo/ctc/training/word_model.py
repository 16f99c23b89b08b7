"""Word n-gram models of large texts, chosen by their perplexity on held-out sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel
from zoo.language_models.word_ngram import WordNgram

MAX_BYTES = 12_000_000
"""Maximum size of the file."""

UNKNOWN_WORD_ORDER = 5
"""Order of the n-grams of letters that spell words outside of the vocabulary."""

_ORDERS = (1, 2, 3)
_RARE = (1, 2, 3)
_UNKNOWN = 0.02


def choose_word_model(
    texts: Sequence[str],
    held_out: Sequence[str],
    alphabet: Sequence[str],
    max_bytes: int = MAX_BYTES,
) -> tuple[WordNgram, float]:
    """The word n-gram model of texts with the lowest perplexity whose file is small enough.

    Tried are orders 1 to 3 with Kneser-Ney smoothing, over all words and without those that occur
    once or twice.

    Args:
        texts: to learn from.
        held_out: sentences that are not in them.
        alphabet: text of each label, ``""`` for the blank.
        max_bytes: size of the file.

    Returns:
        The model, and its perplexity.

    Raises:
        UsageError: there are no texts, or no model is small enough.
    """
    models: list[tuple[float, WordNgram]] = []
    for order in _ORDERS:
        for rare in _RARE:
            model = WordNgram.train(_without_rare(texts, rare), order, "kneser-ney")
            if len(model.to_bytes()) <= max_bytes:
                bound = model.bind(
                    alphabet,
                    unknown_word_probability=_UNKNOWN,
                    unknown_word_order=UNKNOWN_WORD_ORDER,
                )
                models.append((perplexity(bound, held_out, alphabet), model))
                break  # fewer words only make room
    if not models:
        raise UsageError(f"no word model of these texts fits into {max_bytes:,} bytes")
    best, model = min(models, key=lambda pair: pair[0])
    return model, best


def perplexity(model: LanguageModel, texts: Sequence[str], alphabet: Sequence[str]) -> float:
    """Perplexity per word, the end of each text counted as one.

    Words outside of the vocabulary count as they are spelled, so that models with different
    vocabularies can be compared.

    Args:
        model: bound to the alphabet.
        texts: of characters of the alphabet.
        alphabet: text of each label.
    """
    ids = {text: label for label, text in enumerate(alphabet)}
    total, words = 0.0, 0
    for text in texts:
        state, following = model.start()
        for character in " ".join(text.split()):
            label = ids[character]
            total += float(following[label])
            (state,), (following,) = model.advance([state], np.array([label]))
        total += float(model.finish([state])[0])
        words += len(text.split()) + 1
    return math.exp(-total / max(1, words))


def _without_rare(texts: Sequence[str], least: int) -> Sequence[str]:
    """The texts with words that occur fewer times replaced by one that no alphabet spells."""
    if least == 1:
        return texts
    counts: dict[str, int] = {}
    for text in texts:
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
    return [
        " ".join(word if counts[word] >= least else _RARE_WORD for word in text.split())
        for text in texts
    ]


_RARE_WORD = "<rare>"
