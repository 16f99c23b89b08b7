"""Character language model: embedding, a stack of recurrent layers, softmax over characters.

The recurrent stack with carried state follows Graves 2013 (arXiv:1308.0850) and Karpathy et al.
2015 (arXiv:1506.02078); dropout with one mask for all time steps follows Gal and Ghahramani 2016
(arXiv:1512.05287), dropped recurrent weights Merity et al. 2018 (arXiv:1708.02182), and tied
embeddings Press and Wolf 2017 (arXiv:1608.05859).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.cells import CELLS, Shapes, count, dense_shapes, recurrent_shapes
from zoo.folder.vocabulary import MAX_VOCABULARY
from zoo.values import check_choice, check_range, check_same

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class CharLSTMConfig:
    """Values of a character language model.

    Args:
        vocabulary_size: number of characters.
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        layers: number of recurrent layers.
        units: width of each recurrent layer.
        embedding: width of the character embedding.
        embedding_dropout: fraction of embedding features dropped, one mask for all steps.
        hidden_dropout: the same between recurrent layers.
        output_dropout: the same before the softmax layer.
        weight_dropout: fraction of recurrent weights dropped in a training step.
        tie_weights: the softmax uses the embedding matrix; needs a projection where
            ``embedding`` and ``units`` differ.
    """

    vocabulary_size: int
    cell: str = "lstm"
    layers: int = 2
    units: int = 512
    embedding: int = 128
    embedding_dropout: float = 0.0
    hidden_dropout: float = 0.0
    output_dropout: float = 0.0
    weight_dropout: float = 0.0
    tie_weights: bool = False

    def __post_init__(self) -> None:
        check_range(self, "vocabulary_size", int, 1, MAX_VOCABULARY)
        check_choice(self, "cell", tuple(CELLS))
        check_range(self, "layers", int, 1, 16)
        check_range(self, "units", int, 1, 8192)
        check_range(self, "embedding", int, 1, 8192)
        for name in ("embedding_dropout", "hidden_dropout", "output_dropout", "weight_dropout"):
            check_range(self, name, float, 0.0, 0.95)
        check_choice(self, "tie_weights", (False, True))

    def with_vocabulary(self, size: int) -> CharLSTMConfig:
        """The same values for another number of characters."""
        return replace(self, vocabulary_size=size)

    def check_processor(self, processor: Any) -> None:
        """Check that the vocabulary is as large as the processor's.

        Raises:
            UsageError: it is not.
        """
        check_same(self, "vocabulary_size", len(processor), "the vocabulary")

    def vocabulary_axes(self) -> dict[str, int]:
        """Which axis of which variable counts characters, for a change of the vocabulary."""
        axes = {"embedding/embeddings": 0}
        return axes if self.tie_weights else axes | {"logits/kernel": 1, "logits/bias": 0}

    def shapes(self) -> Shapes:
        """Shape of each variable of the network that :func:`build` makes, by its path."""
        size, width = self.vocabulary_size, self.embedding
        shapes: Shapes = {"embedding/embeddings": (size, width)}
        for number in range(1, self.layers + 1):
            shapes |= recurrent_shapes(f"recurrent_{number}", self.cell, width, self.units)
            width = self.units
        if not self.tie_weights:
            return shapes | dense_shapes("logits", width, size)
        if width != self.embedding:
            shapes |= dense_shapes("projection", width, self.embedding)
        return shapes

    def parameters(self) -> int:
        """Number of weights of the network that :func:`build` makes, without building it."""
        return count(self.shapes())


@dataclass(frozen=True)
class CharGRUConfig(CharLSTMConfig):
    """Values of ``char_gru``: those of :class:`CharLSTMConfig`, with GRU layers."""

    cell: str = "gru"


@dataclass(frozen=True)
class CharRNNConfig(CharLSTMConfig):
    """Values of ``char_rnn``: those of :class:`CharLSTMConfig`, with plain tanh layers."""

    cell: str = "rnn"


def build(config: CharLSTMConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network: ``(batch, time)`` int32 ids to ``(batch, time, vocabulary)`` logits.

    Each sequence starts from a zero state. ``zoo.inference.stateful.with_state`` gives the same
    layers with the state as input and output.

    Args:
        config: the values.
        dtype: a Keras dtype policy, such as ``"float32"`` or ``"mixed_bfloat16"``.
    """
    import keras

    from zoo.layers import recurrent_layer

    embedding = keras.layers.ReversibleEmbedding(
        config.vocabulary_size,
        config.embedding,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=0.3),
        dtype=dtype,
        name="embedding",
    )
    recurrent = [
        recurrent_layer(
            config.cell,
            config.units,
            return_sequences=True,
            return_state=True,
            weight_dropout=config.weight_dropout,
            dtype=dtype,
            name=f"recurrent_{number}",
        )
        for number in range(1, config.layers + 1)
    ]
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = _variational(embedding(ids), config.embedding_dropout, "embedding_dropout", dtype)
    for number, layer in enumerate(recurrent, 1):
        x, *_ = layer(x)
        if number < config.layers:
            x = _variational(x, config.hidden_dropout, f"hidden_dropout_{number}", dtype)
    x = _variational(x, config.output_dropout, "output_dropout", dtype)
    if config.tie_weights:
        if config.units != config.embedding:
            x = keras.layers.Dense(config.embedding, dtype=dtype, name="projection")(x)
        logits = embedding(x, reverse=True)
    else:
        logits = keras.layers.Dense(config.vocabulary_size, dtype=dtype, name="logits")(x)
    return keras.Model(ids, logits, name="char_lstm")


def _variational(x: keras.KerasTensor, rate: float, name: str, dtype: str) -> keras.KerasTensor:
    if rate == 0.0:
        return x
    import keras

    shape = (None, 1, x.shape[-1])
    return keras.layers.Dropout(rate, noise_shape=shape, dtype=dtype, name=name)(x)
