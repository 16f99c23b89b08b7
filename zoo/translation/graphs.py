"""``seq2seq_lstm`` as ONNX graphs: the encoder, a step of the decoder, and all steps at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import (
    cast,
    dense,
    embedding,
    layer_normalisation,
    recurrent,
    recurrent_paths,
)
from zoo.translation.attention_kinds import ADDITIVE, NONE, SCALED

_FAR_BELOW = -1e9
_PAD = 0

Weights = Mapping[str, np.ndarray]


def encoder_graph(config: Any, weights: Weights) -> Graph:
    """The encoder: ``source`` ``(sentences, source)`` int32, padded with 0 at the end, to what a
    step of the decoder reads of it, by the names of :func:`step_graph`'s inputs."""
    graph = GraphBuilder("seq2seq_lstm_encoder", weights)
    source = graph.input("source", np.int32, ("sentences", "source"))
    encoded = _encode(graph, config, source)
    for name, value in encoded.attended.items():
        shape = _attended_shapes(config)[name]
        graph.output(name, value, np.bool_ if name == "mask" else np.float32, shape)
    for name, value in zip(state_names(config), encoded.states, strict=True):
        graph.output(name, value, np.float32, ("sentences", config.units))
    return graph.build()


def step_graph(config: Any, weights: Weights) -> Graph:
    """A step of the decoder.

    Its inputs are ``tokens`` ``(rows,)`` int32, ``k`` ``(1,)`` int64, what the encoder says of each
    sentence (the rows of a sentence stand side by side, as many for each), and the state, ``(rows,
    units)`` each; with input feeding the last ``answer`` ``(rows, embedding)`` too, which begins as
    zeros. It gives ``logits`` and ``log_probs`` ``(rows, vocabulary)`` of the next token, the ``k``
    likeliest of them, the ``attention`` ``(rows, source)`` and the state.
    """
    graph = GraphBuilder("seq2seq_lstm_step", weights)
    tokens = graph.input("tokens", np.int32, ("rows",))
    k = graph.input("k", np.int64, (1,))
    attended = {
        name: graph.input(name, np.bool_ if name == "mask" else np.float32, shape)
        for name, shape in _attended_shapes(config).items()
    }
    names = state_names(config)
    states = [graph.state(name, ("rows", config.units)) for name in names]
    answer = ""
    if config.input_feeding:
        answer = graph.state("answer", ("rows", config.embedding))
    decoded = _decode(graph, config, graph.unsqueeze(tokens, 1), attended, states, answer)
    logits = _logits(graph, config, graph.squeeze(decoded.read, 1))
    log_probs = graph.node("LogSoftmax", logits, axis=-1)
    best, best_tokens = _likeliest(graph, log_probs, k, config.vocabulary_size)
    rows = ("rows", config.vocabulary_size)
    graph.output("logits", logits, np.float32, rows)
    graph.output("log_probs", log_probs, np.float32, rows)
    graph.output("best_tokens", best_tokens, np.int64, ("rows", "k"))
    graph.output("best_log_probs", best, np.float32, ("rows", "k"))
    if decoded.attention:
        attention = graph.squeeze(decoded.attention, 1)
        graph.output("attention", attention, np.float32, ("rows", "source"))
    for name, value in zip(names, decoded.states, strict=True):
        graph.carry(name, value)
    if answer:
        graph.carry("answer", graph.squeeze(decoded.answer, 1))
    return graph.build()


def whole_graph(config: Any, weights: Weights) -> Graph:
    """Encoder and decoder on translations that are known; not for networks with input feeding.

    Its inputs are ``source`` ``(batch, source)``, and ``before`` and ``after`` ``(batch, steps)``,
    the tokens before each step and those of the step, all int32. It gives ``logits`` ``(batch,
    steps, vocabulary)``, the ``after_log_probs`` ``(batch, steps)`` and the ``attention`` ``(batch,
    steps, source)``.
    """
    graph = GraphBuilder("seq2seq_lstm", weights)
    source = graph.input("source", np.int32, ("batch", "source"))
    before = graph.input("before", np.int32, ("batch", "steps"))
    after = graph.input("after", np.int32, ("batch", "steps"))
    encoded = _encode(graph, config, source)
    decoded = _decode(graph, config, before, encoded.attended, encoded.states)
    logits = _logits(graph, config, decoded.read)
    log_probs = graph.node("LogSoftmax", logits, axis=-1)
    chosen = graph.node("GatherElements", log_probs, graph.unsqueeze(after, 2), axis=2)
    graph.output("logits", logits, np.float32, ("batch", "steps", config.vocabulary_size))
    graph.output("after_log_probs", graph.squeeze(chosen, 2), np.float32, ("batch", "steps"))
    if decoded.attention:
        graph.output("attention", decoded.attention, np.float32, ("batch", "steps", "source"))
    return graph.build()


