"""The CTC networks in machine code give what the Keras networks give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_ctc_models import BUILDERS, features, make

from zoo.models.ctc import streaming_step
from zoo.models.ctc_parts import output_frames
from zoo.native.ctc import NativeCTC


def native(network: Any, config: Any) -> NativeCTC:
    return NativeCTC({v.path: v.numpy() for v in network.weights}, config)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("values", [{}, {"cell": "gru"}, {"units": 16}, {"units": 40, "layers": 3}])
def test_a_padded_batch_gives_the_logits_of_keras(kind: str, values: dict[str, Any]) -> None:
    config, network = make(kind, **values)
    lengths = np.array([1, 7, 30, 57, 58, 4, 33])  # four rows together, and three alone
    batch = np.full((7, 58, 13), 50.0, np.float32)
    for row, length in enumerate(lengths):
        batch[row, :length] = features(int(length))[0]
    mask = np.arange(58) < lengths[:, None]
    wanted = log_softmax(np.asarray(network([batch, mask])))
    found = native(network, config).log_probs(batch, lengths)
    assert found.shape == wanted.shape
    for row, count in enumerate(output_frames(lengths)):
        np.testing.assert_allclose(found[row, :count], wanted[row, :count], atol=2e-5)


def test_weights_exact_in_float16_are_kept_small_and_give_the_same() -> None:
    config, network = make("bidirectional")
    for variable in network.weights:
        variable.assign(variable.numpy().astype(np.float16).astype(np.float32))
    made, x = native(network, config), features(40)
    assert made._layers[0][0]._weights.dtype == np.uint16
    wanted = log_softmax(np.asarray(network([x, np.ones((1, 40), bool)])))
    np.testing.assert_allclose(made.log_probs(x, np.array([40])), wanted, atol=2e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("look_ahead", [0, 3])
def test_the_steps_give_what_the_steps_of_keras_give(cell: str, look_ahead: int) -> None:
    import keras

    config, network = make("causal", cell=cell, look_ahead=look_ahead)
    step, made = streaming_step(network, config), native(network, config)
    state = [keras.ops.zeros((1, *spec.shape[1:])) for spec in step.inputs[2:]]
    own = made.start()
    for number in range(6):
        frames, real = features(4 + number)[0, :4], float(number < 4 or not look_ahead)
        inputs = [keras.ops.convert_to_tensor(frames[None]), keras.ops.full((1, 1), real)]
        logits, *state = step([*inputs, *state])
        kept = [np.copy(part) for part in own[:2]]
        found, after = made.step(frames, real, own)
        np.testing.assert_allclose(found, log_softmax(np.asarray(logits)[0]), atol=2e-5)
        for part, copy in zip(own[:2], kept, strict=True):
            np.testing.assert_array_equal(part, copy)  # a state is a value
        own = after
