"""Recurrent layers on a tape: every gate and state of every step, and the gradients at them.

The formulas are those of ``zoo.layers.lstm``, ``zoo.layers.gru`` and plain tanh units; the
gradient is written out by hand (backpropagation through time, Werbos 1990), since what is asked for
are the gradients at the states of each step, which automatic differentiation of a fused layer does
not show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.inspection import operations as op
from zoo.inspection.run import Run
from zoo.inspection.tape import Node, Tape

Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function; tanh does not overflow, as exp does."""
    half = x.dtype.type(0.5)
    result: np.ndarray = half + half * np.tanh(half * x)
    return result


@dataclass(frozen=True)
class CellWeights:
    """The weights of one direction of a recurrent layer, as Keras lays them out.

    Args:
        cell: a name of ``CELLS``.
        kernel: ``(inputs, blocks * units)``.
        recurrent_kernel: ``(units, blocks * units)``.
        bias: ``(blocks * units,)``; ``(2, blocks * units)`` for a GRU that resets after the
            recurrent product. A GRU with one row resets before it.
        activation: of the candidate and of what is shown of c.
        recurrent_activation: of the gates.
    """

    cell: str
    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray
    activation: Function = np.tanh
    recurrent_activation: Function = sigmoid

    @classmethod
    def of_layer(
        cls, weights: Mapping[str, np.ndarray], path: str, cell: str, wrapped: str = ""
    ) -> CellWeights:
        """The weights of a layer out of a model's.

        Args:
            weights: arrays by variable path.
            path: the layer's name.
            cell: a name of ``CELLS``.
            wrapped: ``"forward"`` or ``"backward"`` of a layer in ``keras.layers.Bidirectional``.
        """
        inner = f"{path}/{wrapped}_{path}" if wrapped else path
        names = ("kernel", "recurrent_kernel", "bias")
        kernel, recurrent_kernel, bias = (
            weights[f"{inner}/{CELLS[cell].name}/{name}"] for name in names
        )
        return cls(cell, kernel, recurrent_kernel, bias)

    @property
    def units(self) -> int:
        """Width of the state."""
        return int(self.recurrent_kernel.shape[0])


def recurrent(
    tape: Tape,
    name: str,
    x: Node,
    weights: CellWeights,
    *,
    axis: str,
    state: Sequence[Node] | None = None,
    backwards: bool = False,
) -> tuple[Node, list[Node]]:
    """One direction of a recurrent layer.

    Args:
        tape: what it is recorded on, with a ``Run`` under ``name``.
        name: of the layer and direction.
        x: ``(batch, steps, inputs)``.
        weights: of the cell.
        axis: the kind of the steps.
        state: ``(batch, units)`` for h, and c of an LSTM, before the first step; zeros if left out.
        backwards: read from the end.

    Returns:
        The outputs ``(batch, steps, units)`` in the order of ``x``, and the last states.
    """
    order = slice(None, None, -1) if backwards else slice(None)
    units, copies = weights.units, CELLS[weights.cell].states
    if state is None:
        zeros = np.zeros((len(x.value), units), x.value.dtype)
        state = [tape.leaf(zeros) for _ in range(copies)]
    arrays, extra = forward(weights, x.value[:, order], [one.value for one in state])
    run = Run(weights.cell, axis, backwards, arrays)
    tape.runs[name] = run

    def pull(d: np.ndarray) -> list[np.ndarray]:
        before = [one.value for one in state]
        d_inputs, d_before = _backward(weights, run, extra, before, d)
        return [(d_inputs @ weights.kernel.T)[:, order], *d_before]

    names = ("h", "c")[:copies]
    both = tape.add(np.concatenate([arrays[one] for one in names], axis=-1), [x, *state], pull)
    last = [op.take(tape, both, (-1, slice(n * units, (n + 1) * units))) for n in range(copies)]
    shown = op.take(tape, both, (order, slice(0, units)))
    return shown, last


