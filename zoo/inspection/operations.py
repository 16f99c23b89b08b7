"""The layers of the zoo's networks around their recurrent ones, on a tape.

Each function takes and gives nodes; weights are arrays as Keras lays them out. Batches have no
padding here: what is looked into is one input, or copies of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from zoo.inspection.tape import Node, Tape

_EPSILON = 1e-3  # of keras.layers.LayerNormalization
_GELU = (2 / np.pi) ** 0.5, 0.044715


def dense(tape: Tape, x: Node, kernel: np.ndarray, bias: np.ndarray | None = None) -> Node:
    """A product with ``(inputs, outputs)`` and a bias ``(outputs,)``."""
    value = x.value @ kernel
    if bias is not None:
        value += bias
    return tape.add(value, [x], lambda d: [d @ kernel.T])


def add(tape: Tape, a: Node, b: Node) -> Node:
    """A sum of two nodes of one shape."""
    return tape.add(a.value + b.value, [a, b], lambda d: [d, d])


def scale(tape: Tape, x: Node, factor: np.ndarray | float) -> Node:
    """A product with a constant, an array that broadcasts to ``x`` or a number."""
    factor = np.asarray(factor, x.value.dtype)
    return tape.add(x.value * factor, [x], lambda d: [d * factor])


def relu(tape: Tape, x: Node) -> Node:
    """The rectifier."""
    value = np.maximum(x.value, 0)
    return tape.add(value, [x], lambda d: [d * (value > 0)])


def tanh(tape: Tape, x: Node) -> Node:
    """The hyperbolic tangent."""
    value = np.tanh(x.value)
    return tape.add(value, [x], lambda d: [d * (1 - value * value)])


def gelu(tape: Tape, x: Node) -> Node:
    """The Gaussian error linear unit by its tanh formula (Hendrycks and Gimpel 2016)."""
    root, cubic = _GELU
    v = x.value
    inner = np.tanh(root * (v + cubic * v**3))
    slope = 0.5 * (1 + inner) + 0.5 * v * (1 - inner * inner) * root * (1 + 3 * cubic * v * v)
    return tape.add(0.5 * v * (1 + inner), [x], lambda d: [d * slope])


def softmax(tape: Tape, x: Node) -> Node:
    """Softmax over the last axis."""
    value = np.exp(x.value - x.value.max(axis=-1, keepdims=True))
    value /= value.sum(axis=-1, keepdims=True)
    return tape.add(value, [x], lambda d: [value * (d - (d * value).sum(-1, keepdims=True))])


def matmul(tape: Tape, a: Node, b: Node) -> Node:
    """A product over the last two axes; the others are the same in both."""

    def pull(d: np.ndarray) -> list[np.ndarray]:
        return [d @ b.value.swapaxes(-1, -2), a.value.swapaxes(-1, -2) @ d]

    return tape.add(a.value @ b.value, [a, b], pull)


def layer_normalisation(
    tape: Tape, x: Node, gamma: np.ndarray, beta: np.ndarray, axes: int = 1
) -> Node:
    """Layer normalisation over the last axes (Ba et al. 2016), as Keras does it.

    Args:
        tape: what it is recorded on.
        x: ``(batch, ..., *normalised)``.
        gamma: of the shape of the normalised axes.
        beta: the same.
        axes: how many axes are normalised together.
    """
    over = tuple(range(-axes, 0))
    centred = x.value - x.value.mean(axis=over, keepdims=True)
    inverse = 1 / np.sqrt(np.square(centred).mean(axis=over, keepdims=True) + _EPSILON)
    normal = centred * inverse.astype(centred.dtype)

    def pull(d: np.ndarray) -> list[np.ndarray]:
        d = d * gamma
        along = (d * normal).mean(axis=over, keepdims=True)
        return [inverse * (d - d.mean(axis=over, keepdims=True) - normal * along)]

    return tape.add(normal * gamma + beta, [x], pull)


def highest(tape: Tape, x: Node) -> Node:
    """The maximum over the steps of ``(batch, steps, width)``."""
    place = x.value.argmax(axis=1)[:, None]

    def pull(d: np.ndarray) -> list[np.ndarray]:
        whole = np.zeros_like(x.value)
        np.put_along_axis(whole, place, d[:, None], axis=1)
        return [whole]

    return tape.add(np.take_along_axis(x.value, place, axis=1)[:, 0], [x], pull)


def mean(tape: Tape, x: Node) -> Node:
    """The mean over the steps of ``(batch, steps, width)``."""
    steps = x.value.shape[1]
    value = x.value.mean(axis=1)
    return tape.add(value, [x], lambda d: [np.repeat(d[:, None] / steps, steps, axis=1)])


def concatenate(tape: Tape, parts: Sequence[Node]) -> Node:
    """Nodes side by side on the last axis."""
    cuts = np.cumsum([part.value.shape[-1] for part in parts])[:-1]
    value = np.concatenate([part.value for part in parts], axis=-1)
    return tape.add(value, parts, lambda d: np.split(d, cuts, axis=-1))


def stack_steps(tape: Tape, parts: Sequence[Node]) -> Node:
    """Nodes ``(batch, steps, width)`` one after the other in time."""
    cuts = np.cumsum([part.value.shape[1] for part in parts])[:-1]
    value = np.concatenate([part.value for part in parts], axis=1)
    return tape.add(value, parts, lambda d: np.split(d, cuts, axis=1))


def repeat(tape: Tape, x: Node, count: int, axis: int) -> Node:
    """Copies along an axis of length 1."""
    value = np.repeat(x.value, count, axis=axis)
    return tape.add(value, [x], lambda d: [d.sum(axis=axis, keepdims=True)])


def take(tape: Tape, x: Node, where: tuple[slice | int, ...]) -> Node:
    """A part of a node: ``x[:, *where]`` with basic indexing."""
    place = (slice(None), *where)

    def pull(d: np.ndarray) -> list[np.ndarray]:
        whole = np.zeros_like(x.value)
        whole[place] = d
        return [whole]

    return tape.add(x.value[place], [x], pull)


def reshape(tape: Tape, x: Node, *shape: int) -> Node:
    """Another shape of each example."""
    before = x.value.shape
    return tape.add(x.value.reshape(len(x.value), *shape), [x], lambda d: [d.reshape(before)])


def transpose(tape: Tape, x: Node, axes: tuple[int, ...]) -> Node:
    """Axes in another order."""
    back = tuple(int(axis) for axis in np.argsort(axes))
    return tape.add(x.value.transpose(axes), [x], lambda d: [d.transpose(back)])


def convolution(
    tape: Tape,
    x: Node,
    kernel: np.ndarray,
    bias: np.ndarray,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> Node:
    """A convolution with explicit padding.

    Args:
        tape: what it is recorded on.
        x: ``(batch, *size, channels)``.
        kernel: ``(*size, channels, filters)``.
        bias: ``(filters,)``.
        strides: for each axis of size.
        padding: zeros before and after each axis of size.
    """
    padded = np.pad(x.value, ((0, 0), *padding, (0, 0)))
    size = kernel.shape[:-2]
    counts = [
        (whole - width) // stride + 1
        for whole, width, stride in zip(padded.shape[1:-1], size, strides, strict=True)
    ]
    places = [
        (slice(None), *map(_strided, offsets, counts, strides))
        for offsets in itertools.product(*map(range, size))
    ]
    taps = kernel.reshape(-1, *kernel.shape[-2:])
    value = np.zeros((len(padded), *counts, kernel.shape[-1]), padded.dtype)
    value += bias
    for place, tap in zip(places, taps, strict=True):
        value += padded[place] @ tap
    inner = tuple(
        slice(before, before + length)
        for (before, _), length in zip(padding, x.value.shape[1:-1], strict=True)
    )

    def pull(d: np.ndarray) -> list[np.ndarray]:
        whole = np.zeros_like(padded)
        for place, tap in zip(places, taps, strict=True):
            whole[place] += d @ tap.T
        return [whole[(slice(None), *inner)]]

    return tape.add(value, [x], pull)


def _strided(offset: int, count: int, stride: int) -> slice:
    return slice(offset, offset + (count - 1) * stride + 1, stride)
