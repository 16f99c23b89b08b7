"""The base class of the zoo's recurrent layers: choice of the loop, dropout, weight dropout."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import keras
from keras import ops

from zoo.errors import UsageError
from zoo.layers.step import Step

Tensor = Any


class Recurrence(keras.layers.RNN):
    """A mix-in that gives a Keras recurrent layer the fast loop and weight dropout.

    The loop in `zoo.layers.loop` is used on the TensorFlow backend when no GPU is visible and the
    layer has its standard activations. Otherwise, Keras's implementation is used.

    Weight dropout sets each weight of the recurrent kernel to zero with the given probability, once
    per call and only in training, and scales the others up to preserve the expected kernel
    (DropConnect on the hidden-to-hidden weights; Merity, Keskar, Socher 2018, "Regularizing and
    Optimizing LSTM Language Models", https://arxiv.org/abs/1708.02182).
    """

    keras_class: ClassVar[type]
    """The Keras layer with the same weights."""

    def __init__(self, units: int, *args: Any, weight_dropout: float = 0.0, **kwargs: Any):
        if not 0.0 <= weight_dropout < 1.0:
            raise UsageError(f"weight_dropout must be at least 0 and below 1, got {weight_dropout}")
        super().__init__(units, *args, **kwargs)
        self.weight_dropout = weight_dropout
        if weight_dropout and hasattr(self, "use_cudnn"):
            # Bidirectional would pass the kernels of two cuDNN layers to cuDNN without dropout.
            self.use_cudnn = False

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_dropout": self.weight_dropout}

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Any, training: bool | None = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Runs the cell over time; overrides the method of `keras.layers.RNN`.

        Args:
            sequences: (batch, time, features).
            initial_state: one (batch, units) tensor for each state, or a list of them.
            mask: (batch, time) bool, or None.
            training: whether to apply dropout and prepare for a gradient.

        Returns:
            The last output (batch, units); the outputs (batch, time, units), or (batch, 1, units)
            without `return_sequences`; and the final states.
        """
        kernel = self._recurrent_kernel(training)
        step = self._fast_step()
        if step is None:
            with replaced_attribute(self.cell, "recurrent_kernel", kernel):
                return super().inner_loop(sequences, initial_state, mask, training=training)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        return self._fast_loop(step, kernel, sequences, tuple(initial_state), mask, bool(training))

    def _recurrent_kernel(self, training: bool | None) -> Any:
        """The kernel for this call: with weight dropout in training, else the cell's variable."""
        kernel = self.cell.recurrent_kernel
        if not (training and self.weight_dropout):
            return kernel
        kernel = ops.cast(kernel, self.cell.compute_dtype)
        # The cell's generator: a second one would add a variable that Keras's layer does not have.
        return keras.random.dropout(kernel, self.weight_dropout, seed=self.cell.seed_generator)

    def _step(self) -> Step | None:
        """The arithmetic of one step, or None if only Keras supports the configuration."""
        raise NotImplementedError

    def _fast_step(self) -> Step | None:
        if keras.backend.backend() != "tensorflow" or self.unroll:
            return None
        if getattr(self, "use_cudnn", None) is True:
            return None  # Keras says what is wrong.
        if self.dropout >= 1.0 or self.recurrent_dropout >= 1.0:
            return None
        import tensorflow as tf

        if tf.config.list_logical_devices("GPU"):
            return None
        return self._step()

    def _fast_loop(
        self,
        step: Step,
        kernel: Any,
        sequences: Tensor,
        states: tuple[Tensor, ...],
        mask: Tensor | None,
        training: bool,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        from zoo.layers import loop

        cell, dtype = self.cell, self.cell.compute_dtype
        drop_masks = recurrent_drop_masks = None
        if training and self.dropout:
            drop_masks = _as_list(cell.get_dropout_mask(sequences[:, 0, :]))
        if training and self.recurrent_dropout:
            recurrent_drop_masks = _as_list(cell.get_recurrent_dropout_mask(states[0]))

        time_major = _time_major(ops.cast(sequences, dtype))
        if mask is not None:
            mask = mask if len(mask.shape) == 3 else ops.expand_dims(mask, -1)
            # oneDNN complains on standard error about transposed booleans and integers; and a cast
            # would be moved behind the transposition.
            mask = _time_major(ops.where(mask, 1.0, 0.0)) > 0.5
        if self.go_backwards:
            time_major = ops.flip(time_major, axis=0)
            mask = None if mask is None else ops.flip(mask, axis=0)

        input_bias, product_bias = self._biases()
        hidden, final = loop.run(
            step,
            _project(time_major, ops.cast(cell.kernel, dtype), input_bias, drop_masks),
            ops.cast(kernel, dtype),
            product_bias,
            states,
            mask=mask,
            drop_masks=recurrent_drop_masks,
            training=training,
            return_sequences=self.return_sequences,
        )
        if not self.return_sequences:
            last = final[0]
            if mask is not None:
                last = ops.where(self._shown(mask)[-1], last, ops.zeros_like(last))
            return last, ops.expand_dims(last, 1), list(final)
        if mask is not None:
            hidden = ops.where(self._shown(mask), hidden, ops.zeros_like(hidden))
        return hidden[-1], _time_major(hidden), list(final)

    def _biases(self) -> tuple[Tensor | None, Tensor | None]:
        """The biases of the input part of the gates and of the recurrent product."""
        if not self.use_bias:
            return None, None
        return ops.cast(self.cell.bias, self.cell.compute_dtype), None

    def _shown(self, mask: Tensor) -> Tensor:
        """Where the output is the hidden state; elsewhere it is zero.

        Keras returns zeros at masked steps (`zero_output_for_mask`), or repeats the last output,
        which is zero before the first unmasked step, regardless of the initial state.
        """
        if self.zero_output_for_mask:
            return mask
        return ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0


def _project(inputs: Tensor, kernel: Tensor, bias: Tensor | None, drop_masks: Any) -> Tensor:
    """The input part of the gates for all steps, in one product.

    Args:
        inputs: (time, batch, features).
        kernel: (features, gates x units).
        bias: (gates x units,) or None.
        drop_masks: None, or a list of (batch, features) factors: one for all gates or one for each.

    Returns:
        (time, batch, gates x units).
    """
    time, batch, features = ops.shape(inputs)

    def product(inputs: Tensor, kernel: Tensor) -> Tensor:
        # As a product of two matrices: the gradient of a batched one would be slower.
        return ops.matmul(ops.reshape(inputs, (-1, features)), kernel)

    if drop_masks is None:
        gates = product(inputs, kernel)
    elif len(drop_masks) == 1:
        gates = product(inputs * drop_masks[0], kernel)
    else:
        blocks = zip(drop_masks, ops.split(kernel, len(drop_masks), axis=1), strict=True)
        gates = ops.concatenate([product(inputs * drop, block) for drop, block in blocks], axis=1)
    if bias is not None:
        gates = ops.add(gates, bias)  # of a matrix and a vector: TensorFlow's fast BiasAdd
    return ops.reshape(gates, (time, batch, kernel.shape[-1]))


def _time_major(x: Tensor) -> Tensor:
    """Swaps batch and time."""
    return ops.transpose(x, (1, 0, 2))


def _as_list(masks: Any) -> list[Tensor]:
    return list(masks) if isinstance(masks, (list, tuple)) else [masks]


@contextlib.contextmanager
def replaced_attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Temporarily replaces an attribute of a layer, hidden from Keras's tracking."""
    before = getattr(owner, name)
    if value is before:
        yield
        return
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        object.__setattr__(owner, name, before)
