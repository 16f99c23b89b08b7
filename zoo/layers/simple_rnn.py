"""The plain recurrent network."""

from __future__ import annotations

import keras
from keras import ops

from zoo.cells import CELLS
from zoo.layers.recurrence import Recurrence
from zoo.layers.step import Step, Tensor, Tensors


class SimpleRNNStep:
    """One step of the simple recurrent network: h' = a(x + u), with a = tanh or relu.

    x is the inputs' part and u the recurrent product. Elman 1990, "Finding Structure in Time".

    Args:
        activation: "tanh" or "relu".
    """

    gates = CELLS["rnn"].gates
    adds = True

    def __init__(self, activation: str):
        self.activation = activation

    def forward(
        self, inputs: Tensor, product: Tensor, states: Tensors
    ) -> tuple[Tensors, list[Tensor]]:
        act = ops.tanh if self.activation == "tanh" else ops.relu
        hidden = act(inputs + product)
        return (hidden,), [hidden]

    def backward(
        self, d_states: Tensors, gates: list[Tensor], states: Tensors
    ) -> tuple[tuple[list[Tensor], ...], Tensors]:
        (d_hidden,), (hidden,) = d_states, gates
        if self.activation == "tanh":
            d_inputs = d_hidden * (1 - hidden * hidden)
        else:
            d_inputs = ops.where(hidden > 0, d_hidden, ops.zeros_like(d_hidden))
        return ([d_inputs],), (ops.zeros_like(d_hidden),)


@keras.saving.register_keras_serializable(package="zoo")
class SimpleRNN(Recurrence, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN`, faster to train on a CPU, with the same weights.

    Args:
        units: size of the hidden state.
        weight_dropout: probability of setting each weight of the recurrent kernel to zero for one
            training call; see `zoo.layers.recurrence.Recurrence`.
        *args: as for `keras.layers.SimpleRNN`.
        **kwargs: as for `keras.layers.SimpleRNN`.

    Example:
        >>> layer = zoo.layers.SimpleRNN(128, activation="relu")
        >>> layer(np.zeros((8, 100, 65), "float32")).shape
        (8, 128)
    """

    keras_class = keras.layers.SimpleRNN

    def _step(self) -> Step | None:
        return _STEPS.get(self.activation)


_STEPS = {
    keras.activations.tanh: SimpleRNNStep("tanh"),
    keras.activations.relu: SimpleRNNStep("relu"),
}
