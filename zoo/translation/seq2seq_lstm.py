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
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.cells import GATED, Shapes, count, dense_shapes, normalisation_shapes, recurrent_shapes
from zoo.errors import UsageError
from zoo.layers import recurrent_layer
from zoo.translation.attention import (
    InputFeeding,
    InputFeedingCell,
    Layers,
    attention_answer,
    attention_layers,
    attention_weights,
)
from zoo.translation.attention_kinds import ADDITIVE, KINDS, NONE
from zoo.values import check_choice, check_range, check_same

PAD = 0


@dataclass(frozen=True)
class Seq2SeqConfig:
    """Values of ``seq2seq_lstm``.

    Args:
        vocabulary_size: number of subwords; id 0 is padding.
        cell: ``"lstm"`` or ``"gru"``.
        embedding: width of the embedding and of what the softmax reads.
        units: width of each decoder layer; each direction of an encoder layer has half of it.
        encoder_layers: number of bidirectional layers.
        decoder_layers: number of decoder layers; the first one attends.
        attention: ``"scaled"`` (multiplicative, divided by the square root of the units),
            ``"multiplicative"``, ``"additive"``, or ``"none"``: then the decoder knows of the
            source only the encoder's last states.
        input_feeding: the first decoder layer reads the attention's last answer too.
        tie_embeddings: one matrix for source, target and softmax.
        layer_normalization: after each encoder and decoder layer.
        embedding_dropout: fraction of embedding features dropped, one mask for all steps.
        hidden_dropout: the same after encoder layers and before further decoder layers.
        output_dropout: the same before the softmax.
        weight_dropout: fraction of recurrent weights dropped in a training step.
    """

    vocabulary_size: int
    cell: str = "lstm"
    embedding: int = 256
    units: int = 512
    encoder_layers: int = 1
    decoder_layers: int = 1
    attention: str = "scaled"
    input_feeding: bool = False
    tie_embeddings: bool = True
    layer_normalization: bool = False
    embedding_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, "vocabulary_size", int, 4, 200_000)
        check_choice(self, "cell", GATED)
        check_range(self, "embedding", int, 1, 8192)
        check_range(self, "units", int, 2, 8192)
        check_range(self, "encoder_layers", int, 1, 16)
        check_range(self, "decoder_layers", int, 1, 16)
        check_choice(self, "attention", KINDS)
        for name in ("input_feeding", "tie_embeddings", "layer_normalization"):
            check_choice(self, name, (False, True))
        for name in ("embedding_dropout", "hidden_dropout", "output_dropout", "weight_dropout"):
            check_range(self, name, float, 0.0, 0.95)
        if self.units % 2:
            raise UsageError(f"units must be even, not {self.units}")
        if self.input_feeding and self.attention == NONE:
            raise UsageError("input_feeding needs an attention")

    def with_vocabulary(self, size: int) -> Seq2SeqConfig:
        """The same values for another number of subwords."""
        return replace(self, vocabulary_size=size)

    def check_processor(self, processor: Any) -> None:
        """Check that the vocabulary is as large as the processor's.

        Raises:
            UsageError: it is not.
        """
        check_same(self, "vocabulary_size", len(processor), "the vocabulary")

    def vocabulary_axes(self) -> dict[str, int]:
        """Which axis of which variable counts subwords."""
        if self.tie_embeddings:
            return {"embedding/embeddings": 0}
        return {
            "source_embedding/embeddings": 0,
            "target_embedding/embeddings": 0,
            "logits/kernel": 1,
            "logits/bias": 0,
        }

    def readout(self, network: keras.Model) -> keras.Model:
        """The network up to what the softmax reads, ``(batch, steps, embedding)``."""
        return keras.Model(
            network.inputs, network.get_layer("readout").output, name="readout_model"
        )

    def softmax_weights(self, network: keras.Model) -> tuple[Any, Any]:
        """The softmax's matrix and bias; see :class:`zoo.contracts.ConfigWithReadout`."""
        if self.tie_embeddings:
            return network.get_layer("embedding").embeddings.value, None
        dense = network.get_layer("logits")
        return ops.transpose(dense.kernel.value), dense.bias.value

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        return {
            **self._embedding_shapes(),
            **self._encoder_shapes(),
            **self._first_decoder_shapes(),
            **self._upper_decoder_shapes(),
        }

    def parameters(self) -> int:
        """Number of weights of the network, without building it."""
        return count(self.shapes())

    def _embedding_shapes(self) -> Shapes:
        size, width = self.vocabulary_size, self.embedding
        if self.tie_embeddings:
            return {"embedding/embeddings": (size, width)}
        return {
            "source_embedding/embeddings": (size, width),
            "target_embedding/embeddings": (size, width),
            **dense_shapes("logits", width, size),
        }

    def _encoder_shapes(self) -> Shapes:
        shapes: Shapes = {}
        width = self.embedding
        for number in range(1, self.encoder_layers + 1):
            name = f"encoder_{number}"
            shapes |= recurrent_shapes(name, self.cell, width, self.units // 2, bidirectional=True)
            # Without attention nothing reads the last layer's output, only its last states.
            if self.attention != NONE or number < self.encoder_layers:
                shapes |= self._norm_shapes(f"{name}_normalization")
            width = self.units
        return shapes

    def _first_decoder_shapes(self) -> Shapes:
        units, width = self.units, self.embedding
        path = "decoder_1/cell" if self.input_feeding else "decoder_1"
        parts = f"{path}/" if self.input_feeding else ""
        norm = f"{path}/normalization" if self.input_feeding else f"{path}_normalization"
        inputs = 2 * width if self.input_feeding else width
        shapes = recurrent_shapes(path, self.cell, inputs, units) | self._norm_shapes(norm)
        if self.attention != NONE:
            shapes["attention_keys/kernel"] = (units, units)
        if self.attention == ADDITIVE:
            shapes |= dense_shapes(f"{parts}attention_query", units, units)
            shapes[f"{parts}attention_score/kernel"] = (units, 1)
        reads = units if self.attention == NONE else 2 * units
        return shapes | dense_shapes(f"{parts}attention_output", reads, width)

    def _upper_decoder_shapes(self) -> Shapes:
        shapes: Shapes = {}
        width = self.embedding
        for number in range(2, self.decoder_layers + 1):
            name = f"decoder_{number}"
            shapes |= recurrent_shapes(name, self.cell, width, self.units)
            shapes |= self._norm_shapes(f"{name}_normalization")
            width = self.units
        if self.decoder_layers > 1:
            shapes |= dense_shapes("output", self.units + self.embedding, self.embedding)
        return shapes

    def _norm_shapes(self, path: str) -> Shapes:
        return normalisation_shapes(path, self.units) if self.layer_normalization else {}


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
