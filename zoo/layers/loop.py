"""The loop over time on TensorFlow, with a custom gradient.

TensorFlow's gradient of a while loop accumulates the weight gradient step by step: one small matrix
product and one pass over the whole weight matrix for every step. Here the loop stores the gates of
every step instead, the backward loop only propagates the gradient of the state, and the gradients
of the weights are computed after it, for all steps, in one large matrix product. cuDNN works the
same way (Appleyard, Kocisky, Blunsom 2016, "Optimizing Performance of Recurrent Neural Networks on
GPUs", https://arxiv.org/abs/1604.01946).

Everything is time-major in this file: `(time, batch, features)`. Only this file needs TensorFlow,
and `zoo.layers.recurrence` imports it when the first layer takes the fast path. Gradients in
training are first-order only: for a gradient of a gradient, use Keras's layer.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from zoo.layers.step import Step

Tensor = Any
Tensors = tuple[Any, ...]


def run(
    step: Step,
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    states: Tensors,
    *,
    mask: Tensor | None = None,
    drop_masks: list[Tensor] | None = None,
    training: bool = False,
    return_sequences: bool = True,
) -> tuple[Tensor, Tensors]:
    """Runs a recurrent step over time.

    Args:
        step: the gate arithmetic, `zoo.layers.step.Step`.
        inputs: (time, batch, gates x units), the inputs' part of the gates.
        kernel: (units, gates x units), the recurrent kernel.
        bias: (gates x units,), added to the recurrent product, or None.
        states: one (batch, units) tensor a state, the hidden state first.
        mask: (time, batch, 1) bool; a step where it is False leaves the states as they are.
        drop_masks: one (batch, units) factor for the hidden state for each gate, or None.
        training: store the gates for a fast gradient. Otherwise nothing is stored, and a gradient,
            if requested, is computed by TensorFlow.
        return_sequences: whether to return the hidden states of all steps.

    Returns:
        The hidden states after every step, (time, batch, units), or None; and the final states.
    """
    # In 16 bits the hidden state stays narrow, as the matrix products need it so, but the cell
    # state is a long sum and is carried in float32.
    wide = _wide(inputs.dtype)
    states = (tf.cast(states[0], inputs.dtype), *(tf.cast(state, wide) for state in states[1:]))
    if not training:
        product = _Product(kernel, bias, drop_masks)
        hidden, final, _ = _forward(
            step, inputs, product, states, mask, return_sequences, keep=False
        )
        return hidden, final

    @tf.custom_gradient
    def differentiable(*arguments: Tensor) -> tuple[Tensors, Any]:
        inputs, kernel, *rest = arguments
        bias_ = rest.pop(0) if bias is not None else None
        product = _Product(kernel, bias_, drop_masks)
        hidden, final, kept = _forward(
            step, inputs, product, tuple(rest), mask, return_sequences, keep=True
        )

        def gradient(*upstream: Tensor) -> Tensors:
            d_hidden, d_final = (
                (upstream[0], upstream[1:]) if return_sequences else (None, upstream)
            )
            d_inputs, d_products, d_initial = _backward(
                step, inputs, product, kept, mask, d_hidden, d_final
            )
            previous_hidden = kept[1][0].stack()
            d_weights = product.weight_gradients(previous_hidden, d_products)
            return (d_inputs, *d_weights, *d_initial)

        return ((hidden, *final) if return_sequences else final), gradient

    weights = (kernel,) if bias is None else (kernel, bias)
    results = differentiable(inputs, *weights, *states)
    return (results[0], results[1:]) if return_sequences else (None, results)


class _Product:
    """The product of the hidden state and the recurrent kernel, forward and backward.

    With dropout on the hidden state each gate has a factor of its own for it (Gal and Ghahramani
    2016), so the product is made gate by gate.
    """

    def __init__(self, kernel: Tensor, bias: Tensor | None, drop_masks: list[Tensor] | None):
        self.kernel = kernel
        self.bias = bias
        self.drop_masks = drop_masks
        if drop_masks is not None:
            self.blocks = tf.split(kernel, len(drop_masks), axis=1)

    def __call__(self, hidden: Tensor) -> Tensor:
        if self.drop_masks is None:
            return tf.matmul(hidden, self.kernel)
        blocks = zip(self.drop_masks, self.blocks, strict=True)
        return tf.concat([tf.matmul(hidden * drop, block) for drop, block in blocks], axis=1)

    def transposed(self) -> Any:
        """Returns the function from the product's gradient to the hidden state's."""
        # Transposing once is faster than a product with a transposed matrix at every step.
        drops = self.drop_masks
        if drops is None:
            kernel = tf.transpose(self.kernel)
            return lambda d_product: tf.matmul(d_product, kernel)
        blocks = [tf.transpose(block) for block in self.blocks]

        def by_gate(d_product: Tensor) -> Tensor:
            parts = zip(tf.split(d_product, len(blocks), axis=1), blocks, drops, strict=True)
            return tf.add_n([tf.matmul(part, block) * drop for part, block, drop in parts])

        return by_gate

    def weight_gradients(self, hidden: Tensor, d_products: Tensor) -> Tensors:
        """Returns the gradients of kernel and bias from all steps' states and product gradients."""

        def flat(x: Tensor) -> Tensor:
            return tf.reshape(x, (-1, x.shape[-1]))

        if self.drop_masks is None:
            d_kernel = tf.matmul(flat(hidden), flat(d_products), transpose_a=True)
        else:
            parts = tf.split(d_products, len(self.drop_masks), axis=2)
            d_kernel = tf.concat(
                [
                    tf.matmul(flat(hidden * drop), flat(part), transpose_a=True)
                    for drop, part in zip(self.drop_masks, parts, strict=True)
                ],
                axis=1,
            )
        if self.bias is None:
            return (d_kernel,)
        total = tf.reduce_sum(tf.cast(d_products, _wide(d_products.dtype)), axis=(0, 1))
        return d_kernel, tf.cast(total, self.bias.dtype)


