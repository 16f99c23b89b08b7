"""An architecture from outside that brings a builder and nothing else works in every verb."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import TEXT, VOCABULARY
from tests.plain_lstm import PlainConfig, architecture, build
from zoo import load_model
from zoo.catalogue import builtin
from zoo.errors import FolderError, UsageError, ZooError
from zoo.export.writing import export
from zoo.folder.bundle import Bundle
from zoo.language_models.recurrent_characters import RecurrentCharacters
from zoo.loading import assemble
from zoo.text.char_lstm import CharLSTMConfig
from zoo.text.generation import TextGeneration
from zoo.text.inference import CharacterGraph
from zoo.text.processor import Characters
from zoo.translation.translation import Translation


def bundle(**entry: Any) -> Bundle:
    config = PlainConfig(len(VOCABULARY))
    keras.utils.set_random_seed(2)
    weights = {v.path: 1.5 * v.numpy() for v in build(config).weights}
    return Bundle(
        replace(architecture(), **entry), config, Characters(tuple(VOCABULARY)), {}, weights
    )


@pytest.fixture(scope="module")
def plain() -> TextGeneration:
    model = assemble(bundle(), "here")
    assert isinstance(model, TextGeneration)
    return model


@pytest.mark.parametrize("kind", ["onnx", "onnx-int8", "litert"])
def test_an_export_says_that_it_has_no_graphs(
    plain: TextGeneration, tmp_path: Path, kind: str
) -> None:
    with pytest.raises(ZooError, match=r"brings no graphs.*--format keras"):
        export(plain, tmp_path / "model", kind)
    assert list(tmp_path.iterdir()) == []


def test_a_keras_file_that_differs_leaves_no_folder(
    plain: TextGeneration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build(PlainConfig(len(VOCABULARY)))
    monkeypatch.setattr(keras.models, "load_model", lambda *_, **__: other)
    with pytest.raises(ZooError, match=r"model\.keras differ from the model's"):
        export(plain, tmp_path / "model", "keras")
    assert list(tmp_path.iterdir()) == []


def test_it_writes_and_scores_as_the_same_weights_in_a_graph(plain: TextGeneration) -> None:
    config = CharLSTMConfig(len(VOCABULARY), layers=1, units=24, embedding=8)
    other = assemble(bundle(), "here")
    other._inference = CharacterGraph(config, other.weights())
    other._inference_weights = other.weights()
    assert isinstance(other, TextGeneration)
    for sampling in ({"temperature": 0}, {}, {"temperature": 0.7, "top_k": 9}, {"top_p": 0.8}):
        ours, theirs = (
            model.generate(["the ", "fox"], 40, seed=3, **sampling) for model in (plain, other)
        )
        assert [one.text for one in ours] == [one.text for one in theirs]
        np.testing.assert_allclose(ours[1].log_probs, theirs[1].log_probs, atol=1e-4)
    scores = [model.score(TEXT[:1500]) for model in (plain, other)]
    np.testing.assert_allclose(scores[0].log_probs, scores[1].log_probs, atol=1e-4)
    hidden = [model.embed("the fox").hidden for model in (plain, other)]
    assert hidden[0].shape == (7, 1, 24)
    np.testing.assert_allclose(*hidden, atol=1e-5)


def test_it_streams_and_goes_on_from_a_state(plain: TextGeneration) -> None:
    whole = plain.generate("the ", 30, seed=5)
    assert "".join(plain.stream("the ", 30, seed=5)) == whole.continuation
    first = plain.generate("the ", 12, seed=5)
    second = plain.generate("", 18, seed=5, state=first.state)
    assert first.continuation + second.continuation == whole.continuation


def test_it_is_saved_and_loaded_and_pickled(
    plain: TextGeneration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = builtin()
    models.add_architecture(architecture())
    monkeypatch.setattr("zoo.catalogue._registry", models)
    again: Any = load_model(plain.save(tmp_path / "plain"))
    assert again.check() < 1e-4
    text = again.generate("the ", 30, seed=1).text
    assert pickle.loads(pickle.dumps(again)).generate("the ", 30, seed=1).text == text
    with pytest.raises(UsageError, match="vocabulary of plain_lstm cannot be changed"):
        load_model(tmp_path / "plain", vocabulary="abc")


def test_it_is_fine_tuned_by_its_tasks_command(
    plain: TextGeneration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoo: Any
) -> None:
    models = builtin()
    models.add_architecture(architecture())
    monkeypatch.setattr("zoo.catalogue._registry", models)
    start, out = plain.save(tmp_path / "plain"), tmp_path / "mine"
    text = tmp_path / "text.txt"
    text.write_text(TEXT[:600])
    options = ("--text", text, "--window", 16, "--epochs", 1, "--out", out)
    assert zoo("finetune", start, *options).splitlines()[-1] == str(out)
    (figure,) = load_model(out).metrics
    assert figure.value < figure.to_row()["start"]
    text.write_text(TEXT[:600].upper())
    (tmp_path / "other").mkdir()
    error = zoo("finetune", start, *options[:-1], tmp_path / "other", code=2)
    assert "the vocabulary of plain_lstm cannot be changed" in error


def test_it_is_a_language_model(plain: TextGeneration) -> None:
    alphabet = ("", *VOCABULARY)
    model = RecurrentCharacters.of_task(plain).bind(alphabet)
    state, log_probs = model.start()
    _, after = model.advance([state], np.array([alphabet.index("t")]))
    expected = plain.score("\nth").log_probs
    assert log_probs[alphabet.index("t")] == pytest.approx(expected[0], abs=1e-4)
    assert after[0][alphabet.index("h")] == pytest.approx(expected[1], abs=1e-4)


def test_weights_of_another_network_are_refused() -> None:
    whole = bundle()
    weights = dict(whole.weights)
    weights["other/kernel"] = weights.pop("logits/kernel")
    with pytest.raises(FolderError, match=r"missing: logits/kernel.*\n.*unknown: other/kernel"):
        assemble(replace(whole, weights=weights), "here")


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        ("build_looking_ahead", "looking_ahead gives other outputs when a text is read in parts"),
        ("build_without_memory", "without_memory has no recurrent layer"),
    ],
)
def test_a_network_that_cannot_be_read_in_parts_is_refused(builder: str, message: str) -> None:
    whole = bundle(builder=f"tests.plain_lstm:{builder}")
    model: Any = assemble(whole, "here", pretrained=False)
    with pytest.raises(ZooError, match=message):
        model.generate("the ", 5)


def test_a_translator_without_an_inference_says_so() -> None:
    model = Translation(bundle())
    with pytest.raises(ZooError, match="plain_lstm has no inference"):
        model.inference.start(np.zeros((1, 3), np.int32))


def test_its_layers_are_traced_on_keras_and_have_no_gradients(plain: TextGeneration) -> None:
    ours = plain.trace("the fox", every=2)
    assert ours.steps().texts == ("t", "e", "f", "x")
    np.testing.assert_allclose(ours.gate("h"), plain.embed("the fox").hidden[::2, 0], atol=1e-5)
    with pytest.raises(UsageError, match="no gradients"):
        plain.highway("the fox")
