"""Learning from another recogniser, output by output, beside the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.ctc.subsampling import output_frames
from zoo.ctc.training.objective import CTCObjective

Teacher = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Log-probabilities ``(batch, outputs, labels)`` of features ``(batch, frames, bins)``, of which so
many frames count, ``(batch,)``."""


class TaughtCTCObjective(CTCObjective):
    """CTC loss, mixed with the cross-entropy to what another recogniser hears at each output.

    A network that reads in one direction takes long to find its first alignment by CTC alone; a
    teacher tells it where the labels are (knowledge distillation, Hinton et al. 2015,
    arXiv:1503.02531; for CTC frame by frame, Senior et al. 2015). The teacher reads the same
    features, with all that is hidden in them.

    Args:
        *arguments: as :class:`~zoo.ctc.training.objective.CTCObjective` takes them.
        teacher: the other recogniser, with the same labels and as many outputs.
        share: of the cross-entropy in the loss, from 0 to 1.
        **options: as ``arguments``.
    """

    def __init__(self, *arguments: Any, teacher: Teacher, share: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._teacher, self._share = teacher, share

    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """See :class:`~zoo.training.objective.BatchedObjective`; the teacher's probabilities come
        last."""
        features, frames, labels, counts = super().make_batch(group, epoch)
        taught = np.exp(self._teacher(features, frames)).astype(np.float32)
        return features, frames, labels, counts, taught

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """The mixed loss in nats, for each label."""
        *own, taught = batch
        features, frames, _, counts = own
        logits = self._logits(features, frames, training)
        mask = tf.sequence_mask(output_frames(frames), tf.shape(logits)[1], tf.float32)
        crosses = -tf.reduce_sum(taught * tf.nn.log_softmax(logits), axis=-1) * mask
        labels = tf.cast(tf.reduce_sum(tf.maximum(counts, 1)), tf.float32)
        cross = tf.reduce_sum(crosses) / labels
        if self._share == 1.0:
            return cross, carry
        return self._share * cross + (1.0 - self._share) * self._ctc(logits, own), carry
