"""Texts that are in the wanted one already or in none that is known."""

from __future__ import annotations

import pytest

from zoo.translation.languages import what_to_leave

KNOWN = tuple(pair for code in ("de", "es", "fr") for pair in (("en", code), (code, "en")))


def test_sentences_in_the_target_language_are_left() -> None:
    french = ["Je ne sais pas où il est.", "Merci."]
    left, (warning,) = what_to_leave(french, "fr", KNOWN)
    assert left == set(french)
    assert warning == "the text is in French already and stays as it is"
    mixed = ["Je ne sais pas où il est.", "I don't know where he lives."]
    left, (warning,) = what_to_leave(mixed, "fr", KNOWN)
    assert left == {mixed[0]}
    assert warning == "1 of 2 sentences is in French already and stays as it is"


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "house",
        "chat",
        "no",
        "Tom!",
        "911",
        "Hola",
        "Mary nervt.",
        "",
        "gonna go",
    ],
)
def test_a_text_in_another_language_or_too_short_to_tell_is_translated(text: str) -> None:
    assert what_to_leave([text], "fr", KNOWN) == (frozenset(), ())


def test_capitals_for_emphasis_make_no_other_language() -> None:
    assert what_to_leave(["NO lo sé."], "en", KNOWN) == (frozenset(), ())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ik weet niet waar hij woont.", "Dutch"),
        ("Eu não sei onde ele mora.", "Portuguese"),
        ("Где находится вокзал?", "Russian"),
        ("駅はどこですか", "Japanese"),
    ],
)
def test_a_text_in_none_of_the_languages_is_warned_of(text: str, language: str) -> None:
    left, (warning,) = what_to_leave([text], "fr", KNOWN)
    assert not left
    assert f"seems to be in {language}; the model knows only English, German" in warning


def test_a_language_without_a_direction_to_the_target_is_warned_of() -> None:
    french = ["Je ne sais pas où il est.", "Nous habitons à la campagne."]
    left, (warning,) = what_to_leave(french, "es", KNOWN)
    assert not left
    assert warning.startswith("the text is in French, from which the model does not translate into")
    assert "only from English" in warning
    english = "I don't know where he lives."
    assert what_to_leave([english], "es", KNOWN) == (frozenset(), ())
    left, warnings = what_to_leave([english, french[0], "No sé dónde vive Tom."], "es", KNOWN)
    assert left == {"No sé dónde vive Tom."}
    assert [one.split(" in ")[0] for one in warnings] == ["1 of 3 sentences is"] * 2
