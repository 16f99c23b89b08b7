"""Trackers looked into: what one message says of one slot, on a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.dialogue.tracking.ontology import CARELESS, NOTHING, Candidate
from zoo.dialogue.tracking.tracker_lstm import HEARD
from zoo.dialogue.word_inspection import (
    dense,
    pool_message,
    read_message,
    short,
    word_features,
)
from zoo.inspection import operations as op
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape

TURN = "turn"
_SIDE = 5  # arrays of one of the two texts, see zoo.dialogue.tracking.arrays
_NAMES = {NOTHING: "(nothing)", CARELESS: "(anything)"}


class TrackerNetwork:
    """``tracker_lstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    It has one output, whose labels are the candidates. Gradients go to the words of the message and
    of the one that it answers; the likeness of words to the candidates' is given.

    Args:
        config: a :class:`zoo.dialogue.tracking.tracker_lstm.TrackerConfig`.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, weights
        self._match: list[np.ndarray] = []
        self._fixed: list[np.ndarray] = []

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Both texts' words ``(1, words, features)``; a run is about the candidates given last."""
        features, numbers = [], [arrays[-1]]
        self._match = []
        for start in (0, _SIDE):
            words, known, characters, match, covered = arrays[start : start + _SIDE]
            count = int((words != 0).sum())
            ids = words[:, :count], known[:, :count], characters[:, :count]
            features.append(word_features(self._weights, *ids))
            self._match.append(match[:, :count].transpose(0, 2, 1))
            numbers += [covered, match[:, :count].max(axis=1, initial=0)]
        numbers.append(numbers[0] * numbers[3])
        value_words, slot_words, kinds = arrays[2 * _SIDE : -1]
        values = self._mean_vector(value_words) @ self._weights["value_meaning/kernel"]
        slots = self._mean_vector(slot_words) @ self._weights["slot_meaning/kernel"]
        marks = self._weights["kinds/embeddings"][kinds]
        plain = np.stack(numbers, axis=-1).astype(values.dtype)
        self._fixed = [values + slots + marks, slots * marks, plain]
        return features

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, 1, candidates)``."""
        batch, weights = len(inputs[0].value), self._weights
        subject, slots, numbers = (
            tape.leaf(np.repeat(array, batch, axis=0)) for array in self._fixed
        )
        found, pooled = [], []
        for name, x, match in zip(HEARD, inputs, self._match, strict=True):
            if x.value.shape[1]:
                words = self._read(tape, name, x)
                pooled.append(pool_message(tape, words))
                answer = self._look(tape, name, words, match, subject)
            else:  # what is found in padding
                wide = 2 * self._config.units
                pooled.append(tape.leaf(np.zeros((batch, 2 * wide), x.value.dtype)))
                answer = tape.leaf(np.zeros((batch, subject.value.shape[1], wide), x.value.dtype))
            found.append(op.relu(tape, dense(tape, answer, weights, "found")))
        both = op.relu(tape, dense(tape, op.concatenate(tape, pooled), weights, "pooled"))
        both = op.reshape(tape, both, 1, self._config.hidden)
        around = op.repeat(tape, both, subject.value.shape[1], axis=1)
        joined = op.concatenate(tape, [*found, around, subject, slots, numbers])
        hidden = op.relu(tape, dense(tape, joined, weights, "joined"))
        scores = dense(tape, hidden, weights, "scores")
        return Outputs(op.reshape(tape, scores, 1, scores.value.shape[1]))

    def _read(self, tape: Tape, name: str, x: Node) -> Node:
        """A text; its runs get its name."""
        others = set(tape.runs)
        words = read_message(tape, x, self._config, self._weights, axis=name)
        for layer in [one for one in tape.runs if one not in others]:
            tape.runs[f"{name}/{layer}"] = tape.runs.pop(layer)
        return words

    def _look(self, tape: Tape, name: str, words: Node, match: np.ndarray, subject: Node) -> Node:
        """What each candidate looks at in a text ``(batch, candidates, 2 * units)``."""
        keys = op.transpose(tape, dense(tape, words, self._weights, "tokens"), (0, 2, 1))
        meant = op.scale(tape, op.matmul(tape, subject, keys), self._config.meaning**-0.5)
        alike = match * self._weights["likeness/kernel"].ravel()
        scores = op.add(tape, meant, tape.leaf(np.broadcast_to(alike, meant.value.shape)))
        attention = op.softmax(tape, scores)
        tape.attend(name, attention.value[:, None], "", name)
        return op.matmul(tape, attention, words)

    def _mean_vector(self, words: np.ndarray) -> np.ndarray:
        real = (words != 0)[..., None]
        vectors = self._weights["word_vectors/embeddings"][words] * real
        mean: np.ndarray = vectors.sum(axis=2) / np.maximum(real.sum(axis=2), 1)
        return mean.astype(vectors.dtype)


def turn_subject(
    arrays: Sequence[np.ndarray],
    slot: slice,
    candidates: Sequence[Candidate],
    texts: Sequence[Sequence[str]],
    message: str,
) -> InspectedInput:
    """A message and what it says of a slot, as an input.

    Args:
        arrays: the network's inputs for all candidates, see ``zoo.dialogue.tracking.arrays``.
        slot: the places of the slot's candidates.
        candidates: the slot's.
        texts: the words of the message, and of the one that it answers.
        message: the message.
    """
    by_candidate = {3: (..., slot), 4: (..., slot), 8: (..., slot), 9: (..., slot)}
    chosen = tuple(
        array[by_candidate.get(number, (slice(None), slot) if number >= 2 * _SIDE else ...)]
        for number, array in enumerate(arrays)
    )
    axes = {
        name: Steps("words", np.arange(len(words), dtype=np.float64), tuple(words))
        for name, words in zip(HEARD, texts, strict=True)
    }
    axes[TURN] = Steps(TURN, np.zeros(1), (short(message),))
    words = texts[0]
    return InspectedInput(
        chosen,
        axes,
        TURN,
        labels=[one.value or _NAMES[one.kind] for one in candidates],
        quantities={"place in message": np.arange(len(words), dtype=np.float64)},
        title=short(message, 80),
    )
