"""What the tests of the recurrent layers share: a layer's results and gradients as arrays."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo import layers

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 6
CELLS = ["LSTM", "GRU", "SimpleRNN"]


def inputs(seed: int = 0) -> np.ndarray:
    """(batch, time, features) float32."""
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, FEATURES)).astype("float32")


def holes() -> np.ndarray:
    """A mask with a hole at the start, one in the middle and padding at the end."""
    mask = np.ones((BATCH, TIME), bool)
    mask[0, :2], mask[1, 2], mask[2, 3:] = False, False, False
    return mask


def initial_states(cell: str) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    count = 2 if cell == "LSTM" else 1
    return [rng.normal(size=(BATCH, UNITS)).astype("float32") for _ in range(count)]


def pair(cell: str, **arguments) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Keras's layer and the zoo's, with the same weights, all of them random."""
    made = []
    for module in (keras.layers, layers):
        layer = getattr(module, cell)(UNITS, **arguments)
        layer.build((BATCH, TIME, FEATURES))
        made.append(layer)
    rng = np.random.default_rng(2)
    weights = [rng.normal(scale=0.5, size=w.shape) for w in made[0].weights]
    for layer in made:
        layer.set_weights(weights)
    return made[0], made[1]


def results(layer, x, states=(), mask=None, training=True, wrap=lambda call: call) -> list:
    """Outputs and final states, then the gradients of inputs, initial states and weights."""
    x = tf.constant(x)
    states = [tf.constant(state) for state in states]

    def call(x, states):
        variables = [v.value for v in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs = layer(x, mask=mask, initial_state=states or None, training=training)
            outputs = tf.nest.flatten(outputs)
            rng = np.random.default_rng(3)
            # Each element of each output counts with another factor, so that none can stand in for
            # another.
            loss = tf.add_n(
                [tf.reduce_sum(tf.cast(o, "float64") * rng.normal(size=o.shape)) for o in outputs]
            )
        return outputs + tape.gradient(loss, [x, *states, *variables])

    return [tf.convert_to_tensor(r) for r in wrap(call)(x, states)]


def assert_close(ours: list, theirs: list, tolerance: float = 1e-5) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
