"""The values of ``seq2seq_lstm``; :mod:`zoo.translation.seq2seq_lstm` builds the network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.cells import GATED, Shapes, count, dense_shapes, normalisation_shapes, recurrent_shapes
from zoo.errors import UsageError
from zoo.translation.attention_kinds import ADDITIVE, KINDS, NONE
from zoo.values import check_choice, check_range, check_same

if TYPE_CHECKING:
    import keras


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
        import keras

        return keras.Model(
            network.inputs, network.get_layer("readout").output, name="readout_model"
        )

    def softmax_weights(self, network: keras.Model) -> tuple[Any, Any]:
        """The softmax's matrix and bias; see :class:`zoo.contracts.ConfigWithReadout`."""
        if self.tie_embeddings:
            return network.get_layer("embedding").embeddings.value, None
        from keras import ops

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
