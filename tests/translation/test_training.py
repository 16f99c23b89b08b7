"""Training of translators: broken runs, fine-tuning, pairs files, and how they are scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.translation.toy import DIRECTIONS, language, train_small
from zoo import load_model
from zoo.errors import DataError, UsageError
from zoo.translation.datasets import Sentence
from zoo.translation.results import TranslatedText
from zoo.translation.search import TranslationSettings
from zoo.translation.sentences import split_sentences
from zoo.translation.training.objective import Seq2SeqObjective
from zoo.translation.training.pairs import Pair, pairs_of, read_pairs, split_pairs, with_copies
from zoo.translation.training.run import TranslatorOptions, finetune_translator
from zoo.translation.training.scores import (
    choose_search,
    evaluate_translations,
    mean_figure,
    references_of,
    score_texts,
)


def test_a_broken_run_ends_at_the_weights_of_an_unbroken_one(
    translator_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, steps = tmp_path / "broken", 0
    make = Seq2SeqObjective._make

    def break_off(self: Any, sources: Any, group: np.ndarray, epoch: int) -> Any:
        nonlocal steps
        steps += 1
        if steps == 40:  # in the second epoch
            raise KeyboardInterrupt
        return make(self, sources, group, epoch)

    monkeypatch.setattr(Seq2SeqObjective, "_make", break_off)
    with pytest.raises(KeyboardInterrupt):
        train_small(out, checkpoint_seconds=0.5)
    subwords = (out / "training" / "sentencepiece.model").read_bytes()
    with pytest.raises(UsageError, match="other values"):
        train_small(out, epochs=3, checkpoint_seconds=0.5)
    train_small(out, checkpoint_seconds=0.5)
    history = (out / "training" / "history.csv").read_text().splitlines()
    # It went on after the first epoch or later, and did not begin again; some were made ahead.
    assert steps < int(history[-1].split(",")[1]) + 40 - 20 + 6
    first, second = (
        safetensors.numpy.load_file(folder / "model.safetensors")
        for folder in (translator_folder, out)
    )
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
    assert (out / "sentencepiece.model").read_bytes() == subwords
    samples = (out / "training" / "samples.txt").read_text(encoding="utf-8")
    assert samples.count("--- epoch") == len(history) - 1
    assert "\nfr: Le " in samples


def test_fine_tuning_learns_new_words_and_keeps_the_rest(
    translator_folder: Path, tmp_path: Path
) -> None:
    verbs = {"eats": "mange", "sells": "vend"}
    lines = ["en\tfr"] + [
        f"{one.english.replace('sees', new)}\t{one.translations['fr'][0].replace('voit', word)}"
        for one in language()
        if "sees" in one.english
        for new, word in verbs.items()
    ]
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("\n".join(lines), encoding="utf-8")
    options = TranslatorOptions(both_ways=True, epochs=3, batch=16)
    out = finetune_translator(str(translator_folder), [pairs], tmp_path / "mine", options)
    before, after = load_model(translator_folder), load_model(out)
    text, right = "The cat sells the dog.", "Le chat vend le chien."
    scores = [model.score(text, right, "fr").log_probability for model in (before, after)]
    assert scores[1] > scores[0] + 3
    assert after.check() < 2e-3
    assert after.card["base_model"] == "seq2seq_lstm.small"
    assert after.card["dataset"] == "pairs.tsv"
    (figure,) = after.metrics
    assert figure.metric == "smoothed_cross_entropy"
    assert figure.value < figure.extra["start"]
    with pytest.raises(UsageError, match="finished model"):
        finetune_translator(str(translator_folder), [pairs], out)


@pytest.mark.parametrize(
    "values", [{"validation": 0.0}, {"validation": 1.0}, {"batch": 0}, {"epochs": 0}]
)
def test_values_out_of_range_are_usage_errors(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TranslatorOptions(**values)


def test_a_file_of_pairs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes("\ufeffen\tfr\tsource\r\nHi.\tSalut !\tme\r\n A \t B\r\n".encode())
    assert read_pairs(path) == [
        Pair("Hi.", "Salut !", "en", "fr"),
        Pair("A", "B", "en", "fr"),
    ]
    # Accents are composed and invisible hyphens dropped, as in what the model writes.
    path.write_text("en\tfr\nCo\u00adffee\tCafe\u0301\n", encoding="utf-8")
    assert read_pairs(path) == [Pair("Coffee", "Café", "en", "fr")]
    path.write_bytes("en\tfr\nCafé\tCafé\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_pairs(path)
    for head in ("en", "en\ten", "English\tFrench", "\t"):
        path.write_text(f"{head}\nHi.\tSalut !\n")
        with pytest.raises(DataError, match=r"must name the languages.*'en<TAB>fr'"):
            read_pairs(path)
    path.write_text("en\tfr\nHi.\tSalut !\n\nBye.\tAdieu.\n")
    with pytest.raises(DataError, match="line 3 has one column"):
        read_pairs(path)


def test_pairs_that_share_a_sentence_stay_together() -> None:
    pairs = [
        Pair(f"{i}{letter}", f"{i}{other}", "en", "fr")
        for i in range(50)
        for letter, other in (("a", "x"), ("b", "x"), ("b", "y"))
    ]
    training, chosen = split_pairs(pairs, 0.2, seed=1)
    assert len(training) == 120
    assert len(chosen) == 30
    assert not {p.source for p in training} & {p.source for p in chosen}
    assert not {p.target for p in training} & {p.target for p in chosen}
    assert split_pairs(pairs, 0.2, seed=1) == (training, chosen)
    assert split_pairs(pairs, 0.2, seed=2) != (training, chosen)
    with pytest.raises(DataError, match="share no sentence"):
        split_pairs(pairs[:3], 0.2, seed=1)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9, 0.99])
def test_many_pairs_of_one_sentence_do_not_all_go_to_validation(share: float) -> None:
    pairs = [Pair(f"Yes {i}.", "Oui.", "en", "fr") for i in range(8)]
    pairs += [Pair(f"{i}", f"{i} !", "en", "fr") for i in range(3)]
    for seed in range(20):
        training, chosen = split_pairs(pairs, share, seed)
        assert sorted(training + chosen) == sorted(pairs)
        assert 1 <= len(chosen) <= max(1, round(share * 11))
        assert training


def test_pairs_and_references_are_those_of_the_directions() -> None:
    sentences = [
        Sentence("Hi.", {"fr": ("Salut !", "Salut."), "de": ("Hallo!",)}),
        Sentence("Hello.", {"de": ("Hallo!",)}),
    ]
    pairs = list(pairs_of(sentences, [("en", "fr"), ("de", "en"), ("de", "fr")]))
    assert Pair("Hi.", "Salut.", "en", "fr") in pairs
    assert len(pairs) == 6
    assert references_of([*pairs, pairs[0]]) == {
        ("en", "fr"): {"Hi.": ["Salut !", "Salut."]},
        ("de", "en"): {"Hallo!": ["Hi.", "Hello."]},
        ("de", "fr"): {"Hallo!": ["Salut !", "Salut."]},
    }


def test_some_pairs_have_what_the_vocabulary_lacks(translator: Any) -> None:
    plain = [Pair("The cat!", "Le chat !", "en", "fr")] * 3000
    pairs = list(with_copies(plain, 0.1))
    assert len(pairs) == 3000
    changed = [pair for pair in pairs if pair != plain[0]]
    assert 240 < len(changed) < 360
    runs: dict[str, list[str]] = {"alone": [], "front": [], "end": []}
    for source, target, *languages in changed:
        assert languages == ["en", "fr"]
        if "cat" not in source:
            assert target == source
            runs["alone"].append(source)
        elif source.endswith(" The cat!"):
            runs["front"].append(source.removesuffix(" The cat!"))
            assert target == f"{runs['front'][-1]} Le chat !"
        else:
            runs["end"].append(source.removeprefix("The cat ").removesuffix("!"))
            assert target == f"Le chat {runs['end'][-1]} !"
    assert min(map(len, runs.values())) > 60
    every = [run for some in runs.values() for run in some]
    assert len(set(every)) > 200
    for run in every:
        pieces = translator.processor.pieces(translator.processor.encode(run))
        assert any(piece.startswith("<0x") for piece in pieces)
    # One sentence, so that a text is not cut before the run.
    assert all(len(split_sentences(pair.source)) == 1 for pair in changed)


def test_scores_are_those_of_the_definition() -> None:
    # Papineni et al. 2002: of the words 6 of 7 are right, of their pairs 4 of 6, of three in a row
    # 3 of 5 and of four 2 of 4; and the translation is not shorter than its reference.
    text, right = "the cat sat on the red mat", "the cat sat on the mat today"
    scores = {
        metric: (value, scorer) for metric, value, _, scorer in score_texts([text], [[right]], "en")
    }
    assert scores["bleu"][0] == pytest.approx(
        100 * (6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** 0.25, rel=1e-6
    )
    assert "version:" in scores["bleu"][1]
    assert scores["chrf"][0] < 100
    (first, _), *_ = (
        (value, unit) for _, value, unit, _ in score_texts([text], [[right, text]], "en")
    )
    assert first == pytest.approx(100)


def test_more_references_than_some_sentences_have_do_no_harm() -> None:
    texts = ["a b c d e", "f g h i j"]
    one = score_texts(texts, [["a b c d x"], ["f g h i j"]], "en")
    more = score_texts(texts, [["a b c d x"], ["f g h i j", "something else"]], "en")
    assert one[0][1] == pytest.approx(more[0][1])
    assert "nrefs:var" in more[0][3]


def test_tokenised_scores_know_no_case_and_no_glued_punctuation() -> None:
    rows = score_texts(
        ["Ein Saftig-Grünes Gras , ja."], [["ein saftig - grünes gras, Ja ."]], "de", True
    )
    assert [row[0] for row in rows] == ["bleu_tokenized_lowercased", "bleu", "chrf"]
    tokens = score_texts(["Ein grünes Gras, ja."], [["ein Grünes gras , Ja."]], "de", True)
    assert tokens[0][1] == pytest.approx(100)
    assert tokens[1][1] < 50
    assert "sacremoses" in tokens[0][3]
    assert "tok:none" in tokens[0][3]


@pytest.mark.parametrize("back", [True, False])
def test_the_search_with_the_best_bleu_is_chosen(back: bool) -> None:
    class Model:
        """The nearer its settings are to the right ones, the more words it gets right."""

        settings = TranslationSettings()
        directions = (("en", "fr"), ("fr", "en")) if back else (("en", "fr"),)

        def translate(self, texts: Any, target: str, *, source: str, **search: float) -> Any:
            right = 4 + (search["length_penalty"] == 0.5) + (search["backward_weight"] == 0.2)
            found = [" ".join(text.split()[:right]) for text in texts]
            return [TranslatedText(text, "", target, 0.0, (), ()) for text in found]

    text = "one two three four five six"
    pairs = [Pair(text, text, "en", "fr")]
    weight = 0.2 if back else 0.0
    assert choose_search(Model(), pairs) == {"length_penalty": 0.5, "backward_weight": weight}
    few = choose_search(Model(), pairs, {"backward_weight": (0.0, 0.3)})
    assert few == {"length_penalty": 1.0, "backward_weight": 0.0}


def test_each_direction_is_scored_against_all_references(translator: Any) -> None:
    held_out = language()[::7]
    counts: list[tuple[int, int]] = []
    figures = evaluate_translations(
        translator,
        {"test": pairs_of(held_out, DIRECTIONS)},
        dataset="small",
        command="zoo evaluate small",
        progress=lambda count, total: counts.append((count, total)),
    )
    assert [(figure.metric, figure.split) for figure in figures] == [
        ("bleu", "test en-fr"),
        ("chrf", "test en-fr"),
        ("bleu", "test fr-en"),
        ("chrf", "test fr-en"),
    ]
    characters = sum(len(pair.source) for pair in pairs_of(held_out, DIRECTIONS))
    assert sum(count for count, _ in counts) == counts[0][1] == characters
    assert all(figure.extra["sentences"] == len(held_out) for figure in figures)
    assert figures[0].decoding.startswith("beam 5, length penalty ")
    found = translator.translate([one.english for one in held_out], "fr")
    expected = score_texts(
        [str(one) for one in found], [[one.translations["fr"][0]] for one in held_out], "fr"
    )
    assert figures[0].value == pytest.approx(expected[0][1], abs=1e-3)
    mean = mean_figure(figures, "bleu", "test")
    assert mean.value == pytest.approx((figures[0].value + figures[2].value) / 2, abs=1e-3)
    assert mean.split == "test, mean of 2 directions"
    assert mean.extra == {}
    assert mean.higher_is_better
