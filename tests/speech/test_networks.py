"""The CTC networks: padding never counts, the look-ahead is kept, weights are counted."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from zoo.errors import UsageError
from zoo.layers import to_keras_layers
from zoo.speech.networks import (
    CTCBiLSTMConfig,
    CTCLSTMConfig,
    build_bidirectional,
    build_causal,
)

BUILDERS: dict[str, Any] = {
    "bidirectional": (CTCBiLSTMConfig, build_bidirectional),
    "causal": (CTCLSTMConfig, build_causal),
}
SMALL: dict[str, Any] = {"labels": 7, "bins": 13, "channels": 4, "layers": 2, "units": 10}


def make(kind: str, **values: Any) -> tuple[Any, keras.Model]:
    """A small network with random biases too, so that nothing is zero by accident."""
    config_class, build = BUILDERS[kind]
    config = config_class(**(SMALL | values))
    keras.utils.set_random_seed(3)
    network = build(config)
    rng = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(variable.numpy() + 0.1 * rng.standard_normal(variable.shape))
    return config, network


def features(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).standard_normal((1, frames, 13)).astype(np.float32)


def alone(network: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(network([x, np.ones(x.shape[:2], bool)]))


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("values", [{}, {"cell": "gru", "layers": 3}, {"bins": 80}])
def test_the_parameter_count_is_that_of_the_network(kind: str, values: dict[str, Any]) -> None:
    config, network = make(kind, **values)
    assert config.parameters() == network.count_params()
    assert config.shapes() == {v.path: tuple(v.shape) for v in network.weights}


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_an_utterance_gives_the_same_logits_alone_and_padded(kind: str, cell: str) -> None:
    _, network = make(kind, cell=cell)
    for frames in (1, 2, 3, 4, 5, 22, 57):
        x = features(frames)
        # What stands in the padding must not matter, so it is loud noise.
        batch = np.full((2, 64, 13), 50.0, np.float32)
        mask = np.zeros((2, 64), bool)
        batch[0, :frames], mask[0, :frames], mask[1] = x[0], True, True
        wanted = alone(network, x)
        assert wanted.shape == (1, -(-frames // 4), 7)
        found = np.asarray(network([batch, mask]))[:1, : wanted.shape[1]]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_causal_network_does_not_look_further_than_it_says() -> None:
    config, network = make("causal", look_ahead=2)
    x = features(64)
    changed = x.copy()
    changed[:, 37:] += 1.0
    before, after = alone(network, x), alone(network, changed)
    # Output t sees frames up to 4 (t + look_ahead).
    last_same = (36 // 4) - config.look_ahead
    np.testing.assert_array_equal(before[:, : last_same + 1], after[:, : last_same + 1])
    assert np.abs(before[:, last_same + 1] - after[:, last_same + 1]).max() > 1e-4


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_copy_of_keras_layers_gives_the_same(kind: str) -> None:
    _, network = make(kind)
    plain = to_keras_layers(network)
    assert not any("zoo" in type(layer).__module__ for layer in plain.layers)
    np.testing.assert_allclose(alone(plain, features(30)), alone(network, features(30)), atol=1e-5)


@pytest.mark.parametrize(
    "values",
    [
        {"labels": 1},
        {"bins": 2},
        {"cell": "rnn"},
        {"units": 10**6},
        {"dropout": 1.0},
        {"layers": 0},
    ],
)
def test_values_out_of_range_are_usage_errors(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        CTCBiLSTMConfig(**(SMALL | values))
    with pytest.raises(UsageError, match="look_ahead"):
        CTCLSTMConfig(**SMALL, look_ahead=-1)
