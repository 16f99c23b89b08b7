"""Dropout of the recurrent kernel's weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.layers.recurrent_checks import BATCH, CELLS, FEATURES, TIME, UNITS, inputs, pair, results
from zoo import layers
from zoo.errors import ZooError


def with_weight_dropout(cell: str, rate: float, **arguments) -> tuple:
    """A layer without weight dropout and one with, of the same weights."""
    _, plain = pair(cell, **arguments)
    dropping = getattr(layers, cell)(UNITS, weight_dropout=rate, seed=5, **arguments)
    dropping.build((BATCH, TIME, FEATURES))
    dropping.set_weights(plain.get_weights())
    return plain, dropping


@pytest.mark.parametrize("unroll", [False, True], ids=["fast", "keras"])
@pytest.mark.parametrize("cell", CELLS)
def test_acts_in_training_only(cell, unroll):
    plain, dropping = with_weight_dropout(cell, 0.5, unroll=unroll)
    x = inputs()
    np.testing.assert_array_equal(dropping(x, training=False), plain(x, training=False))
    first, second = dropping(x, training=True), dropping(x, training=True)
    assert np.abs(first - plain(x, training=True)).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3, "each call draws a mask of its own"


@pytest.mark.parametrize("cell", CELLS)
def test_fast_loop_and_keras_draw_the_same_mask(cell):
    _, fast = with_weight_dropout(cell, 0.5)
    _, slow = with_weight_dropout(cell, 0.5, unroll=True)
    for a, b in zip(results(fast, inputs()), results(slow, inputs()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_share_of_dropped_weights_and_scale_of_the_kept(rate):
    layer = layers.LSTM(200, weight_dropout=rate, seed=1)
    layer.build((1, 1, 1))
    kernel = np.array(layer.cell.recurrent_kernel)
    dropped = np.array(layer._recurrent_kernel(training=True))
    gone = dropped == 0
    assert abs(gone.mean() - rate) < 0.01  # 160,000 draws: five standard errors are below 0.006
    np.testing.assert_allclose(dropped[~gone], kernel[~gone] / (1 - rate), rtol=1e-5)


def test_expected_kernel_is_the_kernel():
    layer = layers.SimpleRNN(4, weight_dropout=0.5, seed=1)
    layer.build((1, 1, 1))
    mean = np.mean([layer._recurrent_kernel(training=True) for _ in range(2000)], axis=0)
    # A mean of 2000 values that are 0 or twice the weight: standard error |weight| / sqrt(2000).
    np.testing.assert_allclose(mean, layer.cell.recurrent_kernel, atol=0.12)


def test_dropped_weights_get_no_gradient():
    _, layer = with_weight_dropout("SimpleRNN", 0.5)
    *_, gradient, _ = results(layer, inputs())
    share = (gradient.numpy() == 0).mean()
    assert 0.2 < share < 0.8


@pytest.mark.parametrize("unroll", [False, True], ids=["fast", "keras"])
def test_kernel_stays_the_layers_variable(unroll):
    _, layer = with_weight_dropout("LSTM", 0.5, unroll=unroll)
    before = layer.cell.recurrent_kernel
    layer(inputs(), training=True)
    assert layer.cell.recurrent_kernel is before
    assert len(layer.trainable_variables) == 3


def test_zero_adds_no_variable():
    plain, ours = pair("LSTM", dropout=0.1)
    assert [v.shape for v in ours.variables] == [v.shape for v in plain.variables]
    assert [v.path.split("/", 1)[1] for v in ours.variables] == [
        v.path.split("/", 1)[1] for v in plain.variables
    ]


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rate(rate):
    with pytest.raises(ZooError, match="weight_dropout"):
        layers.GRU(UNITS, weight_dropout=rate)


def test_acts_inside_bidirectional():
    layer = keras.layers.Bidirectional(layers.LSTM(UNITS, weight_dropout=0.5))
    assert np.abs(layer(inputs(), training=True) - layer(inputs())).max() > 1e-3
