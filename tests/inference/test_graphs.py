"""Each architecture's graphs give what its Keras network gives, alone, in batches, in pieces."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.catalogue import builtin
from zoo.cells import CELLS, GATED
from zoo.contracts import GraphInference, StreamingCTCInference, TranslationInference
from zoo.ctc.subsampling import output_frames
from zoo.errors import UsageError, ZooError
from zoo.inference import session
from zoo.inference.threads import get_threads
from zoo.translation.attention_kinds import ADDITIVE, MULTIPLICATIVE, NONE, SCALED

MODELS = builtin()
TOLERANCE = 1e-5
LENGTHS = np.array([1, 7, 30, 57, 58, 4, 33])

# Values around which others are drawn: small, but no two sizes alike.
SMALL: dict[str, dict[str, Any]] = {
    "char_lstm": {"vocabulary_size": 9, "layers": 2, "units": 10, "embedding": 6},
    "seq2seq_lstm": {"vocabulary_size": 11, "units": 10, "embedding": 6},
    "ctc_bilstm": {"labels": 7, "bins": 13, "channels": 3, "layers": 2, "units": 10},
    "ctc_lstm": {"labels": 7, "bins": 13, "channels": 3, "layers": 2, "units": 10},
    "crnn": {"labels": 7, "height": 21, "channels": 2, "layers": 2, "units": 10, "projection": 6},
    "pen_bilstm": {"labels": 7, "features": 5, "channels": 3, "layers": 2, "units": 10},
}
DRAWN: dict[str, dict[str, Sequence[Any]]] = {
    "seq2seq_lstm": {"units": (4, 16), "embedding": (5, 16)},
    "char_lstm": {"layers": (2, 3), "units": (5, 16), "embedding": (5, 16)},
    "ctc_bilstm": {"bins": (8, 13, 80), "layers": (1, 3), "units": (5, 16)},
    "ctc_lstm": {"look_ahead": (0, 1, 3), "layers": (1, 3), "units": (5, 16)},
    "crnn": {"height": (8, 21, 48), "layers": (1, 3), "projection": (5, 16)},
    "pen_bilstm": {"features": (3, 5), "layers": (1, 3), "units": (5, 16)},
}
CTC = ("ctc_bilstm", "ctc_lstm", "crnn", "pen_bilstm")
WORDS = {"words": 40, "known": 12, "characters": 9, "word_characters": 6, "word_vectors": 7}
WORDS |= {"known_vectors": 4, "character_vectors": 3, "filters": 5, "units": 6}
DIALOGUE: dict[str, dict[str, Any]] = {
    "tagger_bilstm": {"labels": 2, "intents": 4},
    "sentiment_lstm": {"moods": 3, "message": 8, "context": 5},
    "tracker_lstm": {"meaning": 5, "hidden": 7},
}


def made(name: str, cell: str, seed: int, **values: Any) -> tuple[Any, Any, Any]:
    """Config, Keras network and inference of a drawn network, whose weights are all random."""
    rng = np.random.default_rng(seed)
    drawn = {key: rng.choice(options).item() for key, options in DRAWN[name].items()}
    entry = MODELS.architecture(name)
    return built(entry, {**SMALL[name], "cell": cell, **drawn, **values}, seed)


def built(entry: Any, values: dict[str, Any], seed: int) -> tuple[Any, Any, Any]:
    """Config, Keras network and inference of a network, whose weights are all random."""
    rng = np.random.default_rng(seed)
    config = entry.load("config")(**values)
    keras.utils.set_random_seed(seed)
    network = entry.load("builder")(config)
    for variable in network.weights:
        variable.assign(variable.numpy() + 0.1 * rng.standard_normal(variable.shape))
    weights = {variable.path: variable.numpy() for variable in network.weights}
    return config, network, entry.load("inference")(config, weights)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def padded_batch(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of :data:`LENGTHS` in loud padding, and their mask."""
    rng = np.random.default_rng(5)
    batch = np.full((len(LENGTHS), LENGTHS.max(), width), 50.0, np.float32)
    for row, length in enumerate(LENGTHS):
        batch[row, :length] = rng.standard_normal((length, width))
    return batch, np.arange(batch.shape[1]) < LENGTHS[:, None]


