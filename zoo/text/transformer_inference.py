"""``char_transformer`` without Keras: an ONNX graph with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import dense, embedding, layer_normalisation
from zoo.inference.sampling import SteppedCharacters
from zoo.text.inference import GraphCharacters
from zoo.text.rotary import frequencies

_FAR_BELOW = -1e9


def transformer_graph(config: Any, weights: Mapping[str, np.ndarray]) -> Graph:
    """``char_transformer``: ids and state to ``logits``, ``log_probs`` and state.

    Its state is for each block the keys and values ``(batch, context, width)`` of the last
    characters, the latest at the end, and ``filled`` ``(batch, 1)``, how many of them there are.
    Keys are kept as they are before they are turned: turned they are by their place in the window,
    so that positions never grow.

    Args:
        config: a :class:`zoo.text.char_transformer.CharTransformerConfig`.
        weights: arrays by variable path.
    """
    graph = GraphBuilder("char_transformer", weights)
    ids = graph.input("ids", np.int32, ("batch", "time"))
    cached = ("batch", config.context, config.width)
    caches = [graph.state(name, cached) for name in _cache_names(config)]
    filled = graph.state("filled", ("batch", 1))
    window = _Window(graph, config, ids, filled)
    x = embedding(graph, ids, "embedding")
    hidden = []
    for number in range(1, config.layers + 1):
        block = f"block_{number}"
        normal = layer_normalisation(graph, x, f"{block}_attention_normalisation")
        keys, values = (
            graph.concatenate([cache, dense(graph, normal, f"{block}_{name}")], axis=1)
            for cache, name in zip(
                caches[2 * number - 2 : 2 * number], ("key", "value"), strict=True
            )
        )
        for cache, whole in zip(caches[2 * number - 2 : 2 * number], (keys, values), strict=True):
            graph.carry(cache, graph.slice(whole, 1, -config.context))
        answer = window.attend(dense(graph, normal, f"{block}_query"), keys, values)
        x = graph.node("Add", x, dense(graph, answer, f"{block}_output"))
        normal = layer_normalisation(graph, x, f"{block}_feed_normalisation")
        wide = _gelu(graph, dense(graph, normal, f"{block}_expand"))
        x = graph.node("Add", x, dense(graph, wide, f"{block}_contract"))
        hidden.append(x)
    x = layer_normalisation(graph, x, "normalisation")
    logits = graph.node("MatMul", x, graph.transpose("embedding/embeddings", 1, 0))
    shape = ("batch", "time", config.vocabulary_size)
    graph.output("logits", logits, np.float32, shape)
    graph.output("log_probs", graph.node("LogSoftmax", logits, axis=-1), np.float32, shape)
    for number, value in enumerate(hidden, 1):
        graph.output(f"hidden_{number}", value, np.float32, ("batch", "time", config.width))
    graph.carry("filled", window.filled)
    return graph.build()


class _Window:
    """What all blocks share: which places of the window each character sees, and their angles.

    Args:
        graph: the graph.
        config: the network's values.
        ids: ``(batch, time)``.
        filled: ``(batch, 1)``.
    """

    def __init__(self, graph: GraphBuilder, config: Any, ids: str, filled: str) -> None:
        self._graph, self._config = graph, config
        context = graph.constant(np.array(float(config.context)))
        time = graph.squeeze(graph.length(ids, 1), 0)
        steps = graph.node("Cast", time, to=1)
        last = graph.node("Add", steps, context)
        zero, one = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
        places = graph.node("Range", zero, last, one)  # (context + time,)
        own = graph.unsqueeze(graph.slice(places, 0, config.context), 1)
        back = graph.node("Sub", own, places)  # (time, context + time)
        near = graph.node("LessOrEqual", back, context)
        seen = graph.node("And", near, graph.node("GreaterOrEqual", back, zero))
        empty = graph.node("Sub", context, filled)  # (batch, 1)
        real = graph.unsqueeze(graph.node("GreaterOrEqual", places, empty), 1)
        self._seen = graph.unsqueeze(graph.node("And", seen, real), 1)
        rates = graph.constant(frequencies(config.width // config.heads), "frequencies")
        angles = graph.node("Mul", graph.unsqueeze(places, 1), rates)
        self._turn = [graph.node(name, angles) for name in ("Cos", "Sin")]
        self._own_turn = [graph.slice(one, 0, config.context) for one in self._turn]
        self.filled = graph.node("Min", graph.node("Add", filled, steps), context)

    def attend(self, query: str, keys: str, values: str) -> str:
        """The answer ``(batch, time, width)`` to queries."""
        graph, head = self._graph, self._config.width // self._config.heads
        turned = self._turned(self._heads(query), self._own_turn)
        turned_keys = graph.transpose(self._turned(self._heads(keys), self._turn), 0, 1, 3, 2)
        scores = graph.node("MatMul", turned, turned_keys)
        scores = graph.node("Mul", scores, graph.constant(np.array(head**-0.5)))
        far = graph.constant(np.array(_FAR_BELOW))
        scores = graph.node("Where", self._seen, scores, far)
        weights = graph.node("Softmax", scores, axis=-1)
        answer = graph.node("MatMul", weights, self._heads(values))
        return graph.reshape(graph.transpose(answer, 0, 2, 1, 3), 0, 0, self._config.width)

    def _heads(self, x: str) -> str:
        heads = self._config.heads
        split = self._graph.reshape(x, 0, 0, heads, self._config.width // heads)
        return self._graph.transpose(split, 0, 2, 1, 3)

    def _turned(self, x: str, turn: Sequence[str]) -> str:
        graph, half = self._graph, self._config.width // self._config.heads // 2
        first, second = graph.slice(x, 3, 0, half), graph.slice(x, 3, half)
        cosine, sine = turn

        def mixed(operator: str, a: str, b: str) -> str:
            return graph.node(operator, graph.node("Mul", first, a), graph.node("Mul", second, b))

        return graph.concatenate([mixed("Sub", cosine, sine), mixed("Add", sine, cosine)], axis=3)


def _gelu(graph: GraphBuilder, x: str) -> str:
    """The Gaussian error linear unit by its tanh formula."""

    def number(value: float) -> str:
        return graph.constant(np.array(value))

    cube = graph.node("Mul", graph.node("Mul", x, x), x)
    inner = graph.node("Add", x, graph.node("Mul", cube, number(0.044715)))
    squashed = graph.node("Tanh", graph.node("Mul", inner, number((2 / np.pi) ** 0.5)))
    half = graph.node("Mul", x, number(0.5))
    return graph.node("Mul", half, graph.node("Add", squashed, number(1.0)))


def _cache_names(config: Any) -> list[str]:
    return [f"{part}_{n}" for n in range(1, config.layers + 1) for part in ("keys", "values")]


class TransformerGraph(GraphCharacters, SteppedCharacters):
    """A :class:`~zoo.contracts.CharacterInference` with caches of keys and values.

    Args:
        config: a :class:`zoo.text.char_transformer.CharTransformerConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        states = [*_cache_names(config), "filled"]
        super().__init__(config, states, lambda: transformer_graph(config, weights))

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Empty caches ``(batch, context, width)`` of keys and values, and that they are empty."""
        shape = (batch, self.config.context, self.config.width)
        caches = [np.zeros(shape, np.float32) for _ in self._states[:-1]]
        return [*caches, np.zeros((batch, 1), np.float32)]

    def _advance(
        self, ids: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        logits, *after = self._run(ids, state, ["logits", *self._next_states])
        return logits, after
