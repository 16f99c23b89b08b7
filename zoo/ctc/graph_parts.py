"""What the graphs of networks trained with CTC share; see :mod:`zoo.ctc.network_parts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.inference.graph import GraphBuilder
from zoo.inference.graph_layers import (
    dense,
    layer_normalisation,
    recurrent,
    recurrent_paths,
    time_mask,
)

FEATURES, FRAMES = "features", "frames"
LOGITS, LOG_PROBS = "logits", "log_probs"


def whole_inputs(graph: GraphBuilder, width: int, *, padded: bool = True) -> tuple[str, str]:
    """The inputs of a graph that reads whole sequences.

    Args:
        graph: the graph.
        width: of the features.
        padded: whether sequences may be shorter than the batch is long.

    Returns:
        ``features`` ``(batch, time, width)`` float32, padded, and ``frames`` ``(batch,)`` int32,
        how many of each count, at least 1; without padding ``""`` for all of them.
    """
    features = graph.input(FEATURES, np.float32, ("batch", "time", width))
    return features, graph.input(FRAMES, np.int32, ("batch",)) if padded else ""


def zero_padding(graph: GraphBuilder, x: str, axis: int, lengths: str, shape: Sequence[int]) -> str:
    """Zero the padded steps of a tensor.

    Args:
        graph: the graph.
        x: the tensor.
        axis: of the time.
        lengths: ``(batch,)`` int32 steps that count; ``""`` for all.
        shape: of the mask, see :func:`~zoo.inference.graph_layers.time_mask`.
    """
    return graph.node("Mul", x, time_mask(graph, x, axis, lengths, shape)) if lengths else x


def zero_padding_of_image(graph: GraphBuilder, x: str, lengths: str) -> str:
    """Zero the padded columns of ``(batch, channels, time, height)``."""
    return zero_padding(graph, x, 2, lengths, (0, 1, -1, 1))


def zero_padding_in_time(graph: GraphBuilder, x: str, lengths: str) -> str:
    """Zero the padded steps of ``(time, batch, features)``."""
    if not lengths:
        return x
    mask = time_mask(graph, x, 0, lengths, (0, -1, 1))
    return graph.node("Mul", x, graph.transpose(mask, 1, 0, 2))


def recurrent_layers(
    graph: GraphBuilder,
    x: str,
    config: Any,
    lengths: str = "",
    states: Sequence[str] = (),
    *,
    bidirectional: bool,
) -> tuple[str, list[str]]:
    """The stack of recurrent layers, each with its normalisation.

    Args:
        graph: the graph.
        x: ``(time, batch, features)``.
        config: has ``cell`` and ``layers``.
        lengths: ``(batch,)`` int32 steps that count; left out, all do.
        states: ``(batch, units)`` each, layer by layer; left out, zeros.
        bidirectional: whether it is read in both directions.

    Returns:
        ``(time, batch, features)`` and the states after the last step, ``(directions, batch,
        units)`` each, layer by layer.
    """
    copies, after = CELLS[config.cell].states, []
    for number in range(1, config.layers + 1):
        paths = recurrent_paths(f"recurrent_{number}", config.cell, bidirectional=bidirectional)
        own = states[copies * (number - 1) : copies * number]
        x, ends = recurrent(graph, x, paths, config.cell, lengths, own)
        x = layer_normalisation(graph, x, f"normalisation_{number}")
        after += ends
    return x, after


def give_labels(graph: GraphBuilder, x: str, labels: int, *, time_major: bool = True) -> None:
    """The last layer, and the outputs ``logits`` and ``log_probs`` ``(batch, outputs, labels)``.

    Args:
        graph: the graph.
        x: ``(outputs, batch, features)``.
        labels: how many there are.
        time_major: ``False`` if ``x`` has the batch first.
    """
    x = dense(graph, x, "logits")
    x = graph.transpose(x, 1, 0, 2) if time_major else x
    shape = ("batch", "outputs", labels)
    graph.output(LOGITS, x, np.float32, shape)
    graph.output(LOG_PROBS, graph.node("LogSoftmax", x, axis=-1), np.float32, shape)
