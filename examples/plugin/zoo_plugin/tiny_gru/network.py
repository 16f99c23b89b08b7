"""Character language model: embedding, one GRU layer, softmax over characters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras

from zoo.values import check_range, check_same


@dataclass(frozen=True)
class TinyGRUConfig:
    """Values of the model.

    Args:
        vocabulary_size: number of characters.
        width: width of the embedding and of the GRU layer.
    """

    vocabulary_size: int
    width: int = 64

    def __post_init__(self) -> None:
        check_range(self, "vocabulary_size", int, 1, 100_000)
        check_range(self, "width", int, 1, 4096)

    def parameters(self) -> int:
        """Number of weights of the network, counted without building it."""
        gru = 3 * self.width * (2 * self.width + 2)
        return self.vocabulary_size * (2 * self.width + 1) + gru

    def check_processor(self, processor: Any) -> None:
        """Check that the folder's vocabulary is as large as the network's."""
        check_same(self, "vocabulary_size", len(processor), "the vocabulary")

    def with_vocabulary(self, size: int) -> TinyGRUConfig:
        """The same values for another number of characters."""
        return replace(self, vocabulary_size=size)

    def vocabulary_axes(self) -> dict[str, int]:
        """Which axis of which variable counts characters."""
        return {"embedding/embeddings": 0, "logits/kernel": 1, "logits/bias": 0}


def build(config: TinyGRUConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network: ``(batch, time)`` ids to ``(batch, time, vocabulary)`` logits."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(config.vocabulary_size, config.width, dtype=dtype, name="embedding")(
        ids
    )
    x = keras.layers.GRU(config.width, return_sequences=True, dtype=dtype, name="gru")(x)
    logits = keras.layers.Dense(config.vocabulary_size, dtype=dtype, name="logits")(x)
    return keras.Model(ids, logits, name="tiny_gru")
