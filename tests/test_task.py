"""The base of tasks: the network made late, weights in step, copies, dtypes."""

from __future__ import annotations

import copy
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import make_model
from tests.handwriting.toy import draw, make_reader, write
from tests.speech.toy import RATE, make_recogniser, speech_like
from zoo import load_model
from zoo.errors import UsageError, ZooError
from zoo.loading import assemble

SPEECH = speech_like(1.0)
FLOATS = ["float16", "float64", "mixed_float16", "mixed_bfloat16"]
MODELS: dict[str, tuple[Callable[[], Any], Callable[[Any], str], str]] = {
    # How it is made, what it answers, and a label that it can be made to answer with.
    "char_lstm": (make_model, lambda m: m.generate("the ", 12, temperature=0).continuation, "x"),
    "ctc_lstm": (
        lambda: make_recogniser("ctc_lstm"),
        lambda m: m.transcribe(SPEECH, RATE).text,
        "E",
    ),
    "ctc_bilstm": (
        lambda: make_recogniser("ctc_bilstm"),
        lambda m: m.transcribe(SPEECH, RATE).text,
        "E",
    ),
    "crnn": (lambda: make_reader("crnn"), lambda m: m.read(draw("loiz vol")).text, "z"),
    "pen_bilstm": (lambda: make_reader("pen_bilstm"), lambda m: m.read(write("loiz")).text, "z"),
}


def loaded(name: str, **arguments: Any) -> Any:
    """The model as a folder would give it: its network was not asked for."""
    return assemble(MODELS[name][0]().bundle(), "here", **arguments)


def prefer(model: Any, label: str) -> None:
    """Change the network's weights so that it takes a label to be far the likeliest."""
    bias = model.network.get_layer("logits").bias
    number = model.processor.vocabulary.index(label)
    changed = bias.numpy()
    changed[number] += 1e4
    bias.assign(changed)


@pytest.mark.parametrize("name", MODELS)
def test_a_verb_answers_with_the_weights_that_the_network_has(name: str) -> None:
    _, answer, label = MODELS[name]
    model = loaded(name)
    before = answer(model)
    assert model._network is None  # a verb does not build it
    kernel = model.network.get_layer("logits").kernel
    assert answer(model) == before
    prefer(model, label)
    assert set(answer(model)) == {label} != set(before)
    # The copies have the weights of this moment, and each goes its own way.
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    assert all(set(answer(one)) == {label} for one in copies)
    model.network.get_layer("logits").bias.assign(np.zeros(kernel.shape[1]))
    assert set(answer(model)) != {label}
    assert all(set(answer(one)) == {label} for one in copies)


def test_a_network_that_is_first_asked_for_while_a_function_is_traced_has_its_weights() -> None:
    import tensorflow as tf

    model = loaded("ctc_bilstm")
    inputs = [array[None] for array in (model.golden_inputs()["input.0"][0], np.ones(23, bool))]

    @tf.function
    def traced(features: Any, mask: Any) -> Any:
        return model.network([features, mask])

    found = traced(*map(tf.constant, inputs)).numpy()
    np.testing.assert_allclose(found, loaded("ctc_bilstm").network(inputs), atol=1e-5)


def test_a_copy_answers_alike_and_keeps_settings_and_dtype(tiny_folder: Path) -> None:
    model: Any = load_model(tiny_folder, dtype="mixed_bfloat16")
    model.decoder = {"temperature": 0.5}
    twin = copy.deepcopy(model)
    assert twin.generate("the ", 30, seed=1).text == model.generate("the ", 30, seed=1).text
    assert twin.decoder == {"temperature": 0.5}
    assert twin.network.get_layer("logits").compute_dtype == "bfloat16"
    assert twin.card == model.card
    assert twin.check() == model.check()


