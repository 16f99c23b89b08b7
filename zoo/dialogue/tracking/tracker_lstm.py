"""``tracker_lstm``: what a message says of each slot, scored by the meaning of the values.

A bidirectional LSTM reads the message and the one before it. Every candidate (a value of a slot,
"anything will do", nothing, or a question) looks for itself in both: by the likeness of its words,
which the processor tells, and by attention from its word vectors. A small network scores what it
finds there. No weight belongs to a value, so that other values can be given at any time (Mrkšić et
al. 2017, arXiv:1606.03777; Zhong, Xiong and Socher 2018, arXiv:1805.09655).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, count, dense_shapes
from zoo.dialogue.word_features import WordConfig, pool_words, read_words, word_inputs
from zoo.values import check_range

if TYPE_CHECKING:
    import keras

KINDS = 4
"""Kinds of candidates, see :mod:`zoo.dialogue.tracking.ontology`."""

FEATURES = 6
"""Plain numbers that a candidate's score sees."""

HEARD = ("message", "reply_to")
"""The two texts that are read, the message, and the one that it answers."""


@dataclass(frozen=True)
class TrackerConfig(WordConfig):
    """Values of ``tracker_lstm``: those of its words, and these.

    Args:
        meaning: width in which candidates and tokens are compared.
        hidden: width of the layer before the scores.
    """

    meaning: int = 64
    hidden: int = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "meaning", int, 1, 4096)
        check_range(self, "hidden", int, 1, 4096)

    def check_processor(self, processor: Any) -> None:
        """Check that the vocabulary is the processor's.

        Raises:
            UsageError: it is not.
        """
        self.check_words(processor.words)

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        read, wide = 2 * self.units, self.meaning
        return {
            **self.word_shapes(),
            "value_meaning/kernel": (self.word_vectors, wide),
            "slot_meaning/kernel": (self.word_vectors, wide),
            "kinds/embeddings": (KINDS, wide),
            **dense_shapes("tokens", read, wide),
            "likeness/kernel": (1, 1),
            **dense_shapes("found", read, self.hidden),
            **dense_shapes("pooled", 4 * read, self.hidden),
            **dense_shapes("joined", 3 * self.hidden + 2 * wide + FEATURES, self.hidden),
            **dense_shapes("scores", self.hidden, 1),
        }

    def parameters(self) -> int:
        """Number of weights of the network, without building it."""
        return count(self.shapes())


def build(config: TrackerConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model to scores ``(batch, candidates)``, logits, from a list of inputs: for the message,
        and then for the one that it answers, ``words``, ``known`` ``(batch, tokens)``,
        ``characters`` ``(batch, tokens, word_characters)``, ``match`` ``(batch, tokens,
        candidates)`` and ``covered`` ``(batch, candidates)``; then the candidates' ``value_words``
        and ``slot_words`` ``(batch, candidates, words)``, ``kinds`` ``(batch, candidates)`` and
        ``held`` ``(batch, candidates)``, 1 for the values that the state has.
    """
    import keras
    from keras import ops

    inputs: list[Any] = []
    heard = []
    for name in HEARD:
        texts = word_inputs(config, f"{name}_")
        match = keras.Input((None, None), dtype="float32")
        covered = keras.Input((None,), dtype="float32")
        inputs += [*texts, match, covered]
        heard.append((texts, match, covered))
    value_words = keras.Input((None, None), dtype="int32")
    slot_words = keras.Input((None, None), dtype="int32")
    kinds = keras.Input((None,), dtype="int32")
    held = keras.Input((None,), dtype="float32")
    inputs += [value_words, slot_words, kinds, held]

    reader = _reader(config, dtype)
    vectors = reader.get_layer("word_vectors")

    def dense(units: int, name: str, **kwargs: Any) -> Any:
        return keras.layers.Dense(units, dtype=dtype, name=name, **kwargs)

    def mean_vector(words: Any) -> Any:
        real = ops.expand_dims(ops.cast(ops.not_equal(words, 0), vectors.compute_dtype), -1)
        return ops.sum(vectors(words) * real, axis=2) / ops.maximum(ops.sum(real, axis=2), 1)

    values = dense(config.meaning, "value_meaning", use_bias=False)(mean_vector(value_words))
    slots = dense(config.meaning, "slot_meaning", use_bias=False)(mean_vector(slot_words))
    marks = keras.layers.Embedding(KINDS, config.meaning, dtype=dtype, name="kinds")(kinds)
    subject = values + slots + marks
    to_tokens = dense(config.meaning, "tokens")
    likeness = dense(1, "likeness", use_bias=False, kernel_initializer=_constant(4.0))
    found_layer = dense(config.hidden, "found", activation="relu")
    pooled, found, numbers = [], [], [ops.expand_dims(held, -1)]
    for texts, match, covered in heard:
        tokens = reader(texts)
        mask = ops.not_equal(texts[0], 0)
        pooled.append(pool_words(tokens, mask))
        meant = ops.einsum("btm,bcm->btc", to_tokens(tokens), subject) / config.meaning**0.5
        alike = likeness(ops.expand_dims(match, -1))[..., 0]
        scores = ops.cast(meant, "float32") + ops.cast(alike, "float32")
        real = ops.expand_dims(ops.cast(mask, "float32"), -1)
        scores = scores * real + (real - 1) * 1e4
        weights = ops.cast(ops.softmax(scores, axis=1), tokens.dtype)
        found.append(found_layer(ops.einsum("btc,btu->bcu", weights, tokens)))
        numbers += [ops.expand_dims(covered, -1)]
        numbers += [ops.expand_dims(ops.max(match * real, axis=1), -1)]
    numbers.append(ops.expand_dims(held * numbers[3][..., 0], -1))
    both = dense(config.hidden, "pooled", activation="relu")(ops.concatenate(pooled, axis=-1))
    both = keras.layers.Dropout(config.hidden_dropout, dtype=dtype, name="pooled_dropout")(both)
    around = ops.expand_dims(both, 1) + ops.zeros_like(found[0])
    plain = [ops.cast(number, subject.dtype) for number in numbers]
    joined = ops.concatenate([*found, around, subject, slots * marks, *plain], axis=-1)
    hidden = dense(config.hidden, "joined", activation="relu")(joined)
    hidden = keras.layers.Dropout(config.hidden_dropout, dtype=dtype, name="joined_dropout")(hidden)
    scores = keras.layers.Dense(1, dtype="float32", name="scores")(hidden)[..., 0]
    return keras.Model(inputs, scores, name="tracker_lstm")


def _constant(value: float) -> Any:
    import keras

    return keras.initializers.Constant(value)


def _reader(config: TrackerConfig, dtype: str) -> Any:
    """The part that reads a text, as a network of its own that is used twice."""
    import keras

    inputs = word_inputs(config)
    x, _ = read_words(config, inputs, dtype)
    return keras.Model(inputs, x, name="reader")
