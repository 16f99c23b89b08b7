"""Training a language model without a state, such as a Transformer, on windows of a long text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import DataError
from zoo.folder.figures import Measure

_ROWS = 16  # of a batch of the validation text


class WindowObjective:
    """Next-symbol prediction in windows that know nothing of each other.

    An epoch reads each symbol of the training text once, in windows at random places of a grid that
    the epoch moves.

    Args:
        network: ids ``(batch, time)`` to logits ``(batch, time, vocabulary)``.
        training: ``(symbols,)`` int32 ids to train on.
        validation: ``(symbols,)`` int32 ids to validate on.
        batch: number of windows of a batch.
        window: symbols of each.
        seed: of the places and of the order of the windows.

    Raises:
        DataError: a text is too short for one batch of windows.
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
        self._training, self._validation = training, validation
        self._batch, self._window, self._seed = batch, window, seed
        self.steps_per_epoch = (len(training) - window - 1) // (batch * window)
        if self.steps_per_epoch < 1:
            raise DataError(
                f"{len(training)} characters are too few for {batch} windows of {window}; "
                f"give at least {(batch + 1) * window + 1}"
            )
        if len(validation) < 2:
            raise DataError("the validation text needs at least 2 characters")
        self._compiled_losses = tf.function(self._losses, reduce_retracing=True)

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """Windows in an order that is the epoch's own."""
        draw = np.random.default_rng([self._seed, epoch])
        offset = int(draw.integers(self._window))
        length = self.steps_per_epoch * self._batch * self._window
        shape = (-1, self._window)
        order = draw.permutation(length // self._window)
        ids, targets = (
            self._training[start : start + length].reshape(shape)[order]
            for start in (offset, offset + 1)
        )
        return [
            (ids[start : start + self._batch], targets[start : start + self._batch])
            for start in range(0, len(ids), self._batch)
        ]

    def initial_carry(self) -> list[np.ndarray]:
        """Nothing."""
        return []

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean cross-entropy in nats, and nothing to carry."""
        return tf.reduce_mean(self._losses(batch, training)), []

    def validate(self) -> float:
        """Mean nats per symbol over the validation text.

        Windows overlap by half, and of each but the first the second half counts, so that every
        symbol has at least half a window before it.
        """
        text = self._validation
        half = max(1, self._window // 2)
        total, count = 0.0, 0
        starts = range(0, len(text) - 1, half)
        pieces = [text[start : start + 2 * half + 1] for start in starts]
        whole = [piece for piece in pieces if len(piece) == 2 * half + 1]
        for start in range(0, len(whole), _ROWS):
            rows = np.stack(whole[start : start + _ROWS])
            losses = self._compiled_losses((rows[:, :-1], rows[:, 1:]), training=False).numpy()
            first = losses[0, :half].sum() if start == 0 else 0.0
            total += float(first + losses[:, half:].sum())
            count += losses[:, half:].size + (half if start == 0 else 0)
        if not whole:
            losses = self._compiled_losses((text[None, :-1], text[None, 1:]), training=False)
            return float(losses.numpy().mean())
        return total / count

    def _losses(self, batch: Any, training: bool) -> Any:
        ids, targets = batch
        logits = tf.cast(self.network(ids, training=training), tf.float32)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
