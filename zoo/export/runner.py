"""Runs a graph of an exported folder in ONNX Runtime, alone; the folder has this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_graph(folder: Path, part: str) -> Any:
    """A part of the model, with ``run(output names, inputs by name)``.

    Args:
        folder: the exported folder.
        part: its name in ``model.json``.
    """
    import onnxruntime

    return onnxruntime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])
