"""The networks of handwriting: padding never counts, weights are counted, sizes are as promised."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from zoo.ctc.subsampling import output_frames
from zoo.errors import UsageError
from zoo.handwriting import crnn, pen_bilstm
from zoo.layers import to_keras_layers

SMALL: dict[str, tuple[Any, Any, dict[str, Any], int]] = {
    "crnn": (
        crnn.CRNNConfig,
        crnn.build,
        {"labels": 7, "height": 20, "channels": 2, "units": 10, "projection": 9},
        20,
    ),
    "pen_bilstm": (
        pen_bilstm.PenBiLSTMConfig,
        pen_bilstm.build,
        {"labels": 7, "features": 4, "channels": 6, "units": 10},
        4,
    ),
}
each_kind = pytest.mark.parametrize("kind", SMALL)


def make(kind: str, **values: Any) -> tuple[Any, keras.Model]:
    """A small network with random biases too, so that nothing is zero by accident."""
    config_class, build, small, _ = SMALL[kind]
    config = config_class(**(small | values))
    keras.utils.set_random_seed(3)
    network = build(config)
    rng = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(variable.numpy() + 0.1 * rng.standard_normal(variable.shape))
    return config, network


def features(kind: str, length: int) -> np.ndarray:
    rng = np.random.default_rng(length)
    return rng.standard_normal((1, length, SMALL[kind][3])).astype(np.float32)


def alone(network: keras.Model, x: np.ndarray) -> np.ndarray:
    found = np.asarray(network([x, np.ones(x.shape[:2], bool)]))
    return found[:, : output_frames(x.shape[1])]


@each_kind
@pytest.mark.parametrize("values", [{}, {"cell": "gru", "layers": 1}, {"labels": 31, "units": 7}])
def test_the_parameter_count_is_that_of_the_network(kind: str, values: dict[str, Any]) -> None:
    config, network = make(kind, **values)
    assert config.parameters() == network.count_params()
    assert config.shapes() == {v.path: tuple(v.shape) for v in network.weights}


def test_the_default_sizes_are_between_one_and_three_million() -> None:
    assert 1e6 < crnn.CRNNConfig(labels=150).parameters() < 3e6
    assert 1e6 < pen_bilstm.PenBiLSTMConfig(labels=96).parameters() < 3e6
    assert crnn.CRNNConfig(labels=150).parameters() == (
        crnn.build(crnn.CRNNConfig(labels=150)).count_params()
    )


@each_kind
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_an_input_gives_the_same_logits_alone_and_padded(kind: str, cell: str) -> None:
    _, network = make(kind, cell=cell)
    for length in (1, 3, 8, 21):
        x = features(kind, length)
        # What stands in the padding must not matter, so it is loud noise.
        batch = np.full((2, 64, x.shape[2]), 50.0, np.float32)
        mask = np.zeros((2, 64), bool)
        batch[0, :length], mask[0, :length], mask[1] = x[0], True, True
        wanted = alone(network, x)
        assert wanted.shape == (1, -(-length // 4), 7)
        found = np.asarray(network([batch, mask]))[:1, : wanted.shape[1]]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@each_kind
def test_both_directions_are_read(kind: str) -> None:
    _, network = make(kind)
    x = features(kind, 64)
    for place in (0, -1):
        changed = x.copy()
        changed[:, place] += 1.0
        difference = np.abs(alone(network, changed) - alone(network, x)).max(axis=(0, 2))
        assert difference.min() > 1e-6


@each_kind
def test_a_copy_of_keras_layers_gives_the_same(kind: str) -> None:
    _, network = make(kind)
    plain = to_keras_layers(network)
    assert not any("zoo" in type(layer).__module__ for layer in plain.layers)
    x = features(kind, 30)
    np.testing.assert_allclose(alone(plain, x), alone(network, x), atol=1e-5)


@each_kind
@pytest.mark.parametrize(
    "values",
    [{"labels": 1}, {"cell": "rnn"}, {"units": 10**6}, {"dropout": 1.0}, {"channels": 0}],
)
def test_values_out_of_range_are_usage_errors(kind: str, values: dict[str, Any]) -> None:
    config_class, _, small, _ = SMALL[kind]
    with pytest.raises(UsageError, match=next(iter(values))):
        config_class(**(small | values))
