"""``tagger_bilstm`` without Keras: a graph in ONNX Runtime, and the scores of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.decoding.crf import Chain, bio_constraints
from zoo.dialogue.graph_parts import dense_relu, message_inputs, pool_words, read_words
from zoo.dialogue.word_features import INPUTS
from zoo.dialogue.words import WordIds
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import dense
from zoo.inference.session import Session

EMISSIONS, INTENTS = "emissions", "intents"


class TaggerOutput(NamedTuple):
    """What the network tells of a message.

    Args:
        emissions: ``(tokens, tags)`` float32; no columns without labels.
        intents: ``(intents,)`` float32 logits.
    """

    emissions: np.ndarray
    intents: np.ndarray


def tagger_graph(config: Any, weights: Mapping[str, np.ndarray]) -> Graph:
    """``tagger_bilstm``: messages to ``emissions`` ``(batch, tokens, tags)`` and to ``intents``
    ``(batch, intents)``, which are logits; or to the one that there is.

    Args:
        config: a :class:`~zoo.dialogue.tagging.tagger_bilstm.TaggerConfig`.
        weights: arrays by variable path.
    """
    graph = GraphBuilder("tagger_bilstm", weights)
    tokens, real = read_words(graph, config)
    shift = ""
    if config.intents:
        pooled = pool_words(graph, tokens, real)
        if config.intent_units:
            pooled = dense_relu(graph, pooled, "message")
        logits = dense(graph, pooled, "intents")
        if config.labels:
            shift = dense(graph, graph.node("Softmax", logits, axis=-1), "intent_emissions")
        graph.output(INTENTS, logits, np.float32, ("batch", config.intents))
    if config.labels:
        emissions = dense(graph, tokens, "emissions")
        if shift:
            emissions = graph.node("Add", emissions, graph.unsqueeze(shift, 1))
        graph.output(EMISSIONS, emissions, np.float32, ("batch", "tokens", config.tags))
    return graph.build()


class TaggerInference:
    """Reads one message at a time, so that no result depends on what else is read.

    Args:
        config: a :class:`~zoo.dialogue.tagging.tagger_bilstm.TaggerConfig`.
        weights: arrays by variable path.

    Attributes:
        chain: the CRF's scores, in which no inside tag is without its entity; ``None`` without
            labels.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config = config
        self._session = Session(lambda: tagger_graph(config, weights))
        there = ((EMISSIONS, config.labels), (INTENTS, config.intents))
        self._outputs = [name for name, count in there if count]
        self.chain: Chain | None = None
        if config.labels:
            transitions, start = bio_constraints(config.labels)
            scores = (weights[f"chain/{name}"] for name in ("transitions", "start", "end"))
            learnt, first, last = (np.asarray(array, np.float64) for array in scores)
            self.chain = Chain(
                np.where(transitions < 0, transitions, learnt),
                np.where(start < 0, start, first),
                last,
            )

    def read(self, ids: WordIds) -> TaggerOutput:
        """Read a message."""
        outputs = self._session.run(message_inputs(ids), self._outputs)
        found = dict(zip(self._outputs, outputs, strict=True))
        return TaggerOutput(
            found.get(EMISSIONS, np.zeros((1, len(ids.words), 0), np.float32))[0, : len(ids.words)],
            found.get(INTENTS, np.zeros((1, 0), np.float32))[0],
        )

    def sessions(self) -> dict[str, Session]:
        """The part ``whole``; see :meth:`zoo.contracts.GraphInference.sessions`."""
        return {"whole": self._session}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        return self._session.run(dict(zip(INPUTS, inputs, strict=True)), self._outputs)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return found
