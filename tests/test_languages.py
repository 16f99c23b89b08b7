"""Names of languages, and which language a text is in."""

from __future__ import annotations

import pytest

from zoo.languages import language_code, language_name, language_probabilities

KNOWN = ("en", "de", "es", "fr")


@pytest.mark.parametrize(
    "name", ["fr", "FR", "fr-FR", "fr_CA.UTF-8", "French", "français", "FRA", " french "]
)
def test_a_language_has_many_names(name: str) -> None:
    assert language_code(name, KNOWN) == "fr"


@pytest.mark.parametrize("name", ["it", "Italian", "xx", "", "frenchy", "f"])
def test_other_names_are_none_of_the_known(name: str) -> None:
    assert language_code(name, KNOWN) is None


def test_a_code_is_named_in_english() -> None:
    assert (language_name("fr"), language_name("xx")) == ("French", "xx")


def test_a_language_is_recognised() -> None:
    probabilities = language_probabilities("Ik weet niet waar hij woont")
    assert max(probabilities, key=probabilities.__getitem__) == "nl"
    assert sum(probabilities.values()) == pytest.approx(1.0)