def in_a_fork(run: Callable[[], Any]) -> str:
    """What a call gives, or says, in a process that is forked from this one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = str(run())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    found, _, _ = select.select([reading], [], [], 60)
    text = os.read(reading, 10_000).decode() if found else "nothing in 60 s"
    os.close(reading)
    if not found:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_verbs_work_and_keras_networks_are_refused_by_name(tiny_folder: Path) -> None:
    model: Any = load_model(tiny_folder)
    text = model.generate("the ", 20, seed=1).text
    score = model.score("the end").nats_per_character
    assert in_a_fork(lambda: model.generate("the ", 20, seed=1).text) == text
    assert in_a_fork(lambda: model.score("the end").nats_per_character) == str(score)
    network = model.network
    for run in (
        lambda: network and model.generate("the ", 20, seed=1).text,
        lambda: model.network,
        lambda: load_model(tiny_folder, weights=None).network,
    ):
        assert in_a_fork(run).startswith("ZooError: this process was forked from one that had used")


def test_an_open_stream_keeps_the_weights_that_it_began_with(tiny_folder: Path) -> None:
    model = loaded("ctc_lstm")
    expected = model.transcribe(SPEECH, RATE).text
    stream = model.open_stream()
    stream.feed(SPEECH[:8000])
    prefer(model, "E")
    stream.feed(SPEECH[8000:])
    assert stream.finish().text == expected
    assert set(model.transcribe(SPEECH, RATE).text) == {"E"}
    writer: Any = load_model(tiny_folder)
    whole = writer.generate("the ", 60, seed=1).continuation
    pieces = writer.stream("the ", 60, seed=1)
    begun = next(pieces)
    prefer(writer, "x")
    assert begun + "".join(pieces) == whole


def test_a_language_model_that_has_learnt_on_is_not_answered_for_by_its_past() -> None:
    model, writer = loaded("ctc_lstm"), loaded("char_lstm")
    search = {"language_model": writer, "beam_size": 4, "lm_weight": 5.0}
    before = model.transcribe(SPEECH, RATE, **search)
    assert model.transcribe(SPEECH, RATE, **search).alternatives == before.alternatives
    prefer(writer, "e")
    assert model.transcribe(SPEECH, RATE, **search).alternatives != before.alternatives


@pytest.mark.parametrize("name", ["char_lstm", "crnn"])
def test_a_quantised_network_is_refused_by_name(name: str) -> None:
    model = loaded(name)
    model.network.quantize("int8")
    with pytest.raises(ZooError, match="quantised to int8"):
        MODELS[name][1](model)
    with pytest.raises(ZooError, match="quantised to int8"):
        pickle.dumps(model)


def test_a_network_with_other_variables_is_refused() -> None:
    model = loaded("char_lstm")
    layer = model.network.get_layer("logits")
    layer._tracker.unlock()
    layer.more = layer.add_weight((3,), name="more")
    with pytest.raises(ZooError, match=r"not those that its builder made \(logits/more\)"):
        model.generate("the ", 3)


def test_what_lora_adds_is_counted_in_and_saved(tmp_path: Path) -> None:
    model = loaded("char_lstm")
    before = model.score("the quick brown fox").log_probs
    for name in ("logits", "embedding"):
        layer = model.network.get_layer(name)
        layer.enable_lora(2)
        part = layer.lora_kernel_b if name == "logits" else layer.lora_embeddings_b
        part.assign(np.random.default_rng(1).normal(size=part.shape))
    ids = model.processor.encode("the quick brown fox")
    logits = np.asarray(model.network(ids[None, :-1], training=False))[0]
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = model.score("the quick brown fox").log_probs
    np.testing.assert_allclose(found, expected[np.arange(len(ids) - 1), ids[1:]], atol=1e-4)
    assert np.abs(found - before).max() > 0.05
    again: Any = load_model(model.save(tmp_path / "merged"))
    np.testing.assert_allclose(again.score("the quick brown fox").log_probs, found, atol=2e-2)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_floating_policy_gives_a_network_and_verbs_as_before(name: str, dtype: str) -> None:
    model = loaded(name, dtype=dtype)
    answer = MODELS[name][1]
    before = answer(model)
    assert before == answer(loaded(name))
    golden = [model._golden[f"input.{n}"] for n in range(len(model.network.inputs))]
    outputs = np.asarray(model.network(golden if len(golden) > 1 else golden[0]), np.float32)
    assert np.abs(outputs - model._golden["output.0"]).max() < 1.0
    assert model.network.get_layer("logits").kernel.dtype == keras.DTypePolicy(dtype).variable_dtype
    assert answer(model) == before


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("int8_from_float32", r"quantises: .* model\.network\.quantize\('int8'\)"),
        ("float8_from_mixed_bfloat16", "quantises"),
        ("bfloat16", "use .mixed_bfloat16"),
        ("int32", "not one of floating-point numbers"),
        ("string", "not one of floating-point numbers"),
        ("complex64", "not one of floating-point numbers"),
        ("int8", "not a valid dtype policy"),
        ("float31", "not a valid dtype policy"),
        ({"a": 1}, "not a valid dtype policy"),
        (3, "not a valid dtype policy"),
        (keras.dtype_policies.DTypePolicyMap(), "one policy for all layers"),
    ],
)
def test_another_policy_is_refused(tiny_folder: Path, dtype: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(tiny_folder, dtype=dtype)


def test_another_backend_changes_no_verb_and_refuses_training(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zoo", *words]
        environment = os.environ | {"KERAS_BACKEND": "jax"}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # with it TensorFlow's notes are shown
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    done = run("run", "seq2seq_lstm.tatoeba", "--target", "fr", "Where is the station?")
    assert (done.returncode, done.stderr) == (0, "")
    assert "gare" in done.stdout
    (tmp_path / "text.txt").write_text("the quick brown fox " * 100)
    words = ("--text", str(tmp_path / "text.txt"), "--out", str(tmp_path / "run"))
    refused = run("finetune", "char_lstm.shakespeare", *words)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        "zoo: fine-tuning needs Keras on TensorFlow, but KERAS_BACKEND names 'jax'; set "
        "KERAS_BACKEND=tensorflow\n"
    )
