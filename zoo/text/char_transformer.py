"""Character language model: a Transformer decoder with rotary positions and a sliding window.

The opponent of the recurrent models in the comparison: the same task, verbs and vocabulary. Blocks
normalise before attention and before the feed-forward layers (pre-norm, as GPT-2 does, Radford et
al. 2019); positions are rotary (Su et al. 2021, arXiv:2104.09864); each character attends to a
fixed number of characters before it, so that a stream has a state of one size (the window of
Beltagy et al. 2020, arXiv:2004.05150); and the softmax uses the embedding matrix (Press and Wolf
2017, arXiv:1608.05859).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from zoo.cells import Shapes, count, dense_shapes, normalisation_shapes
from zoo.errors import UsageError
from zoo.folder.vocabulary import MAX_VOCABULARY
from zoo.text.rotary import frequencies
from zoo.values import check_range, check_same

WIDENING = 4
"""Features of the hidden feed-forward layer for each of the block."""
PROJECTIONS = ("query", "key", "value", "output")
_FAR_BELOW = -1e9
_SPREAD = 0.02  # of the weights' start, as GPT-2 has it


@dataclass(frozen=True)
class CharTransformerConfig:
    """Values of a character Transformer.

    Args:
        vocabulary_size: number of characters.
        layers: number of blocks.
        width: features of each character between the blocks.
        heads: attention heads; each has ``width / heads`` features, an even number.
        context: characters before each that it attends to.
        embedding_dropout: fraction of embedding features dropped.
        hidden_dropout: the same after attention and after the feed-forward layers.
        attention_dropout: fraction of attention weights dropped.
    """

    vocabulary_size: int
    layers: int = 5
    width: int = 240
    heads: int = 6
    context: int = 256
    embedding_dropout: float = 0.0
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, "vocabulary_size", int, 1, MAX_VOCABULARY)
        check_range(self, "layers", int, 1, 48)
        check_range(self, "width", int, 2, 8192)
        check_range(self, "heads", int, 1, 128)
        check_range(self, "context", int, 1, 65_536)
        for name in ("embedding_dropout", "hidden_dropout", "attention_dropout"):
            check_range(self, name, float, 0.0, 0.95)
        if self.width % (2 * self.heads):
            raise UsageError(
                f"width must be an even multiple of heads, not {self.width} of {self.heads}"
            )

    def with_vocabulary(self, size: int) -> CharTransformerConfig:
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
        return {"embedding/embeddings": 0}

    def shapes(self) -> Shapes:
        """Shape of each variable of the network that :func:`build` makes, by its path."""
        width = self.width
        shapes: Shapes = {"embedding/embeddings": (self.vocabulary_size, width)}
        for number in range(1, self.layers + 1):
            block = f"block_{number}"
            shapes |= normalisation_shapes(f"{block}_attention_normalisation", width)
            for name in PROJECTIONS:
                shapes |= dense_shapes(f"{block}_{name}", width, width)
            shapes |= normalisation_shapes(f"{block}_feed_normalisation", width)
            shapes |= dense_shapes(f"{block}_expand", width, WIDENING * width)
            shapes |= dense_shapes(f"{block}_contract", WIDENING * width, width)
        return shapes | normalisation_shapes("normalisation", width)

    def parameters(self) -> int:
        """Number of weights of the network that :func:`build` makes, without building it."""
        return count(self.shapes())


def build(config: CharTransformerConfig, *, dtype: str = "float32") -> Any:
    """Build the network: ``(batch, time)`` int32 ids to ``(batch, time, vocabulary)`` logits.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A ``keras.Model``. What stands before the first id is nothing: nobody attends to it.
    """
    import keras
    from keras import ops

    embedding = keras.layers.ReversibleEmbedding(
        config.vocabulary_size,
        config.width,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=_SPREAD),
        dtype=dtype,
        name="embedding",
    )
    ids = keras.Input((None,), dtype="int32", name="ids")
    positions = ops.cumsum(ops.ones_like(ids), axis=1) - 1
    x = transformer_blocks(embedding(ids), positions, config, dtype)
    return keras.Model(ids, embedding(x, reverse=True), name="char_transformer")


def transformer_blocks(x: Any, positions: Any, config: CharTransformerConfig, dtype: str) -> Any:
    """The blocks of the network and the normalisation after them.

    Args:
        x: ``(batch, time, width)``.
        positions: ``(batch, time)`` int32, from 0.
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        ``(batch, time, width)``.
    """
    import keras

    def normalisation(name: str) -> Any:
        return keras.layers.LayerNormalization(dtype=dtype, name=name)

    def dropout(rate: float, name: str) -> Any:
        return keras.layers.Dropout(rate, dtype=dtype, name=name)

    x = dropout(config.embedding_dropout, "embedding_dropout")(x)
    attend = _Attention(positions, config, dtype)
    for number in range(1, config.layers + 1):
        block = f"block_{number}"
        answer = attend(block, normalisation(f"{block}_attention_normalisation")(x))
        x = x + dropout(config.hidden_dropout, f"{block}_output_dropout")(answer)
        normal = normalisation(f"{block}_feed_normalisation")(x)
        wide = _dense(WIDENING * config.width, f"{block}_expand", dtype)(normal)
        wide = keras.ops.gelu(wide, approximate=True)
        narrow = _dense(config.width, f"{block}_contract", dtype, _last_spread(config))(wide)
        x = x + dropout(config.hidden_dropout, f"{block}_contract_dropout")(narrow)
    return normalisation("normalisation")(x)


class _Attention:
    """What the attention of all blocks shares: who sees whom, and the angles of the positions."""

    def __init__(self, positions: Any, config: CharTransformerConfig, dtype: str) -> None:
        from keras import ops

        self._config, self._dtype = config, dtype
        self._head = config.width // config.heads
        places = ops.expand_dims(ops.cast(positions, "float32"), -1)
        angles = ops.expand_dims(places * frequencies(self._head), 1)
        self._cosine, self._sine = ops.cos(angles), ops.sin(angles)
        back = ops.expand_dims(positions, 2) - ops.expand_dims(positions, 1)
        self._seen = ops.expand_dims(ops.logical_and(back >= 0, back <= config.context), 1)

    def __call__(self, block: str, x: Any) -> Any:
        import keras
        from keras import ops

        config, head = self._config, self._head
        q, k, v = (
            ops.transpose(
                keras.layers.Reshape((-1, config.heads, head), name=f"{block}_{name}_heads")(
                    _dense(config.width, f"{block}_{name}", self._dtype)(x)
                ),
                (0, 2, 1, 3),
            )
            for name in PROJECTIONS[:3]
        )
        scores = ops.matmul(self._turned(q), ops.transpose(self._turned(k), (0, 1, 3, 2)))
        scores = ops.where(self._seen, ops.cast(scores, "float32") * head**-0.5, _FAR_BELOW)
        weights = keras.layers.Dropout(
            config.attention_dropout, dtype=self._dtype, name=f"{block}_attention_dropout"
        )(ops.cast(ops.softmax(scores, axis=-1), v.dtype))
        answer = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))
        answer = keras.layers.Reshape((-1, config.width), name=f"{block}_joined")(answer)
        return _dense(config.width, f"{block}_output", self._dtype, _last_spread(config))(answer)

    def _turned(self, x: Any) -> Any:
        """Features turned by their position; see :mod:`zoo.text.rotary`."""
        from keras import ops

        half = self._head // 2
        first, second = x[..., :half], x[..., half:]
        cosine, sine = ops.cast(self._cosine, x.dtype), ops.cast(self._sine, x.dtype)
        return ops.concatenate(
            [first * cosine - second * sine, first * sine + second * cosine], axis=-1
        )


def _dense(units: int, name: str, dtype: str, spread: float = _SPREAD) -> Any:
    import keras

    start = keras.initializers.RandomNormal(stddev=spread)
    return keras.layers.Dense(units, kernel_initializer=start, dtype=dtype, name=name)


def _last_spread(config: CharTransformerConfig) -> float:
    """Of the start of a block's last layers: their sum over the blocks then begins with about the
    spread of one of them (GPT-2)."""
    return float(_SPREAD / (2 * config.layers) ** 0.5)
