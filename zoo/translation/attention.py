"""Attention of a decoder on what the encoder has read, and the decoder layer that feeds on it.

Multiplicative attention is the "general" form of Luong et al. 2015 (arXiv:1508.04025), scaled
attention is the same divided by the square root of the width (Vaswani et al. 2017,
arXiv:1706.03762), and additive attention that of Bahdanau et al. 2015 (arXiv:1409.0473). Scores
that are not scaled grow fast, since each step of Adam moves all weights of the keys at once, until
the softmax gives all to one position and learns no more: new networks should have scaled attention.

Functions here take the layers that they need by name, so that they serve a network that is being
built, a training loop and a single step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from zoo.layers.recurrence import replaced_attribute
from zoo.translation.attention_kinds import ADDITIVE, SCALED

_KERAS_CELLS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}

_FAR_BELOW = -1e9

Layers = Mapping[str, Any]


def attention_layers(kind: str, units: int, width: int, dtype: Any) -> Iterator[Any]:
    """The layers of an attention, by their names; the keys' one is the caller's to make.

    Args:
        kind: one of :data:`zoo.translation.attention_kinds.KINDS`.
        units: width of the decoder's hidden state.
        width: width of the answer.
        dtype: Keras dtype policy.
    """
    if kind == ADDITIVE:
        yield keras.layers.Dense(units, dtype=dtype, name="attention_query")
        yield keras.layers.Dense(1, use_bias=False, dtype=dtype, name="attention_score")
    yield keras.layers.Dense(width, activation="tanh", dtype=dtype, name="attention_output")


def attention_weights(layers: Layers, kind: str, hidden: Any, keys: Any, mask: Any) -> Any:
    """How much each decoder step attends to each source position.

    Args:
        layers: those of :func:`attention_layers` by name.
        kind: one of :data:`zoo.translation.attention_kinds.KINDS` but ``"none"``.
        hidden: ``(batch, steps, units)``.
        keys: ``(batch, source, units)``.
        mask: ``(batch, source)`` bool, false at padding.

    Returns:
        ``(batch, steps, source)`` float32; rows sum to 1 and are exactly 0 at padding.
    """
    if kind == ADDITIVE:
        queries = layers["attention_query"](hidden)
        sums = ops.tanh(ops.expand_dims(queries, 2) + ops.expand_dims(keys, 1))
        scores = ops.squeeze(layers["attention_score"](sums), -1)
    else:
        scores = ops.matmul(hidden, ops.transpose(keys, (0, 2, 1)))
    scores = ops.cast(scores, "float32")
    if kind == SCALED:
        scores *= keys.shape[-1] ** -0.5
    return ops.softmax(ops.where(ops.expand_dims(mask, 1), scores, _FAR_BELOW), axis=-1)


def attention_answer(layers: Layers, hidden: Any, weights: Any, memory: Any) -> Any:
    """The hidden state and what it attends to, put together: ``(batch, steps, width)``.

    Args:
        layers: those of :func:`attention_layers` by name.
        hidden: ``(batch, steps, units)``.
        weights: of :func:`attention_weights`, or ``None`` without attention.
        memory: ``(batch, source, units)``.
    """
    if weights is not None:
        context = ops.matmul(ops.cast(weights, memory.dtype), memory)
        hidden = ops.concatenate([hidden, context], axis=-1)
    return layers["attention_output"](hidden)


@keras.saving.register_keras_serializable(package="zoo")
class InputFeedingCell(keras.layers.Layer):
    """A recurrent cell that also reads the attention's last answer (Luong et al. 2015, 3.3).

    Its states are those of the recurrent cell and the answer. What is attended to is set for the
    time of a call: see :meth:`attending`.

    Args:
        cell: ``"lstm"`` or ``"gru"``.
        units: width of the hidden state.
        width: width of the answer.
        attention: one of :data:`zoo.translation.attention_kinds.KINDS` but ``"none"``.
        normalize: whether the hidden state is normalised before it attends.
        **kwargs: as for a Keras layer.
    """

    def __init__(
        self,
        cell: str,
        units: int,
        width: int,
        attention: str,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.values: dict[str, Any] = {
            "cell": cell,
            "units": units,
            "width": width,
            "attention": attention,
            "normalize": normalize,
        }
        dtype = self.dtype_policy
        self.recurrent = _KERAS_CELLS[cell](units, dtype=dtype, name=f"{cell}_cell")
        self.parts = list(attention_layers(attention, units, width, dtype))
        self.norm = None
        if normalize:
            self.norm = keras.layers.LayerNormalization(dtype=dtype, name="normalization")
        state_sizes = self.recurrent.state_size
        self.state_size = [
            *(state_sizes if isinstance(state_sizes, (list, tuple)) else [state_sizes]),
            width,
        ]
        self.output_size = units + width
        self.attended: Any = None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.values}

    def build(self, input_shape: Any) -> None:
        units, width = self.values["units"], self.values["width"]
        self.recurrent.build((None, input_shape[-1] + width))
        shapes = {"attention_query": units, "attention_score": units, "attention_output": 2 * units}
        for part in self.parts:
            part.build((None, None, shapes[part.name]))
        if self.norm is not None:
            self.norm.build((None, units))
        self.built = True

    def attending(self, keys: Any, memory: Any, mask: Any) -> Any:
        """A context in which the cell attends to this.

        Args:
            keys: ``(sentences, source, units)``.
            memory: ``(sentences, source, units)``.
            mask: ``(sentences, source)`` bool.
        """
        return replaced_attribute(self, "attended", (keys, memory, mask))

    @property
    def layers(self) -> Layers:
        """The attention's layers by name."""
        return {part.name: part for part in self.parts}

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """One step.

        Args:
            inputs: ``(rows, features)``; a whole number of rows for each sentence, side by side.
            states: of the recurrent cell, and the last answer ``(rows, width)``.
            training: as for a Keras layer.

        Returns:
            Hidden state and answer side by side, ``(rows, units + width)``, and the new states.
        """
        keys, memory, mask = self.attended
        *cell_states, answer = states
        hidden, new = self.recurrent(
            ops.concatenate([inputs, answer], axis=-1), cell_states, training=training
        )
        shown = hidden if self.norm is None else self.norm(hidden)
        units, width = self.values["units"], self.values["width"]
        query = ops.reshape(shown, (ops.shape(keys)[0], -1, units))
        weights = attention_weights(self.layers, self.values["attention"], query, keys, mask)
        answer = attention_answer(self.layers, query, weights, memory)
        answer = ops.reshape(answer, (-1, width))
        new = new if isinstance(new, (list, tuple)) else [new]
        return ops.concatenate([shown, answer], axis=-1), [*new, answer]


