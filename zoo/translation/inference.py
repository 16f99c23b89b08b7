"""``seq2seq_lstm`` without Keras: the encoder once, then a step at a time, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.contracts import State
from zoo.inference.session import Session
from zoo.translation.attention_kinds import NONE
from zoo.translation.graphs import (
    attended_names,
    encoder_graph,
    state_names,
    step_graph,
    whole_graph,
)


class GraphTranslator:
    """A :class:`~zoo.contracts.TranslationInference` that runs ONNX graphs.

    Its state is what is attended to, a sentence a row, then what the decoder carries, a hypothesis
    a row, and last the length of the padded sources as the shape of an array without columns.

    Args:
        config: a :class:`~zoo.translation.seq2seq_values.Seq2SeqConfig`.
        weights: arrays by variable path.

    Attributes:
        attends: whether it tells what each token of the translation attends to.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.attends: bool = config.attention != NONE
        self._attended = attended_names(config)
        self._states = state_names(config)
        self._encoder = Session(lambda: encoder_graph(config, weights))
        self._step = Session(lambda: step_graph(config, weights))
        self._whole = Session(lambda: whole_graph(config, weights))

    def start(self, source: np.ndarray, rows: int = 1) -> State:
        """Read sources; see :meth:`zoo.contracts.TranslationInference.start`."""
        inputs = {"source": np.asarray(source, np.int32)}
        found = self._encoder.run(inputs, [*self._attended, *self._states])
        count = len(self._attended)
        states = [np.repeat(part, rows, axis=0) for part in found[count:]]
        if self.config.input_feeding:
            states.append(np.zeros((len(source) * rows, self.config.embedding), np.float32))
        return (*found[:count], *states, np.zeros((len(source), source.shape[1], 0), np.float32))

    def step(
        self, state: State, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, State]:
        """One step; see :meth:`zoo.contracts.TranslationInference.step`.

        Args:
            state: of the step before.
            rows: the rows of ``state`` to go on from, the same number for each sentence and
                sentences in order; a sentence may be left out with all of its rows.
            tokens: ``(rows,)`` the token that each has just written.
            k: how many following tokens are wanted.
        """
        state = self._chosen(state, np.asarray(rows))
        wanted = ["best_tokens", "best_log_probs"]
        best, log_probs, attention, after = self._advance(state, tokens, wanted, k)
        return best, log_probs, attention, after

    def score(
        self, source: np.ndarray, before: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of known translations; see
        :meth:`zoo.contracts.TranslationInference.score`."""
        if self.config.input_feeding:
            log_probs, attention = self._all_steps(source, before, "log_probs")
            chosen = np.take_along_axis(log_probs, np.asarray(after)[..., None], axis=2)[..., 0]
            return chosen, attention
        (chosen,), attention = self._run_whole(source, before, after, ["after_log_probs"])
        return chosen, attention

    def sessions(self) -> dict[str, Session]:
        """The parts ``encoder`` and ``step``, and without input feeding ``whole``; see
        :meth:`zoo.contracts.GraphInference.sessions`."""
        sessions = {"encoder": self._encoder, "step": self._step}
        return sessions if self.config.input_feeding else {**sessions, "whole": self._whole}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        source, target = inputs
        if self.config.input_feeding:
            logits, attention = self._all_steps(source, target, "logits")
        else:
            (logits,), attention = self._run_whole(source, target, target, ["logits"])
        return [logits, attention] if self.attends else [logits]

    def _chosen(self, state: State, rows: np.ndarray) -> State:
        """The state of some of its rows."""
        sentences, count = len(state[-1]), len(self._attended)
        if len(rows) == len(state[count]) and (rows == np.arange(len(rows))).all():
            return state
        each = len(state[count]) // sentences
        kept = rows[::each] // each
        by_sentence = [*state[:count], state[-1]]
        if len(kept) < sentences:
            by_sentence = [part[kept] for part in by_sentence]
        return (*by_sentence[:-1], *(part[rows] for part in state[count:-1]), by_sentence[-1])

    def _advance(
        self, state: State, tokens: np.ndarray, wanted: Sequence[str], k: int = 1
    ) -> tuple[Any, ...]:
        """The wanted outputs of a step, the attention and the state after it."""
        names = [*self._attended, *self._states, *(["answer"] * self.config.input_feeding)]
        inputs = dict(zip(names, state[:-1], strict=True))
        inputs["tokens"] = np.asarray(tokens, np.int32)
        inputs["k"] = np.array([min(k, self.config.vocabulary_size)], np.int64)
        count = len(self._attended)
        outputs = [*wanted, *(["attention"] * self.attends)]
        after = [f"next_{name}" for name in names[count:]]
        found = self._step.run(inputs, [*outputs, *after])
        new = (*state[:count], *found[len(outputs) :], state[-1])
        if self.attends:
            attention = found[len(wanted)]
        else:
            attention = np.zeros((len(tokens), state[-1].shape[1]), np.float32)
        return (*found[: len(wanted)], attention, new)

    def _run_whole(
        self, source: np.ndarray, before: np.ndarray, after: np.ndarray, wanted: Sequence[str]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        given = {"source": source, "before": before, "after": after}
        inputs = {name: np.asarray(ids, np.int32) for name, ids in given.items()}
        found = self._whole.run(inputs, [*wanted, *(["attention"] * self.attends)])
        if self.attends:
            return found[:-1], found[-1]
        return found, np.zeros((*before.shape, source.shape[1]), np.float32)

    def _all_steps(
        self, source: np.ndarray, tokens: np.ndarray, wanted: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """An output of each step and the attention, where steps must follow each other."""
        state, found = self.start(source), []
        for column in np.asarray(tokens).T:
            output, attention, state = self._advance(state, column, [wanted])
            found.append((output, attention))
        outputs, attentions = zip(*found, strict=True)
        return np.stack(outputs, axis=1), np.stack(attentions, axis=1)
