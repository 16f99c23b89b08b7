"""Sequence to sequence with attention: bidirectional encoder, attention, decoder, tied softmax.

The shape is that of Bahdanau et al. 2015 (arXiv:1409.0473) and Luong et al. 2015
(arXiv:1508.04025): the decoder's first layer attends to the encoder, further layers read the
attention's answer. By default the answer is not fed back into the first layer: then every layer,
the attention and the softmax work on all steps of a training batch at once, which is what makes
training on a CPU fast. ``input_feeding`` feeds it back.

One embedding serves source, target and softmax (Press and Wolf 2017, arXiv:1608.05859). Dropout has
one mask for all time steps (Gal and Ghahramani 2016, arXiv:1512.05287); recurrent weights can be
dropped (Merity et al. 2018, arXiv:1708.02182) and layers be normalised (Ba et al. 2016,
arXiv:1607.06450).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.layers import recurrent_layer
from zoo.translation.attention import (
    InputFeeding,
    InputFeedingCell,
    Layers,
    attention_answer,
    attention_layers,
    attention_weights,
)
from zoo.translation.attention_kinds import NONE
from zoo.translation.seq2seq_values import Seq2SeqConfig

PAD = 0


class Encoded(NamedTuple):
    """What the encoder has read.

    Args:
        keys: ``(batch, source, units)`` to compare with; ``None`` without attention.
        memory: ``(batch, source, units)`` to attend to.
        mask: ``(batch, source)`` bool, false at padding.
        states: for each decoder layer the states ``(batch, units)`` that it begins with.
    """

    keys: Any
    memory: Any
    mask: Any
    states: tuple[tuple[Any, ...], ...]


def build(config: Seq2SeqConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network as it is trained: it sees the target's tokens before the one it predicts.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[source (batch, source), target (batch, steps)]``, int32 ids padded with 0 at
        the end, to ``[logits (batch, steps, vocabulary), attention (batch, steps, source)]``, or to
        the logits alone without attention. Padding changes nothing of what is not padding.
    """
    layers = _make_layers(config, dtype)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoded = encode(layers, config, source)
    embedded = embed(layers, config, target, "target")
    if config.input_feeding:
        hidden, answer, weights = layers["decoder_1"](
            embedded,
            keys=encoded.keys,
            memory=encoded.memory,
            mask=encoded.mask,
            initial_state=encoded.states[0],
        )
    else:
        hidden, *_ = layers["decoder_1"](embedded, initial_state=encoded.states[0])
        hidden = _normalized(layers, "decoder_1", hidden)
        answer, weights = attend(layers, config, hidden, encoded)
    if config.decoder_layers > 1:
        upper = answer
        for number in range(2, config.decoder_layers + 1):
            upper = layers[f"decoder_{number}_dropout"](upper)
            upper, *_ = layers[f"decoder_{number}"](upper, initial_state=encoded.states[number - 1])
            upper = _normalized(layers, f"decoder_{number}", upper)
        answer = layers["output"](ops.concatenate([upper, answer], axis=-1))
    read = layers["readout"](answer)
    if config.tie_embeddings:
        logits = layers["embedding"](read, reverse=True)
    else:
        logits = layers["logits"](read)
    outputs = logits if weights is None else [logits, weights]
    return keras.Model([source, target], outputs, name="seq2seq")


def embed(layers: Layers, config: Seq2SeqConfig, ids: Any, side: str) -> Any:
    """Embedded ids of the ``"source"`` or the ``"target"``, one more axis than ``ids``."""
    layer = layers["embedding" if config.tie_embeddings else f"{side}_embedding"]
    # The rows are short, as the softmax needs them, and made longer here (Vaswani et al. 2017,
    # arXiv:1706.03762, 3.4): without that learning is slow to begin.
    return layers[f"{side}_dropout"](layer(ids) * config.embedding**0.5)


def encode(layers: Layers, config: Seq2SeqConfig, source: Any) -> Encoded:
    """Read the source.

    Args:
        layers: the network's layers by name.
        config: its values.
        source: ``(batch, source)`` int32 ids.
    """
    mask = ops.not_equal(source, PAD)
    x = embed(layers, config, source, "source")
    states = []
    for number in range(1, config.encoder_layers + 1):
        x, *ends = layers[f"encoder_{number}"](x, mask=mask)
        half = len(ends) // 2
        states.append(
            tuple(ops.concatenate([ends[part], ends[half + part]], axis=-1) for part in range(half))
        )
        if config.attention == NONE and number == config.encoder_layers:
            break  # nothing reads its output, only its last states
        x = _normalized(layers, f"encoder_{number}", x)
        x = layers[f"encoder_{number}_dropout"](x)
    keys = None if config.attention == NONE else layers["attention_keys"](x)
    begins = tuple(
        states[min(number, len(states)) - 1] for number in range(1, config.decoder_layers + 1)
    )
    return Encoded(keys, x, mask, begins)


