"""What all dialogue networks read words with: word vectors and a convolution over characters.

A word is the join of three vectors: one from a large corpus that is not trained further, so that
words that training never saw lie near those that it saw; one that is learnt, for the words of the
training data; and the maximum over a convolution of its characters (Ma and Hovy 2016,
arXiv:1603.01354), which reads spelling, digits and capitals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.cells import Shapes, recurrent_shapes
from zoo.dialogue.word_ids import FIRST
from zoo.dialogue.words import Words
from zoo.values import check_range, check_same

WIDTH = 3
"""Characters that the convolution sees at once."""

INPUTS = ("words", "known", "characters")


@dataclass(frozen=True)
class WordConfig:
    """Values of the part of a network that reads words.

    Args:
        words: rows of the word vectors, padding and the unknown word included.
        known: rows of the learnt vectors, the same two included.
        characters: number of characters, the same two included.
        word_characters: characters of a word that are read.
        word_vectors: width of the word vectors.
        known_vectors: width of the learnt vectors.
        character_vectors: width of the characters' vectors.
        filters: width of what is read from a word's characters.
        units: of each direction of the recurrent layers.
        layers: number of bidirectional layers.
        input_dropout: share of a word's features dropped, one mask for all words of a message.
        hidden_dropout: the same after each recurrent layer.
        weight_dropout: share of recurrent weights dropped in a training step.
    """

    words: int
    known: int
    characters: int
    word_characters: int = 16
    word_vectors: int = 50
    known_vectors: int = 32
    character_vectors: int = 24
    filters: int = 64
    units: int = 128
    layers: int = 1
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_range(self, "words", int, FIRST, 100_000)
        check_range(self, "known", int, FIRST, self.words)
        check_range(self, "characters", int, FIRST, 100_000)
        check_range(self, "word_characters", int, 2, 64)
        for name in ("word_vectors", "known_vectors", "character_vectors", "filters", "units"):
            check_range(self, name, int, 1, 4096)
        check_range(self, "layers", int, 1, 8)
        for name in ("input_dropout", "hidden_dropout", "weight_dropout"):
            check_range(self, name, float, 0.0, 0.95)

    @property
    def features(self) -> int:
        """Width of a word's features."""
        return self.word_vectors + self.known_vectors + self.filters

    def check_words(self, words: Words) -> None:
        """Check that the vocabulary is the network's.

        Raises:
            UsageError: it is not.
        """
        check_same(self, "words", len(words.words) + FIRST, "the words of the vocabulary")
        check_same(self, "known", words.known + FIRST, "the known words of the vocabulary")
        check_same(self, "characters", len(words.characters) + FIRST, "the characters")
        check_same(self, "word_characters", words.word_characters, "the characters of a word")

    def word_shapes(self) -> Shapes:
        """The variables of :func:`read_words` by path."""
        shapes: Shapes = {
            "word_vectors/embeddings": (self.words, self.word_vectors),
            "known_vectors/embeddings": (self.known, self.known_vectors),
            "character_vectors/embeddings": (self.characters, self.character_vectors),
            "spelling/kernel": (1, WIDTH, self.character_vectors, self.filters),
            "spelling/bias": (self.filters,),
        }
        width = self.features
        for number in range(1, self.layers + 1):
            shapes |= recurrent_shapes(
                f"recurrent_{number}", "lstm", width, self.units, bidirectional=True
            )
            width = 2 * self.units
        return shapes


def word_values(words: Words) -> dict[str, int]:
    """The values of :class:`WordConfig` that a vocabulary decides."""
    return {
        "words": len(words.words) + FIRST,
        "known": words.known + FIRST,
        "characters": len(words.characters) + FIRST,
        "word_characters": words.word_characters,
    }


def word_inputs(config: WordConfig, prefix: str = "") -> list[Any]:
    """The inputs of a network that reads words: ``words`` and ``known`` ``(batch, tokens)`` and
    ``characters`` ``(batch, tokens, word_characters)``, int32, padded with 0 at the end.

    Args:
        config: the values.
        prefix: of the inputs' names.
    """
    import keras

    return [
        keras.Input((None,), dtype="int32", name=f"{prefix}words"),
        keras.Input((None,), dtype="int32", name=f"{prefix}known"),
        keras.Input((None, config.word_characters), dtype="int32", name=f"{prefix}characters"),
    ]


def read_words(config: WordConfig, inputs: list[Any], dtype: str) -> tuple[Any, Any]:
    """Read messages.

    Args:
        config: the values.
        inputs: of :func:`word_inputs`.
        dtype: a Keras dtype policy.

    Returns:
        ``(batch, tokens, 2 * units)`` and the mask ``(batch, tokens)``, true where a word is.
    """
    import keras
    from keras import ops

    from zoo.layers import recurrent_layer

    words, known, characters = inputs
    mask = ops.not_equal(words, 0)
    general = keras.layers.Embedding(
        config.words, config.word_vectors, trainable=False, dtype=dtype, name="word_vectors"
    )(words)
    learnt = keras.layers.Embedding(
        config.known, config.known_vectors, dtype=dtype, name="known_vectors"
    )(known)
    letters = keras.layers.Embedding(
        config.characters, config.character_vectors, dtype=dtype, name="character_vectors"
    )(characters)
    real = ops.expand_dims(ops.cast(ops.not_equal(characters, 0), letters.dtype), -1)
    spelling = keras.layers.Conv2D(
        config.filters, (1, WIDTH), padding="same", activation="relu", dtype=dtype, name="spelling"
    )(letters * real)
    spelling = ops.max(spelling * real, axis=2)
    x = ops.concatenate([general, learnt, spelling], axis=-1)
    x = keras.layers.SpatialDropout1D(config.input_dropout, dtype=dtype, name="input_dropout")(x)
    for number in range(1, config.layers + 1):
        layer = recurrent_layer(
            "lstm",
            config.units,
            return_sequences=True,
            weight_dropout=config.weight_dropout,
            dtype=dtype,
            name=f"recurrent_{number}",
        )
        x = keras.layers.Bidirectional(layer, dtype=dtype, name=f"recurrent_{number}")(x, mask=mask)
        x = keras.layers.SpatialDropout1D(
            config.hidden_dropout, dtype=dtype, name=f"hidden_dropout_{number}"
        )(x)
    return x, mask


def pool_words(x: Any, mask: Any) -> Any:
    """A message's maximum and mean over its words, ``(batch, 2 * width)``; zeros if it has none."""
    from keras import ops

    real = ops.expand_dims(ops.cast(mask, x.dtype), -1)
    highest = ops.max(x * real + (real - 1) * 100.0, axis=1)
    count = ops.maximum(ops.sum(real, axis=1), 1)
    some = ops.cast(ops.any(mask, axis=1, keepdims=True), x.dtype)
    return ops.concatenate([highest * some, ops.sum(x * real, axis=1) / count], axis=-1)