def test_every_architecture_has_graphs() -> None:
    # char_gru and char_rnn are char_lstm with another cell; test_char_transformer has its own.
    others = {"char_gru", "char_rnn", "char_transformer"}
    assert {*SMALL, *DIALOGUE, *others} == set(MODELS.architectures)


@pytest.mark.parametrize("name", CTC)
@pytest.mark.parametrize("cell", GATED)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_ctc_graph_gives_what_the_network_gives(name: str, cell: str, seed: int) -> None:
    _, network, inference = made(name, cell, seed)
    assert isinstance(inference, GraphInference)
    batch, mask = padded_batch(network.inputs[0].shape[-1])
    logits = np.asarray(network([batch, mask]))
    (same,) = inference.network_outputs([batch, mask])
    found = inference.log_probs(batch, LENGTHS.astype(np.int32))
    assert found.shape == same.shape == logits.shape
    np.testing.assert_allclose(same, logits, atol=TOLERANCE)  # padding too: golden outputs have it
    for row, length in enumerate(LENGTHS):
        count = output_frames(length)
        wanted = log_softmax(logits[row, :count])
        np.testing.assert_allclose(found[row, :count], wanted, atol=TOLERANCE)
        alone = inference.log_probs(batch[row : row + 1, :length], np.array([length]))
        np.testing.assert_allclose(alone[0, :count], wanted, atol=TOLERANCE)
    # Without padding the work for it is left out, which changes no bit.
    full = np.full(len(batch), batch.shape[1], np.int32)
    whole = inference.sessions()["whole"].run({"features": batch, "frames": full}, ["log_probs"])
    np.testing.assert_array_equal(inference.log_probs(batch, full), whole[0])


def texts(rng: np.random.Generator) -> list[np.ndarray]:
    """Messages as words, known words and characters, padded; one of them has no words."""
    lengths = np.array([5, 1, 0, 8])
    real = np.arange(lengths.max()) < lengths[:, None]
    words, known = (rng.integers(1, WORDS[name], real.shape) * real for name in ("words", "known"))
    spelt = np.arange(6) < rng.integers(1, 7, (*real.shape, 1))
    characters = rng.integers(1, 9, spelt.shape) * spelt * real[..., None]
    return [array.astype(np.int32) for array in (words, known, characters)]


