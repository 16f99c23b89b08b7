"""``sentiment_lstm``: a bidirectional LSTM over words, a causal LSTM over messages.

Each message is read alone; an LSTM over the messages, which knows whose they are, reads it in the
light of those before it (Poria et al. 2017, "Context-Dependent Sentiment Analysis in User-Generated
Videos", without looking ahead).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, count, dense_shapes, recurrent_shapes
from zoo.dialogue.mood.speakers import SPEAKERS
from zoo.dialogue.word_features import WordConfig, pool_words, read_words, word_inputs
from zoo.values import check_range, check_same

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class SentimentConfig(WordConfig):
    """Values of ``sentiment_lstm``: those of its words, and these.

    Args:
        moods: number of moods.
        message: width of what is read from a message.
        context: units of the LSTM over messages.
        message_dropout: share of a message's features that is dropped.
    """

    moods: int
    message: int = 128
    context: int = 96
    message_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "moods", int, 2, 1000)
        check_range(self, "message", int, 1, 4096)
        check_range(self, "context", int, 1, 4096)
        check_range(self, "message_dropout", float, 0.0, 0.95)

    def check_processor(self, processor: Any) -> None:
        """Check that the vocabulary and the moods are those of the processor.

        Raises:
            UsageError: they are not.
        """
        self.check_words(processor.words)
        check_same(self, "moods", len(processor.moods), "the list of moods")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        return {
            **self.word_shapes(),
            **dense_shapes("message", 4 * self.units, self.message),
            "speakers/embeddings": (SPEAKERS, self.message),
            **recurrent_shapes("context", "lstm", self.message, self.context),
            **dense_shapes("moods", self.message + self.context, self.moods),
        }

    def parameters(self) -> int:
        """Number of weights of the network, without building it."""
        return count(self.shapes())


def build(config: SentimentConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[words, known (messages, tokens), characters (messages, tokens,
        word_characters), order (conversations, turns), speakers (conversations, turns)]`` to logits
        ``(conversations, turns, moods)``. ``order`` has the row of each turn's message, and what
        stands after the end of a conversation means nothing.
    """
    import keras
    from keras import ops

    from zoo.layers import recurrent_layer

    inputs = word_inputs(config)
    order = keras.Input((None,), dtype="int32", name="order")
    speakers = keras.Input((None,), dtype="int32", name="speaker")
    x, mask = read_words(config, inputs, dtype)
    read = keras.layers.Dense(config.message, activation="relu", dtype=dtype, name="message")(
        pool_words(x, mask)
    )
    read = keras.layers.Dropout(config.message_dropout, dtype=dtype, name="message_dropout")(read)
    turns = ops.take(read, order, axis=0)
    marks = keras.layers.Embedding(SPEAKERS, config.message, dtype=dtype, name="speakers")
    spoken = turns + marks(speakers)
    context = recurrent_layer(
        "lstm",
        config.context,
        return_sequences=True,
        weight_dropout=config.weight_dropout,
        dtype=dtype,
        name="context",
    )(spoken)
    context = keras.layers.Dropout(config.message_dropout, dtype=dtype, name="context_dropout")(
        context
    )
    logits = keras.layers.Dense(config.moods, dtype="float32", name="moods")(
        ops.concatenate([turns, context], axis=-1)
    )
    return keras.Model([*inputs, order, speakers], logits, name="sentiment_lstm")
