"""The generation loop as one TensorFlow graph that XLA compiles: no Python in a step.

XLA multiplies a vector and a matrix on one thread, so this engine does not gain from a second core
at batch 1; `zoo.generation.native` does. It needs nothing but TensorFlow.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.generation.stack import RecurrentStack, Sampling

CHUNK = 512  # steps a call; a shape must be known to XLA, the number of steps actually run need not


class XlaEngine:
    """Runs a `RecurrentStack` by XLA.

    The first run at a batch size compiles (well under a second); another length does not compile
    again. The weights are transposed, ``(gates * units, inputs)``, so that a product reads each row
    from front to back, which is 5 to 15 % faster here than Keras's own layout.
    """

    def __init__(self, stack: RecurrentStack) -> None:
        self._cell = stack.cell
        self._layers = []
        for number, (kernel, recurrent, bias) in enumerate(stack.layers):
            # A GRU adds its two biases in different places; for the others the second is nothing.
            first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
            # The first layer's product with its input is a row of this table, by id.
            inputs = stack.embedding @ kernel + first if number == 0 else kernel.T
            self._layers.append(
                [tf.constant(part) for part in (inputs, recurrent.T, first, second)]
            )
        self._output_kernel = tf.constant(stack.output_kernel.T)
        self._output_bias = tf.constant(stack.output_bias)
        self._run = tf.function(self._chunk, jit_compile=True, autograph=False)

    def run(
        self, state: list[np.ndarray], first: np.ndarray, uniforms: np.ndarray, sampling: Sampling
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """See `Engine.run` in `zoo.generation.generator`."""
        length, batch = uniforms.shape
        ids, log_probs = [np.empty((0, batch), np.int32)], [np.empty((0, batch), np.float32)]
        current, tensors = tf.constant(first, tf.int32), [tf.constant(part) for part in state]
        truncated = sampling.top_k > 0 or sampling.top_p < 1
        for start in range(0, length, CHUNK):
            part = uniforms[start : start + CHUNK]
            drawn, scores, current, tensors = self._run(
                tensors,
                current,
                tf.constant(np.pad(part, [(0, CHUNK - len(part)), (0, 0)])),
                tf.constant(len(part)),
                tf.constant(sampling.temperature, tf.float32),
                tf.constant(sampling.top_k),
                tf.constant(sampling.top_p, tf.float32),
                truncated,
            )
            ids.append(drawn.numpy()[: len(part)])
            log_probs.append(scores.numpy()[: len(part)])
        return np.concatenate(ids), np.concatenate(log_probs), [part.numpy() for part in tensors]

    def _chunk(
        self, state: Any, current: Any, uniforms: Any, length: Any, temperature: Any,
        top_k: Any, top_p: Any, truncated: bool,
    ) -> Any:  # fmt: skip
        """``length`` steps, at most CHUNK; ``truncated``, fixed in the graph: if a step sorts."""
        ids = tf.TensorArray(tf.int32, CHUNK, element_shape=current.shape)
        log_probs = tf.TensorArray(tf.float32, CHUNK, element_shape=current.shape)

        def step(t: Any, current: Any, state: Any, ids: Any, log_probs: Any) -> Any:
            logits, state = self._step(current, state)
            logits -= tf.reduce_max(logits, -1, keepdims=True)
            weights = tf.exp(logits / tf.where(temperature > 0, temperature, 1.0))
            if truncated:
                drawn = _draw_truncated(weights, uniforms[t], top_k, top_p)
            else:
                drawn = _draw(weights, uniforms[t])
            greedy = tf.argmax(logits, -1, output_type=tf.int32)
            current = tf.where(temperature > 0, drawn, greedy)
            scores = tf.gather(logits, current, batch_dims=1) - tf.reduce_logsumexp(logits, -1)
            return t + 1, current, state, ids.write(t, current), log_probs.write(t, scores)

        _, current, state, ids, log_probs = tf.while_loop(
            lambda t, *_: t < length, step, (tf.constant(0), current, state, ids, log_probs)
        )
        return ids.stack(), log_probs.stack(), current, state

    def _step(self, current: Any, state: Any) -> Any:
        """Ids (batch,) and the state to logits (batch, vocabulary) and the new state."""
        new_state: list[Any] = []
        x = None
        for number, (inputs, recurrent, first, second) in enumerate(self._layers):
            if number == 0:
                x = tf.gather(inputs, current)
            else:
                x = tf.matmul(x, inputs, transpose_b=True) + first
            h = state[len(new_state)]
            r = tf.matmul(h, recurrent, transpose_b=True) + second
            if self._cell == "lstm":
                i, f, value, o = tf.split(x + r, 4, -1)
                c = tf.sigmoid(f) * state[len(new_state) + 1] + tf.sigmoid(i) * tf.tanh(value)
                x = tf.sigmoid(o) * tf.tanh(c)
                new_state += [x, c]
            elif self._cell == "gru":
                x_z, x_r, x_h = tf.split(x, 3, -1)
                r_z, r_r, r_h = tf.split(r, 3, -1)
                z = tf.sigmoid(x_z + r_z)
                x = z * h + (1 - z) * tf.tanh(x_h + tf.sigmoid(x_r + r_r) * r_h)
                new_state.append(x)
            else:
                x = tf.tanh(x + r)
                new_state.append(x)
        logits = tf.matmul(x, self._output_kernel, transpose_b=True) + self._output_bias
        return logits, new_state


def _draw(weights: Any, uniform: Any) -> Any:
    """Sample ids (batch,) by inverting the cumulative sum of weights (batch, n)."""
    before = tf.cumsum(weights, axis=-1, exclusive=True)
    target = uniform[:, None] * tf.reduce_sum(weights, -1, keepdims=True)
    reached = (before <= target) & (weights > 0)
    return tf.reduce_max(tf.where(reached, tf.range(weights.shape[-1]), 0), -1)


def _draw_truncated(weights: Any, uniform: Any, top_k: Any, top_p: Any) -> Any:
    """`_draw` among the top k, and of these among the likeliest that together reach top_p."""
    count = weights.shape[-1]
    weights, order = tf.math.top_k(weights, count)  # of equals, the lower id first
    rank = tf.range(count)
    weights = tf.where(rank < tf.where(top_k > 0, top_k, count), weights, 0.0)
    before = tf.cumsum(weights, axis=-1, exclusive=True)
    inside = (before < top_p * tf.reduce_sum(weights, -1, keepdims=True)) | (top_p >= 1)
    weights = tf.where(inside | (rank == 0), weights, 0.0)
    return tf.gather(order, _draw(weights, uniform), batch_dims=1)