def state_names(config: Any) -> list[str]:
    """What the decoder's layers carry: ``h_1``, and ``c_1`` of an LSTM, and so on."""
    parts = ("h", "c")[: CELLS[config.cell].states]
    return [f"{part}_{layer}" for layer in range(1, config.decoder_layers + 1) for part in parts]


def attended_names(config: Any) -> list[str]:
    """What a step reads of the encoder besides the states."""
    return list(_attended_shapes(config))


@dataclass(frozen=True)
class _Encoded:
    attended: dict[str, str]
    states: list[str]


@dataclass(frozen=True)
class _Decoded:
    """``(rows, steps, ...)`` each, the states ``(rows, units)``; ``read`` by the softmax."""

    read: str
    attention: str
    states: list[str]
    answer: str


def _attended_shapes(config: Any) -> dict[str, tuple[int | str, ...]]:
    if config.attention == NONE:
        return {}
    rows = ("sentences", "source", config.units)
    # What is multiplied with has its axes in the order that a product wants.
    keys = rows if config.attention == ADDITIVE else ("sentences", config.units, "source")
    return {"keys": keys, "memory": rows, "mask": ("sentences", "source")}


def _embedded(graph: GraphBuilder, config: Any, ids: str, side: str) -> str:
    """Ids ``(batch, time)`` to ``(time, batch, embedding)``."""
    path = "embedding" if config.tie_embeddings else f"{side}_embedding"
    x = embedding(graph, graph.transpose(ids, 1, 0), path)
    return graph.node("Mul", x, graph.constant(config.embedding**0.5))


def _encode(graph: GraphBuilder, config: Any, source: str) -> _Encoded:
    mask = graph.node("Not", graph.node("Equal", source, graph.constant(_PAD, dtype=np.int32)))
    counted = cast(graph, mask, np.int32)
    lengths = graph.node("ReduceSum", counted, graph.constant(np.array([1])), keepdims=0)
    lengths = graph.node("Max", lengths, graph.constant(1, dtype=np.int32))
    x = _embedded(graph, config, source, "source")
    states: list[list[str]] = []
    for number in range(1, config.encoder_layers + 1):
        name = f"encoder_{number}"
        paths = recurrent_paths(name, config.cell, bidirectional=True)
        x, ends = recurrent(graph, x, paths, config.cell, lengths)
        # Both directions side by side: (directions, batch, units) to (batch, 2 * units).
        states.append([graph.reshape(graph.transpose(end, 1, 0, 2), 0, -1) for end in ends])
        if config.attention == NONE and number == config.encoder_layers:
            break
        x = _normalised(graph, config, x, f"{name}_normalization")
    attended = {}
    if config.attention != NONE:
        memory = graph.transpose(x, 1, 0, 2)
        keys = dense(graph, memory, "attention_keys")
        if config.attention == SCALED:
            keys = graph.node("Mul", keys, graph.constant(config.units**-0.5))
        if config.attention != ADDITIVE:
            keys = graph.transpose(keys, 0, 2, 1)
        attended = {"keys": keys, "memory": memory, "mask": mask}
    begins = [states[min(layer, len(states)) - 1] for layer in range(1, config.decoder_layers + 1)]
    return _Encoded(attended, [part for layer in begins for part in layer])


def _decode(
    graph: GraphBuilder,
    config: Any,
    tokens: str,
    attended: Mapping[str, str],
    states: Sequence[str],
    fed_back: str = "",
) -> _Decoded:
    """Steps of the decoder; with an answer that is fed back, one.

    Args:
        graph: the graph.
        config: the network's values.
        tokens: ``(rows, steps)`` int32.
        attended: what :func:`_encode` gives.
        states: ``(rows, units)`` each.
        fed_back: the last answer ``(rows, embedding)``.
    """
    x = _embedded(graph, config, tokens, "target")
    path, parts = "decoder_1", ""
    if fed_back:
        x = graph.concatenate([x, graph.unsqueeze(fed_back, 0)], 2)
        path, parts = "decoder_1/cell", "decoder_1/cell/"
    copies = CELLS[config.cell].states
    hidden, after = _layer(graph, config, x, path, states[:copies])
    norm = f"{parts}normalization" if parts else f"{path}_normalization"
    hidden = graph.transpose(_normalised(graph, config, hidden, norm), 1, 0, 2)
    attention = ""
    read = hidden
    if config.attention != NONE:
        context, attention = _attend(graph, config, hidden, attended, parts)
        read = graph.concatenate([hidden, context], 2)
    answer = graph.node("Tanh", dense(graph, read, f"{parts}attention_output"))
    top = answer
    if config.decoder_layers > 1:
        upper = graph.transpose(answer, 1, 0, 2)
        for number in range(2, config.decoder_layers + 1):
            name = f"decoder_{number}"
            own = states[copies * (number - 1) : copies * number]
            upper, ends = _layer(graph, config, upper, name, own)
            upper = _normalised(graph, config, upper, f"{name}_normalization")
            after += ends
        both = graph.concatenate([graph.transpose(upper, 1, 0, 2), answer], 2)
        top = graph.node("Tanh", dense(graph, both, "output"))
    return _Decoded(top, attention, after, answer)