def bidirectional(
    tape: Tape, name: str, x: Node, weights: Mapping[str, np.ndarray], cell: str, *, axis: str
) -> tuple[Node, list[Node]]:
    """A recurrent layer in ``keras.layers.Bidirectional``; both directions side by side.

    Args:
        tape: what it is recorded on, with ``NAME/forward`` and ``NAME/backward``.
        name: of the layer.
        x: ``(batch, steps, inputs)``.
        weights: of the model, by variable path.
        cell: a name of ``CELLS``.
        axis: the kind of the steps.

    Returns:
        ``(batch, steps, 2 * units)``, and the last states ``(batch, 2 * units)``.
    """
    outputs, ends = [], []
    for way in ("forward", "backward"):
        own = CellWeights.of_layer(weights, name, cell, way)
        shown, last = recurrent(
            tape, f"{name}/{way}", x, own, axis=axis, backwards=way == "backward"
        )
        outputs.append(shown)
        ends.append(last)
    states = [op.concatenate(tape, parts) for parts in zip(*ends, strict=True)]
    return op.concatenate(tape, outputs), states


def forward(
    weights: CellWeights,
    x: np.ndarray,
    state: Sequence[np.ndarray],
    mask: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Read sequences with every gate kept.

    Args:
        weights: of the cell.
        x: ``(batch, steps, inputs)`` in reading order.
        state: ``(batch, units)`` for h, and c of an LSTM.
        mask: ``(batch, steps)`` bool; where it is false, the state stays as it is and there are no
            gates: they are NaN.

    Returns:
        The arrays of ``Run``, and what the gradient needs besides.
    """
    cell = weights.cell
    resets_after = weights.bias.ndim == 2
    first = weights.bias[0] if resets_after else weights.bias
    parts = x @ weights.kernel + first
    step = {"lstm": _lstm_step, "gru": _gru_step, "rnn": _rnn_step}[cell]
    batch, steps, _ = x.shape
    units = weights.units
    names = {"lstm": "ifgohc", "gru": "zrnph", "rnn": "h"}[cell]
    kept = {name: np.empty((batch, steps, units), parts.dtype) for name in names}
    now = list(state)
    with _one_thread():
        for t in range(steps):
            found, after = step(weights, parts[:, t], now)
            if mask is not None:
                real = mask[:, t, None]
                after = [np.where(real, new, old) for new, old in zip(after, now, strict=True)]
                found = {name: np.where(real, one, np.nan) for name, one in found.items()}
            now = after
            for name, one in [*found.items(), *zip(("h", "c"), now, strict=False)]:
                kept[name][:, t] = one
    extra = {"p": kept.pop("p")} if cell == "gru" else {}
    blocks = CELLS[cell].blocks
    inputs = dict(zip((f"x_{b}" for b in blocks), np.split(parts, len(blocks), -1), strict=True))
    return kept | inputs, extra


Step = tuple[dict[str, np.ndarray], list[np.ndarray]]


def _lstm_step(weights: CellWeights, part: np.ndarray, state: Sequence[np.ndarray]) -> Step:
    h, c = state
    units = weights.units
    total = h @ weights.recurrent_kernel
    total += part
    gate, squash = weights.recurrent_activation, weights.activation
    i_f = gate(total[:, : 2 * units])
    i, f = i_f[:, :units], i_f[:, units:]
    g, o = squash(total[:, 2 * units : 3 * units]), gate(total[:, 3 * units :])
    c = f * c + i * g
    return {"i": i, "f": f, "g": g, "o": o}, [o * squash(c), c]


def _gru_step(weights: CellWeights, part: np.ndarray, state: Sequence[np.ndarray]) -> Step:
    (h,) = state
    units, kernel = weights.units, weights.recurrent_kernel
    gate, squash = weights.recurrent_activation, weights.activation
    if weights.bias.ndim == 2:
        product = h @ kernel
        product += weights.bias[1]
        z_r = gate(part[:, : 2 * units] + product[:, : 2 * units])
        z, r = z_r[:, :units], z_r[:, units:]
        p = product[:, 2 * units :]
        n = squash(part[:, 2 * units :] + r * p)
    else:
        z_r = gate(part[:, : 2 * units] + h @ kernel[:, : 2 * units])
        z, r = z_r[:, :units], z_r[:, units:]
        p = (r * h) @ kernel[:, 2 * units :]
        n = squash(part[:, 2 * units :] + p)
    return {"z": z, "r": r, "n": n, "p": p}, [z * h + (1 - z) * n]


def _rnn_step(weights: CellWeights, part: np.ndarray, state: Sequence[np.ndarray]) -> Step:
    return {}, [weights.activation(part + state[0] @ weights.recurrent_kernel)]


def _backward(
    weights: CellWeights,
    run: Run,
    extra: Mapping[str, np.ndarray],
    before: Sequence[np.ndarray],
    d: np.ndarray,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Gradients at the inputs' part and at the first state; those at each state go to ``run``.

    Args:
        weights: with the standard activations, and of a GRU that resets after the product.
        run: of :func:`forward`.
        extra: of :func:`forward`.
        before: the states before the first step.
        d: ``(batch, steps, states * units)`` gradients at the states from outside the layer.
    """
    arrays, units = run.arrays, weights.units
    back = {"lstm": _lstm_back, "gru": _gru_back, "rnn": _rnn_back}[weights.cell]
    steps = d.shape[1]
    names = ("h", "c")[: len(before)]
    outside = np.split(d, len(names), axis=-1)
    run.reached = {name: np.empty_like(arrays["h"]) for name in names}
    d_inputs = np.empty((*d.shape[:2], weights.kernel.shape[1]), d.dtype)
    following: list[np.ndarray] = [np.zeros((len(d), units), d.dtype) for _ in names]
    with _one_thread():
        for t in reversed(range(steps)):
            previous = [arrays[n][:, t - 1] if t else b for n, b in zip(names, before, strict=True)]
            now: dict[str, Any] = {name: one[:, t] for name, one in {**arrays, **extra}.items()}
            d_states = [one[:, t] + later for one, later in zip(outside, following, strict=True)]
            d_inputs[:, t], following, d_states = back(weights, now, previous, d_states)
            for name, one in zip(names, d_states, strict=True):
                run.reached[name][:, t] = one
    return d_inputs, following


def _one_thread() -> AbstractContextManager[Any]:
    """A context in which NumPy's products run on one thread.

    The products of single steps are too small to be shared out: on a machine that does something
    else besides, the threads wait for each other, and a step takes ten times as long.
    """
    limit: AbstractContextManager[Any] = _thread_pools().limit(limits=1, user_api="blas")
    return limit


@cache
def _thread_pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


Back = tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]


