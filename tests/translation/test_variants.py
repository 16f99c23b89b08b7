"""Variants of sentence pairs that a translator is trained on besides the sentences."""

from __future__ import annotations

from tests.translation.toy import NOUNS, language
from tests.translation.vocabulary import shipped_subwords
from zoo.translation.training.kept import kept_figures, made_sentences, share_kept
from zoo.translation.training.pairs import Pair, pairs_of
from zoo.translation.training.variants import with_variants, word_pairs


def test_words_are_paired_with_their_translations() -> None:
    pairs = list(pairs_of(language(), [("en", "fr"), ("fr", "en")]))
    found = word_pairs(pairs, shipped_subwords())
    words = {one.source: one.target for one in found if one.source_language == "en"}
    expected = {f"{a}.": f"{b}." for a, b in NOUNS.items() if " " not in b}
    assert expected.items() <= words.items()
    assert "donkey." in {one.target for one in found if one.source_language == "fr"}


def test_variants_are_as_the_network_will_read_them() -> None:
    pairs = [Pair("Where is the cat?", "Où est le chat ?", "en", "fr")] * 30
    made = list(with_variants(pairs, shipped_subwords(), 1.0))
    # Capitals, small letters and a missing mark are all read as the sentence itself.
    assert {one.source for one in made} == {"Where is the cat?", "Où est le chat ?", "where."}
    assert sum(one.source == "Where is the cat?" for one in made) == 60
    assert all(one.source == one.target for one in made if one.source == "Où est le chat ?")
    assert made == list(with_variants(pairs, shipped_subwords(), 1.0))


def test_numbers_and_names_are_exchanged_on_both_sides() -> None:
    pairs = [Pair("Tom has 30 dogs.", "Tom a 30 chiens.", "en", "fr")] * 20
    made = [one for one in with_variants(pairs, shipped_subwords(), 1.0) if one not in pairs]
    numbers = [one for one in made if one.source.startswith("Tom has") and "30" not in one.source]
    assert len(numbers) >= 70
    assert all(one.source.split()[2] == one.target.split()[2] for one in numbers)
    named = [one for one in made if "30 dogs" in one.source]
    assert len({one.source for one in named}) > 3
    assert all(one.source.split()[0] == one.target.split()[0] for one in named)


def test_the_made_set_has_something_to_keep_and_references_that_keep_it() -> None:
    made = made_sentences([("en", "de"), ("de", "en"), ("xx", "en")], 60)
    assert made == made_sentences([("en", "de"), ("de", "en"), ("xx", "en")], 60)
    assert {one.direction for one in made} == {("en", "de"), ("de", "en")}
    sources, translations = [one.source for one in made], [one.translation for one in made]
    assert share_kept(sources, translations) == (60, 60)
    assert share_kept(["I have 911.", "No.", "2 of 2"], ["J'ai 91.", "Non.", "2 de 2"]) == (1, 2)


def test_the_share_that_is_kept_becomes_a_figure() -> None:
    class Copier:
        directions = (("en", "de"), ("de", "en"))

        def translate(self, texts: list[str], target: str, *, source: str) -> list[str]:
            return [text.replace("911", "91") for text in texts]

    pairs = [Pair("I have 911.", "Ich habe 911.", "en", "de")]
    pairs += [Pair("Take 5.", "Nimm 5.", "en", "de"), Pair("No.", "Nein.", "en", "de")]
    figures = kept_figures(Copier(), pairs, dataset="toy", split="test", command="zoo x")
    assert (figures[0].dataset, figures[0].value, figures[0].unit) == ("toy", 50.0, "%")
    assert figures[0].extra["sentences"] == 2
    assert figures[1].value > 99
    assert figures[1].extra["sentences"] == 500