def _forward(
    step: Step,
    inputs: Tensor,
    product: _Product,
    states: Tensors,
    mask: Tensor | None,
    return_sequences: bool,
    keep: bool,
) -> tuple[Tensor | None, Tensors, Any]:
    """Runs the steps; returns the hidden states, the final states, and what the gradient needs."""
    time = _length(inputs)
    input_steps, mask_steps = _unstacked(inputs), _unstacked(mask)
    hidden_steps = (_array(states[0].dtype, time),) if return_sequences else ()
    gate_steps = (_array(inputs.dtype, time),) if keep else ()
    state_steps = tuple(_array(state.dtype, time) for state in states) if keep else ()
    # Not at inference, so that an exported model needs no compiler.
    advance = _compiled(_advance) if keep else _advance

    def body(t, states, hidden_steps, gate_steps, state_steps):  # type: ignore[no-untyped-def]
        new_states, gates = advance(
            step,
            input_steps.read(t),
            product(states[0]),
            product.bias,
            states,
            _read(mask_steps, t),
            keep,
        )
        if return_sequences:
            hidden_steps = (hidden_steps[0].write(t, new_states[0]),)
        if keep:
            gate_steps = (gate_steps[0].write(t, gates),)
            state_steps = tuple(a.write(t, s) for a, s in zip(state_steps, states, strict=True))
        return t + 1, new_states, hidden_steps, gate_steps, state_steps

    _, final, hidden_steps, gate_steps, state_steps = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (tf.constant(0), states, hidden_steps, gate_steps, state_steps),
        parallel_iterations=1,
        maximum_iterations=time,
    )
    hidden = hidden_steps[0].stack() if return_sequences else None
    return hidden, final, (gate_steps[0], state_steps) if keep else None


def _backward(
    step: Step,
    inputs: Tensor,
    product: _Product,
    kept: Any,
    mask: Tensor | None,
    d_hidden: Tensor | None,
    d_final: Tensors,
) -> tuple[Tensor, Tensor, Tensors]:
    """Runs the steps backwards; returns the gradients of inputs, products and initial states."""
    time, narrow = _length(inputs), inputs.dtype
    gate_steps, state_steps = kept
    mask_steps, d_hidden_steps = _unstacked(mask), _unstacked(d_hidden)
    # Where a step only adds inputs and product their gradients are the same and one array does.
    arrays = tuple(_array(narrow, time) for _ in range(1 if step.adds else 2))
    product_gradient = product.transposed()
    retreat = _compiled(_retreat)

    def body(t, d_product_hidden, d_states, arrays):  # type: ignore[no-untyped-def]
        d_gates, d_states = retreat(
            step,
            _read(d_hidden_steps, t),
            d_product_hidden,
            d_states,
            gate_steps.read(t),
            tuple(steps.read(t) for steps in state_steps),
            _read(mask_steps, t),
        )
        arrays = tuple(a.write(t, d) for a, d in zip(arrays, d_gates, strict=True))
        return t - 1, product_gradient(d_gates[-1]), d_states, arrays

    d_states = tuple(tf.cast(d, _wide(narrow)) for d in d_final)
    _, d_product_hidden, d_states, arrays = tf.while_loop(
        lambda t, *_: t >= 0,
        body,
        (tf.convert_to_tensor(time - 1), tf.zeros_like(d_final[0]), d_states, arrays),
        parallel_iterations=1,
        maximum_iterations=time,
    )
    d_first = tf.cast(d_states[0], narrow) + d_product_hidden
    gradients = [array.stack() for array in arrays]
    return gradients[0], gradients[-1], (d_first, *d_states[1:])