@keras.saving.register_keras_serializable(package="zoo")
class InputFeeding(keras.layers.RNN):
    """The first decoder layer and its attention, step by step, each answer fed to the next step.

    All steps must be made one after the other, the attention's included, so it takes about twice as
    long to train as a decoder whose attention is worked out for all steps at once.

    Args:
        cell: an :class:`InputFeedingCell`.
        weight_dropout: fraction of recurrent weights dropped in a training call.
        **kwargs: as for ``keras.layers.RNN``.
    """

    def __init__(self, cell: InputFeedingCell, weight_dropout: float = 0.0, **kwargs: Any) -> None:
        kwargs |= {"return_sequences": True, "return_state": False}
        super().__init__(cell, **kwargs)
        self.weight_dropout = weight_dropout
        self.seeds = keras.random.SeedGenerator() if weight_dropout else None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_dropout": self.weight_dropout}

    def call(
        self,
        sequences: Any,
        keys: Any,
        memory: Any,
        mask: Any,
        initial_state: Sequence[Any],
        training: bool = False,
    ) -> Any:
        """Run over all steps.

        Args:
            sequences: ``(batch, steps, features)``.
            keys: ``(batch, source, units)``.
            memory: ``(batch, source, units)``.
            mask: ``(batch, source)`` bool, false at padding.
            initial_state: of the recurrent cell.
            training: whether weights are dropped.

        Returns:
            Hidden states ``(batch, steps, units)``, answers ``(batch, steps, width)`` and attention
            weights ``(batch, steps, source)``.
        """
        values, recurrent = self.cell.values, self.cell.recurrent
        kernel = recurrent.recurrent_kernel
        if training and self.weight_dropout:
            kernel = keras.random.dropout(
                ops.cast(kernel, self.compute_dtype), self.weight_dropout, seed=self.seeds
            )
        first = ops.zeros((ops.shape(keys)[0], values["width"]), self.compute_dtype)
        with (
            self.cell.attending(keys, memory, mask),
            replaced_attribute(recurrent, "recurrent_kernel", kernel),
        ):
            both = super().call(sequences, initial_state=[*initial_state, first], training=training)
        hidden, answers = both[..., : values["units"]], both[..., values["units"] :]
        # Of the weights only the answers were kept.
        weights = attention_weights(self.cell.layers, values["attention"], hidden, keys, mask)
        return hidden, answers, weights

    def compute_output_shape(self, sequences_shape: Any, keys_shape: Any) -> Any:
        values = self.cell.values
        rows = tuple(sequences_shape[:2])
        return (*rows, values["units"]), (*rows, values["width"]), (*rows, keys_shape[1])

    def compute_mask(self, *arguments: Any) -> Any:
        return None
