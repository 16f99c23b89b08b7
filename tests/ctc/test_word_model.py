"""The choice of a word n-gram model by perplexity and size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.ctc.training.word_model import choose_word_model, perplexity
from zoo.errors import UsageError
from zoo.language_models.word_ngram import WordNgram

ALPHABET = ("", " ", *"abcdefghijklmnopqrstuvwxyz")


def sentences(count: int, seed: int) -> list[str]:
    """Sentences in which each word says which two may follow; now and then a rare one."""
    rng = np.random.default_rng(seed)
    words = ["ab", "ba", "cad", "dab", "bed", "fee", "egg", "hid"]
    texts = []
    for _ in range(count):
        at, text = int(rng.integers(8)), []
        for _ in range(6):
            text.append(words[at] if rng.random() > 0.02 else "".join(rng.choice(list("xyz"), 4)))
            at = (2 * at + int(rng.integers(2))) % 8
        texts.append(" ".join(text))
    return texts


def test_perplexity_is_that_of_the_words() -> None:
    model = WordNgram.train(["ab ba", "ab"], 1)
    one, two, end = model.ngrams.probabilities(())
    wanted = math.exp(-(math.log(one) + math.log(two) + math.log(end)) / 3)
    assert perplexity(model.bind(ALPHABET), [" ab  ba "], ALPHABET) == pytest.approx(wanted)


def test_the_order_that_predicts_best_is_chosen_and_fits() -> None:
    texts, held_out = sentences(400, 0), sentences(60, 1)
    model, reached = choose_word_model(texts, held_out, ALPHABET)
    assert model.ngrams.order > 1
    assert reached < 8
    size = len(model.to_bytes())
    small, worse = choose_word_model(texts, held_out, ALPHABET, size - 1)
    assert len(small.to_bytes()) < size
    assert worse > reached
    (rare,) = {"<rare>"} & set(choose_word_model(texts, held_out, ALPHABET, 1200)[0].symbols)
    assert rare not in model.symbols
    with pytest.raises(UsageError, match="no word model"):
        choose_word_model(texts, held_out, ALPHABET, 100)
