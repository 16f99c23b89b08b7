"""A step of a recurrent cell by its formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cell_step(
    cell: str,
    inputs: np.ndarray,
    state: Sequence[np.ndarray],
    recurrent_kernel: np.ndarray,
    bias: np.ndarray,
) -> list[np.ndarray]:
    """One step of a recurrent layer in NumPy; the formulas are in :mod:`zoo.layers`.

    Args:
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        inputs: ``(rows, gates * units)``, inputs times kernel.
        state: ``(rows, units)`` each, h first.
        recurrent_kernel: ``(units, gates * units)``.
        bias: ``(gates * units,)``, for a GRU ``(2, gates * units)``.

    Returns:
        The new state.
    """
    h = state[0]
    if cell == "lstm":
        i, f, g, o = np.split(inputs + h @ recurrent_kernel + bias, 4, axis=1)
        c = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(g)
        return [_sigmoid(o) * np.tanh(c), c]
    if cell == "gru":
        x_z, x_r, x_g = np.split(inputs + bias[0], 3, axis=1)
        u_z, u_r, u_g = np.split(h @ recurrent_kernel + bias[1], 3, axis=1)
        z = _sigmoid(x_z + u_z)
        return [z * h + (1 - z) * np.tanh(x_g + _sigmoid(x_r + u_r) * u_g)]
    return [np.tanh(inputs + h @ recurrent_kernel + bias)]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # tanh does not overflow, as exp does.
    return 0.5 + 0.5 * np.tanh(0.5 * x)
