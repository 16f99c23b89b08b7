"""``tracker_lstm`` in NumPy and ONNX Runtime, for use without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo.dialogue.tracking.processor import CandidateIds, TrackedWords
from zoo.dialogue.tracking.tracker_lstm import HEARD
from zoo.dialogue.word_features import WordReader, pool_message


class Heard(NamedTuple):
    """A text as the scores see it.

    Args:
        tokens: ``(tokens, 2 * units)`` float32.
        match: ``(tokens, candidates)`` float32, see
            :meth:`~zoo.dialogue.tracking.processor.TrackedWords.matches`.
        covered: ``(candidates,)`` float32.
    """

    tokens: np.ndarray
    match: np.ndarray
    covered: np.ndarray


class TrackerInference:
    """Reads one message at a time.

    Args:
        config: a :class:`~zoo.dialogue.tracking.tracker_lstm.TrackerConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config = config
        self._reader = WordReader(config, weights)
        self._vectors = np.asarray(weights["word_vectors/embeddings"], np.float32)
        self._weights = {
            path: np.asarray(weights[path], np.float32)
            for path in config.shapes().keys() - config.word_shapes().keys()
        }
        self._known: tuple[CandidateIds, tuple[np.ndarray, ...]] | None = None

    def hear(self, text: str, processor: TrackedWords) -> Heard:
        """Read a text."""
        ids = processor.encode(text)
        tokens = self._reader.read(ids.words, ids.known, ids.characters)
        return Heard(tokens, *processor.matches(ids))

    def score(
        self, heard: tuple[Heard, Heard], candidates: CandidateIds, held: np.ndarray
    ) -> np.ndarray:
        """What a message says.

        Args:
            heard: the message, and the one that it answers.
            candidates: the ontology's.
            held: ``(candidates,)`` float32, 1 for the values that the state has.

        Returns:
            ``(candidates,)`` float32 logits.
        """
        subject, slots, marks = self._subjects(candidates)
        found, numbers, pooled = [], [held], []
        for part, _ in zip(heard, HEARD, strict=True):
            pooled.append(pool_message(part.tokens))
            numbers.append(part.covered)
            if not len(part.tokens):
                # The network's attention over padding alone finds what padding holds: zeros.
                nothing = np.zeros((len(held), part.tokens.shape[1]), np.float32)
                found.append(np.maximum(self._dense("found", nothing), 0.0))
                numbers.append(np.zeros(len(held), np.float32))
                continue
            meant = self._dense("tokens", part.tokens) @ subject.T
            meant = meant / np.float32(self._config.meaning**0.5)
            scores = meant + self._weights["likeness/kernel"][0, 0] * part.match
            raised = np.exp(scores - scores.max(axis=0))
            weights = raised / raised.sum(axis=0)
            found.append(np.maximum(self._dense("found", weights.T @ part.tokens), 0.0))
            numbers.append(part.match.max(axis=0))
        numbers.append(held * numbers[3])
        both = np.maximum(self._dense("pooled", np.concatenate(pooled)), 0.0)
        around = np.broadcast_to(both, (len(held), len(both)))
        columns = [*found, around, subject, slots * marks, np.stack(numbers, axis=1)]
        hidden = np.maximum(self._dense("joined", np.concatenate(columns, axis=1)), 0.0)
        return self._dense("scores", hidden)[:, 0].astype(np.float32)

    def _subjects(self, candidates: CandidateIds) -> tuple[np.ndarray, ...]:
        known = self._known
        if known is None or known[0] is not candidates:
            slots = self._mean_vectors(candidates.slots) @ self._weights["slot_meaning/kernel"]
            marks = self._weights["kinds/embeddings"][candidates.kinds]
            values = self._mean_vectors(candidates.words) @ self._weights["value_meaning/kernel"]
            known = self._known = candidates, (values + slots + marks, slots, marks)
        return known[1]

    def _mean_vectors(self, words: np.ndarray) -> np.ndarray:
        real = (words != 0).astype(np.float32)[..., None]
        summed = (self._vectors[words] * real).sum(axis=1)
        mean: np.ndarray = summed / np.maximum(real.sum(axis=1), 1.0)
        return mean

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = x @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        return found
