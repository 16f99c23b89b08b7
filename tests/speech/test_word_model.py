"""A recogniser gets a word model of many texts, and settings that go with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import OWN, OWN_MODEL, SearchFactory
from zoo.speech.processor import Utterance
from zoo.speech.training.run import add_word_model

ALPHABET = Alphabet(("", " ", *"abcdefghijklmnopqrstuvwxyz"))
TEXTS = ["the cat sat", "the dog sat", "a cat ran", "a dog ran on", "the hen sat on a cat"]


class Reader:
    """Stands for a recogniser: it hears a vowel of each text badly."""

    processor = SimpleNamespace(
        vocabulary=ALPHABET.vocabulary, alphabet=ALPHABET, log_mel=SimpleNamespace(sample_rate=1)
    )

    def log_probs(self, samples: np.ndarray, rate: int) -> np.ndarray:
        text = TEXTS[int(samples[0])]
        labels = [step for label in ALPHABET.encode(text).tolist() for step in (label, 0)]
        found = np.full((len(labels), len(ALPHABET)), 0.002)
        found[np.arange(len(labels)), labels] = 0.95
        place = 2 * text.index("a")
        found[place] = 0.01
        found[place, ALPHABET.vocabulary.index("a")] = 0.3
        found[place, ALPHABET.vocabulary.index("i")] = 0.43
        return np.log(found / found.sum(axis=1, keepdims=True))

    def __init__(self) -> None:
        self.card: dict[str, Any] = {}

    def set_search(self, settings: dict[str, Any], files: dict[str, bytes]) -> None:
        self.decoder, self.files = settings, files

    @property
    def searches(self) -> SearchFactory:
        return SearchFactory(ALPHABET.vocabulary, self.decoder, self.files)


def test_a_word_model_is_chosen_added_and_mends_what_was_misheard() -> None:
    reader = Reader()
    utterances = [
        Utterance(np.array([number]), text, "s", str(number)) for number, text in enumerate(TEXTS)
    ]
    add_word_model(reader, TEXTS * 3, utterances)
    assert reader.decoder["unknown_word_order"] == 5
    assert reader.decoder["word_scale"] != 1.0
    factory = SearchFactory(ALPHABET.vocabulary, reader.decoder, reader.files)
    for number, text in enumerate(TEXTS):
        log_probs = reader.log_probs(np.array([number]), 1)
        assert ALPHABET.decode(factory.make().run(log_probs)[0].labels) != text
        assert ALPHABET.decode(factory.make(OWN).run(log_probs)[0].labels) == text
    assert set(reader.files) == {OWN_MODEL}
