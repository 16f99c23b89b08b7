"""Long short-term memory."""

from __future__ import annotations

import keras
from keras import ops

from zoo.cells import CELLS
from zoo.layers.recurrence import Recurrence
from zoo.layers.step import Step, Tensor, Tensors


class LSTMStep:
    """One step of the LSTM with a forget gate.

    With x the inputs' part and u the recurrent product's part of each gate, and s the logistic
    sigmoid:

        i = s(x_i + u_i)          input gate
        f = s(x_f + u_f)          forget gate
        g = tanh(x_g + u_g)       candidate
        o = s(x_o + u_o)          output gate
        c' = f c + i g            cell state
        h' = o tanh(c')           hidden state

    Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; the forget gate is by Gers,
    Schmidhuber and Cummins 2000, "Learning to Forget: Continual Prediction with LSTM".
    """

    gates = CELLS["lstm"].gates
    adds = True

    def forward(
        self, inputs: Tensor, product: Tensor, states: Tensors
    ) -> tuple[Tensors, list[Tensor]]:
        _, cell = states
        i, f, g, o = ops.split(inputs + product, 4, axis=1)
        i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
        new_cell = f * cell + i * g
        shown = ops.tanh(new_cell)
        return (o * shown, new_cell), [i, f, g, o, shown]

    def backward(
        self, d_states: Tensors, gates: list[Tensor], states: Tensors
    ) -> tuple[tuple[list[Tensor], ...], Tensors]:
        d_hidden, d_cell = d_states
        i, f, g, o, shown = gates
        _, cell = states
        d_cell = d_cell + d_hidden * o * (1 - shown * shown)
        d_gates = [
            d_cell * g * i * (1 - i),
            d_cell * cell * f * (1 - f),
            d_cell * i * (1 - g * g),
            d_hidden * shown * o * (1 - o),
        ]
        return (d_gates,), (ops.zeros_like(d_hidden), d_cell * f)


@keras.saving.register_keras_serializable(package="zoo")
class LSTM(Recurrence, keras.layers.LSTM):
    """`keras.layers.LSTM`, about twice as fast to train on a CPU, with the same weights.

    Args:
        units: size of the hidden state and of the cell state.
        weight_dropout: probability of setting each weight of the recurrent kernel to zero for one
            training call; see `zoo.layers.recurrence.Recurrence`.
        *args: as for `keras.layers.LSTM`.
        **kwargs: as for `keras.layers.LSTM`.

    Example:
        >>> layer = zoo.layers.LSTM(512, return_sequences=True, weight_dropout=0.5)
        >>> layer(np.zeros((8, 100, 65), "float32")).shape
        (8, 100, 512)
    """

    keras_class = keras.layers.LSTM

    def _step(self) -> Step | None:
        standard = (keras.activations.tanh, keras.activations.sigmoid)
        return _STEP if (self.activation, self.recurrent_activation) == standard else None


_STEP = LSTMStep()
