"""Taggers looked into: the network on a tape, and the words of a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.dialogue.word_inspection import (
    MESSAGES,
    WORDS,
    Weights,
    dense,
    pool_message,
    read_message,
    short,
    word_features,
)
from zoo.dialogue.words import WordIds, pad_words
from zoo.inspection import operations as op
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape


class TaggerNetwork:
    """``tagger_bilstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    What a trace calls log-probabilities are those of a word's tag without the chain of tags.

    Args:
        config: a :class:`zoo.dialogue.tagging.tagger_bilstm.TaggerConfig`.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Weights) -> None:
        self._config, self._weights = config, weights

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The words' features ``(1, words, features)``."""
        return [word_features(self._weights, *arrays)]

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, words, tags)``, or of a model without labels those of the intents
        ``(batch, 1, intents)``."""
        config, weights = self._config, self._weights
        words = read_message(tape, inputs[0], config, weights)
        if not config.intents:
            return Outputs(dense(tape, words, weights, "emissions"))
        pooled = pool_message(tape, words)
        if config.intent_units:
            pooled = op.relu(tape, dense(tape, pooled, weights, "message"))
        intents = dense(tape, pooled, weights, "intents")
        if not config.labels:
            return Outputs(op.reshape(tape, intents, 1, config.intents))
        kernel = weights["intent_emissions/kernel"]
        shift = op.dense(tape, op.softmax(tape, intents), kernel)
        shifts = op.repeat(
            tape, op.reshape(tape, shift, 1, config.tags), words.value.shape[1], axis=1
        )
        return Outputs(op.add(tape, dense(tape, words, weights, "emissions"), shifts))


def message_subject(
    text: str, ids: WordIds, labels: Sequence[str], intents: Sequence[str]
) -> InspectedInput:
    """A message of a tagger as an input.

    Args:
        text: it.
        ids: its words, at least one.
        labels: kinds of entities.
        intents: what the outputs stand for where there are no labels.
    """
    words = [token.text for token in ids.tokens]
    axes = {WORDS: Steps(WORDS, np.arange(len(words), dtype=np.float64), tuple(words))}
    tags = ["outside", *(f"{part} {label}" for label in labels for part in ("begins", "inside"))]
    if not labels:
        axes[MESSAGES] = Steps(MESSAGES, np.zeros(1), (short(text),))
    return InspectedInput(
        pad_words([ids]),
        axes,
        WORDS if labels else MESSAGES,
        labels=tags if labels else intents,
        quantities={
            "place in message": np.arange(len(words), dtype=np.float64),
            "capital letter": np.array([one[:1].isupper() for one in words], np.float64),
            "digit": np.array([any(map(str.isdigit, one)) for one in words], np.float64),
            "punctuation": np.array([not any(map(str.isalnum, one)) for one in words], np.float64),
        },
        title=short(text, 80),
    )
