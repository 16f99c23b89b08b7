"""The networks of lines and of pen strokes as ONNX graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.ctc.graph_parts import (
    give_labels,
    recurrent_layers,
    whole_inputs,
    zero_padding,
    zero_padding_in_time,
    zero_padding_of_image,
)
from zoo.ctc.inference import GraphCTC
from zoo.handwriting.crnn import CONVOLUTIONS
from zoo.handwriting.pen_bilstm import POINTS_SEEN
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import (
    convolution,
    dense,
    halved,
    layer_normalisation,
)

Weights = Mapping[str, np.ndarray]


def lines(config: Any, weights: Weights) -> GraphCTC:
    """The inference of ``crnn``.

    Args:
        config: a :class:`zoo.handwriting.crnn.CRNNConfig`.
        weights: arrays by variable path.
    """
    return GraphCTC(config, weights, line_graph)


def pen(config: Any, weights: Weights) -> GraphCTC:
    """The inference of ``pen_bilstm``.

    Args:
        config: a :class:`zoo.handwriting.pen_bilstm.PenBiLSTMConfig`.
        weights: arrays by variable path.
    """
    return GraphCTC(config, weights, pen_graph)


def line_graph(config: Any, weights: Weights, *, padded: bool = True) -> Graph:
    """``crnn``: columns of pixels and how many count to ``logits`` and ``log_probs``."""
    graph = GraphBuilder("crnn", weights)
    columns, lengths = whole_inputs(graph, config.height, padded=padded)
    x = zero_padding_of_image(graph, graph.unsqueeze(columns, 1), lengths)
    for number, layer in enumerate(CONVOLUTIONS, 1):
        name, padding = f"convolution_{number}", (layer.size // 2, layer.size // 2)
        x = convolution(graph, x, name, layer.strides, (padding, padding))
        lengths = halved(graph, lengths) if layer.strides[0] == 2 else lengths
        if layer.normalised:
            x = graph.transpose(x, 0, 2, 3, 1)
            x = layer_normalisation(graph, x, f"{name}_normalisation", axis=2)
            x = graph.transpose(x, 0, 3, 1, 2)
        if number < len(CONVOLUTIONS):  # the recurrent layers stop at each length by themselves
            x = zero_padding_of_image(graph, x, lengths)
    x = graph.reshape(graph.transpose(x, 2, 0, 3, 1), 0, 0, -1)
    x, _ = recurrent_layers(graph, x, config, lengths, bidirectional=True)
    x = zero_padding_in_time(graph, x, lengths)
    x = graph.node("Relu", dense(graph, x, "projection"))
    x = graph.reshape(graph.transpose(x, 1, 0, 2), 0, -1, config.projection)
    give_labels(graph, x, config.labels, time_major=False)
    return graph.build()


def pen_graph(config: Any, weights: Weights, *, padded: bool = True) -> Graph:
    """``pen_bilstm``: points and how many count to ``logits`` and ``log_probs``."""
    graph = GraphBuilder("pen_bilstm", weights)
    points, lengths = whole_inputs(graph, config.features, padded=padded)
    x = graph.transpose(points, 0, 2, 1)
    padding = (POINTS_SEEN // 2, POINTS_SEEN // 2)
    for number in (1, 2):
        x = zero_padding(graph, x, 2, lengths, (0, 1, -1))
        x = convolution(graph, x, f"convolution_{number}", (2,), (padding,))
        lengths = halved(graph, lengths)
    x = layer_normalisation(graph, graph.transpose(x, 2, 0, 1), "normalisation_0")
    x, _ = recurrent_layers(graph, x, config, lengths, bidirectional=True)
    give_labels(graph, x, config.labels)
    return graph.build()
