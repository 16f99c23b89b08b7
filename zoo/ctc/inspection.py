"""What recognisers trained with CTC share when they are looked into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.inspection import operations as op
from zoo.inspection.recurrence import CellWeights, bidirectional, recurrent
from zoo.inspection.tape import Node, Tape


class FeatureNetwork:
    """What networks on a tape share that read features; a subclass runs them.

    Args:
        config: the architecture's.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, weights

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The features ``(1, steps, features)`` in the type of the weights."""
        return [np.asarray(arrays[0], self._weights["logits/bias"].dtype)]


def recurrent_layers(
    tape: Tape,
    x: Node,
    config: Any,
    weights: Mapping[str, np.ndarray],
    *,
    bidirectional_layers: bool,
    axis: str,
) -> Node:
    """The stack of :func:`zoo.ctc.network_parts.recurrent_layers` on a tape.

    Args:
        tape: on which the layers are recorded.
        x: ``(batch, steps, features)``.
        config: has ``cell`` and ``layers``.
        weights: arrays by variable path.
        bidirectional_layers: whether they read in both directions.
        axis: the kind of their steps.
    """
    for number in range(1, config.layers + 1):
        name = f"recurrent_{number}"
        if bidirectional_layers:
            x, _ = bidirectional(tape, name, x, weights, config.cell, axis=axis)
        else:
            cell = CellWeights.of_layer(weights, name, config.cell)
            x, _ = recurrent(tape, name, x, cell, axis=axis)
        x = normalise(tape, x, weights, f"normalisation_{number}")
    return x


def normalise(
    tape: Tape, x: Node, weights: Mapping[str, np.ndarray], name: str, axes: int = 1
) -> Node:
    """The layer normalisation called ``name`` over the last axes."""
    gamma, beta = weights[f"{name}/gamma"], weights[f"{name}/beta"]
    return op.layer_normalisation(tape, x, gamma, beta, axes)


def convolve(
    tape: Tape,
    x: Node,
    weights: Mapping[str, np.ndarray],
    name: str,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> Node:
    """The convolution called ``name`` with its padding, and the rectifier after it."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    return op.relu(tape, op.convolution(tape, x, kernel, bias, strides, padding))


def label_layer(tape: Tape, x: Node, weights: Mapping[str, np.ndarray]) -> Node:
    """Logits ``(batch, outputs, labels)``."""
    return op.dense(tape, x, weights["logits/kernel"], weights["logits/bias"])
