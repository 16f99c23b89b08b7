"""The networks of :mod:`zoo.speech.networks` as ONNX graphs, whole and a few frames at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.ctc.graph_parts import (
    FEATURES,
    give_labels,
    recurrent_layers,
    whole_inputs,
    zero_padding_in_time,
    zero_padding_of_image,
)
from zoo.ctc.inference import GraphCTC, StreamingGraphCTC
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import convolution, halved

_CONTEXT = 2  # frames to the left that a causal convolution of width 3 sees
_HEIGHT_PADDING = (1, 1)

Weights = Mapping[str, np.ndarray]


def bidirectional(config: Any, weights: Weights) -> GraphCTC:
    """The inference of ``ctc_bilstm``.

    Args:
        config: a :class:`zoo.speech.networks.CTCBiLSTMConfig`.
        weights: arrays by variable path.
    """
    return GraphCTC(config, weights, bidirectional_graph)


def causal(config: Any, weights: Weights) -> StreamingGraphCTC:
    """The inference of ``ctc_lstm``.

    Args:
        config: a :class:`zoo.speech.networks.CTCLSTMConfig`.
        weights: arrays by variable path.
    """
    return StreamingGraphCTC(config, weights, causal_graph, chunk_graph)


def bidirectional_graph(config: Any, weights: Weights, *, padded: bool = True) -> Graph:
    """``ctc_bilstm`` on whole utterances: features and frames to ``logits`` and ``log_probs``."""
    graph = GraphBuilder("ctc_bilstm", weights)
    x, lengths = _convolved(graph, config, (1, 1), padded)
    x, _ = recurrent_layers(graph, x, config, lengths, bidirectional=True)
    give_labels(graph, x, config.labels)
    return graph.build()


def causal_graph(config: Any, weights: Weights, *, padded: bool = True) -> Graph:
    """``ctc_lstm`` on whole utterances: features and frames to ``logits`` and ``log_probs``."""
    graph = GraphBuilder("ctc_lstm", weights)
    x, lengths = _convolved(graph, config, (_CONTEXT, 0), padded)
    x, _ = recurrent_layers(graph, x, config, lengths, bidirectional=False)
    x = zero_padding_in_time(graph, x, lengths)
    if config.look_ahead:
        pads = graph.constant(np.array([0, 0, 0, config.look_ahead, 0, 0]))
        x = graph.node("Pad", x, pads)
    give_labels(graph, _row_convolution(graph, x, config), config.labels)
    return graph.build()


def chunk_graph(config: Any, weights: Weights) -> Graph:
    """``ctc_lstm`` on the next frames of streams.

    Its inputs are ``features`` ``(batch, 4 * outputs, bins)``, ``real`` ``(batch, outputs)``, 1
    before the end of the utterance and 0 after it, and the state: the frames that each convolution
    saw last, what each recurrent layer carries, and the outputs that the row convolution waits
    for. Output ``t`` is the one that lies ``look_ahead`` outputs back.
    """
    graph = GraphBuilder("ctc_lstm_chunk", weights)
    features = graph.input(FEATURES, np.float32, ("batch", "frames", config.bins))
    real = graph.input("real", np.float32, ("batch", "outputs"))
    x = graph.unsqueeze(features, 1)
    channels, height = 1, config.bins
    for number in (1, 2):
        name = f"context_{number}"
        before = graph.state(name, ("batch", channels, _CONTEXT, height))
        x = graph.concatenate([before, x], 2)
        graph.carry(name, graph.slice(x, 2, -_CONTEXT))
        x = convolution(graph, x, f"convolution_{number}", (2, 2), ((0, 0), _HEIGHT_PADDING))
        channels, height = config.channels, (height + 1) // 2
    names = [
        f"{part}_{number}"
        for number in range(1, config.layers + 1)
        for part in ("h", "c")[: CELLS[config.cell].states]
    ]
    states = [graph.state(name, ("batch", config.units)) for name in names]
    x, after = recurrent_layers(
        graph, _time_major(graph, x), config, states=states, bidirectional=False
    )
    for name, value in zip(names, after, strict=True):
        graph.carry(name, graph.squeeze(value, 0))
    x = graph.node("Mul", x, graph.unsqueeze(graph.transpose(real, 1, 0), 2))
    if config.look_ahead:
        ahead = graph.state("ahead", ("batch", config.look_ahead, config.units))
        x = graph.concatenate([graph.transpose(ahead, 1, 0, 2), x], 0)
        graph.carry("ahead", graph.transpose(graph.slice(x, 0, -config.look_ahead), 1, 0, 2))
    give_labels(graph, _row_convolution(graph, x, config), config.labels)
    return graph.build()


def _convolved(
    graph: GraphBuilder, config: Any, time_padding: tuple[int, int], padded: bool
) -> tuple[str, str]:
    """What the recurrent layers read, ``(time, batch, features)``, and the lengths of it."""
    x, lengths = whole_inputs(graph, config.bins, padded=padded)
    x = zero_padding_of_image(graph, graph.unsqueeze(x, 1), lengths)
    for number in (1, 2):
        x = convolution(graph, x, f"convolution_{number}", (2, 2), (time_padding, _HEIGHT_PADDING))
        lengths = halved(graph, lengths)
        if number == 1:  # the recurrent layers stop at each length by themselves
            x = zero_padding_of_image(graph, x, lengths)
    return _time_major(graph, x), lengths


def _time_major(graph: GraphBuilder, x: str) -> str:
    """``(batch, channels, time, height)`` to ``(time, batch, height * channels)``."""
    return graph.reshape(graph.transpose(x, 2, 0, 3, 1), 0, 0, -1)


def _row_convolution(graph: GraphBuilder, x: str, config: Any) -> str:
    """From ``look_ahead`` more steps than it gives, ``(time, batch, units)``."""
    taps = graph.weight("ahead/kernel")[..., 0]
    total = graph.constant(graph.weight("ahead/bias"), "ahead/bias")
    for number, tap in enumerate(taps):
        end = number - config.look_ahead
        shifted = graph.slice(x, 0, number, end) if end else graph.slice(x, 0, number)
        weighted = graph.node("Mul", shifted, graph.constant(tap, f"ahead/kernel_{number}"))
        total = graph.node("Add", total, weighted)
    return total