def _lstm_back(
    weights: CellWeights, now: Any, previous: list[np.ndarray], d_states: list[np.ndarray]
) -> Back:
    i, f, g, o, c = (now[name] for name in ("i", "f", "g", "o", "c"))
    d_h, d_c = d_states
    shown = np.tanh(c)
    d_c = d_c + d_h * o * (1 - shown * shown)
    d_part = np.concatenate(
        [
            d_c * g * i * (1 - i),
            d_c * previous[1] * f * (1 - f),
            d_c * i * (1 - g * g),
            d_h * shown * o * (1 - o),
        ],
        axis=-1,
    )
    return d_part, [d_part @ weights.recurrent_kernel.T, d_c * f], [d_h, d_c]


def _gru_back(
    weights: CellWeights, now: Any, previous: list[np.ndarray], d_states: list[np.ndarray]
) -> Back:
    z, r, n, p = (now[name] for name in ("z", "r", "n", "p"))
    (d_h,), (h,) = d_states, previous
    d_n = d_h * (1 - z) * (1 - n * n)
    d_z = d_h * (h - n) * z * (1 - z)
    d_r = d_n * p * r * (1 - r)
    d_product = np.concatenate([d_z, d_r, d_n * r], axis=-1)
    d_before = d_product @ weights.recurrent_kernel.T + d_h * z
    return np.concatenate([d_z, d_r, d_n], axis=-1), [d_before], [d_h]


def _rnn_back(
    weights: CellWeights, now: Any, previous: list[np.ndarray], d_states: list[np.ndarray]
) -> Back:
    (d_h,) = d_states
    d_part = d_h * (1 - now["h"] * now["h"])
    return d_part, [d_part @ weights.recurrent_kernel.T], [d_h]
