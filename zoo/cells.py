"""The recurrent cells: their gates and states, and the variables that Keras gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]
"""The shapes of variables by path, such as ``{"logits/bias": (67,)}``."""


@dataclass(frozen=True)
class Cell:
    """A recurrent cell as Keras lays it out.

    Args:
        name: of Keras's cell, which is part of its variables' paths.
        gates: how many blocks of ``units`` columns its kernels have.
        blocks: what each of them is for. LSTM: input, forget, candidate and output gate, as
            :class:`zoo.layers.lstm.LSTMStep` has them. GRU: update, reset and candidate
            (:class:`zoo.layers.gru.GRUStep` calls it ``g``).
        states: arrays ``(units,)`` that it carries: ``h``, and ``c`` of an LSTM.
        biases: rows of its bias; a GRU with ``reset_after`` has one for the inputs and one for the
            recurrent part.
    """

    name: str
    gates: int
    blocks: tuple[str, ...]
    states: int = 1
    biases: int = 1


CELLS = {
    "lstm": Cell("lstm_cell", gates=4, blocks=("i", "f", "g", "o"), states=2),
    "gru": Cell("gru_cell", gates=3, blocks=("z", "r", "n"), biases=2),
    "rnn": Cell("simple_rnn_cell", gates=1, blocks=("h",)),
}


GATED = ("lstm", "gru")
"""The cells that remember over long sequences."""


def cell_shapes(cell: str, inputs: int, units: int) -> Shapes:
    """The shapes of a cell's ``kernel``, ``recurrent_kernel`` and ``bias``.

    Args:
        cell: a name of :data:`CELLS`.
        inputs: features of its input.
        units: its width.
    """
    columns = CELLS[cell].gates * units
    biases = CELLS[cell].biases
    return {
        "kernel": (inputs, columns),
        "recurrent_kernel": (units, columns),
        "bias": (columns,) if biases == 1 else (biases, columns),
    }


def recurrent_shapes(
    path: str, cell: str, inputs: int, units: int, *, bidirectional: bool = False
) -> Shapes:
    """The variables of a recurrent layer.

    Args:
        path: the layer's name.
        cell: a name of :data:`CELLS`.
        inputs: features of its input.
        units: its width, for each direction.
        bidirectional: whether it is wrapped in ``keras.layers.Bidirectional``.
    """
    inner = [f"{path}/{way}_{path}" for way in ("forward", "backward")] if bidirectional else [path]
    return {
        f"{layer}/{CELLS[cell].name}/{name}": shape
        for layer in inner
        for name, shape in cell_shapes(cell, inputs, units).items()
    }


def dense_shapes(path: str, inputs: int, outputs: int) -> Shapes:
    """The variables of a ``keras.layers.Dense`` with a bias."""
    return {f"{path}/kernel": (inputs, outputs), f"{path}/bias": (outputs,)}


def convolution_shapes(path: str, *kernel: int) -> Shapes:
    """The variables of a Keras convolution whose kernel is ``(*size, channels, filters)``."""
    return {f"{path}/kernel": kernel, f"{path}/bias": kernel[-1:]}


def normalisation_shapes(path: str, *axes: int) -> Shapes:
    """The variables of a ``keras.layers.LayerNormalization`` over axes of these sizes."""
    return {f"{path}/gamma": axes, f"{path}/beta": axes}


def count(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many numbers variables of these shapes hold together."""
    return sum(math.prod(shape) for shape in shapes.values())
