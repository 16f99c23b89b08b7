"""The layers in models: fit, save, load, export, convert to Keras's own, other backends."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.recurrent_checks import BATCH, CELLS, FEATURES, TIME, UNITS, inputs
from zoo import layers
from zoo.errors import ZooError

ROOT = Path(__file__).parents[2]


def model_of(cell: str = "LSTM") -> keras.Model:
    """Masked, bidirectional, with states between layers, and with a model inside."""
    recurrent = getattr(layers, cell)
    x = keras.Input((TIME, FEATURES), name="frames")
    masked = keras.layers.Masking()(x)
    both = keras.layers.Bidirectional(recurrent(UNITS, return_sequences=True, weight_dropout=0.2))(
        masked
    )
    outputs, *states = recurrent(UNITS, return_sequences=True, return_state=True)(both)
    outputs = recurrent(UNITS, return_sequences=True, dropout=0.1)(outputs, initial_state=states)
    inner_input = keras.Input((TIME, UNITS))
    inner = keras.Model(inner_input, keras.layers.Dense(2)(recurrent(UNITS)(inner_input)))
    return keras.Model(x, inner(outputs))


def padded_inputs() -> np.ndarray:
    x = inputs()
    x[1, 3:] = 0
    return x


@pytest.mark.parametrize("cell", CELLS)
def test_config_round_trip(cell):
    layer = getattr(layers, cell)(
        UNITS, dropout=0.1, recurrent_dropout=0.2, weight_dropout=0.3, go_backwards=True, seed=4
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
    assert copy.weight_dropout == 0.3


@pytest.mark.parametrize(
    ("policy", "jit_compile"),
    [("float32", "auto"), ("mixed_bfloat16", "auto"), ("float32", True)],
    ids=["float32", "bfloat16", "xla"],
)
def test_fit(policy, jit_compile):
    keras.utils.set_random_seed(1)
    x = keras.Input((TIME, FEATURES))
    hidden = layers.GRU(8, return_sequences=True, weight_dropout=0.1, dtype=policy)(x)
    hidden = layers.LSTM(8, dtype=policy)(hidden)
    model = keras.Model(x, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=jit_compile)
    data = np.random.default_rng(0).normal(size=(32, TIME, FEATURES)).astype("float32")
    history = model.fit(data, data[:, 0].sum(1), batch_size=16, epochs=15, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.mark.parametrize("cell", CELLS)
def test_keras_file_round_trip(cell, tmp_path):
    model = model_of(cell)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(padded_inputs()), model(padded_inputs()))
    assert loaded.layers[2].forward_layer.weight_dropout == 0.2


@pytest.mark.parametrize("cell", CELLS)
def test_saved_model_export(cell, tmp_path):
    model = model_of(cell)
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    served = loaded.serve(padded_inputs())
    np.testing.assert_allclose(served, model(padded_inputs()), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_to_keras_layers(cell):
    model = model_of(cell)
    plain = layers.to_keras_layers(model)
    np.testing.assert_allclose(plain(padded_inputs()), model(padded_inputs()), atol=1e-6)
    assert "zoo" not in plain.to_json()
    assert "weight_dropout" not in plain.to_json()
    assert [layer.name for layer in plain.layers] == [layer.name for layer in model.layers]
    assert "zoo" in model.to_json(), "the model itself is left as it was"


def test_to_keras_layers_of_time_distributed_and_shared_layers():
    shared = layers.LSTM(FEATURES, return_sequences=True)
    x = keras.Input((2, TIME, FEATURES))
    first = keras.layers.TimeDistributed(layers.GRU(FEATURES, return_sequences=True))(x)
    model = keras.Model(x, shared(shared(first[:, 0])))
    plain = layers.to_keras_layers(model)
    data = np.stack([inputs(0), inputs(1)], axis=1)
    np.testing.assert_allclose(plain(data), model(data), atol=1e-6)
    assert "zoo" not in plain.to_json()
    assert len(plain.weights) == len(model.weights)


def test_file_of_keras_layers_opens_without_the_zoo(tmp_path):
    model = model_of()
    layers.to_keras_layers(model).save(tmp_path / "plain.keras")
    np.save(tmp_path / "x.npy", padded_inputs())
    script = (
        "import sys, keras, numpy as np\n"
        f"model = keras.saving.load_model({str(tmp_path / 'plain.keras')!r})\n"
        f"np.save({str(tmp_path / 'y.npy')!r}, model(np.load({str(tmp_path / 'x.npy')!r})))\n"
        "assert not any(name.split('.')[0] == 'zoo' for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment())
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(padded_inputs()), atol=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_gives_the_same(tmp_path):
    np.save(tmp_path / "x.npy", inputs())
    for cell in CELLS:
        model = keras.Sequential([keras.Input((TIME, FEATURES)), getattr(layers, cell)(UNITS)])
        model.save(tmp_path / f"{cell}.keras")
        np.save(tmp_path / f"{cell}.npy", model(inputs()))
    script = (
        "import sys, keras, numpy as np\n"
        "from zoo import layers\n"
        "assert keras.backend.backend() == 'jax'\n"
        "x = np.load('x.npy')\n"
        f"for cell in {CELLS}:\n"
        "    model = keras.saving.load_model(f'{cell}.keras')\n"
        "    np.testing.assert_allclose(model(x), np.load(f'{cell}.npy'), atol=1e-5)\n"
        f"layer = layers.SimpleRNN({UNITS}, weight_dropout=0.5)\n"
        "assert np.abs(layer(x, training=True) - layer(x)).max() > 1e-4\n"
        "assert 'tensorflow' not in sys.modules and 'zoo.layers.loop' not in sys.modules\n"
    )
    env = {**environment(), "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=env)


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "KERAS_BACKEND")}


@pytest.mark.parametrize(("name", "made"), [("lstm", "LSTM"), ("gru", "GRU"), ("rnn", "SimpleRNN")])
def test_recurrent_layer(name, made):
    layer = layers.recurrent_layer(name, UNITS, return_sequences=True)
    assert type(layer) is getattr(layers, made)
    assert layer(inputs()).shape == (BATCH, TIME, UNITS)


def test_recurrent_layer_of_unknown_cell():
    with pytest.raises(ZooError, match="did you mean 'lstm'"):
        layers.recurrent_layer("lstn", UNITS)
