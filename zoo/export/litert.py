"""Step graphs for LiteRT, with its built-in operations only.

Keras's own way there keeps the loop of a recurrent layer, which LiteRT runs with TensorFlow's
operations alone. A graph of one step has no loop: each of its operations is written in TensorFlow
for lengths that are known, and TensorFlow's converter makes the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError, needing_training
from zoo.export.litert_runner import LiteRTGraph
from zoo.inference.graph import Graph, Tensor

LENGTHS = {"batch": 1, "time": 1, "outputs": 1, "frames": 4}
"""Lengths of the free axes of a step, which reads one character or writes one output."""


def is_step(graph: Graph) -> bool:
    """Whether a graph carries a state and has lengths that are known."""
    axes = {size for tensor in graph.inputs for size in tensor.shape if isinstance(size, str)}
    return bool(graph.states) and axes <= set(LENGTHS)


def one_step(graph: Graph) -> Graph:
    """The same graph with the lengths of a step."""

    def fixed(tensor: Tensor) -> Tensor:
        return replace(tensor, shape=tuple(_length(size) for size in tensor.shape))

    return replace(
        graph, inputs=tuple(map(fixed, graph.inputs)), outputs=tuple(map(fixed, graph.outputs))
    )


def first_step(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The part of inputs of any length that a step reads."""
    return {
        tensor.name: inputs[tensor.name][tuple(slice(_length(size)) for size in tensor.shape)]
        for tensor in graph.inputs
    }


def litert_file(graph: Graph) -> bytes:
    """A graph of one step as a LiteRT file, whose signature has the graph's names.

    Args:
        graph: of :func:`one_step`.

    Raises:
        ZooError: it has an operation that is not here, or TensorFlow is not installed.
    """
    with needing_training():
        import tensorflow as tf

    module = tf.Module()
    specs = [tf.TensorSpec(one.shape, one.dtype.name, one.name) for one in graph.inputs]
    run = tf.function(lambda *inputs: _outputs(graph, inputs), input_signature=specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [run.get_concrete_function()], module
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return bytes(converter.convert())
    except Exception as error:  # of many kinds, from the converter
        raise ZooError(f"TensorFlow cannot convert {graph.name} to LiteRT: {error}") from error


def run_file(path: Path, graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every output of a LiteRT file.

    Raises:
        ZooError: ai-edge-litert is not installed.
    """
    names = [tensor.name for tensor in graph.outputs]
    try:
        outputs = LiteRTGraph(path).run(names, inputs)
    except ModuleNotFoundError:
        raise ZooError(
            "a LiteRT file is tried in ai-edge-litert, which is not installed: "
            "pip install 'sequence-zoo[train]'"
        ) from None
    return dict(zip(names, outputs, strict=True))


def _length(size: int | str) -> int:
    return LENGTHS[size] if isinstance(size, str) else size


def _outputs(graph: Graph, inputs: tuple[Any, ...]) -> dict[str, Any]:
    import tensorflow as tf
    from onnx import helper

    from zoo.export.litert_operations import operations

    known = operations()
    names = [tensor.name for tensor in graph.inputs]
    values: dict[str, Any] = {"": None, **graph.constants}
    values |= dict(zip(names, inputs, strict=True))
    for node in graph.nodes:
        if node.op_type not in known:
            raise ZooError(
                f"{graph.name} has the operation {node.op_type}, which is not for LiteRT"
            )
        options = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        options = {k: v.decode() if isinstance(v, bytes) else v for k, v in options.items()}
        given = [values[name] for name in node.input]
        operation = known[node.op_type]
        if any(tf.is_tensor(value) for value in given):
            found = operation(given, options)
        else:  # known already, such as a length
            with tf.init_scope():
                found = np.asarray(operation(given, options))
        listed = found if isinstance(found, list) else [found]
        values |= dict(zip(node.output, listed, strict=True))
    return {tensor.name: tf.identity(values[tensor.name]) for tensor in graph.outputs}
