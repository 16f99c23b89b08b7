"""Training a tracker: of each slot one candidate is right, and each question is asked or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.tracking.arrays import Encoded, encoded_arrays, held_candidates
from zoo.dialogue.tracking.ontology import RULED_OUT
from zoo.dialogue.tracking.training.distractors import Distractors
from zoo.dialogue.tracking.training.examples import (
    TurnSwap,
    by_dialogue,
    targets,
    turn_examples,
)
from zoo.dialogue.training.batches import WordDropout
from zoo.dialogue.words import WordIds
from zoo.folder.figures import Measure
from zoo.training.batching import EvenBatches
from zoo.training.objective import BatchedObjective

_CACHED = 10_000  # texts


class TrackerObjective(BatchedObjective):
    """Cross-entropy of the candidates of each slot and of the questions; validated by joint goal.

    Args:
        task: a tracker; its network is trained.
        training: turns to learn from.
        validation: turns to choose on.
        batch: turns in a batch.
        seed: of the order, the hidden words and the swapped values.
        swapped_values: share of the turns in which a value is replaced.
        request_weight: weight of the questions' loss.
        distractors: other words of the turn that are candidates of each slot.

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
        distractors: int = 0,
    ) -> None:
        self._task, self._seed = task, seed
        self._examples = turn_examples(training)
        self._cache: dict[str, Encoded] = {}
        encoded = [self._encode(one.turn.user)[0] for one in self._examples]
        lengths = [len(ids.words) for ids in encoded]
        super().__init__(task.network, EvenBatches(lengths, batch, seed))
        self._validation = by_dialogue(validation)
        words = task.processor.words
        others = [w for w in words.words[words.known :] if w.isalpha()] if distractors else []
        self._swap = TurnSwap(task.ontology, swapped_values, others)
        self._request_weight = request_weight
        heard = [*encoded, *(self._encode(one.turn.system)[0] for one in self._examples)]
        self._hide = WordDropout(heard, task.config.known)
        self._distractors = Distractors(task.processor, distractors) if distractors else None
        added = self._distractors.places if self._distractors else {}
        candidates = len(task.ontology.candidates) + distractors * len(added)
        groups = np.zeros((len(task.ontology.groups), candidates), np.float32)
        for number, (slot, place) in enumerate(task.ontology.groups.items()):
            groups[number, place] = 1.0
            groups[number, added.get(slot, slice(0))] = 1.0
        self._groups = tf.constant(groups)
        self._questions = task.ontology.questions

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean loss of a batch's turns, in nats."""
        *inputs, wanted = batch
        logits = self.network(inputs, training=training)
        masked = logits[:, None] + (self._groups - 1) * 1e4
        sums = tf.reduce_logsumexp(masked, axis=2)
        right = tf.reduce_sum(logits[:, None] * self._groups * wanted[:, None], axis=2)
        loss = tf.reduce_mean(tf.reduce_sum(sums - right, axis=1))
        asked = self._questions
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
            held = [held_candidates(self._task.ontology, states[row]) for row in rows]
            arrays = self._arrays(turns, held)
            logits = self.network([tf.constant(one) for one in arrays], training=False).numpy()
            for row, turn, scores in zip(rows, turns, logits, strict=True):
                covered = self._encode(turn.user)[2], self._encode(turn.system)[2]
                scores[self._task.ontology.half_said(*covered)] = RULED_OUT
                said, _ = self._task.decide(scores, self._task.ontology)
                states[row] |= {slot: value for slot, (value, _) in said.items()}
                right += states[row] == turn.state
                total += 1
        return right / total

    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """See :class:`~zoo.training.objective.BatchedObjective`."""
        rng = np.random.default_rng([self._seed, epoch, int(group[0])])
        examples = [self._swap(self._examples[number], rng) for number in group]
        held = [held_candidates(self._task.ontology, one.before) for one in examples]
        turns = [one.turn for one in examples]
        arrays = list(self._arrays(turns, held))
        wanted = np.stack([targets(one, self._task.ontology) for one in examples])
        if self._distractors is not None:
            heard = [(self._encode(turn.user)[0], self._encode(turn.system)[0]) for turn in turns]
            arrays, wanted = self._distractors(arrays, turns, heard, wanted, rng)
        for first in (0, 5):  # words and known of both texts
            arrays[first : first + 2] = self._hide(arrays[first], arrays[first + 1], rng)
        return (*arrays, wanted)

    def _arrays(
        self, turns: Sequence[DialogueTurn], held: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        users = [self._encode(turn.user) for turn in turns]
        systems = [self._encode(turn.system) for turn in turns]
        return encoded_arrays(self._task.processor, users, systems, held)

    def _encode(self, text: str) -> Encoded:
        if text in self._cache:
            return self._cache[text]
        ids: WordIds = self._task.processor.encode(text)
        encoded = (ids, *self._task.processor.matches(ids))
        if len(self._cache) < _CACHED:  # texts with other values in them seldom come again
            self._cache[text] = encoded
        return encoded
