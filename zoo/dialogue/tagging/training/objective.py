"""Training a tagger: the CRF's likelihood and the intent's cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.decoding.crf import Chain, bio_constraints
from zoo.dialogue.datasets import Span
from zoo.dialogue.tagging.joining import code_tokens, entity_spans
from zoo.dialogue.tagging.training.augmentation import ValueSwap
from zoo.dialogue.tagging.training.examples import TaggedExample
from zoo.dialogue.tagging.training.scores import entity_f1
from zoo.dialogue.training.batches import WordDropout
from zoo.dialogue.words import pad_words
from zoo.folder.figures import Measure
from zoo.training.batching import EvenBatches
from zoo.training.crf import negative_log_likelihood
from zoo.training.objective import BatchedObjective

_VALIDATION_BATCH = 128


class TaggerObjective(BatchedObjective):
    """The loss of a tagger; it is validated by the F1 of entities, or the accuracy of intents.

    Args:
        network: what :func:`zoo.dialogue.tagging.tagger_bilstm.build` made.
        config: its values.
        labels: names of the labels.
        training: messages to learn from.
        validation: messages to choose on.
        batch: messages in a batch.
        seed: of the order and of the hidden words.
        rare_dropout: see :class:`~zoo.dialogue.training.batches.WordDropout`.
        word_dropout: the same.
        intent_weight: weight of the intent's loss.
        label_smoothing: share of the probability that is spread over the intents.
        swapped_values: share of the entities that get another value of their label.

    Raises:
        DataError: there are no examples.
    """

    def __init__(
        self,
        network: keras.Model,
        config: Any,
        labels: Sequence[str],
        training: Sequence[TaggedExample],
        validation: Sequence[TaggedExample],
        *,
        batch: int,
        seed: int,
        rare_dropout: float = 0.5,
        word_dropout: float = 0.05,
        intent_weight: float = 1.0,
        label_smoothing: float = 0.0,
        swapped_values: float = 0.0,
    ) -> None:
        lengths = [len(one.ids.tokens) for one in training]
        super().__init__(network, EvenBatches(lengths, batch, seed))
        self._by_entities = any(example.message.entities for example in validation)
        self.validation_figure = (
            Measure("entity_f1", "%", 100.0, higher_is_better=True)
            if self._by_entities
            else Measure("intent_accuracy", "%", 100.0, higher_is_better=True)
        )
        self._config, self._labels = config, labels
        self._training, self._validation = training, validation
        self._seed, self._intent_weight, self._smoothing = seed, intent_weight, label_smoothing
        self._hide = WordDropout(
            [one.ids for one in training], config.known, rare_dropout, word_dropout
        )
        self._swap = ValueSwap(training, swapped_values) if swapped_values else None
        self._chain = network.get_layer("chain") if config.labels else None
        if config.labels:
            transitions, start = bio_constraints(config.labels)
            self._allowed_transitions = tf.constant(transitions, tf.float32)
            self._allowed_start = tf.constant(start, tf.float32)

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean loss of a batch's messages, in nats."""
        words, known, characters, allowed, lengths, intents = batch
        outputs = self.network([words, known, characters], training=training)
        emissions, logits = self._outputs(outputs)
        loss = tf.zeros(())
        if self._chain is not None:
            chain = self._chain
            scores = negative_log_likelihood(
                emissions,
                allowed,
                lengths,
                chain.transitions.value + self._allowed_transitions,
                chain.start.value + self._allowed_start,
                chain.end.value,
            )
            loss += tf.reduce_mean(scores)
        if logits is not None:
            told = tf.cast(intents >= 0, tf.float32)
            one_hot = tf.one_hot(intents, self._config.intents)
            target = (1 - self._smoothing) * one_hot + self._smoothing / self._config.intents
            each = tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=logits)
            loss += (
                self._intent_weight
                * tf.reduce_sum(each * told)
                / tf.maximum(tf.reduce_sum(told), 1.0)
            )
        return loss, carry

    def validate(self) -> float:
        """F1 of the entities, or the share of right intents, of the validation messages."""
        found, right, told = [], 0, 0
        for emissions, logits, example in self.predict(self._validation):
            found.append(self._spans(emissions, example))
            if len(logits) and example.intent >= 0:
                told += 1
                right += int(logits.argmax()) == example.intent
        if not self._by_entities:
            return right / max(told, 1)
        gold = [example.message.entities for example in self._validation]
        return entity_f1(gold, found)

    def predict(self, examples: Sequence[TaggedExample]) -> Any:
        """Emissions ``(tokens, tags)``, intent logits and example, for each example."""
        for start in range(0, len(examples), _VALIDATION_BATCH):
            part = examples[start : start + _VALIDATION_BATCH]
            arrays = pad_words([one.ids for one in part])
            outputs = self.network([tf.constant(array) for array in arrays], training=False)
            emissions, logits = self._outputs(outputs)
            for row, example in enumerate(part):
                count = len(example.ids.tokens)
                yield (
                    np.zeros((count, 0)) if emissions is None else emissions[row, :count].numpy(),
                    np.zeros(0) if logits is None else logits[row].numpy(),
                    example,
                )

    def _outputs(self, outputs: Any) -> tuple[Any, Any]:
        if self._config.labels and self._config.intents:
            return outputs[0], outputs[1]
        return (outputs, None) if self._config.labels else (None, outputs)

    def _spans(self, emissions: np.ndarray, example: TaggedExample) -> list[Span]:
        if self._chain is None:
            return []
        transitions, start = bio_constraints(self._config.labels)
        chain = Chain(
            transitions + self._chain.transitions.numpy(),
            start + self._chain.start.numpy(),
            self._chain.end.numpy(),
        )
        tokens = example.ids.tokens
        tags, _ = chain.viterbi(emissions, code_tokens(tokens))
        return [
            Span(self._labels[label], tokens[begin].start, tokens[end - 1].end)
            for label, begin, end, _ in entity_spans(tags, tokens)
        ]

    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """See :class:`~zoo.training.objective.BatchedObjective`."""
        rng = np.random.default_rng([self._seed, epoch, int(group[0])])
        examples = [self._training[number] for number in group]
        made = [(one.ids, one.allowed) for one in examples]
        if self._swap is not None:
            made = [self._swap(one, rng) for one in examples]
        words, known, characters = pad_words([ids for ids, _ in made])
        words, known = self._hide(words, known, rng)
        allowed = np.zeros((*words.shape, made[0][1].shape[1]), bool)
        for row, (_, tags) in enumerate(made):
            allowed[row, : len(tags)] = tags
        lengths = np.asarray([len(ids.words) for ids, _ in made], np.int32)
        intents = np.asarray([one.intent for one in examples], np.int32)
        return words, known, characters, allowed, lengths, intents
