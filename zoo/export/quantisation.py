"""Graphs with weights in int8."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.inference.graph import Graph

SMALLEST = 1024
"""Weights of an array from which on int8 saves more than its scales cost."""

_LARGEST = 127
# By operator and input, the axes of an array along which each channel has a scale of its own: the
# rows of gates of each direction, the columns of a dense kernel, filters, rows of a table.
_CHANNELS = {
    ("LSTM", 1): (0, 1),
    ("LSTM", 2): (0, 1),
    ("GRU", 1): (0, 1),
    ("GRU", 2): (0, 1),
    ("RNN", 1): (0, 1),
    ("RNN", 2): (0, 1),
    ("MatMul", 1): (-1,),
    ("Conv", 1): (0,),
    ("Gather", 0): (0,),
}


def int8_codes(array: np.ndarray, channels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -127 to 127 and their scales, with ``codes * scales`` near ``array``.

    Args:
        array: float32.
        channels: axes along which scales differ.

    Returns:
        Codes int8 of the same shape; scales float32 with length 1 along the other axes.
    """
    kept = {axis % array.ndim for axis in channels}
    others = tuple(axis for axis in range(array.ndim) if axis not in kept)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scales = (np.where(largest > 0, largest, 1.0) / _LARGEST).astype(np.float32)
    return np.rint(array / scales).astype(np.int8), scales


def weight_only_int8(graph: Graph) -> Graph:
    """The same graph with its large weights as int8 with a scale a channel.

    They are multiplied out when a runtime loads the graph (``Cast`` and ``Mul`` of constants, which
    ONNX Runtime folds), so that it calculates in float32: a row of a batch gives what it gives
    alone, and pieces give what the whole gives.
    """
    constants: dict[str, np.ndarray] = {}
    nodes: list[Any] = []
    channels = _channels(graph)
    for name, array in graph.constants.items():
        if name not in channels:
            constants[name] = array
            continue
        codes, scales = int8_codes(array, channels[name])
        constants[f"{name}/int8"], constants[f"{name}/scales"] = codes, scales
        nodes += _multiplied(name)
    return replace(graph, nodes=(*nodes, *graph.nodes), constants=constants)


def rounded(graph: Graph) -> Graph:
    """The same graph in float32, with the values that its weights have as int8."""
    constants = dict(graph.constants)
    for name, axes in _channels(graph).items():
        codes, scales = int8_codes(constants[name], axes)
        constants[name] = codes.astype(np.float32) * scales
    return replace(graph, constants=constants)


def dynamic_int8(graph: Graph) -> Any:
    """The graph as an ``onnx.ModelProto`` that multiplies in int8.

    ONNX Runtime's dynamic quantisation: inputs of matrix products and recurrent layers are rounded
    as they come, with one scale for the whole array, so a row of a batch is not quite what it is
    alone.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(graph.model().SerializeToString())
        root = logging.getLogger()
        root.addFilter(_is_no_advice)
        try:
            quantize_dynamic(
                source, target, op_types_to_quantize=["MatMul", "LSTM"], weight_type=QuantType.QInt8
            )
        finally:
            root.removeFilter(_is_no_advice)
        return onnx.load(target)


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Whether it is anything but the advice on preparing a graph, which the zoo's do not need."""
    return "pre-processing before quantization" not in record.getMessage()


def _channels(graph: Graph) -> Mapping[str, tuple[int, ...]]:
    """The axes of each array that is worth it."""
    found: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        for place, name in enumerate(node.input):
            axes = _CHANNELS.get((node.op_type, place))
            array = graph.constants.get(name)
            if axes is None or array is None or name in found:
                continue
            if array.dtype == np.float32 and array.size >= SMALLEST:
                found[name] = axes
    return found


def _multiplied(name: str) -> list[Any]:
    from onnx import TensorProto, helper

    return [
        helper.make_node("Cast", [f"{name}/int8"], [f"{name}/codes"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}/codes", f"{name}/scales"], [name]),
    ]
