"""Training a tracker: of each slot one candidate is right, and each question is asked or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.tracking.arrays import Encoded, encoded_arrays
from zoo.dialogue.tracking.training.examples import (
    TurnExample,
    TurnSwap,
    by_dialogue,
    targets,
    turn_examples,
)
from zoo.dialogue.training.batches import WordDropout
from zoo.dialogue.words import WordIds
from zoo.folder.figures import Measure
from zoo.training.batching import EvenBatches, LazyBatches


class TrackerObjective:
    """Cross-entropy of the candidates of each slot and of the questions; validated by joint goal.

    Args:
        task: a tracker; its network is trained.
        training: turns to learn from.
        validation: turns to choose on.
        batch: turns in a batch.
        seed: of the order, the hidden words and the swapped values.
        swapped_values: share of the turns in which a value is replaced.
        request_weight: weight of the questions' loss.

    Raises:
        DataError: there are no turns.
    """

    validation_figure = Measure("joint_goal_accuracy", "%", 100.0, higher_is_better=True)

    def __init__(
        self,
        task: Any,
        training: Sequence[DialogueTurn],
        validation: Sequence[DialogueTurn],
        *,
        batch: int,
        seed: int,
        swapped_values: float = 0.3,
        request_weight: float = 1.0,
    ) -> None:
        self.network: keras.Model = task.network
        self._task, self._seed = task, seed
        self._examples = turn_examples(training)
        self._validation = by_dialogue(validation)
        self._swap = TurnSwap(task.ontology, swapped_values)
        self._request_weight = request_weight
        self._cache: dict[str, Encoded] = {}
        encoded = [self._encode(one.turn.user)[0] for one in self._examples]
        heard = [*encoded, *(self._encode(one.turn.system)[0] for one in self._examples)]
        self._hide = WordDropout(heard, task.config.known)
        self._batches = EvenBatches([len(ids.words) for ids in encoded], batch, seed)
        self.steps_per_epoch = self._batches.steps
        groups = np.zeros((len(task.ontology.groups), len(task.ontology.candidates)), np.float32)
        for number, place in enumerate(task.ontology.groups.values()):
            groups[number, place] = 1.0
        self._groups = tf.constant(groups)
        self._first_question = task.ontology.questions.start

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """See :class:`zoo.training.objective.Objective`."""
        return LazyBatches(self._batches.groups(epoch), self._batch, epoch)

    def initial_carry(self) -> list[np.ndarray]:
        """Nothing is carried from batch to batch."""
        return []

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean loss of a batch's turns, in nats."""
        *inputs, wanted = batch
        logits = self.network(inputs, training=training)
        masked = logits[:, None] + (self._groups - 1) * 1e4
        sums = tf.reduce_logsumexp(masked, axis=2)
        right = tf.reduce_sum(logits[:, None] * self._groups * wanted[:, None], axis=2)
        loss = tf.reduce_mean(tf.reduce_sum(sums - right, axis=1))
        asked = slice(self._first_question, None)
        each = tf.nn.sigmoid_cross_entropy_with_logits(
            labels=wanted[:, asked], logits=logits[:, asked]
        )
        return loss + self._request_weight * tf.reduce_mean(tf.reduce_sum(each, axis=1)), carry

    def validate(self) -> float:
        """Share of the validation turns after which the whole state is right."""
        states: list[dict[str, str]] = [{} for _ in self._validation]
        right = total = 0
        for number in range(max(map(len, self._validation))):
            rows = [row for row, turns in enumerate(self._validation) if number < len(turns)]
            turns = [self._validation[row][number] for row in rows]
            held = [self._task.held(states[row]) for row in rows]
            arrays = self._arrays(turns, held)
            logits = self.network([tf.constant(one) for one in arrays], training=False).numpy()
            for row, turn, scores in zip(rows, turns, logits, strict=True):
                said, _ = self._task.decide(scores)
                states[row] |= {slot: value for slot, (value, _) in said.items()}
                right += states[row] == turn.state
                total += 1
        return right / total

    def _batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng([self._seed, epoch, int(group[0])])
        examples = [self._swap(self._examples[number], rng) for number in group]
        held = [self._task.held(one.before) for one in examples]
        arrays = list(self._arrays([one.turn for one in examples], held))
        for first in (0, 5):  # words and known of both texts
            arrays[first : first + 2] = self._hide(arrays[first], arrays[first + 1], rng)
        return (*arrays, self._wanted(examples))

    def _wanted(self, examples: Sequence[TurnExample]) -> np.ndarray:
        return np.stack([targets(one, self._task.ontology) for one in examples])

    def _arrays(
        self, turns: Sequence[DialogueTurn], held: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        users = [self._encode(turn.user) for turn in turns]
        systems = [self._encode(turn.system) for turn in turns]
        return encoded_arrays(self._task.processor, users, systems, held)

    def _encode(self, text: str) -> Encoded:
        if text not in self._cache:
            ids: WordIds = self._task.processor.encode(text)
            self._cache[text] = (ids, *self._task.processor.matches(ids))
        return self._cache[text]
