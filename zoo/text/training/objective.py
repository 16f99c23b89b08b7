"""Training a language model on one long text by truncated backpropagation through time.

The text is cut into as many parallel streams as the batch has rows; each step reads the next window
of every stream and takes the recurrent state over from the last one (Williams and Peng 1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.folder.figures import Measure
from zoo.inference.stateful import with_state


class LanguageModelObjective:
    """Next-symbol prediction with carried state.

    Args:
        network: ids ``(batch, time)`` to logits ``(batch, time, vocabulary)``.
        training: ``(symbols,)`` int32 ids to train on.
        validation: ``(symbols,)`` int32 ids to validate on.
        batch: number of parallel streams.
        window: steps of backpropagation.
        seed: of the window offsets.

    Raises:
        DataError: a text is too short for one window of each stream.
    """

    validation_figure = Measure("cross_entropy", "nats/char")

    def __init__(
        self,
        network: keras.Model,
        training: np.ndarray,
        validation: np.ndarray,
        *,
        batch: int,
        window: int,
        seed: int,
    ) -> None:
        self.network = network
        self._stateful = with_state(network)
        self._training, self._validation = training, validation
        self._batch, self._window, self._seed = batch, window, seed
        self.steps_per_epoch = (len(training) - window) // (batch * window)
        if self.steps_per_epoch < 1:
            raise DataError(
                f"{len(training)} characters are too few for {batch} streams of {window}; "
                f"give at least {(batch + 1) * window}"
            )
        if len(validation) < 2:
            raise DataError("the validation text needs at least 2 characters")
        self._compiled_loss = tf.function(self.loss, reduce_retracing=True, autograph=False)

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """Windows in reading order; the epoch moves where the streams are cut."""
        offset = int(np.random.default_rng([self._seed, epoch]).integers(self._window))
        length = self.steps_per_epoch * self._window
        return _windows(self._training[offset:], self._batch, length, self._window)

    def initial_carry(self) -> list[np.ndarray]:
        """Zero states, one ``(batch, units)`` float32 array each."""
        return self._zero_state(self._batch)

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean cross-entropy in nats, and the state after the window."""
        ids, targets = batch
        states = [
            tf.cast(state, spec.dtype)
            for state, spec in zip(carry, self._stateful.inputs[1:], strict=True)
        ]
        logits, *states = self._stateful([ids, *states], training=training)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=targets, logits=tf.cast(logits, tf.float32)
        )
        return tf.reduce_mean(losses), [tf.cast(state, tf.float32) for state in states]

    def validate(self) -> float:
        """Mean nats per symbol over the validation text, read in up to 32 parallel streams."""
        symbols = len(self._validation)
        streams = max(1, min(32, symbols // 1000))
        length = (symbols - 1) // streams
        window = min(length, 500)
        total, carry = 0.0, self._zero_state(streams)
        for batch in _windows(self._validation, streams, length, window):
            loss, carry = self._compiled_loss(batch, carry, training=False)
            total += float(loss) * batch[0].shape[1]
        return total / length

    def _zero_state(self, batch: int) -> list[np.ndarray]:
        return [np.zeros((batch, spec.shape[-1]), np.float32) for spec in self._stateful.inputs[1:]]


def _windows(
    ids: np.ndarray, streams: int, length: int, window: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut ids into ``streams`` rows of ``length`` and these into windows of inputs and targets."""
    rows = ids[: streams * length].reshape(streams, length)
    targets = ids[1 : streams * length + 1].reshape(streams, length)
    return [
        (rows[:, start : start + window], targets[:, start : start + window])
        for start in range(0, length, window)
    ]
