"""Training a mood reader: cross-entropy of each message's mood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.dialogue.mood.training.examples import MoodExample, conversation_arrays
from zoo.dialogue.mood.training.scores import weighted_f1
from zoo.dialogue.training.batches import WordDropout
from zoo.folder.figures import Measure
from zoo.training.batching import SizedBatches
from zoo.training.objective import BatchedObjective

_VALIDATION_BATCH = 64

# A recurrent step is compiled for each number of rows, which takes longer than many steps do: so
# there are few different ones.
_CONVERSATIONS = 8
_SHARE = 4  # of a batch, by which its number of messages grows


class MoodObjective(BatchedObjective):
    """Cross-entropy of moods; validated by their weighted F1.

    Args:
        network: what :func:`zoo.dialogue.mood.sentiment_lstm.build` made.
        config: its values.
        training: conversations to learn from.
        validation: conversations to choose on.
        batch: messages in a batch.
        seed: of the order and of the hidden words.
        label_smoothing: share of the probability that is spread over the moods.

    Raises:
        DataError: there are no conversations.
    """

    validation_figure = Measure("weighted_f1", "%", 100.0, higher_is_better=True)

    def __init__(
        self,
        network: keras.Model,
        config: Any,
        training: Sequence[MoodExample],
        validation: Sequence[MoodExample],
        *,
        batch: int,
        seed: int,
        label_smoothing: float = 0.1,
    ) -> None:
        lengths = [len(example.ids) for example in training]
        super().__init__(network, SizedBatches(lengths, batch, [1.0] * len(lengths), seed))
        self._moods, self._smoothing, self._seed = config.moods, label_smoothing, seed
        self._training, self._validation = training, validation
        self._step = max(8, batch // _SHARE)
        messages = [ids for example in training for ids in example.ids]
        self._hide = WordDropout(messages, config.known, rare=1.0, both=0.1)

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean cross-entropy of a batch's messages, in nats."""
        *inputs, moods = batch
        logits = self.network(inputs, training=training)
        told = tf.cast(moods >= 0, tf.float32)
        target = (1 - self._smoothing) * tf.one_hot(moods, self._moods)
        target += self._smoothing / self._moods
        each = tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=logits)
        return tf.reduce_sum(each * told) / tf.maximum(tf.reduce_sum(told), 1.0), carry

    def validate(self) -> float:
        """Weighted F1 of the moods of the validation messages."""
        gold: list[int] = []
        found: list[int] = []
        for start in range(0, len(self._validation), _VALIDATION_BATCH):
            inputs, moods = conversation_arrays(self._validation[start : start + _VALIDATION_BATCH])
            logits = self.network([tf.constant(one) for one in inputs], training=False).numpy()
            told = moods >= 0
            gold += moods[told].tolist()
            found += logits.argmax(axis=-1)[told].tolist()
        return weighted_f1(gold, found)

    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """See :class:`~zoo.training.objective.BatchedObjective`."""
        chosen = [self._training[number] for number in group]
        messages = sum(len(example.ids) for example in chosen)
        inputs, moods = conversation_arrays(
            chosen, _rounded(messages, self._step), _rounded(len(chosen), _CONVERSATIONS)
        )
        rng = np.random.default_rng([self._seed, epoch, int(group[0])])
        words, known = self._hide(inputs[0], inputs[1], rng)
        return (words, known, *inputs[2:], moods)


def _rounded(count: int, step: int) -> int:
    return -(-count // step) * step
