"""The operations of step graphs in TensorFlow, whose converter makes them LiteRT's built-in ones.

Each takes an operation's inputs (tensors, or NumPy arrays where they are known already) and its
attributes, and gives its outputs. Only what a graph of one step has is here: a recurrent layer is
one matrix product and its gates, not a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError

Operation = Callable[[Sequence[Any], Mapping[str, Any]], Any]


def _lstm(inputs: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    import tensorflow as tf

    x, h, c = inputs[0][0], inputs[5][0], inputs[6][0]
    i, o, f, g = tf.split(_gates(x, inputs[1:4]) + _recurrent(h, inputs[1:4]), 4, axis=-1)
    after = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    h = tf.sigmoid(o) * tf.tanh(after)
    return [h[None, None], h[None], after[None]]


def _gru(inputs: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """With ``linear_before_reset``, as Keras has it."""
    import tensorflow as tf

    x, h = inputs[0][0], inputs[5][0]
    xs = tf.split(_gates(x, inputs[1:4]), 3, axis=-1)
    hs = tf.split(_recurrent(h, inputs[1:4]), 3, axis=-1)
    update, reset = (tf.sigmoid(a + b) for a, b in zip(xs[:2], hs[:2], strict=True))
    h = update * h + (1.0 - update) * tf.tanh(xs[2] + reset * hs[2])
    return [h[None, None], h[None]]


def _rnn(inputs: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    import tensorflow as tf

    x, h = inputs[0][0], inputs[5][0]
    h = tf.tanh(_gates(x, inputs[1:4]) + _recurrent(h, inputs[1:4]))
    return [h[None, None], h[None]]


def _gates(x: Any, weights: Sequence[np.ndarray]) -> Any:
    """What an input adds to the gates; ``weights`` are ONNX's W, R and B."""
    w, _, b = weights
    return x @ np.ascontiguousarray(w[0].T) + b[0, : len(w[0])]


def _recurrent(h: Any, weights: Sequence[np.ndarray]) -> Any:
    """What the state adds to the gates."""
    w, r, b = weights
    return h @ np.ascontiguousarray(r[0].T) + b[0, len(w[0]) :]


def _one_step(layer: Operation) -> Operation:
    def run(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        given = [*inputs, *[None] * (7 - len(inputs))]
        one_way = options.get("direction", "forward") == "forward"
        if not one_way or given[0].shape[0] != 1 or given[4] is not None or given[5] is None:
            raise ZooError("a recurrent layer is no single step")
        return layer(given, options)

    return run


def _convolution(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    x, kernel, bias = inputs
    count = len(kernel.shape) - 2
    if count != 2:
        raise ZooError("a convolution does not have two axes")
    before, after = options["pads"][:count], options["pads"][count:]
    x = tf.pad(tf.transpose(x, (0, 2, 3, 1)), [(0, 0), *zip(before, after, strict=True), (0, 0)])
    x = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), options["strides"], "VALID") + bias
    return tf.transpose(x, (0, 3, 1, 2))


def _slice(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    x, (start,), (end,), (axis,) = inputs[:4]
    places = [slice(None)] * len(x.shape)
    size = x.shape[axis]
    start, end = (int(np.clip(p + size if p < 0 else p, 0, size)) for p in (start, end))
    places[axis] = slice(start, end)
    return x[tuple(places)]


def _layer_normalisation(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    x, gamma, beta = inputs
    rank = len(x.shape)
    axes = list(range(options["axis"] % rank, rank))
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + options["epsilon"]) * gamma + beta


def _reshape(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    x, shape = inputs
    return tf.reshape(x, [x.shape[n] if size == 0 else int(size) for n, size in enumerate(shape)])


def _cast(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    import tensorflow as tf
    from onnx import helper

    return tf.cast(inputs[0], helper.tensor_dtype_to_np_dtype(options["to"]))


def _axes(change: Callable[[Any, int], Any], *, falling: bool) -> Operation:
    def run(inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
        x = inputs[0]
        for axis in sorted((int(axis) for axis in inputs[1]), reverse=falling):
            x = change(x, axis)
        return x

    return run


def operations() -> dict[str, Operation]:
    """Each operation by its name in ONNX."""
    import tensorflow as tf

    def plain(function: Callable[..., Any]) -> Operation:
        return lambda inputs, options: function(*inputs)

    def along(function: Callable[..., Any]) -> Operation:
        return lambda inputs, options: function(*inputs, axis=options["axis"])

    return {
        "Add": plain(lambda a, b: a + b),
        "And": plain(tf.logical_and),
        "Cast": _cast,
        "Concat": lambda inputs, options: tf.concat(list(inputs), options["axis"]),
        "Conv": _convolution,
        "Cos": plain(tf.cos),
        "GRU": _one_step(_gru),
        "Gather": plain(lambda table, ids: tf.gather(table, ids)),
        "GreaterOrEqual": plain(tf.greater_equal),
        "Identity": plain(tf.identity),
        "LSTM": _one_step(_lstm),
        "LayerNormalization": _layer_normalisation,
        "LessOrEqual": plain(tf.less_equal),
        "LogSoftmax": along(tf.nn.log_softmax),
        "MatMul": plain(tf.matmul),
        "Min": plain(tf.minimum),
        "Mul": plain(lambda a, b: a * b),
        "RNN": _one_step(_rnn),
        "Range": plain(tf.range),
        "Relu": plain(tf.nn.relu),
        "Reshape": _reshape,
        "Shape": plain(lambda x: np.array(x.shape, np.int64)),
        "Sin": plain(tf.sin),
        "Slice": _slice,
        "Softmax": along(tf.nn.softmax),
        "Squeeze": _axes(tf.squeeze, falling=True),
        "Sub": plain(lambda a, b: a - b),
        "Tanh": plain(tf.tanh),
        "Transpose": lambda inputs, options: tf.transpose(inputs[0], options["perm"]),
        "Unsqueeze": _axes(tf.expand_dims, falling=False),
        "Where": plain(tf.where),
    }
