"""Any Keras network of characters as an inference, for architectures that bring none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.contracts import CharacterReading
from zoo.errors import ZooError
from zoo.forks import check_not_forked
from zoo.inference.sampling import SteppedCharacters
from zoo.inference.stack import log_softmax
from zoo.inference.stateful import with_state

_TOLERANCE = 1e-3  # of logits, between reading at once and in parts


class KerasCharacters(SteppedCharacters):
    """A :class:`~zoo.contracts.CharacterInference` that runs on Keras, a step at a time.

    Args:
        network: a functional model from ids ``(batch, time)`` to logits ``(batch, time,
            vocabulary)`` that keeps its past in recurrent layers alone. It must not be changed
            afterwards.

    Raises:
        ZooError: its outputs depend on more than the ids before and the state.

    Attributes:
        vocabulary_size: number of ids.
    """

    def __init__(self, network: keras.Model) -> None:
        self._network = network
        self._stateful = with_state(network, hidden=True)
        self._sizes = [spec.shape[-1] for spec in self._stateful.inputs[1:]]
        self.vocabulary_size = int(network.output_shape[-1])
        self._run: Any = self._stateful
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            ids = tf.TensorSpec((None, None), tf.int32)
            parts = [
                tf.TensorSpec((None, spec.shape[-1]), spec.dtype)
                for spec in self._stateful.inputs[1:]
            ]
            self._run = tf.function(
                lambda ids, *state: self._stateful([ids, *state], training=False),
                input_signature=[ids, *parts],
                autograph=False,
            )
        self._check()

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Zeros ``(batch, units)`` for each part of the state."""
        return [np.zeros((batch, size), np.float32) for size in self._sizes]

    def read(self, ids: np.ndarray, state: Sequence[np.ndarray]) -> CharacterReading:
        """Read a window; see :meth:`zoo.contracts.CharacterInference.read`."""
        logits, *rest = self._outputs(ids, state)
        layers = len(rest) - len(self._sizes)
        return CharacterReading(log_softmax(logits), rest[:layers], rest[layers:])

    def step(
        self, state: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read one id in each row; see :meth:`zoo.contracts.CharacterInference.step`."""
        log_probs, _, after = self.read(np.asarray(ids)[:, None], state)
        return after, log_probs[:, 0]

    def _advance(
        self, ids: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        logits, *rest = self._outputs(ids, state)
        return logits, rest[len(rest) - len(self._sizes) :]

    def _outputs(self, ids: np.ndarray, state: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Logits, hidden states and state, in float32."""
        check_not_forked()
        specs = self._stateful.inputs[1:]
        given = [
            keras.ops.cast(np.asarray(part, np.float32), spec.dtype)
            for part, spec in zip(state, specs, strict=True)
        ]
        found = self._run(keras.ops.convert_to_tensor(ids, "int32"), *given)
        return [np.asarray(keras.ops.convert_to_numpy(one), np.float32) for one in found]

    def _check(self) -> None:
        """Read some ids at once and in two parts; both must give the same."""
        ids = np.arange(8, dtype=np.int32)[None] % self.vocabulary_size
        whole = keras.ops.convert_to_numpy(self._network(ids, training=False))
        first, *rest = self._outputs(ids[:, :5], self.initial_state(1))
        second, *_ = self._outputs(ids[:, 5:], rest[len(rest) - len(self._sizes) :])
        difference = np.abs(np.concatenate([first, second], axis=1) - whole).max()
        if not difference <= _TOLERANCE * max(1.0, float(np.abs(whole).max())):
            raise ZooError(
                f"{self._network.name} gives other outputs when a text is read in parts: a layer "
                "looks ahead, or back by other means than a recurrent state; the architecture must "
                "bring an inference of its own"
            )
