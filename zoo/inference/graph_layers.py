"""Keras's layers as parts of an ONNX graph, with the weights under Keras's variable paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.inference.graph import GraphBuilder

_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
# Keras has an LSTM's gates as i, f, c, o; ONNX as i, o, f, c. A GRU has z, r, h in both.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "rnn": (0,)}
_EPSILON = 1e-3  # of Keras's LayerNormalization


def dense(graph: GraphBuilder, x: str, path: str) -> str:
    """A ``keras.layers.Dense`` without its activation, with or without a bias."""
    kernel = graph.constant(graph.weight(f"{path}/kernel"), f"{path}/kernel")
    x = graph.node("MatMul", x, kernel)
    if not graph.has_weight(f"{path}/bias"):
        return x
    return graph.node("Add", x, graph.constant(graph.weight(f"{path}/bias"), f"{path}/bias"))


def embedding(graph: GraphBuilder, ids: str, path: str) -> str:
    """The rows of an embedding, one more axis than ``ids``."""
    table = graph.constant(graph.weight(f"{path}/embeddings"), f"{path}/embeddings")
    return graph.node("Gather", table, ids)


def convolution(
    graph: GraphBuilder,
    x: str,
    path: str,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> str:
    """A convolution and ReLU.

    Args:
        graph: the graph.
        x: ``(batch, channels, time)`` or ``(batch, channels, time, height)``.
        path: of the layer; its kernel is ``(*size, channels, filters)``.
        strides: for each axis of the kernel.
        padding: zeros before and after, for each axis of the kernel.
    """
    kernel = graph.weight(f"{path}/kernel")
    axes = range(kernel.ndim - 2)
    kernel = kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *axes)
    x = graph.node(
        "Conv",
        x,
        graph.constant(kernel, f"{path}/kernel"),
        graph.constant(graph.weight(f"{path}/bias"), f"{path}/bias"),
        strides=list(strides),
        pads=[before for before, _ in padding] + [after for _, after in padding],
    )
    return graph.node("Relu", x)


def layer_normalisation(graph: GraphBuilder, x: str, path: str, axis: int = -1) -> str:
    """A ``keras.layers.LayerNormalization`` of the axes from ``axis`` on."""
    gamma, beta = (
        graph.constant(graph.weight(f"{path}/{name}"), f"{path}/{name}")
        for name in ("gamma", "beta")
    )
    return graph.node("LayerNormalization", x, gamma, beta, axis=axis, epsilon=_EPSILON)


def recurrent(
    graph: GraphBuilder,
    x: str,
    paths: Sequence[str],
    cell: str,
    lengths: str = "",
    states: Sequence[str] = (),
) -> tuple[str, list[str]]:
    """A recurrent layer.

    Args:
        graph: the graph.
        x: ``(time, batch, features)``.
        paths: of the layer, or of the forward and the backward one.
        cell: a name of ``CELLS``.
        lengths: ``(batch,)`` int32 steps of each row that count, at least 1; left out, all do.
        states: what it begins with, ``(batch, units)`` each: h, and c of an LSTM. Left out, zeros.

    Returns:
        ``(time, batch, units)``, directions side by side, zero beyond each length; and the states
        ``(directions, batch, units)`` after the last step.
    """
    parts = [_arranged(graph, path, cell) for path in paths]
    names = [f"{paths[0]}/{name}" for name in ("W", "R", "B")]
    weights = [
        graph.constant(np.stack(arrays), name)
        for name, arrays in zip(names, zip(*parts, strict=True), strict=True)
    ]
    begins = [graph.unsqueeze(state, 0) for state in states]
    options = {"linear_before_reset": 1} if cell == "gru" else {}
    y, *ends = graph.nodes(
        _OPERATORS[cell],
        x,
        *weights,
        *([lengths, *begins] if begins or lengths else []),
        outputs=1 + CELLS[cell].states,
        hidden_size=parts[0][1].shape[1],
        direction="bidirectional" if len(paths) == 2 else "forward",
        **options,
    )
    if len(paths) == 1:
        return graph.squeeze(y, 1), ends
    return graph.reshape(graph.transpose(y, 0, 2, 1, 3), 0, 0, -1), ends


def recurrent_paths(path: str, cell: str, *, bidirectional: bool = False) -> list[str]:
    """Where Keras has the variables of a recurrent layer, for each direction."""
    inner = [f"{path}/{way}_{path}" for way in ("forward", "backward")] if bidirectional else [path]
    return [f"{layer}/{CELLS[cell].name}" for layer in inner]


def _arranged(
    graph: GraphBuilder, path: str, cell: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights in ONNX's order: ``(gates * units, inputs)``, ``(gates * units, units)``, both
    biases ``(2 * gates * units,)``."""
    kernel, recurrent_kernel, bias = (
        graph.weight(f"{path}/{name}") for name in ("kernel", "recurrent_kernel", "bias")
    )

    def ordered(array: np.ndarray) -> np.ndarray:
        gates = np.split(array, CELLS[cell].gates, axis=-1)
        return np.concatenate([gates[gate] for gate in _GATES[cell]], axis=-1)

    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return ordered(kernel).T, ordered(recurrent_kernel).T, ordered(both).reshape(-1)


def time_mask(graph: GraphBuilder, x: str, axis: int, lengths: str, shape: Sequence[int]) -> str:
    """1 where a step counts and 0 in the padding.

    Args:
        graph: the graph.
        x: whose time axis is masked.
        axis: of the time.
        lengths: ``(batch,)`` int32.
        shape: of the result, such as ``(0, 1, -1, 1)``: 0 is the batch and -1 the time.
    """
    time = graph.squeeze(graph.length(x, axis), 0)
    steps = graph.node("Range", graph.constant(0), time, graph.constant(1))
    counts = cast(graph, lengths, np.int64)
    mask = graph.node("Less", steps, graph.unsqueeze(counts, 1))
    return graph.reshape(cast(graph, mask, np.float32), *shape)


def halved(graph: GraphBuilder, lengths: str) -> str:
    """Lengths after a stride of 2, rounded up; ``""``, which stands for all steps, stays."""
    if not lengths:
        return lengths
    one, two = (graph.constant(number, dtype=np.int32) for number in (1, 2))
    return graph.node("Div", graph.node("Add", lengths, one), two)


def cast(graph: GraphBuilder, x: str, dtype: Any) -> str:
    """The same numbers in another type."""
    from onnx import helper

    return graph.node("Cast", x, to=int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))