def attend(layers: Layers, config: Seq2SeqConfig, hidden: Any, encoded: Encoded) -> tuple[Any, Any]:
    """The answer ``(batch, steps, embedding)`` to hidden states, and the attention or ``None``."""
    weights = None
    if config.attention != NONE:
        weights = attention_weights(layers, config.attention, hidden, encoded.keys, encoded.mask)
    return attention_answer(layers, hidden, weights, encoded.memory), weights


def _normalized(layers: Layers, name: str, x: Any) -> Any:
    norm = layers.get(f"{name}_normalization")
    return x if norm is None else norm(x)


def _make_layers(config: Seq2SeqConfig, dtype: str) -> dict[str, Any]:
    made = [*_embedding_layers(config, dtype), *_encoder_layers(config, dtype)]
    if config.attention != NONE:
        made.append(
            keras.layers.Dense(config.units, use_bias=False, dtype=dtype, name="attention_keys")
        )
    if not config.input_feeding:
        made += attention_layers(config.attention, config.units, config.embedding, dtype)
    made += _decoder_layers(config, dtype)
    made.append(_dropout(config.output_dropout, "readout", dtype))
    return {layer.name: layer for layer in made}


def _embedding_layers(config: Seq2SeqConfig, dtype: str) -> Sequence[Any]:
    def embedding(kind: Any, name: str) -> Any:
        return kind(
            config.vocabulary_size,
            config.embedding,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=config.embedding**-0.5),
            dtype=dtype,
            name=name,
        )

    dropouts = [
        _dropout(config.embedding_dropout, f"{side}_dropout", dtype)
        for side in ("source", "target")
    ]
    if config.tie_embeddings:
        return [embedding(keras.layers.ReversibleEmbedding, "embedding"), *dropouts]
    return [
        embedding(keras.layers.Embedding, "source_embedding"),
        embedding(keras.layers.Embedding, "target_embedding"),
        keras.layers.Dense(config.vocabulary_size, dtype=dtype, name="logits"),
        *dropouts,
    ]


def _encoder_layers(config: Seq2SeqConfig, dtype: str) -> Sequence[Any]:
    made: list[Any] = []
    for number in range(1, config.encoder_layers + 1):
        name = f"encoder_{number}"
        layer = _recurrent(config, config.units // 2, name, dtype)
        made.append(keras.layers.Bidirectional(layer, dtype=dtype, name=name))
        made += _norm(config, name, dtype)
        made.append(_dropout(config.hidden_dropout, f"{name}_dropout", dtype))
    return made


def _decoder_layers(config: Seq2SeqConfig, dtype: str) -> Sequence[Any]:
    made: list[Any] = []
    for number in range(1, config.decoder_layers + 1):
        name = f"decoder_{number}"
        if number == 1 and config.input_feeding:
            cell = InputFeedingCell(
                config.cell,
                config.units,
                config.embedding,
                config.attention,
                config.layer_normalization,
                dtype=dtype,
                name="cell",
            )
            made.append(InputFeeding(cell, config.weight_dropout, dtype=dtype, name=name))
            continue
        made.append(_recurrent(config, config.units, name, dtype))
        made += _norm(config, name, dtype)
        if number > 1:
            made.append(_dropout(config.hidden_dropout, f"{name}_dropout", dtype))
    if config.decoder_layers > 1:
        made.append(
            keras.layers.Dense(config.embedding, activation="tanh", dtype=dtype, name="output")
        )
    return made


def _recurrent(config: Seq2SeqConfig, units: int, name: str, dtype: str) -> Any:
    return recurrent_layer(
        config.cell,
        units,
        return_sequences=True,
        return_state=True,
        weight_dropout=config.weight_dropout,
        dtype=dtype,
        name=name,
    )


def _norm(config: Seq2SeqConfig, name: str, dtype: str) -> Sequence[Any]:
    if not config.layer_normalization:
        return []
    return [keras.layers.LayerNormalization(dtype=dtype, name=f"{name}_normalization")]


def _dropout(rate: float, name: str, dtype: str) -> Any:
    """Dropout with one mask for all steps."""
    return keras.layers.Dropout(rate, noise_shape=(None, 1, None), dtype=dtype, name=name)
