"""``tracker_lstm`` without Keras: its graphs in ONNX Runtime, a message at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.dialogue.graph_parts import message_inputs
from zoo.dialogue.tracking.graphs import HEARD_PARTS, candidates_graph, scores_graph, text_graph
from zoo.dialogue.tracking.processor import CandidateIds, TrackedWords
from zoo.dialogue.tracking.tracker_lstm import HEARD
from zoo.dialogue.word_features import INPUTS
from zoo.inference.session import Session

SUBJECT = ("subject", "slot")
"""What the candidates are compared by."""

_BLOCK = 8192  # candidates that are scored at a time, so that a large ontology fits into memory


class Heard(NamedTuple):
    """Texts as the scores see them, float32.

    Args:
        tokens: ``(batch, tokens, 2 * units)``.
        real: ``(batch, tokens)``, 1 where a token is.
        match: ``(batch, tokens, candidates)``, see
            :meth:`~zoo.dialogue.tracking.processor.TrackedWords.matches`.
        covered: ``(batch, candidates)``.
    """

    tokens: np.ndarray
    real: np.ndarray
    match: np.ndarray
    covered: np.ndarray

    @property
    def empty(self) -> bool:
        """Whether there is no token."""
        return not self.real.any()


class TrackerInference:
    """Reads one message at a time.

    Args:
        config: a :class:`~zoo.dialogue.tracking.tracker_lstm.TrackerConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._text = Session(lambda: text_graph(config, weights))
        self._candidates = Session(lambda: candidates_graph(config, weights))
        self._scores = Session(lambda: scores_graph(config, weights))
        self._known: tuple[CandidateIds, dict[str, np.ndarray]] | None = None

    def hear(self, text: str, processor: TrackedWords) -> Heard:
        """Read a text."""
        ids = processor.encode(text)
        match, covered = processor.matches(ids)
        if not len(match):  # padding, which nothing matches
            match = np.zeros((1, match.shape[1]), np.float32)
        return self._hear(message_inputs(ids), match[None], covered[None])

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
        known = self._known
        if known is None or known[0] is not candidates:
            ids = (candidates.words, candidates.slots, candidates.kinds)
            known = self._known = candidates, self._subject(*ids)
        return self._score(heard, known[1], held[None])[0]

    def sessions(self) -> dict[str, Session]:
        """The parts ``text``, ``candidates`` and ``scores``; see
        :meth:`zoo.contracts.GraphInference.sessions`."""
        return {"text": self._text, "candidates": self._candidates, "scores": self._scores}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        rows = []
        for row in range(len(inputs[0])):  # each may have candidates of its own
            one = [array[row : row + 1] for array in inputs]
            heard = []
            for texts in (one[:5], one[5:10]):
                ids = dict(zip(INPUTS, texts[:3], strict=True))
                heard.append(self._hear(ids, texts[3], texts[4]))
            subject = self._subject(*(array[0] for array in one[10:13]))
            rows.append(self._score((heard[0], heard[1]), subject, one[13]))
        return [np.concatenate(rows)]

    def _hear(self, ids: Mapping[str, np.ndarray], match: Any, covered: Any) -> Heard:
        tokens, real = self._text.run(ids, ["tokens", "real"])
        return Heard(tokens, real, match, covered)

    def _subject(
        self, value_words: np.ndarray, slot_words: np.ndarray, kinds: np.ndarray
    ) -> dict[str, np.ndarray]:
        inputs = {"value_words": value_words, "slot_words": slot_words, "kinds": kinds}
        return dict(zip(SUBJECT, self._candidates.run(inputs, SUBJECT), strict=True))

    def _score(
        self, heard: tuple[Heard, Heard], subject: Mapping[str, np.ndarray], held: np.ndarray
    ) -> np.ndarray:
        scores = []
        for first in range(0, held.shape[1], _BLOCK):
            block = slice(first, first + _BLOCK)
            inputs = {name: array[block] for name, array in subject.items()}
            inputs["held"] = held[:, block]
            for name, texts in zip(HEARD, heard, strict=True):
                part = Heard(
                    texts.tokens, texts.real, texts.match[..., block], texts.covered[:, block]
                )
                inputs |= {f"{name}_{one}": getattr(part, one) for one in HEARD_PARTS}
            scores.append(self._scores.run(inputs, ["scores"])[0])
        return scores[0] if len(scores) == 1 else np.concatenate(scores, axis=1)
