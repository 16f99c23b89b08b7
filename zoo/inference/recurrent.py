"""A recurrent layer over whole sequences, or step by step, in machine code."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.errors import UsageError
from zoo.inference.compiling import compiled
from zoo.inference.kernels import (
    CODES,
    LANES,
    ROWS,
    aligned,
    as_float16,
    blocked,
    copy,
    multiply,
    pad,
    round_up,
    update_block,
)


@compiled(nogil=True, fastmath={"contract"}, error_model="numpy")
def _sequences(  # type: ignore[no-untyped-def]
    cell, gates, weights, bias, projected, lengths, backwards, hidden, memory, out
):
    """Run a layer over a batch, up to four rows at a time.

    Shapes, where U is the units, padded to a multiple of 16, and W is ``gates * U``, ordered as
    (U / 16, gates, 16):

    - weights, flat: (U / 16, U, gates, 16); bias (W,), recurrent
    - projected (batch, time, W): inputs times kernel, with the input bias
    - hidden (2, batch, U): h before the first step in ``hidden[0]``, scratch in ``hidden[1]``; the
      last h of each row ends in ``hidden[0]``. memory (batch, U): the same, c
    - out (batch, time, U): h after each step; a row's padding is left as it is
    """
    batch, time, wide = projected.shape
    units = hidden.shape[2]
    width = gates * LANES
    second = ROWS * width
    sums = np.empty(2 * second, np.float32)
    inputs, outputs, cells = projected.reshape(-1), out.reshape(-1), memory.reshape(-1)
    b = 0
    while b < batch:
        rows = ROWS if batch - b >= ROWS else 1
        longest = 0
        for r in range(rows):
            longest = max(longest, lengths[b + r])
        for t in range(longest):
            old, new = hidden[t % 2].reshape(-1), hidden[1 - t % 2].reshape(-1)
            for block in range(units // LANES):
                for r in range(rows):
                    copy(sums, second + r * width, bias, block * width, width)
                w = block * units * width
                multiply(gates, rows, weights, w, old, b * units, units, units, sums, second)
                for r in range(rows):
                    h = (b + r) * units + block * LANES
                    if t >= lengths[b + r]:
                        copy(new, h, old, h, LANES)
                        continue
                    at = lengths[b + r] - 1 - t if backwards else t
                    row = (b + r) * time + at
                    copy(sums, r * width, inputs, row * wide + block * width, width)
                    s = second + r * width
                    update_block(cell, sums, r * width, s, old, new, cells, h)
                    copy(outputs, row * units + block * LANES, new, h, LANES)
        if longest % 2:
            for r in range(rows):
                row = (b + r) * units
                copy(hidden[0].reshape(-1), row, hidden[1].reshape(-1), row, units)
        b += rows


class NativeRecurrent:
    """One direction of a recurrent layer.

    Args:
        cell: ``"lstm"`` (gates i, f, c, o), ``"gru"`` (gates z, r, h; ``reset_after=True``) or
            ``"rnn"`` (tanh), as Keras lays them out.
        kernel: ``(inputs, gates * units)``.
        recurrent_kernel: ``(units, gates * units)``.
        bias: ``(gates * units,)``, for a GRU ``(2, gates * units)``.
        backwards: read each sequence from its end.
    """

    def __init__(
        self,
        cell: str,
        kernel: np.ndarray,
        recurrent_kernel: np.ndarray,
        bias: np.ndarray,
        backwards: bool = False,
    ) -> None:
        gates = CELLS[cell].gates
        self.units = recurrent_kernel.shape[0]
        self._code, self._gates, self._backwards = CODES[cell], gates, backwards
        self._padded = round_up(self.units)
        first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
        # (inputs, gates * units) to (inputs, units / 16, gates, 16): the order of the sums.
        ordered = blocked(kernel, gates)[:, : kernel.shape[0]].transpose(1, 0, 2, 3)
        self._kernel = np.ascontiguousarray(ordered.reshape(kernel.shape[0], -1), np.float32)
        self._weights = as_float16(aligned([blocked(recurrent_kernel, gates)], np.float32))
        self._bias, self._recurrent_bias = (
            aligned([blocked(part[None], gates)[:, 0]], np.float32) for part in (first, second)
        )

    def zeros(self, batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """The state at the beginning: h and c, ``(batch, units)`` padded; only an LSTM uses c."""
        shape = (batch, self._padded)
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def padded(self, state: np.ndarray) -> np.ndarray:
        """One array of a state, ``(batch, units)``, as :meth:`run` takes it."""
        return pad(np.asarray(state, np.float32), (len(state), self._padded))

    def run(
        self, inputs: np.ndarray, lengths: np.ndarray, state: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Read sequences.

        Args:
            inputs: ``(batch, time, inputs)`` float32.
            lengths: ``(batch,)`` steps of each that count.
            state: what :meth:`zeros` or an earlier call gave; it is not changed.

        Returns:
            ``(batch, time, units)`` float32, zero in the padding, and the state after the last step
            of each.

        Raises:
            UsageError: a length or a shape would lead out of the arrays.
        """
        batch, time, width = inputs.shape
        shape = (batch, self._padded)
        if (
            lengths.shape != (batch,)
            or lengths.dtype.kind not in "iu"
            or lengths.min(initial=0) < 0
            or lengths.max(initial=0) > time
            or any(part.shape != shape for part in state)
        ):
            raise UsageError(f"lengths and state do not fit inputs {inputs.shape}")
        projected = inputs.reshape(-1, width) @ self._kernel
        projected += self._bias
        hidden = np.empty((2, batch, self._padded), np.float32)
        hidden[0] = state[0]
        memory = state[1].copy()
        out = np.zeros((batch, time, self._padded), np.float32)
        _sequences(
            self._code,
            self._gates,
            self._weights,
            self._recurrent_bias,
            projected.reshape(batch, time, -1),
            lengths.astype(np.int64),
            self._backwards,
            hidden,
            memory,
            out,
        )
        return out[..., : self.units], (hidden[0], memory)


def layer_normalisation(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Layer normalisation over the last axis, as Keras does it (epsilon 1e-3)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    result: np.ndarray = centred / np.sqrt(variance + np.float32(1e-3)) * gamma + beta
    return result


def strided_convolution(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, strides: tuple[int, int]
) -> np.ndarray:
    """A 2-D convolution without padding, and ReLU.

    Args:
        x: ``(batch, time, height, channels)``.
        kernel: ``(time, height, channels, filters)``, as Keras has it.
        bias: ``(filters,)``.
        strides: in time and in height.
    """
    size, filters = kernel.shape[:2], kernel.shape[-1]
    windows: Any = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    windows = windows[:, :: strides[0], :: strides[1]].transpose(0, 1, 2, 4, 5, 3)
    shape = windows.shape[:3]
    found = windows.reshape(-1, kernel[..., 0].size) @ kernel.reshape(-1, filters)
    found += bias
    return np.maximum(found, 0.0, out=found).reshape(*shape, filters)
