"""``sentiment_lstm`` message by message, as a graph in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.dialogue.graph_parts import dense_relu, message_inputs, pool_words, read_words
from zoo.dialogue.word_features import INPUTS
from zoo.dialogue.words import WordIds
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import dense, embedding, recurrent, recurrent_paths
from zoo.inference.session import Session

STATES = ("h", "c")
"""What the LSTM over messages carries."""


def sentiment_graph(config: Any, weights: Mapping[str, np.ndarray]) -> Graph:
    """``sentiment_lstm`` on the next message of conversations.

    Its inputs are those of a message, ``speaker`` ``(batch,)`` int32 and the state ``(batch,
    context)``; its outputs ``moods`` ``(batch, moods)``, logits, and the state.

    Args:
        config: a :class:`~zoo.dialogue.mood.sentiment_lstm.SentimentConfig`.
        weights: arrays by variable path.
    """
    graph = GraphBuilder("sentiment_lstm", weights)
    tokens, real = read_words(graph, config)
    speaker = graph.input("speaker", np.int32, ("batch",))
    states = [graph.state(name, ("batch", config.context)) for name in STATES]
    message = dense_relu(graph, pool_words(graph, tokens, real), "message")
    spoken = graph.node("Add", message, embedding(graph, speaker, "speakers"))
    paths = recurrent_paths("context", "lstm")
    context, after = recurrent(graph, graph.unsqueeze(spoken, 0), paths, "lstm", states=states)
    both = graph.concatenate([message, graph.squeeze(context, 0)], 1)
    graph.output("moods", dense(graph, both, "moods"), np.float32, ("batch", config.moods))
    for name, value in zip(STATES, after, strict=True):
        graph.carry(name, graph.squeeze(value, 0))
    return graph.build()


class SentimentInference:
    """Reads one message at a time.

    Args:
        config: a :class:`~zoo.dialogue.mood.sentiment_lstm.SentimentConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._units = config.context
        self._session = Session(lambda: sentiment_graph(config, weights))

    def start(self) -> dict[str, np.ndarray]:
        """The state before the first message."""
        return {name: np.zeros(self._units, np.float32) for name in STATES}

    def read(
        self, ids: WordIds, speaker: int, state: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Read the next message of a conversation.

        Args:
            ids: the message.
            speaker: number of the speaker.
            state: before the message; it is not changed.

        Returns:
            ``(moods,)`` float32 logits, and the state after the message.
        """
        before = {name: state[name][None] for name in STATES}
        inputs = message_inputs(ids)
        logits, after = self._step(inputs, np.array([speaker], np.int32), before)
        return logits[0], {name: after[name][0] for name in STATES}

    def sessions(self) -> dict[str, Session]:
        """The part ``step``; see :meth:`zoo.contracts.GraphInference.sessions`."""
        return {"step": self._session}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        *messages, order, speakers = inputs
        state = {name: np.zeros((len(order), self._units), np.float32) for name in STATES}
        found = []
        for rows, speaker in zip(order.T, speakers.T, strict=True):
            given = {name: array[rows] for name, array in zip(INPUTS, messages, strict=True)}
            logits, state = self._step(given, speaker, state)
            found.append(logits)
        return [np.stack(found, axis=1)]

    def _step(
        self, message: Mapping[str, np.ndarray], speaker: np.ndarray, state: Mapping[str, Any]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        names = ["moods", *(f"next_{name}" for name in STATES)]
        logits, *after = self._session.run({**message, "speaker": speaker, **state}, names)
        return logits, dict(zip(STATES, after, strict=True))
