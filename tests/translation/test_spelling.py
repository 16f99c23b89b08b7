"""Letter case and final marks of a sentence, and of its translation."""

from __future__ import annotations

import pytest

from tests.translation.vocabulary import shipped_subwords
from zoo.translation.spelling import (
    Style,
    restored_spelling,
    usual_case,
    usual_spelling,
    with_apostrophes,
)


@pytest.mark.parametrize(
    ("written", "usual", "style"),
    [
        ("WHERE IS THE STATION?", "Where is the station?", Style("capitals")),
        ("STOP!", "Stop!", Style("capitals")),
        ("I'M IN BOSTON WITH TOM", "I'm in Boston with Tom", Style("capitals", final_mark=".")),
        ("PHOTO OF THE WEEK", "photo of the week", Style("capitals", final_mark=".")),
        ("Where Is The Station?", "Where is the station?", Style("title")),
        ("Le Chat De Tom Est Noir.", "Le chat de Tom est noir.", Style("title")),
        ("where is the station", "Where is the station", Style("as is", True, "?")),
        ("tom is here", "Tom is here", Style("as is", True, ".")),
        ("house", "house", Style("as is", True, ".")),
        ("Tom is here", "Tom is here", Style(final_mark=".")),
        ("Wo ist er", "Wo ist er", Style(final_mark="?")),
        ("Do NOT touch this.", "Do not touch this.", Style()),
        ("I am SO happy, I REALLY am.", "I am so happy, I really am.", Style()),
        ("comment allez-vous", "Comment allez-vous", Style("as is", True, "?")),
    ],
)
def test_an_unusual_spelling_becomes_the_usual_one(written: str, usual: str, style: Style) -> None:
    assert usual_spelling([written], shipped_subwords()) == ([usual], style)


@pytest.mark.parametrize(
    "text",
    [
        "Where is the station?",
        "Tom Jackson lives in New York City.",
        "Kommen Sie an Bord!",
        "Hat Tom Brüder?",
        "Übersetzen Sie Liedtexte?",
        "I watch TV.",
        "The USA and NATO: IT works for us.",
        "¿Dónde está Tom?",
        "OK.",
        "„Wo ist er?“ – „Er ist gegangen.“",
        "911!",
    ],
)
def test_a_usual_spelling_stays(text: str) -> None:
    assert usual_spelling([text], shipped_subwords()) == ([text], Style())


def test_words_have_the_capitals_that_the_vocabulary_knows() -> None:
    words = ["BOSTON", "tom", "THE", "i", "I'LL", "TV", "mann", "WEISS", "CLASS"]
    usual = [usual_case(word, shipped_subwords()) for word in words]
    assert usual == ["Boston", "Tom", "the", "I", "I'll", "TV", "Mann", "weiß", "class"]


@pytest.mark.parametrize(
    ("parts", "style", "restored"),
    [
        (["Où est la gare ?"], Style("capitals"), ["OÙ EST LA GARE ?"]),
        (["La photo."], Style("capitals", final_mark="."), ["LA PHOTO"]),
        (["L'homme de fer."], Style("title"), ["L'homme De Fer."]),
        (["¿Dónde está?"], Style("as is", True, "?"), ["dónde está"]),
        (["Tom est ici."], Style("as is", True, "."), ["Tom est ici"]),
        (["Il a ", " livres."], Style("as is", True, "."), ["il a ", " livres"]),
        (["", " ist hier."], Style("as is", True), ["", " ist hier."]),
        (["Warte..."], Style(final_mark="."), ["Warte..."]),
    ],
)
def test_a_translation_gets_the_spelling_of_its_source(
    parts: list[str], style: Style, restored: list[str]
) -> None:
    assert restored_spelling(parts, style, shipped_subwords()) == restored


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("It doesnt work.", "It doesn't work."),
        ("I dont know where you are.", "I don't know where you are."),
        ("WE CANT AND WONT GO", "WE CAN'T AND WON'T GO"),
        (
            "Im sure that youre right, theyve told us.",
            "I'm sure that you're right, they've told us.",
        ),
        ("Thats what shes like, isnt it?", "That's what she's like, isn't it?"),
        ("Its lid was ill made; well, were here.", "Its lid was ill made; well, were here."),
        ("Jony Ive drew it, and Ive seen it.", "Jony Ive drew it, and I've seen it."),
        ("L'homme dont je parle est ici.", "L'homme dont je parle est ici."),
        ("Wir sind im Haus.", "Wir sind im Haus."),
        ("Nous cherchons un mont, pas un wontt.", "Nous cherchons un mont, pas un wontt."),
        ("DONT GO", "DON'T GO"),
        ("Dont panic", "Don't panic"),
        ("Le livre dont il parle. Dont acte.", "Le livre dont il parle. Dont acte."),
        ("im tired", "i'm tired"),
        ("im Haus", "im Haus"),
    ],
)
def test_contractions_get_their_apostrophe_back(written: str, read: str) -> None:
    assert with_apostrophes(written) == read


def test_a_language_that_is_known_is_not_guessed() -> None:
    assert with_apostrophes("im dont", english=True) == "i'm don't"
