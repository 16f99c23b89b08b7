"""What the graphs of all dialogue networks share: reading words, as in Keras, and pooling them."""

from __future__ import annotations

import numpy as np

from zoo.dialogue.word_features import INPUTS, WIDTH, WordConfig
from zoo.dialogue.words import WordIds, pad_words
from zoo.inference.graph import GraphBuilder
from zoo.inference.graph_layers import (
    cast,
    convolution,
    dense,
    embedding,
    recurrent,
    recurrent_paths,
)


def read_words(graph: GraphBuilder, config: WordConfig) -> tuple[str, str]:
    """:func:`zoo.dialogue.word_features.read_words`, with inputs ``words``, ``known`` and
    ``characters``.

    Args:
        graph: the graph.
        config: the values.

    Returns:
        ``(batch, tokens, 2 * units)``, zero in the padding, and ``(batch, tokens)`` float32, 1
        where a word is.
    """
    words, known = (graph.input(name, np.int32, ("batch", "tokens")) for name in INPUTS[:2])
    characters = graph.input(INPUTS[2], np.int32, ("batch", "tokens", config.word_characters))
    real = is_real(graph, words)
    spelling = _read_spelling(graph, characters)
    parts = [embedding(graph, words, "word_vectors"), embedding(graph, known, "known_vectors")]
    x = graph.transpose(graph.concatenate([*parts, spelling], 2), 1, 0, 2)
    counts = graph.node("ReduceSum", real, graph.constant(np.array([1])), keepdims=0)
    # A message without words has an output of its own, which is made zero.
    lengths = graph.node("Max", cast(graph, counts, np.int32), graph.constant(1, dtype=np.int32))
    for number in range(1, config.layers + 1):
        paths = recurrent_paths(f"recurrent_{number}", "lstm", bidirectional=True)
        x, _ = recurrent(graph, x, paths, "lstm", lengths)
    tokens = graph.node("Mul", graph.transpose(x, 1, 0, 2), graph.unsqueeze(real, 2))
    return tokens, real


def pool_words(graph: GraphBuilder, tokens: str, real: str) -> str:
    """:func:`zoo.dialogue.word_features.pool_words` of what :func:`read_words` gives."""
    mask, one = graph.unsqueeze(real, 2), graph.constant(1.0)
    far_below = graph.node("Mul", graph.node("Sub", mask, one), graph.constant(100.0))
    highest = graph.node("ReduceMax", graph.node("Add", tokens, far_below), axes=[1], keepdims=0)
    some = graph.node("ReduceMax", mask, axes=[1], keepdims=0)
    axis = graph.constant(np.array([1]))
    count = graph.node("Max", graph.node("ReduceSum", mask, axis, keepdims=0), one)
    mean = graph.node("Div", graph.node("ReduceSum", tokens, axis, keepdims=0), count)
    return graph.concatenate([graph.node("Mul", highest, some), mean], 1)


def is_real(graph: GraphBuilder, ids: str) -> str:
    """1 where ids are not those of padding and 0 where they are, float32."""
    padding = graph.node("Equal", ids, graph.constant(0, dtype=np.int32))
    return cast(graph, graph.node("Not", padding), np.float32)


def dense_relu(graph: GraphBuilder, x: str, path: str) -> str:
    """A dense layer with ReLU."""
    return graph.node("Relu", dense(graph, x, path))


def message_inputs(ids: WordIds) -> dict[str, np.ndarray]:
    """A message as the inputs of :func:`read_words`, in a batch of its own."""
    return dict(zip(INPUTS, pad_words([ids]), strict=True))


def _read_spelling(graph: GraphBuilder, characters: str) -> str:
    """The convolution over the characters, and its maximum: ``(batch, tokens, filters)``."""
    real = graph.unsqueeze(is_real(graph, characters), 1)
    letters = graph.transpose(embedding(graph, characters, "character_vectors"), 0, 3, 1, 2)
    letters = graph.node("Mul", letters, real)
    around = (WIDTH // 2, WIDTH // 2)
    x = convolution(graph, letters, "spelling", (1, 1), ((0, 0), around))
    highest = graph.node("ReduceMax", graph.node("Mul", x, real), axes=[3], keepdims=0)
    return graph.transpose(highest, 0, 2, 1)
