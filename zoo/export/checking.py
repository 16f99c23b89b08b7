"""Whether exported graphs give what the model gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.inference.graph import Graph
from zoo.inference.session import Session, recording
from zoo.task import Task

TOLERANCE = 1e-4
"""Largest difference of an exported graph's outputs from the golden ones."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class OnnxFile:
    """A graph in a file.

    Args:
        path: of the file.
    """

    path: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def model(self) -> Any:
        """The graph as an ``onnx.ModelProto``.

        Raises:
            ZooError: it cannot be read.
        """
        import onnx

        try:
            return onnx.load(self.path)
        except Exception as error:  # of many kinds, from protobuf and the file system
            raise ZooError(f"cannot read {self.path}: {error}") from error


def run_on_files(task: Task, files: Mapping[str, Path]) -> None:
    """Let a model run on exported graphs from now on.

    Args:
        task: the model, whose inference is a :class:`~zoo.contracts.GraphInference`.
        files: of each part of it by the part's name.
    """
    for part, session in task.inference.sessions().items():
        session.replace(partial(OnnxFile, files[part]))


def golden_inputs(task: Task) -> Mapping[str, Arrays]:
    """Inputs of each graph of a model by the graph's name, as its verb gives them."""
    with recording() as calls:
        task.exercise()
    return calls


def all_outputs(source: Any, graph: Graph, inputs: Arrays) -> Arrays:
    """Every output of a graph, or of what stands for it.

    Args:
        source: a :class:`~zoo.inference.graph.Graph` or an :class:`OnnxFile`.
        graph: has the outputs' names.
        inputs: by name.

    Raises:
        ZooError: ONNX Runtime cannot run it.
    """
    session = Session(lambda: graph)
    session.replace(lambda: source)
    names = [tensor.name for tensor in graph.outputs]
    return dict(zip(names, session.run(inputs, names), strict=True))


def difference(outputs: Arrays, golden: Arrays) -> float:
    """Largest difference of outputs from golden ones; infinite where they cannot be compared."""
    worst = 0.0
    for name, wanted in golden.items():
        output = outputs[name]
        if output.shape != wanted.shape or not np.isfinite(output).all():
            return float("inf")
        if wanted.size:
            worst = max(worst, float(np.abs(output.astype(float) - wanted).max()))
    return worst


def check_golden(name: str, outputs: Arrays, golden: Arrays, limit: float) -> None:
    """Check the outputs of an exported file.

    Args:
        name: the file's.
        outputs: by name.
        golden: those that it must give.
        limit: largest difference that is allowed.

    Raises:
        ZooError: they differ by more than the limit.
    """
    worst = difference(outputs, golden)
    if not worst <= limit:
        raise ZooError(
            f"the outputs of {name} differ from the model's by {worst:.2g}, more than {limit:g}; "
            "nothing was exported"
        )