def dialogue_inputs(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Random inputs of a dialogue network."""
    if name == "tagger_bilstm":
        return texts(rng)
    if name == "sentiment_lstm":
        order, speakers = np.array([[0, 1, 3], [2, 2, 0]]), rng.integers(4, size=(2, 3))
        return [*texts(rng), order.astype(np.int32), speakers.astype(np.int32)]
    candidates, inputs = 6, []
    for _ in range(2):
        words, known, characters = texts(rng)
        match = rng.random((*words.shape, candidates)) * (words != 0)[..., None]
        numbers = (match, rng.random((len(words), candidates)))
        inputs += [words, known, characters, *(one.astype(np.float32) for one in numbers)]
    named = rng.integers(0, WORDS["words"], (2, 4, candidates, 3)).astype(np.int32)
    kinds = rng.integers(4, size=(4, candidates)).astype(np.int32)
    return [*inputs, *named, kinds, rng.integers(2, size=(4, candidates)).astype(np.float32)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tagger_bilstm", {"layers": 2, "intent_units": 5}),
        ("tagger_bilstm", {"labels": 0}),
        ("tagger_bilstm", {"intents": 0, "word_characters": 6}),
        ("sentiment_lstm", {}),
        ("sentiment_lstm", {"layers": 2}),
        ("tracker_lstm", {}),
        ("tracker_lstm", {"layers": 2}),
    ],
)
def test_a_dialogue_graph_gives_what_the_network_gives(name: str, values: dict[str, Any]) -> None:
    entry = MODELS.architecture(name)
    _, network, inference = built(entry, {**WORDS, **DIALOGUE[name], **values}, 5)
    assert isinstance(inference, GraphInference)
    inputs = dialogue_inputs(name, np.random.default_rng(6))
    wanted = one_or_more(network(inputs, training=False))
    found = inference.network_outputs(inputs)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), atol=TOLERANCE)
    if name == "sentiment_lstm":
        return  # whose inputs are not one of each message
    for row, length in enumerate((5, 1, 1, 8)):
        alone = [array[row : row + 1] for array in inputs]
        for place in range(0, 10 if name == "tracker_lstm" else 3, 5):
            texts_alone = slice(place, place + (4 if name == "tracker_lstm" else 3))
            alone[texts_alone] = [array[:, :length] for array in alone[texts_alone]]
        for one, other in zip(inference.network_outputs(alone), found, strict=True):
            same = other[row : row + 1]
            if one.ndim == 3:
                same = same[:, :length]
            np.testing.assert_allclose(one, same, atol=TOLERANCE)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "values", [{}, {"tie_weights": True, "units": 6}, {"tie_weights": True, "units": 7}]
)
def test_the_character_graph_gives_what_the_network_gives(
    cell: str, values: dict[str, Any]
) -> None:
    _, network, inference = made("char_lstm", cell, 1, **{"embedding": 6, **values})
    ids = np.random.default_rng(8).integers(9, size=(3, 17)).astype(np.int32)
    logits = np.asarray(network(ids))
    np.testing.assert_allclose(inference.network_outputs([ids])[0], logits, atol=TOLERANCE)
    wanted = log_softmax(logits)
    layers = [layer for layer in network.layers if layer.name.startswith("recurrent_")]
    hidden = keras.Model(network.inputs, [layer.output[0] for layer in layers])(ids)
    state, parts = inference.initial_state(3), []
    for start, end in ((0, 1), (1, 9), (9, 17)):
        log_probs, seen, after = inference.read(ids[:, start:end], state)
        np.testing.assert_allclose(log_probs, wanted[:, start:end], atol=TOLERANCE)
        for one, layer in zip(seen, hidden, strict=True):
            np.testing.assert_allclose(one, np.asarray(layer)[:, start:end], atol=TOLERANCE)
        parts.append(after)
        state = after
    alone, row = inference.step([part[1:2] for part in parts[0]], ids[1:2, 1])
    np.testing.assert_allclose(row[0], wanted[1, 1], atol=TOLERANCE)
    assert [part.shape for part in alone] == [part[1:2].shape for part in state]


SOURCE = np.array([[5, 7, 9, 4, 3], [6, 2, 0, 0, 0], [8, 0, 0, 0, 0]], np.int32)
TARGET = np.array([[2, 5, 9, 4, 6, 7], [2, 6, 8, 9, 0, 0], [2, 9, 0, 0, 0, 0]], np.int32)


DEEP = {"encoder_layers": 2, "decoder_layers": 3, "layer_normalization": True}
FEEDING = {"input_feeding": True, "layer_normalization": True}
DEEP_FEEDING = {"input_feeding": True, "decoder_layers": 2, "tie_embeddings": False}


@pytest.mark.parametrize(
    ("cell", "attention", "values"),
    [
        ("lstm", SCALED, {}),
        ("gru", SCALED, DEEP_FEEDING),
        ("gru", ADDITIVE, DEEP),
        ("lstm", ADDITIVE, FEEDING),
        ("gru", MULTIPLICATIVE, {"tie_embeddings": False}),
        ("lstm", MULTIPLICATIVE, DEEP_FEEDING),
        ("lstm", NONE, DEEP),
        ("gru", NONE, {}),
        ("lstm", SCALED, {"vocabulary_size": 96}),  # whose best are looked for in blocks
    ],
)
def test_the_translator_s_graphs_give_what_the_network_gives(
    cell: str, attention: str, values: dict[str, Any]
) -> None:
    config, network, inference = made("seq2seq_lstm", cell, 3, attention=attention, **values)
    assert isinstance(inference, TranslationInference)
    wanted = [np.asarray(one) for one in one_or_more(network([SOURCE, TARGET]))]
    for one, other in zip(inference.network_outputs([SOURCE, TARGET]), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE)
    log_probs = log_softmax(wanted[0])
    attended = wanted[1] if inference.attends else np.zeros((*TARGET.shape, SOURCE.shape[1]))
    after = np.roll(TARGET, -1, axis=1)
    scores, attention_of_score = inference.score(SOURCE, TARGET, after)
    chosen = np.take_along_axis(log_probs, after[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(scores, chosen, atol=TOLERANCE)
    np.testing.assert_allclose(attention_of_score, attended, atol=TOLERANCE)
    # A step at a time, two hypotheses a sentence, of which each goes on from the second one; the
    # middle sentence ends before the others.
    state, sentences = inference.start(SOURCE, 2), [0, 1, 2]
    for step in range(4):
        if step == 2:
            sentences = [0, 2]
        rows = np.array([2 * sentence + 1 for sentence in sentences for _ in range(2)])
        if step == 3:
            rows = np.arange(4)
        kept = [np.copy(part) for part in state]
        best, likely, seen, new = inference.step(state, rows, TARGET[sentences, step].repeat(2), 3)
        for part, copy in zip(state, kept, strict=True):
            np.testing.assert_array_equal(part, copy)
        expected = log_probs[sentences, step].repeat(2, axis=0)
        np.testing.assert_allclose(likely, -np.sort(-expected)[:, :3], atol=TOLERANCE)
        np.testing.assert_array_equal(best, np.argsort(-expected, kind="stable")[:, :3])
        np.testing.assert_allclose(
            seen, attended[sentences, step].repeat(2, axis=0), atol=TOLERANCE
        )
        state = new
    assert inference.step(state, np.arange(4), np.full(4, 2), 99)[0].shape == (
        4,
        config.vocabulary_size,
    )
    assert config.input_feeding == ("whole" not in inference.sessions())


def one_or_more(outputs: Any) -> Any:
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize("cell", GATED)
@pytest.mark.parametrize("look_ahead", [0, 3])
def test_a_stream_gives_what_the_network_gives_for_the_whole(cell: str, look_ahead: int) -> None:
    config, network, inference = made("ctc_lstm", cell, 2, look_ahead=look_ahead)
    assert isinstance(inference, StreamingCTCInference)
    rng = np.random.default_rng(4)
    for frames in (4, 31, 48):
        x = rng.standard_normal((1, frames, config.bins)).astype(np.float32)
        wanted = log_softmax(np.asarray(network([x, np.ones((1, frames), bool)])))[0]
        padded = np.zeros((4 * len(wanted), config.bins), np.float32)
        padded[:frames] = x[0]
        steps = [(chunk, 1.0) for chunk in padded.reshape(-1, 4, config.bins)]
        steps += [(np.full((4, config.bins), 9.0, np.float32), 0.0)] * look_ahead  # the end
        state, found = inference.start(), []
        for chunk, real in steps:
            kept = [np.copy(part) for part in state]
            log_probs, after = inference.step(chunk, real, state)
            for part, copy in zip(state, kept, strict=True):
                np.testing.assert_array_equal(part, copy)  # a state is a value
            found.append(log_probs)
            state = after
        np.testing.assert_allclose(np.concatenate(found[look_ahead:]), wanted, atol=TOLERANCE)


def test_a_chunk_of_several_streams_gives_what_each_gives_by_itself() -> None:
    config, _, inference = made("ctc_lstm", "lstm", 3, look_ahead=2)
    chunk = inference.sessions()["chunk"]
    graph = chunk.graph
    assert all(name in {tensor.name for tensor in graph.inputs} for name in graph.states)
    x = np.random.default_rng(6).standard_normal((3, 12, config.bins)).astype(np.float32)
    inputs = dict(zip(graph.states, graph.initial_states(batch=3), strict=True))
    inputs |= {"features": x, "real": np.ones((3, 3), np.float32)}
    together, *_ = chunk.run(inputs, ["log_probs"])
    for row in range(3):
        state = inference.start()
        for step in range(3):
            log_probs, state = inference.step(x[row, 4 * step : 4 * step + 4], 1.0, state)
            np.testing.assert_allclose(together[row, step], log_probs[0], atol=TOLERANCE)


def test_a_batch_with_sequences_of_nothing_is_read() -> None:
    _, _, inference = made("ctc_bilstm", "lstm", 0)
    batch, _ = padded_batch(inference.config.bins)
    whole = inference.log_probs(batch, LENGTHS)
    lengths = LENGTHS.copy()
    lengths[0] = 0
    np.testing.assert_array_equal(inference.log_probs(batch, lengths)[1:], whole[1:])
    assert inference.log_probs(batch[:, :0], 0 * lengths).shape == (7, 0, 7)


def test_threads_share_a_session() -> None:
    _, _, inference = made("ctc_bilstm", "gru", 1)
    batch, _ = padded_batch(inference.config.bins)
    wanted = inference.log_probs(batch, LENGTHS)
    found: list[Any] = [None] * 4

    def run(place: int) -> None:
        found[place] = inference.log_probs(batch, LENGTHS)

    helpers = [threading.Thread(target=run, args=(place,)) for place in range(4)]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    for one in found:
        np.testing.assert_array_equal(one, wanted)


FORKING = """
import multiprocessing, sys
import numpy as np
import zoo
from zoo.inference.graph import GraphBuilder
from zoo.inference.session import Session

def graph():
    builder = GraphBuilder("double")
    x = builder.input("x", np.float32, ("batch", 3))
    builder.output("y", builder.node("Add", x, x), np.float32, ("batch", 3))
    return builder.build()

def doubled():
    (y,) = session.run({"x": np.ones((1, 3), np.float32)}, ["y"])
    return y

zoo.set_threads(2)
session = Session(graph)
wanted = doubled()
with multiprocessing.get_context("fork").Pool(1) as pool:
    assert np.array_equal(pool.apply(doubled), wanted)
assert "tensorflow" not in sys.modules
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_makes_a_session_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=120)


