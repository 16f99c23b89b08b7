"""What the network reads of a sentence, and what becomes of what it writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.translation.vocabulary import shipped_subwords
from zoo.translation.alignment import Alignment
from zoo.translation.preparation import finished, prepare


def translated(sentence: str, written: str, **options: Any) -> str | None:
    """The translation, if the network had written ``written``, aligned by the words' places."""
    subwords = shipped_subwords()
    prepared = prepare(sentence, subwords, **options)
    ids = subwords.encode(written)
    attention = np.zeros((len(ids) + 1, len(subwords.encode_source(prepared.text, "fr"))))
    return finished(
        prepared,
        written,
        subwords,
        lambda: Alignment.of(subwords, prepared.text, written, list(ids), attention),
    )


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Where is the station?", "Where is the station?"),
        ("Hello {name}!", "Hello Tom!"),
        ("See https://example.com and a@b.org.", "See Boston and Harvard."),
        ("Boston is not {city}.", "Boston is not Tom."),
        ("%d files", "13 files."),
        ("I have 911 books.", "I have 911 books."),
        ("This is <b>very</b> good.", "This is very good."),
        ("<p>Hello <br/> Tom</p>", "Hello Tom."),
        ("I CALLED {name}", "I called Tom."),
    ],
)
def test_the_network_reads_plain_words(sentence: str, read: str) -> None:
    assert prepare(sentence, shipped_subwords()).text == read


def test_only_a_plain_sentence_is_read_as_it_is() -> None:
    subwords = shipped_subwords()
    for sentence in ("Where is the station?", "Tom is here."):
        assert prepare(sentence, subwords).text_only(sentence)
    for sentence in ("Is it 2:30?", "<b>Hi.</b>", "Hi {x}!", "STOP!", "Where is it"):
        assert not prepare(sentence, subwords).text_only(sentence)


@pytest.mark.parametrize(
    ("sentence", "written", "translation"),
    [
        ("Hello {name}!", "Bonjour, Tom !", "Bonjour, {name} !"),
        ("Hello {name}!", "Bonjour !", None),
        ("Hello {name}!", "Tom, Tom !", None),
        ("Hello {name}!", "Bonjour Tommy !", None),
        (
            "I called {name} and a@b.org",
            "J'ai appelé Boston et Tom.",
            "J'ai appelé a@b.org et {name}",
        ),
        ("STOP {name}!", "Arrête Tom !", "ARRÊTE {name} !"),
        ("I have 911 books.", "J'ai 911 livres.", "J'ai 911 livres."),
        ("I have 911 books.", "J'ai 91 livres.", "J'ai 911 livres."),
        ("I have 911 books.", "J'ai beaucoup de livres.", None),
        ("From 3 to 4.", "De 5 à 6.", None),
        ("From 30 to 4.", "De 30 à 3.", "De 30 à 4."),
        ("It costs $1,299.50.", "Ça coûte 1.299,50 $.", "Ça coûte $1,299.50."),
        ("It costs 20%.", "Ça coûte 20 %.", "Ça coûte 20%."),
        ("It costs $10.", "Ça coûte 10 dollars.", None),
        ("2 and 2", "2 et 2.", "2 et 2"),
        ("2 and 2", "2 et deux.", None),
        ("<p>Where is it?</p>", "Où est-ce ?", "<p>Où est-ce ?</p>"),
        ("<b>Hello</b>!", "Bonjour !", "<b>Bonjour</b> !"),
    ],
)
def test_a_translation_keeps_everything_or_is_not_taken(
    sentence: str, written: str, translation: str | None
) -> None:
    assert translated(sentence, written) == translation


def test_numbers_can_have_stand_ins() -> None:
    prepared = prepare("I have 911 of 1,300 books.", shipped_subwords(), replace_numbers=True)
    assert prepared.text == "I have 13 of 16 books."
    options = {"replace_numbers": True}
    assert translated("I have 911 books.", "J'ai 13 livres.", **options) == "J'ai 911 livres."


@pytest.mark.parametrize(
    ("sentence", "read", "written", "translation"),
    [
        ("Tom & Mary", "Tom and Mary.", "Tom et Marie.", "Tom & Marie"),
        ("A and b &amp; c.", "A and b and c.", "A et b et c.", "A et b &amp; c."),
        ("TOM & I", "Tom and I.", "Tom et moi.", "TOM & MOI"),
        ("Tom & Mary", "Tom and Mary.", "Tom avec Marie.", None),
        ("It&#39;s late.", "It's late.", "C'est tard.", "C&#39;est tard."),
        ("Don&rsquo;t go!", "Don't go!", "N'y va pas !", "N'y va pas !"),
        ("Tom&nbsp;is here.", "Tom is here.", "Tom est ici.", "Tom&nbsp;est ici."),
        ("It costs 5&nbsp;€.", "It costs 5\u00a0€.", "Ça coûte 5 €.", "Ça coûte 5&nbsp;€."),
        ("**Hello** Tom!", "Hello Tom!", "Bonjour Tom !", "**Bonjour** Tom !"),
        ("(He left.)", "He left.", "Il est parti.", "(Il est parti.)"),
        ("[hello Tom]", "Hello Tom.", "Bonjour Tom.", "[bonjour Tom]"),
        ('"Hello"', "Hello.", "Salut !", '"Salut"'),
        ('"He left."', '"He left."', "« Il est parti. »", "« Il est parti. »"),
        ("(A) or (b).", "(A) or (b).", "(A) ou (b).", "(A) ou (b)."),
        ("I ran 5 km.", "I ran 5 km.", "J'ai couru 5 kmche.", None),
    ],
)
def test_signs_and_entities_are_read_as_what_they_mean(
    sentence: str, read: str, written: str, translation: str | None
) -> None:
    assert prepare(sentence, shipped_subwords(), "fr").text == read
    assert translated(sentence, written, target="fr") == translation


def test_tags_go_to_the_words_that_the_attention_aligns() -> None:
    subwords = shipped_subwords()
    sentence, written = 'The <a href="x">red</a> car is <i>mine</i>.', "Das Auto rot ist meins."
    prepared = prepare(sentence, subwords)
    source, ids = subwords.encode(prepared.text), subwords.encode(written)
    order = {"The": "Das", "red": "rot", "car": "Auto", "is": "ist", "mine": "meins", ".": "."}
    read, out = ([p.strip("▁") for p in subwords.pieces(each)] for each in (source, ids))
    attention = np.zeros((len(ids), len(source) + 2))
    for row, piece in enumerate(out):
        for column, other in enumerate(read):
            attention[row, column + 1] = piece in order.get(other, "") or (
                other in ("mine",) and (piece in "meins")
            )
    aligned = Alignment.of(subwords, prepared.text, written, list(ids), attention)
    text = finished(prepared, written, subwords, lambda: aligned)
    assert text == 'Das Auto <a href="x">rot</a> ist <i>meins</i>.'


def test_without_attention_words_are_aligned_by_their_places() -> None:
    text = translated("This is <b>very</b> good.", "C'est vraiment très bon.")
    assert text == "C'est vraiment <b>très</b> bon."
