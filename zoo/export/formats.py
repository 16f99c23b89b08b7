"""What a model can be exported as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.export.checking import TOLERANCE
from zoo.export.quantisation import dynamic_int8, rounded, weight_only_int8
from zoo.inference.graph import Graph

LITERT = "litert"


@dataclass(frozen=True)
class OnnxFormat:
    """A way to write graphs.

    Args:
        summary: a line on it.
        write: gives the ``onnx.ModelProto`` of a graph.
        exact: gives the graph in float32 whose outputs the file must give.
        tolerance: largest difference from those outputs.
    """

    summary: str
    write: Callable[[Graph], Any]
    exact: Callable[[Graph], Graph]
    tolerance: float


ONNX_FORMATS = {
    "onnx": OnnxFormat("float32", lambda graph: graph.model(), lambda graph: graph, TOLERANCE),
    "onnx-int8": OnnxFormat(
        "weights in int8 with one scale a channel, arithmetic in float32",
        lambda graph: weight_only_int8(graph).model(),
        rounded,
        TOLERANCE,
    ),
    # Its inputs are rounded too: what a wrong scale or order gives is far above this.
    "onnx-int8-dynamic": OnnxFormat(
        "weights and inputs of matrix products in int8", dynamic_int8, lambda graph: graph, 4.0
    ),
}
