"""Translators looked into: the network on a tape, and the steps of a sentence pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.inspection import operations as op
from zoo.inspection.recurrence import CellWeights, bidirectional, recurrent
from zoo.inspection.run import JoinedRun
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape

SOURCE, TARGET = "source", "target"
_NONE, _SCALED, _ADDITIVE = "none", "scaled", "additive"


class TranslationNetwork:
    """``seq2seq_lstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.translation.seq2seq_values.Seq2SeqConfig`.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, weights

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Embedded subwords of the source and of the translation ``(1, subwords, embedding)``."""
        tied = self._config.tie_embeddings
        names = ("embedding", "embedding") if tied else ("source_embedding", "target_embedding")
        factor = self._config.embedding**0.5
        return [
            self._weights[f"{name}/embeddings"][ids] * factor
            for name, ids in zip(names, arrays, strict=True)
        ]

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, steps, vocabulary)`` of the subword that follows each of the target."""
        config, weights = self._config, self._weights
        source, target = inputs
        memory, states = self._encode(tape, source)
        keys = None
        if config.attention != _NONE:
            keys = op.dense(tape, memory, weights["attention_keys/kernel"])
        if config.input_feeding:
            answer = self._fed_back(tape, target, states[0], keys, memory)
        else:
            hidden = self._layer(tape, 1, target, states[0])
            answer, attention = self._attend(tape, "", hidden, keys, memory)
            if attention is not None:
                tape.attend("attention", attention.value[:, None], TARGET, SOURCE)
        if config.decoder_layers > 1:
            upper = answer
            for number in range(2, config.decoder_layers + 1):
                upper = self._layer(tape, number, upper, states[number - 1])
            both = op.concatenate(tape, [upper, answer])
            answer = op.tanh(tape, self._dense(tape, both, "output"))
        if config.tie_embeddings:
            return Outputs(op.dense(tape, answer, weights["embedding/embeddings"].T))
        return Outputs(self._dense(tape, answer, "logits"))

    def _encode(self, tape: Tape, x: Node) -> tuple[Node, list[list[Node]]]:
        """The encoder's outputs, and the states that each decoder layer begins with."""
        config, ends = self._config, []
        for number in range(1, config.encoder_layers + 1):
            name = f"encoder_{number}"
            x, states = bidirectional(tape, name, x, self._weights, config.cell, axis=SOURCE)
            ends.append(states)
            x = self._normalise(tape, x, f"{name}_normalization")
        return x, [ends[min(n, len(ends) - 1)] for n in range(config.decoder_layers)]

    def _layer(self, tape: Tape, number: int, x: Node, state: Sequence[Node]) -> Node:
        name = f"decoder_{number}"
        cell = CellWeights.of_layer(self._weights, name, self._config.cell)
        x, _ = recurrent(tape, name, x, cell, axis=TARGET, state=state)
        return self._normalise(tape, x, f"{name}_normalization")

    def _attend(
        self, tape: Tape, prefix: str, hidden: Node, keys: Node | None, memory: Node
    ) -> tuple[Node, Node | None]:
        """The answer ``(batch, steps, embedding)`` and the attention."""
        attention = None
        if keys is not None:
            attention = op.softmax(tape, self._scores(tape, prefix, hidden, keys))
            hidden = op.concatenate(tape, [hidden, op.matmul(tape, attention, memory)])
        return op.tanh(tape, self._dense(tape, hidden, f"{prefix}attention_output")), attention

    def _scores(self, tape: Tape, prefix: str, hidden: Node, keys: Node) -> Node:
        config = self._config
        if config.attention == _ADDITIVE:
            queries = self._dense(tape, hidden, f"{prefix}attention_query")
            (_, steps, units), source = queries.value.shape, keys.value.shape[1]
            rows = op.repeat(tape, op.reshape(tape, queries, steps, 1, units), source, axis=2)
            columns = op.repeat(tape, op.reshape(tape, keys, 1, source, units), steps, axis=1)
            sums = op.tanh(tape, op.add(tape, rows, columns))
            kernel = self._weights[f"{prefix}attention_score/kernel"]
            return op.reshape(tape, op.dense(tape, sums, kernel), steps, source)
        scores = op.matmul(tape, hidden, op.transpose(tape, keys, (0, 2, 1)))
        if config.attention == _SCALED:
            return op.scale(tape, scores, keys.value.shape[-1] ** -0.5)
        return scores

    def _fed_back(
        self, tape: Tape, target: Node, state: Sequence[Node], keys: Node | None, memory: Node
    ) -> Node:
        """The first decoder layer and its attention step by step, each answer fed to the next."""
        path, config = "decoder_1/cell", self._config
        cell = CellWeights.of_layer(self._weights, path, config.cell)
        batch, steps, width = target.value.shape
        answer = tape.leaf(np.zeros((batch, 1, width), target.value.dtype))
        answers, attention, runs = [], [], []
        for step in range(steps):
            embedded = op.take(tape, target, (slice(step, step + 1),))
            x = op.concatenate(tape, [embedded, answer])
            hidden, state = recurrent(tape, "decoder_1", x, cell, axis=TARGET, state=state)
            runs.append(tape.runs.pop("decoder_1"))
            hidden = self._normalise(tape, hidden, f"{path}/normalization")
            answer, weights = self._attend(tape, f"{path}/", hidden, keys, memory)
            answers.append(answer)
            attention.append(weights)
        tape.runs["decoder_1"] = JoinedRun(runs)
        attended = np.concatenate([one.value for one in attention if one is not None], axis=1)
        tape.attend("attention", attended[:, None], TARGET, SOURCE)
        return op.stack_steps(tape, answers)

    def _dense(self, tape: Tape, x: Node, name: str) -> Node:
        return op.dense(tape, x, self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"])

    def _normalise(self, tape: Tape, x: Node, name: str) -> Node:
        if f"{name}/gamma" not in self._weights:
            return x
        return op.layer_normalisation(
            tape, x, self._weights[f"{name}/gamma"], self._weights[f"{name}/beta"]
        )


def pair_subject(
    source: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    source_pieces: Sequence[str],
    pieces: Sequence[str],
    vocabulary: Sequence[str],
    title: str,
) -> InspectedInput:
    """A sentence and its translation as an input.

    Args:
        source: ``(source,)`` ids.
        before: ``(steps,)`` the subword that is read at each step of the decoder.
        after: ``(steps,)`` the subword that each step writes.
        source_pieces: texts of ``source``.
        pieces: texts of ``after``.
        vocabulary: subwords by id.
        title: the input in one line.
    """
    axes = {
        TARGET: Steps("subwords", np.arange(len(after), dtype=np.float64), tuple(pieces)),
        SOURCE: Steps("subwords", np.arange(len(source), dtype=np.float64), tuple(source_pieces)),
    }
    quantities = {
        "place in sentence": np.arange(len(after), dtype=np.float64),
        "begins a word": np.array([one.startswith("▁") for one in pieces], np.float64),
        "punctuation": np.array([not any(map(str.isalnum, one)) for one in pieces], np.float64),
    }
    return InspectedInput(
        (source[None], before[None]),
        axes,
        TARGET,
        targets=after,
        labels=vocabulary,
        quantities=quantities,
        title=title,
        read_axes=(SOURCE, TARGET),
    )