def test_the_number_of_threads_is_set_from_the_next_call_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, inference = made("ctc_bilstm", "lstm", 0)
    batch, _ = padded_batch(inference.config.bins)
    started = []
    start = session._start
    monkeypatch.setattr(session, "_start", lambda g, n: started.append(n) or start(g, n))
    monkeypatch.setenv("ZOO_THREADS", "1")
    one = inference.log_probs(batch, LENGTHS)
    inference.log_probs(batch, LENGTHS)
    try:
        zoo.set_threads(2)
        np.testing.assert_allclose(inference.log_probs(batch, LENGTHS), one, atol=TOLERANCE)
    finally:
        zoo.set_threads(None)
    assert started == [1, 2]
    assert get_threads() == 1


@pytest.mark.parametrize("count", [0, -1, 10_000, "2", 1.0, True])
def test_a_number_of_threads_out_of_range_is_refused(
    count: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="number of threads must be a whole number from 1 to 256"):
        zoo.set_threads(count)
    monkeypatch.setenv("ZOO_THREADS", f"{count}.")
    with pytest.raises(UsageError, match="ZOO_THREADS must be a whole number from 1 to 256"):
        get_threads()
    with pytest.raises(UsageError, match="ZOO_THREADS"):
        zoo.load_model("char_lstm.shakespeare")


def test_an_onnx_runtime_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, inference = made("ctc_bilstm", "lstm", 0)
    monkeypatch.setattr("onnxruntime.__version__", "1.9.3")
    with pytest.raises(ZooError, match=r"ONNX Runtime 1\.9\.3 is too old.*pip install -U"):
        inference.log_probs(*padded_batch(inference.config.bins))