def _advance(
    step: Step,
    inputs: Tensor,
    product: Tensor,
    bias: Tensor | None,
    states: Tensors,
    mask: Tensor | None,
    keep: bool,
) -> tuple[Tensors, Tensor | None]:
    """One step forward: gates in wide arithmetic, states masked, gates narrow if they are kept."""
    wide = _wide(inputs.dtype)
    product = (
        tf.cast(product, wide) if bias is None else tf.cast(product, wide) + tf.cast(bias, wide)
    )
    new_states, gates = step.forward(
        tf.cast(inputs, wide), product, tuple(tf.cast(state, wide) for state in states)
    )
    new_states = tuple(tf.cast(new, old.dtype) for new, old in zip(new_states, states, strict=True))
    if mask is not None:
        new_states = tuple(tf.where(mask, n, o) for n, o in zip(new_states, states, strict=True))
    return new_states, _joined(gates, inputs.dtype) if keep else None


def _retreat(
    step: Step,
    d_hidden: Tensor | None,
    d_product_hidden: Tensor,
    d_states: Tensors,
    gates: Tensor,
    states: Tensors,
    mask: Tensor | None,
) -> tuple[Tensors, Tensors]:
    """One step backward.

    Args:
        step: the gate arithmetic.
        d_hidden: (batch, units) gradient of this step's output, or None.
        d_product_hidden: (batch, units) gradient of the hidden state through the next product.
        d_states: gradients of this step's new states by any other way.
        gates: (batch, kept x units), as `_advance` returned them.
        states: the states before this step.
        mask: (batch, 1) or None.

    Returns:
        The gradients of the inputs and, where it differs, of the product; and of the states before
        the step, without the part that comes through the product.
    """
    narrow, wide = gates.dtype, _wide(gates.dtype)
    d_first = d_states[0] + tf.cast(d_product_hidden, wide)
    if d_hidden is not None:
        d_first += tf.cast(d_hidden, wide)
    d_states = (d_first, *d_states[1:])
    active = (
        d_states if mask is None else tuple(tf.where(mask, d, tf.zeros_like(d)) for d in d_states)
    )
    d_gates, d_previous = step.backward(
        active,
        tf.split(tf.cast(gates, wide), gates.shape[-1] // states[0].shape[-1], axis=1),
        tuple(tf.cast(state, wide) for state in states),
    )
    if mask is not None:
        # A masked step passes the gradient of its states on as it came.
        passed = (tf.where(mask, tf.zeros_like(d), d) for d in d_states)
        d_previous = tuple(d + p for d, p in zip(d_previous, passed, strict=True))
    return tuple(_joined(d, narrow) for d in d_gates), d_previous


def _joined(gates: list[Tensor], dtype: Any) -> Tensor:
    """Puts (batch, units) tensors side by side."""
    # XLA writes a stack straight into place; a concatenation it would build by copying.
    stacked = tf.cast(tf.stack(gates, axis=1), dtype)
    return tf.reshape(stacked, (-1, len(gates) * gates[0].shape[-1]))


@functools.cache
def _compiled(function: Any) -> Any:
    """Compiles one step's arithmetic with XLA, which turns a dozen passes over memory into one."""
    if not tf.test.is_built_with_xla():
        return function
    return tf.function(function, jit_compile=True, autograph=False)


def _wide(dtype: Any) -> Any:
    return tf.float32 if dtype.size == 2 else dtype


def _length(x: Tensor) -> Any:
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]


def _array(dtype: Any, size: Any) -> tf.TensorArray:
    # The states are read step by step and then stacked; eagerly a read would clear them.
    return tf.TensorArray(dtype, size, clear_after_read=False)


def _unstacked(x: Tensor | None) -> tf.TensorArray | None:
    return None if x is None else _array(x.dtype, _length(x)).unstack(x)


def _read(steps: tf.TensorArray | None, t: Tensor) -> Tensor | None:
    return None if steps is None else steps.read(t)
