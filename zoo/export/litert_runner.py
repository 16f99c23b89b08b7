"""Runs a graph of an exported folder in LiteRT, alone; the folder has this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class LiteRTGraph:
    """A file with the interface of an ``onnxruntime.InferenceSession``.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._run: Any = Interpreter(model_path=str(path)).get_signature_runner()

    def run(self, names: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Calculate outputs.

        Args:
            names: of the outputs that are wanted.
            inputs: by name, all of them.
        """
        outputs = self._run(**inputs)
        return [outputs[name] for name in names]


def open_graph(folder: Path, part: str) -> LiteRTGraph:
    """A part of the model, with ``run(output names, inputs by name)``.

    Args:
        folder: the exported folder.
        part: its name in ``model.json``.
    """
    return LiteRTGraph(folder / f"{part}.tflite")
