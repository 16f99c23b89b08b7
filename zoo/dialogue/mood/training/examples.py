"""Conversations with moods as ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.mood.speakers import speaker_number
from zoo.dialogue.words import WordIds, pad_words
from zoo.errors import DataError


@dataclass(frozen=True)
class MoodExample:
    """A conversation to learn from.

    Args:
        ids: its messages.
        speakers: ``(messages,)`` int32.
        moods: ``(messages,)`` int32, -1 where there is none to learn.
    """

    ids: tuple[WordIds, ...]
    speakers: np.ndarray
    moods: np.ndarray


def conversations(messages: Iterable[MoodMessage]) -> list[list[MoodMessage]]:
    """The messages of each conversation; those of one follow each other."""
    found: list[list[MoodMessage]] = []
    for message in messages:
        if not found or found[-1][0].conversation != message.conversation:
            found.append([])
        found[-1].append(message)
    return found


def renamed(messages: Iterable[MoodMessage], moods: Mapping[str, str] | None) -> list[MoodMessage]:
    """Messages with the moods of the model.

    Args:
        messages: with the moods of their corpus.
        moods: the model's mood for each; one that is not named is none. ``None`` keeps all.
    """
    if moods is None:
        return list(messages)
    return [
        MoodMessage(one.text, one.speaker, moods.get(one.mood, ""), one.conversation)
        for one in messages
    ]


def make_examples(
    messages: Sequence[MoodMessage], processor: MoodWords, longest: int = 60
) -> list[MoodExample]:
    """Encode conversations.

    Args:
        messages: conversation by conversation.
        processor: vocabulary and moods.
        longest: messages of an example; longer conversations become several.

    Raises:
        DataError: there is no message with a mood, or a mood is unknown.
    """
    numbers = {mood: number for number, mood in enumerate(processor.moods)}
    examples = []
    pieces = (
        conversation[first : first + longest]
        for conversation in conversations(messages)
        for first in range(0, len(conversation), longest)
    )
    for piece in pieces:
        known: list[str] = []
        ids, speakers, moods = [], [], []
        for message in piece:
            if message.mood and message.mood not in numbers:
                raise DataError(f"the model has no mood {message.mood!r}")
            number, known = speaker_number(message.speaker, known)
            ids.append(processor.encode(message.text))
            speakers.append(number)
            moods.append(numbers.get(message.mood, -1))
        if max(moods) >= 0:
            arrays = (np.asarray(column, np.int32) for column in (speakers, moods))
            examples.append(MoodExample(tuple(ids), *arrays))
    if not examples:
        raise DataError("there is no message with a mood to learn from")
    return examples


def conversation_arrays(
    examples: Sequence[MoodExample], messages: int = 1, conversations: int = 1
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """The network's inputs for conversations, and the moods ``(conversations, turns)``.

    Args:
        examples: the conversations.
        messages: rows at least; those that are added are in no conversation.
        conversations: the same; those that are added have no mood to learn.
    """
    words = pad_words([ids for example in examples for ids in example.ids], rows=messages)
    longest = max(len(example.ids) for example in examples)
    order = np.zeros((max(conversations, len(examples)), longest), np.int32)
    speakers = np.zeros_like(order)
    moods = np.full_like(order, -1)
    first = 0
    for row, example in enumerate(examples):
        count = len(example.ids)
        order[row, :count] = np.arange(first, first + count)
        speakers[row, :count], moods[row, :count] = example.speakers, example.moods
        first += count
    return (*words, order, speakers), moods
