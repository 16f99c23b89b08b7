"""Training a recogniser with CTC (Graves et al. 2006): speech, lines of writing, pen strokes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.ctc.decoding import greedy
from zoo.ctc.subsampling import output_frames
from zoo.ctc.training.examples import Example, pad_batch
from zoo.errors import DataError
from zoo.folder.figures import Measure
from zoo.training.batching import Batching, EvenBatches
from zoo.training.objective import BatchedObjective


class CTCObjective(BatchedObjective):
    """CTC loss on utterances of real lengths, batched by length.

    Args:
        network: from ``[features (batch, frames, width), mask (batch, frames)]`` to logits
            ``(batch, outputs, labels)``.
        prepare: gives training example ``i`` for epoch ``e``, augmented as a function of both:
            ``prepare(i, e)``.
        lengths: a length for each training example, to put like with like.
        validation: examples to validate on.
        blank: label of the blank.
        batch: examples in a batch.
        seed: of the order.
        batching: which examples make a batch, in place of ``batch`` of them.

    Raises:
        DataError: there are no examples.
    """

    validation_figure = Measure("label_error_rate", "%", factor=100)

    def __init__(
        self,
        network: keras.Model,
        prepare: Callable[[int, int], Example],
        lengths: Sequence[float] | np.ndarray,
        validation: Sequence[Example],
        *,
        blank: int,
        batch: int,
        seed: int,
        batching: Batching | None = None,
    ) -> None:
        if not len(lengths) or not validation:
            raise DataError("there must be examples to train on and examples to validate on")
        super().__init__(network, batching or EvenBatches(lengths, batch, seed))
        self._prepare, self._validation = prepare, validation
        self._blank, self._batch = blank, batch
        bins = network.inputs[0].shape[-1]
        signature = tf.TensorSpec((None, None, bins), "float32"), tf.TensorSpec((None,), "int32")
        self._log_probs = tf.function(self._run, input_signature=signature, autograph=False)

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """CTC loss in nats, for each label; an example without labels counts as one."""
        features, frames, _, _ = batch
        return self._ctc(self._logits(features, frames, training), batch), carry

    def _ctc(self, logits: Any, batch: Any) -> Any:
        _, frames, labels, counts = batch
        outputs = output_frames(frames)
        # TensorFlow's kernel takes no empty row: such a one gets a label, and a loss of its own.
        wordless = tf.equal(counts, 0)
        counted = tf.maximum(counts, 1)
        labels = tf.where(wordless[:, None], 0 if self._blank else 1, labels)
        losses = tf.nn.ctc_loss(
            labels=tf.RaggedTensor.from_tensor(labels, lengths=counted).to_sparse(),
            logits=logits,
            label_length=None,
            logit_length=outputs,
            logits_time_major=False,
            blank_index=self._blank,
        )
        blank = tf.nn.log_softmax(logits)[..., self._blank]
        mask = tf.sequence_mask(outputs, tf.shape(logits)[1], tf.float32)
        losses = tf.where(wordless, -tf.reduce_sum(blank * mask, axis=1), losses)
        return tf.reduce_sum(losses) / tf.cast(tf.reduce_sum(counted), tf.float32)

    def validate(self) -> float:
        """Edit distance of the greedy labels to the right ones, for each right label."""
        from rapidfuzz.distance import Levenshtein

        errors = total = 0
        for group in self._by_length(self._validation):
            features, frames, _, _ = pad_batch(group)
            log_probs = self._log_probs(features, frames).numpy()
            lengths = output_frames(frames)
            for row, (_, labels) in enumerate(group):
                labels_read = greedy(log_probs[row], self._blank, length=int(lengths[row])).labels
                errors += Levenshtein.distance(labels_read, tuple(labels.tolist()))
                total += len(labels)
        return errors / max(1, total)

    def _by_length(self, examples: Sequence[Example]) -> Iterator[list[Example]]:
        ordered = sorted(examples, key=lambda example: len(example[0]))
        for start in range(0, len(ordered), self._batch):
            yield ordered[start : start + self._batch]

    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """See :class:`~zoo.training.objective.BatchedObjective`."""
        return pad_batch([self._prepare(int(i), epoch) for i in group])

    def _logits(self, features: Any, frames: Any, training: bool) -> Any:
        features = tf.convert_to_tensor(features)
        mask = tf.sequence_mask(frames, tf.shape(features)[1])
        return tf.cast(self.network([features, mask], training=training), tf.float32)

    def _run(self, features: Any, frames: Any) -> Any:
        return tf.nn.log_softmax(self._logits(features, frames, False))
