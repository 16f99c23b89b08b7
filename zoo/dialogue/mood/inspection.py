"""Mood readers looked into: the network on a tape, and the messages of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.dialogue.messages import Message
from zoo.dialogue.mood.speakers import speaker_number
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
from zoo.inspection.recurrence import CellWeights, recurrent
from zoo.inspection.run import JoinedRun, Run
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape


class SentimentNetwork:
    """``sentiment_lstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    The runs over words are those of all messages, one after the other.

    Args:
        config: a :class:`zoo.dialogue.mood.sentiment_lstm.SentimentConfig`.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Weights) -> None:
        self._config, self._weights = config, weights
        self._lengths: list[int] = []
        self._speakers = np.zeros(0, np.int32)

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The features of all words ``(1, words, features)``; a run is of what was given last."""
        words, known, characters, order, self._speakers = arrays
        rows = order[0]
        self._lengths = [int((words[row] != 0).sum()) for row in rows]
        features = word_features(self._weights, words, known, characters)
        parts = [features[row, :length] for row, length in zip(rows, self._lengths, strict=True)]
        return [np.concatenate(parts)[None]]

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, messages, moods)``."""
        weights = self._weights
        turns = op.relu(tape, dense(tape, self._messages(tape, inputs[0]), weights, "message"))
        marks = weights["speakers/embeddings"][self._speakers]
        spoken = op.add(tape, turns, tape.leaf(np.broadcast_to(marks, turns.value.shape)))
        cell = CellWeights.of_layer(weights, "context", "lstm")
        context, _ = recurrent(tape, "context", spoken, cell, axis=MESSAGES)
        both = op.concatenate(tape, [turns, context])
        return Outputs(dense(tape, both, weights, "moods"))

    def _messages(self, tape: Tape, x: Node) -> Node:
        """What is pooled of each message ``(batch, messages, 4 * units)``."""
        config, start = self._config, 0
        pooled: list[Node] = []
        runs: dict[str, list[Run]] = {}
        for length in self._lengths:
            if length:
                part = op.take(tape, x, (slice(start, start + length),))
                message = pool_message(tape, read_message(tape, part, config, self._weights))
                for name in list(tape.runs):
                    runs.setdefault(name, []).append(tape.runs.pop(name))
            else:
                message = tape.leaf(np.zeros((len(x.value), 4 * config.units), x.value.dtype))
            pooled.append(op.reshape(tape, message, 1, 4 * config.units))
            start += length
        tape.runs.update({name: JoinedRun(parts, apart=True) for name, parts in runs.items()})
        return op.stack_steps(tape, pooled)


def conversation_subject(
    messages: Sequence[Message], ids: Sequence[WordIds], moods: Sequence[str]
) -> InspectedInput:
    """A conversation of a mood reader as an input.

    Args:
        messages: of the conversation.
        ids: their words, at least one in all.
        moods: names of the moods.
    """
    known: list[str] = []
    speakers = []
    for message in messages:
        number, known = speaker_number(message.speaker, known)
        speakers.append(number)
    places = np.arange(len(messages), dtype=np.float64)
    words = [token.text for one in ids for token in one.tokens]
    after = np.cumsum([len(one.tokens) for one in ids])
    before = after - [len(one.tokens) for one in ids]
    return InspectedInput(
        (
            *pad_words(ids),
            np.arange(len(messages), dtype=np.int32)[None],
            np.array([speakers], np.int32),
        ),
        {
            MESSAGES: Steps(MESSAGES, places, tuple(short(one.text) for one in messages)),
            WORDS: Steps(WORDS, np.arange(len(words), dtype=np.float64), tuple(words)),
        },
        MESSAGES,
        labels=moods,
        quantities={
            "place in conversation": places,
            "words in message": np.array([len(one.tokens) for one in ids], np.float64),
            "speaker": np.array(speakers, np.float64),
        },
        title=f"{len(messages)} messages",
        # An empty message has the words before it behind it, and none of its own.
        spans={
            WORDS: np.stack([np.minimum(before, after[-1] - 1), np.maximum(after - 1, 0)], axis=1)
        },
    )
