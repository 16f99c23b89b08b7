"""Traces of any Keras model against Keras's own outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.errors import UsageError, ZooError
from zoo.inspection import trace


@pytest.fixture(scope="module")
def keras() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    return keras


def test_layers_of_every_cell_come_to_the_outputs_that_keras_gives(keras: Any) -> None:
    from zoo.layers import GRU

    x = np.random.default_rng(0).normal(size=(1, 6, 3)).astype("float32")
    given = keras.Input((None, 3))
    layers = [
        keras.layers.LSTM(4, return_sequences=True, name="lstm"),
        GRU(5, return_sequences=True, name="gru"),
        keras.layers.Bidirectional(
            keras.layers.SimpleRNN(2, return_sequences=True, activation="relu"), name="both"
        ),
        keras.layers.GRU(3, return_sequences=True, reset_after=False, use_bias=False, name="old"),
    ]
    shown, y = [], given
    for layer in layers:
        y = layer(y)
        shown.append(y)
    outputs = keras.Model(given, shown)(x)
    found = trace(keras.Model(given, keras.layers.Dense(1)(y)), x)
    assert list(found.layers) == ["lstm", "gru", "both/forward", "both/backward", "old"]
    for name, output in zip(
        ("lstm", "gru", "old"), (outputs[0], outputs[1], outputs[3]), strict=True
    ):
        np.testing.assert_allclose(found.gate("h", name), np.asarray(output)[0], atol=1e-6)
    both = [found.gate("h", f"both/{way}") for way in ("forward", "backward")]
    np.testing.assert_allclose(np.concatenate(both, -1), np.asarray(outputs[2])[0], atol=1e-6)
    assert found.gate("f", "lstm").shape == (6, 4)
    assert found.lifetimes("gru").steps.shape == (5,)


def test_masked_steps_have_no_gates_and_states_are_carried(keras: Any) -> None:
    given = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 3, mask_zero=True)(given)
    x, h, c = keras.layers.LSTM(4, return_sequences=True, return_state=True, name="a")(x)
    y, *_ = keras.layers.LSTM(4, return_sequences=True, return_state=True, name="b")(
        x, initial_state=[h, c]
    )
    found = trace(keras.Model(given, y), np.array([[5, 2, 0, 0]]))
    assert np.isnan(found.gate("f", "a")[2:]).all()
    np.testing.assert_array_equal(found.gate("c", "a")[1], found.gate("c", "a")[3])
    assert np.isfinite(found.lifetimes("a").steps).all()
    first = found.layer("b").arrays
    carried = first["c"][0] - first["i"][0] * first["g"][0]
    np.testing.assert_allclose(carried, first["f"][0] * found.gate("c", "a")[-1], atol=1e-6)


def test_a_stateful_layers_state_is_as_before(keras: Any) -> None:
    model = keras.Sequential(
        [keras.Input(batch_shape=(1, 3, 2)), keras.layers.GRU(2, stateful=True, name="gru")]
    )
    x = np.ones((1, 3, 2), "float32")
    once = np.asarray(model(x))
    first = trace(model, x).gate("h")
    np.testing.assert_array_equal(trace(model, x).gate("h"), first)
    assert not np.allclose(first[-1], once[0])  # it went on from the state after one call


def test_what_cannot_be_traced_is_refused(keras: Any) -> None:
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(UsageError, match="has no recurrent layer"):
        trace(plain, np.ones((1, 3)))
    stacked = keras.Sequential(
        [
            keras.Input((None, 3)),
            keras.layers.RNN(keras.layers.StackedRNNCells([keras.layers.LSTMCell(2)])),
        ]
    )
    with pytest.raises(ZooError, match="StackedRNNCells, which cannot be traced"):
        trace(stacked, np.ones((1, 4, 3)))
    lstm = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(2, name="lstm")])
    with pytest.raises(UsageError, match="batch of one example"):
        trace(lstm, np.ones((2, 4, 3)))
    with pytest.raises(UsageError, match="did you mean 'lstm'"):
        trace(lstm, np.ones((1, 4, 3)), layers=["lstn"])
    with pytest.raises(UsageError, match="units are 0 to 1"):
        trace(lstm, np.ones((1, 4, 3)), units=[2])
    with pytest.raises(UsageError, match="does not take these inputs"):
        trace(lstm, np.ones((1, 4, 5)))


def test_layers_of_one_name_and_layers_called_twice_are_all_there(keras: Any) -> None:
    def part(name: str, units: int) -> Any:
        given = keras.Input((None, 3))
        layer = keras.layers.LSTM(units, return_sequences=True, name="lstm")
        return keras.Model(given, layer(given), name=name)

    given, x = keras.Input((None, 3)), np.ones((1, 4, 3), "float32")
    nested = [part("one", 2)(given), part("two", 5)(given)]
    twice = keras.layers.GRU(3, return_sequences=True, name="gru")
    model = keras.Model(given, keras.layers.Concatenate()([*nested, twice(twice(given))]))
    found = trace(model, x)
    assert {name: found.gate("h", name).shape for name in found.layers} == {
        "one.lstm": (4, 2),
        "two.lstm": (4, 5),
        "gru": (4, 3),
        "gru#2": (4, 3),
    }
    assert list(trace(model, x, layers=["gru"]).layers) == ["gru", "gru#2"]
    assert list(trace(model, x, layers=["two.lstm"]).layers) == ["two.lstm"]
    both = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True), name="both")
    again = trace(keras.Model(given, keras.layers.Dense(3)(both(both(given)[..., :3]))), x)
    assert list(again.layers) == [
        "both/forward",
        "both/backward",
        *(f"both/{way}#2" for way in ("forward", "backward")),
    ]


def test_a_layer_that_reads_several_sequences_at_once_is_refused(keras: Any) -> None:
    given = keras.Input(batch_shape=(1, 3, 4, 2))
    words = keras.layers.LSTM(5, name="words")(keras.ops.reshape(given, (3, 4, 2)))
    model = keras.Model(
        given, keras.layers.LSTM(2, name="texts")(keras.ops.reshape(words, (1, 3, 5)))
    )
    with pytest.raises(ZooError, match="'words' reads 3 sequences of one example at once"):
        trace(model, np.ones((1, 3, 4, 2)))
    assert list(trace(model, np.ones((1, 3, 4, 2)), layers=["texts"]).layers) == ["texts"]


def test_a_stateful_layer_that_is_built_by_the_trace_is_empty_afterwards(keras: Any) -> None:
    model = keras.Sequential([keras.layers.GRU(3, stateful=True)])
    x = np.ones((1, 4, 2), "float32")
    first = trace(model, x).gate("h")
    np.testing.assert_array_equal(trace(model, x).gate("h"), first)


def test_a_model_of_the_zoo_is_no_keras_model() -> None:
    with pytest.raises(UsageError, match="has a method trace of its own, not object"):
        trace(object(), np.ones((1, 3)))
