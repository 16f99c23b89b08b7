"""``tracker_lstm`` as ONNX graphs: a text, the candidates, and what a message says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.dialogue.graph_parts import dense_relu, is_real, pool_words, read_words
from zoo.dialogue.tracking.tracker_lstm import HEARD
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import dense, embedding

Weights = Mapping[str, np.ndarray]

HEARD_PARTS = ("tokens", "real", "match", "covered")
"""What the scores read of each of the two texts."""


def text_graph(config: Any, weights: Weights) -> Graph:
    """Texts to ``tokens`` ``(batch, tokens, 2 * units)`` and ``real`` ``(batch, tokens)``, 1 where
    a token is.

    Args:
        config: a :class:`~zoo.dialogue.tracking.tracker_lstm.TrackerConfig`.
        weights: arrays by variable path.
    """
    graph = GraphBuilder("tracker_lstm_text", weights)
    tokens, real = read_words(graph, config)
    graph.output("tokens", tokens, np.float32, ("batch", "tokens", 2 * config.units))
    graph.output("real", real, np.float32, ("batch", "tokens"))
    return graph.build()


def candidates_graph(config: Any, weights: Weights) -> Graph:
    """Candidates by their words to what they are compared by.

    Its inputs are ``value_words`` and ``slot_words`` ``(candidates, words)`` and ``kinds``
    ``(candidates,)``, int32; its outputs ``subject`` and ``slot`` ``(candidates, meaning)``.
    """
    graph = GraphBuilder("tracker_lstm_candidates", weights)
    value_words = graph.input("value_words", np.int32, ("candidates", "value_length"))
    slot_words = graph.input("slot_words", np.int32, ("candidates", "slot_length"))
    kinds = graph.input("kinds", np.int32, ("candidates",))
    slots = dense(graph, _mean_vector(graph, slot_words), "slot_meaning")
    values = dense(graph, _mean_vector(graph, value_words), "value_meaning")
    marks = embedding(graph, kinds, "kinds")
    subject = graph.node("Add", graph.node("Add", values, slots), marks)
    shape = ("candidates", config.meaning)
    graph.output("subject", subject, np.float32, shape)
    graph.output("slot", graph.node("Mul", slots, marks), np.float32, shape)
    return graph.build()


def scores_graph(config: Any, weights: Weights) -> Graph:
    """What messages say of the candidates: ``scores`` ``(batch, candidates)``, logits.

    Its inputs are, of the message and of the one that it answers, ``tokens`` and ``real`` as
    :func:`text_graph` gives them, ``match`` ``(batch, tokens, candidates)`` and ``covered``
    ``(batch, candidates)``; then ``held`` ``(batch, candidates)``, and ``subject`` and ``slot`` as
    :func:`candidates_graph` gives them.
    """
    graph = GraphBuilder("tracker_lstm_scores", weights)
    wide, by_candidate = 2 * config.units, ("batch", "candidates")
    heard = []
    for name in HEARD:
        steps = f"{name}_length"
        shapes: tuple[tuple[int | str, ...], ...] = (
            ("batch", steps, wide),
            ("batch", steps),
            ("batch", steps, "candidates"),
            by_candidate,
        )
        parts = zip(HEARD_PARTS, shapes, strict=True)
        heard.append([graph.input(f"{name}_{part}", np.float32, shape) for part, shape in parts])
    held = graph.input("held", np.float32, by_candidate)
    subject = graph.input("subject", np.float32, ("candidates", config.meaning))
    slot = graph.input("slot", np.float32, ("candidates", config.meaning))

    found, pooled, numbers = [], [], [held]
    for tokens, real, match, covered in heard:
        pooled.append(pool_words(graph, tokens, real))
        found.append(_found(graph, config, tokens, real, match, subject))
        nearest = graph.node("Mul", match, graph.unsqueeze(real, 2))
        numbers += [covered, graph.node("ReduceMax", nearest, axes=[1], keepdims=0)]
    numbers.append(graph.node("Mul", held, numbers[3]))
    both = dense_relu(graph, graph.concatenate(pooled, 1), "pooled")
    around = graph.node("Expand", graph.unsqueeze(both, 1), graph.node("Shape", found[0]))
    width = graph.constant(np.array([config.meaning]))
    shape = graph.concatenate([graph.node("Shape", held), width], 0)
    fixed = [graph.node("Expand", graph.unsqueeze(one, 0), shape) for one in (subject, slot)]
    columns = [*found, around, *fixed, *(graph.unsqueeze(number, 2) for number in numbers)]
    hidden = dense_relu(graph, graph.concatenate(columns, 2), "joined")
    scores = graph.squeeze(dense(graph, hidden, "scores"), 2)
    graph.output("scores", scores, np.float32, by_candidate)
    return graph.build()


def _found(
    graph: GraphBuilder, config: Any, tokens: str, real: str, match: str, subject: str
) -> str:
    """What each candidate finds in a text, ``(batch, candidates, hidden)``."""
    meant = graph.node("MatMul", dense(graph, tokens, "tokens"), graph.transpose(subject, 1, 0))
    meant = graph.node("Mul", meant, graph.constant(config.meaning**-0.5))
    scores = graph.node("Add", meant, _dense_of_one(graph, match, "likeness"))
    mask = graph.unsqueeze(real, 2)
    low = graph.node("Sub", mask, graph.constant(1.0))
    low = graph.node("Mul", low, graph.constant(1e4))
    scores = graph.node("Add", graph.node("Mul", scores, mask), low)
    weights = graph.transpose(graph.node("Softmax", scores, axis=1), 0, 2, 1)
    return dense_relu(graph, graph.node("MatMul", weights, tokens), "found")


def _dense_of_one(graph: GraphBuilder, x: str, path: str) -> str:
    """A dense layer from one number to one, without a bias."""
    return graph.node("Mul", x, graph.constant(graph.weight(f"{path}/kernel").ravel(), path))


def _mean_vector(graph: GraphBuilder, words: str) -> str:
    """The mean of the vectors of ``(candidates, words)``, padding left out."""
    real = graph.unsqueeze(is_real(graph, words), 2)
    axis = graph.constant(np.array([1]))
    vectors = graph.node("Mul", embedding(graph, words, "word_vectors"), real)
    total = graph.node("ReduceSum", vectors, axis, keepdims=0)
    count = graph.node("ReduceSum", real, axis, keepdims=0)
    return graph.node("Div", total, graph.node("Max", count, graph.constant(1.0)))
