"""An architecture from outside, as small as one can be: no inference, no optional contract."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from zoo.registry import Architecture
from zoo.values import check_range


@dataclass(frozen=True)
class PlainConfig:
    """Values of the network."""

    vocabulary_size: int
    units: int = 24

    def __post_init__(self) -> None:
        check_range(self, "vocabulary_size", int, 1, 1000)
        check_range(self, "units", int, 1, 1000)

    def parameters(self) -> int:
        size, units = self.vocabulary_size, self.units
        return size * 8 + 4 * units * (8 + units + 1) + (units + 1) * size


def build(config: PlainConfig, *, dtype: str = "float32") -> keras.Model:
    """Keras's own layers with their own defaults; variables have the names of ``char_lstm``."""
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(config.vocabulary_size, 8, dtype=dtype, name="embedding")(ids)
    lstm = keras.layers.LSTM(config.units, return_sequences=True, dtype=dtype, name="recurrent_1")
    logits = keras.layers.Dense(config.vocabulary_size, dtype=dtype, name="logits")(lstm(x))
    return keras.Model(ids, logits, name="plain")


def build_looking_ahead(config: PlainConfig, *, dtype: str = "float32") -> keras.Model:
    """The same with a layer that sees the next character."""
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(config.vocabulary_size, 8, dtype=dtype, name="embedding")(ids)
    x = keras.layers.Conv1D(8, 3, padding="same", dtype=dtype, name="both_sides")(x)
    x = keras.layers.LSTM(config.units, return_sequences=True, dtype=dtype, name="recurrent_1")(x)
    logits = keras.layers.Dense(config.vocabulary_size, dtype=dtype, name="logits")(x)
    return keras.Model(ids, logits, name="looking_ahead")


def build_without_memory(config: PlainConfig, *, dtype: str = "float32") -> keras.Model:
    """A bigram model: no recurrent layer."""
    ids = keras.Input((None,), dtype="int32")
    size = config.vocabulary_size
    logits = keras.layers.Embedding(size, size, dtype=dtype, name="logits")(ids)
    return keras.Model(ids, logits, name="without_memory")


def architecture(builder: str = "build", task: str = "text-generation") -> Architecture:
    """The registry's entry."""
    return Architecture(
        name="plain_lstm",
        task=task,
        summary="Embedding, LSTM, softmax.",
        builder=f"tests.plain_lstm:{builder}",
        config="tests.plain_lstm:PlainConfig",
        processor="zoo.text.processor:Characters",
        task_class="zoo.text.generation:TextGeneration",
    )
