"""Classifier of lines: character embedding, GRU, softmax over languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from zoo.values import check_range, check_same
from zoo_plugin.line_language.processor import FIRST


@dataclass(frozen=True)
class LineGRUConfig:
    """Values of the model.

    Args:
        characters: number of characters it knows.
        languages: number of languages it tells apart.
        embedding: width of the character embedding.
        units: width of the GRU layer.
    """

    characters: int
    languages: int
    embedding: int = 16
    units: int = 32

    def __post_init__(self) -> None:
        check_range(self, "characters", int, 1, 100_000)
        check_range(self, "languages", int, 2, 1000)
        check_range(self, "embedding", int, 1, 1024)
        check_range(self, "units", int, 1, 4096)

    def parameters(self) -> int:
        """Number of weights of the network, counted without building it."""
        embedding = (self.characters + FIRST) * self.embedding
        gru = 3 * self.units * (self.embedding + self.units + 2)
        return embedding + gru + (self.units + 1) * self.languages

    def check_processor(self, processor: Any) -> None:
        """Check that the processor's characters and languages are as many as the network's."""
        check_same(self, "characters", len(processor.characters), "the processor")
        check_same(self, "languages", len(processor.languages), "the processor")


def build(config: LineGRUConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network: ``(batch, time)`` ids, 0 for padding, to ``(batch, languages)`` logits."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(
        config.characters + FIRST, config.embedding, mask_zero=True, dtype=dtype, name="embedding"
    )(ids)
    x = keras.layers.GRU(config.units, dtype=dtype, name="gru")(x)
    logits = keras.layers.Dense(config.languages, dtype=dtype, name="logits")(x)
    return keras.Model(ids, logits, name="line_gru")
