"""What people write, translated by the shipped translator: nothing is lost that must be kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from zoo import load_model
from zoo.translation.training.kept import made_sentences, share_kept


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("seq2seq_lstm.tatoeba")


def test_no_negation_is_lost_with_typographic_apostrophes(model: Any) -> None:
    plain = ["I can't go.", "He isn't here.", "I won't do it.", "Don't go!", "Tom's car is red."]
    curly = [text.replace("'", "’") for text in plain]
    french = [str(one) for one in model.translate(curly, "fr-FR", source="English")]
    assert french == [str(one) for one in model.translate(plain, "fr", source="en")]
    assert [" ne " in f" {one.lower()}" or " n'" in one for one in french] == [True] * 4 + [False]


def test_no_negation_is_lost_without_apostrophes(model: Any) -> None:
    usual = ["I don't know.", "It doesn't work.", "He isn't here.", "I won't do it.", "I'm tired."]
    bare = [text.replace("'", "") for text in usual]
    for target in ("fr", "de", "es"):
        expected = [str(one) for one in model.translate(usual, target)]
        assert [str(one) for one in model.translate(bare, target)] == expected


def test_what_must_be_kept_is_kept(model: Any) -> None:
    texts = (
        "I have 911 books.",
        "It costs $1,299.99.",
        "Call 911!",
        "Email me at tom@example.com.",
        "https://example.com",
        "Hello {name}!",
        "<b>Hello</b>",
        "He ran 5 km.",
        "Tom & Mary are here.",
        "<p>Tom is&nbsp;here.</p>",
        "Hi %{name}, it is #{day}!",
        *(one.source for one in made_sentences([("en", "es")], 12)),
    )
    spanish = [str(one) for one in model.translate(list(texts), "Spanish")]
    assert share_kept(texts, spanish) == (len(texts), len(texts))
    assert spanish[4] == "https://example.com"
    assert spanish[8:10] == ["Tom & Mary están aquí.", "<p>Tom está&nbsp;aquí.</p>"]


def test_letter_case_and_missing_marks_come_back(model: Any) -> None:
    texts = ["WHERE IS THE STATION?", "where is the station", "Where Is The Station?"]
    french = [str(one) for one in model.translate(texts, "fr")]
    assert french == ["OÙ EST LA GARE ?", "où est la gare", "Où Est La Gare ?"]


def test_a_broken_sentence_is_joined_unless_lines_are_kept(model: Any) -> None:
    text = "I have not\nseen him."
    joined = model.translate(text, "de")
    assert joined.text == model.translate("I have not seen him.", "de").text
    assert joined.source == text
    assert "\n" in model.translate(text, "de", keep_lines=True).text


def test_a_text_in_the_target_language_comes_back_and_says_so(model: Any) -> None:
    text = "Je ne sais pas où il est."
    result = model.translate(text, "fr")
    assert result.text == text
    assert result.to_dict()["warnings"] == ["the text is in French already and stays as it is"]
    assert list(model.stream(text, "fr")) == ["Je", " ne", " sais", " pas", " où", " il", " est."]
    warning, *_ = model.translate("Ik weet niet waar hij woont.", "fr", beam_size=1).warnings
    assert "Dutch" in warning
    warning, *_ = model.translate(text, "es", beam_size=1).warnings
    assert "does not translate into Spanish" in warning


def test_sentences_that_the_network_is_unsure_of_are_doubted(model: Any) -> None:
    text = "Dear Anna, where is the station? I am hungry. Kubernetes cluster autoscaling."
    sure = "Where is the station? I am hungry."
    for search in ({}, {"beam_size": 1}):
        (warning,) = model.translate(text, "fr", source="en", **search).warnings
        assert warning.startswith("the translation")
        assert "Kubernetes" in warning
        assert "hungry" not in warning
        assert model.translate(sure, "fr", source="en", **search).warnings == ()
    assert not replace(model.translate("I am 5.", "fr").sentences[0], source="I am 5.").is_doubtful(
        -9
    )
    wrong = replace(model.translate("I am 5.", "fr").sentences[0], source="I am 52.")
    assert wrong.is_doubtful(-9)
    alone = model.translate("Kubernetes cluster autoscaling", "fr", source="en")
    assert alone.warnings == ("the translation is doubtful: 'Kubernetes cluster autoscaling'",)
