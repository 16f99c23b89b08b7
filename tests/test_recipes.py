"""The recipes' own `train` and `evaluate`, on small corpora of the kind that theirs are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.handwriting.toy import draw, some_text, write
from tests.translation.toy import language
from zoo import load_model
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.processor import Line
from zoo.training.plan import Plan
from zoo.training.recipe import RecipeValues

SPLITS = {"train": 24, "validation": 6, "test": 6}


def plans(start_shares: tuple[float, ...] = ()) -> tuple[Plan, ...]:
    one = Plan(epochs=1, warmup_steps=1, checkpoint_seconds=1e9)
    return one, replace(one, seed=1, network={"dropout": 0.1}, start_shares=start_shares)


def lines(name: str) -> dict[str, list[Line]]:
    rng = np.random.default_rng(len(name))
    return {
        split: [
            Line(draw(text), text, kind="text" if number else "consent")
            for number, text in enumerate(some_text(rng) for _ in range(count))
        ]
        for split, count in SPLITS.items()
    }


def ink(name: str) -> dict[str, list[Ink]]:
    rng = np.random.default_rng(len(name))
    level = "1c" if name.endswith("characters") else "7"
    texts = {
        split: ["o" if level == "1c" else some_text(rng, 1) for _ in range(count)]
        for split, count in SPLITS.items()
    }
    texts["test"][0] = texts["train"][0]  # the other test words are in no training text
    return {
        split: [Ink(write(text), text, level, "OK", "sta/me") for text in each]
        for split, each in texts.items()
    }


def shrunk(values: Any, **changes: Any) -> RecipeValues:
    made: RecipeValues = replace(values, **changes)
    return made


@pytest.mark.parametrize("architecture", ["crnn", "pen_bilstm"])
def test_a_reader_is_trained_and_scored_on_its_corpora(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, architecture: str
) -> None:
    from zoo.recipes import crnn, pen_bilstm

    recipe: Any = {"crnn": crnn, "pen_bilstm": pen_bilstm}[architecture]
    (name, values), *_ = recipe.MODELS.items()
    monkeypatch.setattr(recipe, "load_ink", ink)
    if architecture == "crnn":
        monkeypatch.setattr(recipe, "load_lines", lines)
    small = {"units": 16, "channels": 4, "layers": 1, "dropout": 0.0}
    if architecture == "crnn":
        small["projection"] = 16
    monkeypatch.setitem(recipe.MODELS, name, shrunk(values, network=small, plans=plans((0.5,))))
    out = recipe.train(name, tmp_path / "run")
    assert (tmp_path / "run/training/stage_1/manifest.json").exists()
    model = load_model(out)
    assert model.card["name"] == name
    assert model.config.dropout == 0.1
    assert set(model.processor.vocabulary) >= set("loizv")
    counts: list[int] = []
    found = recipe.evaluate(model, name, progress=lambda done, total: counts.append(done))
    sets = ["copiste", "poilus", "unipen_words, rendered"]
    if architecture == "pen_bilstm":
        sets = ["unipen_words", "unipen_words, words not in training", "unipen_texts"]
    assert list(dict.fromkeys(one.dataset for one in found)) == sets
    for own in sets:
        figures = [(one.metric, one.decoding) for one in found if one.dataset == own]
        assert [metric for metric, _ in figures] == ["cer", "wer"] * 2
        assert len(set(figures)) == 4
    (fewer,) = {one.extra["lines"] for one in found if one.dataset == sets[1]}
    assert fewer < SPLITS["test"]  # the formula, and the word that is in training, are left out
    assert sum(counts) == sum(one.extra["lines"] for one in found) / 4


@pytest.mark.parametrize("corpus", ["tatoeba", "multi30k"])
def test_a_translator_is_trained_and_scored_on_its_corpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpus: str
) -> None:
    from zoo.recipes import seq2seq_lstm

    sentences = language()

    def load(name: str, split: str) -> list[Any]:
        assert name == corpus
        parts = {"train": sentences[12:], "validation": sentences[6:12]}
        return parts.get(split, sentences[:6])

    name = {"tatoeba": "tatoeba", "multi30k": "multi30k_en_fr"}[corpus]
    name = f"seq2seq_lstm.{name}"
    both = (("en", "fr"), ("fr", "en"))
    first, second = plans()
    second = replace(second, network={"output_dropout": 0.1})
    monkeypatch.setattr(seq2seq_lstm, "load_translations", load)
    monkeypatch.setitem(
        seq2seq_lstm.MODELS,
        name,
        shrunk(
            seq2seq_lstm.MODELS[name],
            directions=both if corpus == "tatoeba" else both[:1],
            network={"units": 16, "embedding": 16},
            vocabulary_size=340,
            others=64,
            beam_size=2,
            plans=(first, second) if corpus == "tatoeba" else (second,),
        ),
    )
    model = load_model(seq2seq_lstm.train(name, tmp_path / "run"))
    assert model.card["dataset"] == corpus
    assert (model.settings.beam_size, model.config.output_dropout) == (2, 0.1)
    figures = seq2seq_lstm.evaluate(model, name)
    found = [(figure.metric, figure.split) for figure in figures]
    if corpus == "tatoeba":
        assert found == [
            ("bleu", "test, mean of 2 directions"),
            ("chrf", "test, mean of 2 directions"),
            *((metric, f"test {way}") for way in ("en-fr", "fr-en") for metric in ("bleu", "chrf")),
            ("kept", "whole"),
        ]
        assert figures[0].value == pytest.approx((figures[2].value + figures[4].value) / 2)
    else:
        tests = ("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco")
        metrics = ("bleu_tokenized_lowercased", "bleu", "chrf")
        assert found == [(metric, f"{test} en-fr") for test in tests for metric in metrics]
