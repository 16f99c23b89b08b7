"""The CTC networks in machine code give what the Keras networks give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.speech.test_networks import BUILDERS, alone, features, make
from zoo.ctc.subsampling import output_frames
from zoo.speech.inference import NativeCTC, StreamingNativeCTC
from zoo.speech.networks import CTCLSTMConfig


def native(network: Any, config: Any) -> Any:
    kind = StreamingNativeCTC if isinstance(config, CTCLSTMConfig) else NativeCTC
    return kind(config, {v.path: v.numpy() for v in network.weights})


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
def test_a_stream_gives_what_keras_gives_for_the_whole(cell: str, look_ahead: int) -> None:
    config, network = make("causal", cell=cell, look_ahead=look_ahead)
    stream = native(network, config)
    for frames in (4, 31, 48):
        x = features(frames)
        wanted = log_softmax(alone(network, x))[0]
        padded = np.zeros((4 * len(wanted), 13), np.float32)
        padded[:frames] = x[0]
        steps = [(chunk, 1.0) for chunk in padded.reshape(-1, 4, 13)]
        steps += [(np.full((4, 13), 9.0, np.float32), 0.0)] * look_ahead  # the end
        state, found = stream.start(), []
        for chunk, real in steps:
            kept = [np.copy(part) for part in arrays(state)]
            log_probs, after = stream.step(chunk, real, state)
            for part, copy in zip(arrays(state), kept, strict=True):
                np.testing.assert_array_equal(part, copy)  # a state is a value
            found.append(log_probs)
            state = after
        np.testing.assert_allclose(np.concatenate(found[look_ahead:]), wanted, atol=2e-5)


def arrays(state: Any) -> list[np.ndarray]:
    """The arrays of a nested state."""
    if isinstance(state, np.ndarray):
        return [state]
    return [array for part in state for array in arrays(part)]
