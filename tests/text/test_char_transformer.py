"""The character Transformer: its graph and its tape give what its Keras network gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import TEXT, VOCABULARY
from zoo.errors import UsageError
from zoo.inspection.highway import highway_of
from zoo.inspection.tape import Tape
from zoo.text.char_transformer import CharTransformerConfig, build
from zoo.text.inspection import text_subject
from zoo.text.transformer_inference import TransformerGraph
from zoo.text.transformer_inspection import TransformerNetwork

SMALL: dict[str, Any] = {"layers": 2, "width": 12, "heads": 2, "context": 7}


@pytest.fixture(scope="module")
def made() -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Config, Keras network and weights, spread so that attention is not even."""
    import keras

    keras.utils.set_random_seed(4)
    config = CharTransformerConfig(len(VOCABULARY), **SMALL)
    network = build(config)
    draw = np.random.default_rng(4)
    for variable in network.weights:
        variable.assign(variable.numpy() + 0.3 * draw.standard_normal(variable.shape))
    return config, network, {one.path: one.numpy() for one in network.weights}


def _ids(count: int, rows: int = 1) -> np.ndarray:
    draw = np.random.default_rng(7)
    return draw.integers(0, len(VOCABULARY), (rows, count)).astype(np.int32)


def test_its_variables_are_those_that_the_config_tells(made: Any) -> None:
    config, network, weights = made
    assert {path: one.shape for path, one in weights.items()} == config.shapes()
    assert network.count_params() == config.parameters()
    whole = CharTransformerConfig(65)
    assert 3.4e6 < whole.parameters() < 3.6e6


def test_the_graph_gives_what_the_network_gives_at_once_and_in_parts(made: Any) -> None:
    config, network, weights = made
    inference = TransformerGraph(config, weights)
    ids = _ids(25, rows=2)
    wanted = np.asarray(network(ids))
    (logits,) = inference.network_outputs([ids])
    np.testing.assert_allclose(logits, wanted, atol=1e-5)
    whole = inference.read(ids, inference.initial_state(2))
    state: Any = inference.initial_state(2)
    parts = []
    for start, stop in ((0, 3), (3, 14), (14, 24)):
        reading = inference.read(ids[:, start:stop], state)
        state = reading.state
        parts.append(reading.log_probs)
    state, last = inference.step(state, ids[:, 24])
    np.testing.assert_allclose(
        np.concatenate([*parts, last[:, None]], axis=1), whole.log_probs, atol=2e-5
    )
    for found, after in zip(state, whole.state, strict=True):
        np.testing.assert_allclose(found, after, atol=1e-5)


def test_nothing_outside_the_window_counts(made: Any) -> None:
    config, network, _ = made
    ids = _ids(30)
    other = ids.copy()
    # Two blocks see twice the context, and what follows is not seen at all.
    other[0, : 29 - 2 * config.context] = 0
    before = np.asarray(network(ids))[0]
    np.testing.assert_allclose(np.asarray(network(other))[0, -1], before[-1], atol=1e-5)
    other = ids.copy()
    other[0, 29 - config.context] += 1 if other[0, 29 - config.context] == 0 else -1
    assert np.abs(np.asarray(network(other))[0, -1] - before[-1]).max() > 1e-4
    np.testing.assert_allclose(
        np.asarray(network(other))[0, : 29 - config.context], before[: 29 - config.context]
    )


def test_the_tape_gives_the_same_and_exact_gradients(made: Any) -> None:
    config, network, weights = made
    ids = _ids(20)
    exact = {path: one.astype(np.float64) for path, one in weights.items()}
    taped, tape = TransformerNetwork(config, exact), Tape()
    (embedded,) = taped.inputs([ids])
    leaf = tape.leaf(embedded)
    logits = taped.run(tape, [leaf]).logits
    np.testing.assert_allclose(logits.value, np.asarray(network(ids)), atol=1e-5)
    assert tape.attention["block_1"].shape == (1, 2, 20, 20)
    np.testing.assert_allclose(tape.attention["block_2"].sum(axis=-1), 1.0)
    factors = np.random.default_rng(1).standard_normal(logits.value.shape)
    tape.backward(logits, factors)
    assert leaf.gradient is not None

    def value(changed: np.ndarray) -> float:
        free = Tape(record=False)
        return float((taped.run(free, [free.leaf(changed)]).logits.value * factors).sum())

    for place in ((0, 0, 3), (0, 9, 0), (0, 19, 11)):
        step = np.zeros_like(embedded)
        step[place] = 1e-5
        difference = (value(embedded + step) - value(embedded - step)) / 2e-5
        assert leaf.gradient[place] == pytest.approx(difference, rel=1e-5, abs=1e-8)


def test_its_highway_ends_where_its_windows_end(made: Any) -> None:
    config, _, weights = made
    text = "".join(VOCABULARY[n] for n in _ids(30)[0])
    found = highway_of(
        TransformerNetwork(config, weights), text_subject(text, _ids(30)[0], VOCABULARY), at=25
    )
    assert [(one.layer, one.state) for one in found.curves] == [("block_1", "x"), ("block_2", "x")]
    upper, lower = found.curve("block_2"), found.curve("block_1")
    assert upper.norms[config.context] > 0
    assert not upper.norms[config.context + 1 :].any()
    assert lower.norms[2 * config.context] > 0
    assert not lower.norms[2 * config.context + 1 :].any()


def test_it_writes_traces_is_saved_and_is_trained_as_the_others(made: Any, tmp_path: Any) -> None:
    from zoo import load_model
    from zoo.loading import make_task
    from zoo.text.processor import Characters
    from zoo.text.training.run import LanguageModelOptions, finetune_language_model

    config, network, _ = made
    card = {"name": "char_transformer.tiny", "languages": ["en"], "license": "apache-2.0"}
    task = make_task("char_transformer", network, config, Characters(tuple(VOCABULARY)), card)
    first = task.generate("the ", 12, seed=1)
    again = task.generate("", 8, seed=1, state=task.generate("the ", 4, seed=1).state)
    assert first.text[8:] == again.text
    traced = task.trace("the fox")
    assert [one.cell for one in traced.layers.values()] == ["attention", "attention"]
    with pytest.raises(UsageError, match="give at most 1,000"):
        task.trace("a" * 1001)
    folder = task.save(tmp_path / "model")
    assert load_model(folder).check() < 1e-5
    (tmp_path / "text.txt").write_text(TEXT)
    options = LanguageModelOptions(epochs=3, window=14, batch=8, learning_rate=1e-2)
    tuned = finetune_language_model(folder, [tmp_path / "text.txt"], tmp_path / "out", options)
    assert (
        load_model(tuned).score(TEXT).nats_per_character < task.score(TEXT).nats_per_character - 0.3
    )


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="even multiple of heads"):
        CharTransformerConfig(9, width=15, heads=3)
