"""Hot words: what they add to a text, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.hotwords import Hotwords
from zoo.ctc.search import SearchFactory
from zoo.errors import UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.language_models.fusion import LanguageModel

ALPHABET = Alphabet(("", " ", *"ABCDE"))


def total(model: LanguageModel, text: str) -> float:
    """What a model says of a text and its end."""
    state, following = model.start()
    score = 0.0
    for label in ALPHABET.encode(text).tolist():
        score += float(following[label])
        (state,), (following,) = model.advance([state], np.array([label]))
    return score + float(model.finish([state])[0])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ABE", 6.0),
        ("ABE ABE", 12.0),
        ("ABED", 12.0),
        ("AB", 0.0),
        ("AB ABE CAD", 6.0),
        ("ABEDE", 0.0),
        ("AABE", 0.0),
        ("EABE", 0.0),
        ("BAD", -1.5),
        ("", 0.0),
    ],
)
def test_a_text_is_worth_its_hot_words_and_no_more(text: str, wanted: float) -> None:
    hot = Hotwords({"abe": 2.0, "ABED": 3.0, "bad": -0.5}, ALPHABET)
    assert total(hot.over(None, 0.0), text) == pytest.approx(wanted)
    ngram = CharacterNgram.train(["ABE CAD", "BAD", "BEAD"], 3).bind(ALPHABET.vocabulary)
    expected = 0.7 * total(ngram, text) + wanted
    assert total(hot.over(ngram, 0.7), text) == pytest.approx(expected)


def test_a_hot_word_wins_where_it_was_nearly_heard() -> None:
    labels = [2, 0, 3, 0, 6, 0]  # ABE
    posteriors = np.full((6, 7), 0.01)
    posteriors[np.arange(6), labels] = 0.94
    posteriors[4] = [0.02, 0.02, 0.02, 0.02, 0.52, 0.02, 0.38]  # C rather than E
    log_probs = np.log(posteriors / posteriors.sum(axis=1, keepdims=True))
    factory = SearchFactory(ALPHABET.vocabulary, {}, {})

    def text(**values: object) -> str:
        search = factory.make(**values)  # type: ignore[arg-type]
        whole = search.run(log_probs)[0].labels
        beam = search.beam()
        beam.feed(log_probs)
        assert search.hypotheses(beam, log_probs)[0].labels == whole
        return ALPHABET.decode(whole)

    assert text() == "ABC"
    assert text(hotwords={"Abe": np.float32(2.0)}) == "ABE"
    assert text(hotwords={"Abe": 0.01}) == "ABC"
    assert text(hotwords={"bad": 2.0}) == "ABC"


def test_streams_with_other_hot_words_are_others() -> None:
    factory = SearchFactory(ALPHABET.vocabulary, {}, {})
    one, same, other = (factory.make(hotwords={"a": w}).identity for w in (1.0, 1.0, 2.0))
    assert one == same != other
    assert not factory.make(hotwords={"a": 1.0}).greedy


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "with their weights"),
        (["abe"], "with their weights"),
        ({"ab e": 1.0}, "single word"),
        ({"": 1.0}, "single word"),
        ({"abe": "much"}, "must be a number"),
        ({"abe": float("nan")}, "must be a number"),
        ({"xyz": 1.0}, "outside the alphabet"),
    ],
)
def test_what_is_wrong_is_named(words: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Hotwords(words, ALPHABET)  # type: ignore[arg-type]
