"""Training a sequence-to-sequence network on pairs of sentences.

The loss is cross-entropy with label smoothing (Szegedy et al. 2016, arXiv:1512.00567). The softmax
of a training step covers the tokens that its batch has and a sample of the others, each of which
stands for as many as were left out (Jean et al. 2015, arXiv:1412.2007): the frequent tokens, in
nearly every batch, are exact, and the step costs a fraction of a softmax over the vocabulary. There
are always some of the others, since without them nothing would keep their logits down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.contracts import Config, ConfigWithReadout
from zoo.errors import DataError
from zoo.folder.figures import Measure
from zoo.training.batching import EvenBatches, LazyBatches
from zoo.translation.processor import BEGIN, END, PAD
from zoo.translation.training.examples import Examples

_POOL = 256
"""Batches that are sorted by length together: with two lengths to sort by it takes many."""

_VALIDATION_BATCH = 256


class Seq2SeqObjective:
    """Cross-entropy of the target's tokens, batched by length, all directions mixed.

    Args:
        network: ``[source (batch, source), target (batch, steps)]`` to logits ``(batch, steps,
            vocabulary)``.
        config: its values; without :class:`~zoo.contracts.ConfigWithReadout` every softmax covers
            the whole vocabulary.
        training: pairs to learn from.
        validation: pairs to validate on.
        batch: pairs in a batch.
        seed: of the order and of the samples.
        label_smoothing: fraction of the probability that is spread over the vocabulary.
        others: tokens that the softmax of a training step covers besides those of its batch; 0
            for the whole vocabulary.
        segmented: gives ``training`` in the subwords that an epoch reads its sources in, where
            these change. The targets stay in the usual ones: a network that has to guess how they
            are cut has less to spare for what they say.

    Raises:
        DataError: there are no examples.
    """

    validation_figure = Measure("smoothed_cross_entropy", "nats/token")

    def __init__(
        self,
        network: keras.Model,
        config: Config,
        training: Examples,
        validation: Examples,
        *,
        batch: int,
        seed: int,
        label_smoothing: float = 0.1,
        others: int = 512,
        segmented: Callable[[int], Examples] | None = None,
    ) -> None:
        if not len(training) or not len(validation):
            raise DataError("there must be pairs to train on and pairs to validate on")
        self.network = network
        self._vocabulary = int(network.outputs[0].shape[-1])
        self._split = config if isinstance(config, ConfigWithReadout) else None
        self._readout = (
            self._split.readout(network)
            if self._split
            else keras.Model(network.inputs, network.outputs[0])
        )
        self._training, self._validation = training, validation
        self._segmented = segmented or (lambda epoch: training)
        self._seed, self._smoothing = seed, label_smoothing
        self._others = others if others and self._split else self._vocabulary
        source, target = training.lengths()
        rank = np.empty(len(training), np.int64)
        rank[np.lexsort((source, target))] = np.arange(len(training))
        self._batching = EvenBatches(rank, batch, seed, _POOL)
        self.steps_per_epoch = self._batching.steps
        self._mean_tokens = float(target.sum() / self.steps_per_epoch)
        rows, flat = tf.TensorSpec((None, None), "int32"), tf.TensorSpec((None,), "int32")
        signature = rows, rows, flat, flat
        self._compiled_nats = tf.function(self._nats, input_signature=signature, autograph=False)

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """The batches of an epoch, each made when it is asked for."""
        make = partial(self._make, self._segmented(epoch))
        return LazyBatches(self._batching.groups(epoch), make, epoch)

    def initial_carry(self) -> list[np.ndarray]:
        """Nothing is carried from batch to batch."""
        return []

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Smoothed cross-entropy in nats, divided by the tokens that a batch has on average.

        So every token of an epoch weighs the same, in batches of short sentences and of long ones.
        """
        source, target, places, labels, candidates, weights = batch
        x = self._read(source, target, places, training)
        if self._split is None:
            nats = self._smoothed_nats(tf.cast(x, tf.float32), tf.gather(candidates, labels))
            return nats / self._mean_tokens, carry
        matrix, bias = self._split.softmax_weights(self.network)
        logits = tf.matmul(x, tf.cast(tf.gather(matrix, candidates), x.dtype), transpose_b=True)
        logits = tf.cast(logits, tf.float32)
        mean = tf.linalg.matvec(tf.cast(x, tf.float32), tf.reduce_mean(matrix, axis=0))
        if bias is not None:
            logits += tf.gather(bias, candidates)
            mean += tf.reduce_mean(bias)
        right = tf.gather(logits, labels, batch_dims=1)
        total = tf.reduce_logsumexp(logits + weights, axis=1)
        return tf.reduce_sum(self._smoothed(total, right, mean)) / self._mean_tokens, carry

    def validate(self) -> float:
        """Smoothed cross-entropy in nats for each token of the validation targets and their ends.

        Over the whole vocabulary, and smoothed as in training: without, a network that is a little
        too sure of itself would seem worse than one that is more often wrong.
        """
        examples = self._validation
        source, target = examples.lengths()
        order = np.lexsort((source, target))
        nats = tokens = 0.0
        for start in range(0, len(order), _VALIDATION_BATCH):
            source, target, places, labels = self._pad(
                [
                    self._example(examples, examples, number)
                    for number in order[start:][:_VALIDATION_BATCH]
                ]
            )
            nats += float(self._compiled_nats(source, target, places, labels))
            tokens += len(labels)
        return nats / tokens

    def _nats(self, source: Any, target: Any, places: Any, labels: Any) -> Any:
        x = self._read(source, target, places, False)
        if self._split is None:
            return self._smoothed_nats(tf.cast(x, tf.float32), labels)
        matrix, bias = self._split.softmax_weights(self.network)
        logits = tf.cast(tf.matmul(x, tf.cast(matrix, x.dtype), transpose_b=True), tf.float32)
        return self._smoothed_nats(logits if bias is None else logits + bias, labels)

    def _smoothed_nats(self, logits: Any, labels: Any) -> Any:
        """Smoothed cross-entropy of steps, added up, by the logits of the whole vocabulary."""
        right = tf.gather(logits, labels, batch_dims=1)
        total, mean = tf.reduce_logsumexp(logits, axis=1), tf.reduce_mean(logits, axis=1)
        return tf.reduce_sum(self._smoothed(total, right, mean))

    def _smoothed(self, total: Any, right: Any, mean: Any) -> Any:
        """Smoothed cross-entropy of steps, by the logarithm of the sum over all tokens and by the
        logits of the right one and of all in the mean."""
        return total - (1 - self._smoothing) * right - self._smoothing * mean

    def _read(self, source: Any, target: Any, places: Any, training: bool) -> Any:
        """What the softmax reads at the steps that are not padding, or else the logits there."""
        x = self._readout([source, target], training=training)
        return tf.gather(tf.reshape(x, (-1, x.shape[-1])), places)

    def _make(self, sources: Examples, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng([self._seed, epoch, int(group[0])])
        pairs = [self._example(sources, self._training, number) for number in group]
        source, target, places, right = self._pad(pairs)
        labels, candidates, weights = self._choose(right, rng)
        return source, target, places, labels, candidates, weights

    def _choose(
        self, right: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tokens of a batch and a sample of the others.

        Args:
            right: ``(steps,)`` the right token of each step.
            rng: of the sample.

        Returns:
            The place of each right token among the candidates, the candidates, and what is added to
            the logit of each when they are summed up: the logarithm of how many it stands for.
        """
        used, labels = np.unique(right, return_inverse=True)
        rest = np.setdiff1d(np.arange(self._vocabulary), used, assume_unique=True)
        count = min(self._others, len(rest))
        weights = np.zeros(len(used) + count, np.float32)
        if count:
            weights[len(used) :] = np.log(len(rest) / count)
            used = np.concatenate([used, rng.choice(rest, count, replace=False)])
        return labels.astype(np.int32), used.astype(np.int32), weights

    @staticmethod
    def _example(
        sources: Examples, targets: Examples, number: int
    ) -> tuple[np.ndarray, np.ndarray]:
        source = sources.text(sources.source[number])
        return (
            np.concatenate([[sources.language[number]], source, [END]]),
            targets.text(targets.target[number]),
        )

    @staticmethod
    def _pad(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, ...]:
        """Sources ``(batch, source)``; targets that begin with the begin token ``(batch, steps)``;
        the places of real steps in the flattened targets; and the right token of each of these."""
        sources = np.full((len(pairs), max(len(source) for source, _ in pairs)), PAD, np.int32)
        steps = 1 + max(len(target) for _, target in pairs)
        targets = np.full((len(pairs), steps), PAD, np.int32)
        targets[:, 0] = BEGIN
        places: list[np.ndarray] = []
        right: list[Any] = []
        for row, (source, target) in enumerate(pairs):
            sources[row, : len(source)] = source
            targets[row, 1 : len(target) + 1] = target
            places.append(row * steps + np.arange(len(target) + 1))
            right += [target, [END]]
        return (
            sources,
            targets,
            np.concatenate(places).astype(np.int32),
            np.concatenate(right).astype(np.int32),
        )
