"""The choice of a recogniser's language model and its weight on validation data."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.ctc.search import Search, SearchFactory, SearchSettings
from zoo.ctc.training.search_choice import Metric, choose_language_model
from zoo.errors import UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.training.error_rates import character_error_rate, word_error_rate

LABELS = ("", " ", *"ABCDEGNOT")


def test_search_settings_know_their_names() -> None:
    assert SearchSettings().changed({"beam_size": None, "lm_weight": 0.7}).lm_weight == 0.7
    with pytest.raises(UsageError, match="beam_size"):
        SearchSettings(beam_size=0)


def spoken(text: str, rng: np.random.Generator, blur: float) -> np.ndarray:
    """Outputs of a recogniser that is unsure: two frames a label, a blank after each."""
    rows = []
    for character in text:
        for label in (LABELS.index(character), 0):
            row = rng.normal(0.0, blur, len(LABELS))
            row[label] += 3.0
            rows.append(row)
    logits = np.asarray(rows)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


@pytest.mark.parametrize("first", ["wer", "cer"])
def test_the_chosen_language_model_mends_errors(first: Metric) -> None:
    rng = np.random.default_rng(0)
    texts = ["A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT", "GO TO A TOAD"]
    references = [texts[i % 5] for i in range(8)]
    outputs = [spoken(text, rng, blur=1.4) for text in references]
    model, settings = choose_language_model(LABELS, texts, outputs, references, first=first)
    rate = {"wer": word_error_rate, "cer": character_error_rate}[first]

    def errors(search: Search) -> float:
        found = [
            "".join(LABELS[x] for x in search.run(o)[0].labels).strip() or "-" for o in outputs
        ]
        return rate(references, found).value

    greedy = errors(SearchFactory(LABELS, {}, {}).make())
    assert greedy > 10
    assert errors(SearchFactory(LABELS, vars(settings), {}).make(model)) < greedy / 2


@pytest.mark.parametrize("first", ["wer", "cer"])
def test_the_language_model_is_chosen_by_the_error_rate_that_is_asked_for(first: Metric) -> None:
    reference = "BEE TOAD GO"
    one_wrong_word, two_wrong_letters = "BEE DATE GO", "BEG TOAD GE"
    rows = []
    for possible in zip(reference, one_wrong_word, two_wrong_letters, strict=True):
        row = np.full(len(LABELS), -20.0, np.float32)
        for character in set(possible):  # the outputs leave it to the language model
            row[LABELS.index(character)] = -np.log(len(set(possible)))
        blank = np.full(len(LABELS), -20.0, np.float32)
        blank[0] = 0.0
        rows += [row, blank]
    models = {
        "wer": CharacterNgram.train([one_wrong_word]),
        "cer": CharacterNgram.train([two_wrong_letters]),
    }
    makers = [lambda texts, model=model: model for model in models.values()]
    chosen, _ = choose_language_model(
        LABELS, [], [np.stack(rows)], [reference], makers, first=first
    )
    assert chosen is models[first]
