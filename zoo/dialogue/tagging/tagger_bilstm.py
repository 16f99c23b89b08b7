"""``tagger_bilstm``: words and characters, bidirectional LSTM layers, a linear-chain CRF.

The shape is that of Huang, Xu and Yu 2015 (arXiv:1508.01991) and Ma and Hovy 2016
(arXiv:1603.01354). Where the data has intents, one is read from the pooled words, and its
probabilities shift the scores of the tags (Qin et al. 2019, arXiv:1909.02188).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, count, dense_shapes
from zoo.dialogue.word_features import WordConfig, pool_words, read_words, word_inputs
from zoo.errors import UsageError
from zoo.values import check_range, check_same

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class TaggerConfig(WordConfig):
    """Values of ``tagger_bilstm``: those of its words, and these.

    Args:
        labels: number of kinds of entities; 0 for a network that only tells the intent.
        intents: number of intents; 0 for none.
        intent_units: width of the layer before the intents; 0 for none.
    """

    labels: int
    intents: int = 0
    intent_units: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "labels", int, 0, 5000)
        check_range(self, "intents", int, 0, 5000)
        check_range(self, "intent_units", int, 0, 4096)
        if not self.labels and not self.intents:
            raise UsageError("a tagger needs labels, intents or both")

    @property
    def tags(self) -> int:
        """Number of tags, which are outside, beginning and inside of each label; 0 without any."""
        return 2 * self.labels + 1 if self.labels else 0

    def check_processor(self, processor: Any) -> None:
        """Check that the vocabulary, the labels and the intents are those of the processor.

        Raises:
            UsageError: they are not.
        """
        self.check_words(processor.words)
        check_same(self, "labels", len(processor.labels), "the list of labels")
        check_same(self, "intents", len(processor.intents), "the list of intents")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        shapes = self.word_shapes()
        width = 4 * self.units
        if self.intents:
            if self.intent_units:
                shapes |= dense_shapes("message", width, self.intent_units)
                width = self.intent_units
            shapes |= dense_shapes("intents", width, self.intents)
        if self.labels:
            shapes |= dense_shapes("emissions", 2 * self.units, self.tags)
            shapes |= {
                "chain/transitions": (self.tags, self.tags),
                "chain/start": (self.tags,),
                "chain/end": (self.tags,),
            }
            if self.intents:
                shapes["intent_emissions/kernel"] = (self.intents, self.tags)
        return shapes

    def parameters(self) -> int:
        """Number of weights of the network, without building it."""
        return count(self.shapes())


def build(config: TaggerConfig, *, dtype: str = "float32") -> keras.Model:
    """Build the network.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[words, known (batch, tokens), characters (batch, tokens, word_characters)]``
        to ``[emissions (batch, tokens, tags), intents (batch, intents)]``, the latter as logits,
        or to the one that there is. What stands in padding means nothing.
    """
    import keras
    from keras import ops

    from zoo.layers.chain import ChainScores

    inputs = word_inputs(config)
    x, mask = read_words(config, inputs, dtype)
    outputs: list[Any] = []
    logits = None
    if config.intents:
        pooled = pool_words(x, mask)
        if config.intent_units:
            pooled = keras.layers.Dense(
                config.intent_units, activation="relu", dtype=dtype, name="message"
            )(pooled)
        pooled = keras.layers.Dropout(config.hidden_dropout, dtype=dtype, name="message_dropout")(
            pooled
        )
        logits = keras.layers.Dense(config.intents, dtype="float32", name="intents")(pooled)
    if config.labels:
        emissions = keras.layers.Dense(config.tags, dtype="float32", name="emissions")(x)
        if logits is not None:
            shift = keras.layers.Dense(
                config.tags, use_bias=False, dtype="float32", name="intent_emissions"
            )(ops.softmax(logits))
            emissions = emissions + ops.expand_dims(shift, 1)
        outputs.append(ChainScores(config.tags, dtype="float32", name="chain")(emissions))
    if logits is not None:
        outputs.append(logits)
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name="tagger_bilstm")