def _logits(graph: GraphBuilder, config: Any, read: str) -> str:
    if config.tie_embeddings:
        return graph.node("MatMul", read, graph.transpose("embedding/embeddings", 1, 0))
    return dense(graph, read, "logits")


def _likeliest(graph: GraphBuilder, x: str, k: str, count: int) -> tuple[str, str]:
    """The ``k`` largest of each row of ``x`` ``(rows, count)``, and where they are.

    A long row is cut into blocks: the largest are in those blocks whose own largest are the
    largest, so few of its numbers need to be sorted.
    """
    width = _block_width(count)
    if not width:
        best, places = graph.nodes("TopK", x, k, outputs=2, axis=-1)
        return best, places
    blocks = graph.reshape(x, 0, count // width, width)
    heads = graph.node("ReduceMax", blocks, axes=[2], keepdims=0)
    most = graph.node("Min", k, graph.constant(np.array([count // width])))
    _, chosen = graph.nodes("TopK", heads, most, outputs=2, axis=-1)
    # A lower place first among equals, as without blocks.
    chosen, _ = graph.nodes("TopK", chosen, most, outputs=2, axis=-1, largest=0)
    kept = graph.node("GatherND", blocks, graph.unsqueeze(chosen, 2), batch_dims=1)
    best, places = graph.nodes("TopK", graph.reshape(kept, 0, -1), k, outputs=2, axis=-1)
    wide = graph.constant(width)
    block = graph.node("GatherElements", chosen, graph.node("Div", places, wide), axis=1)
    inside = graph.node("Mod", places, wide)
    return best, graph.node("Add", graph.node("Mul", block, wide), inside)


def _block_width(count: int) -> int:
    """How wide blocks of ``count`` numbers are, near its square root; 0 if it has no such part."""
    widths = [width for width in range(8, count // 8 + 1) if count % width == 0]
    return min(widths, key=lambda width: abs(width - count**0.5), default=0)


def _layer(
    graph: GraphBuilder, config: Any, x: str, path: str, states: Sequence[str]
) -> tuple[str, list[str]]:
    paths = recurrent_paths(path, config.cell)
    x, ends = recurrent(graph, x, paths, config.cell, states=states)
    return x, [graph.squeeze(end, 0) for end in ends]


def _normalised(graph: GraphBuilder, config: Any, x: str, path: str) -> str:
    return layer_normalisation(graph, x, path) if config.layer_normalization else x


def _attend(
    graph: GraphBuilder, config: Any, hidden: str, attended: Mapping[str, str], parts: str
) -> tuple[str, str]:
    """What the hidden states ``(rows, steps, units)`` attend to, and how much to each position.

    Rows of a sentence stand as steps here, so that they share its memory.
    """
    keys, memory, mask = (attended[name] for name in ("keys", "memory", "mask"))
    sentences = graph.length(memory, 0)
    rest = graph.constant(np.array([-1, config.units]))
    query = graph.node("Reshape", hidden, graph.node("Concat", sentences, rest, axis=0))
    if config.attention == ADDITIVE:
        query = dense(graph, query, f"{parts}attention_query")
        sums = graph.node("Add", graph.unsqueeze(query, 2), graph.unsqueeze(keys, 1))
        scores = dense(graph, graph.node("Tanh", sums), f"{parts}attention_score")
        scores = graph.squeeze(scores, 3)
    else:
        scores = graph.node("MatMul", query, keys)
    far_below = graph.constant(_FAR_BELOW)
    scores = graph.node("Where", graph.unsqueeze(mask, 1), scores, far_below)
    weights = graph.node("Softmax", scores, axis=-1)
    context = graph.node("MatMul", weights, memory)
    # Back to (rows, steps, ...).
    shape = graph.slice(graph.node("Shape", hidden), 0, 0, 2)

    def by_row(value: str, width: str) -> str:
        return graph.node("Reshape", value, graph.node("Concat", shape, width, axis=0))

    return (
        by_row(context, graph.constant(np.array([config.units]))),
        by_row(weights, graph.length(memory, 1)),
    )
