"""Turns of dialogues as the network's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.dialogue.tracking.ontology import DONT_CARE, Ontology
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.dialogue.words import WordIds, pad_words

Turn = tuple[str, str]
"""A message, and the one that it answers."""


def turn_arrays(
    processor: TrackedWords, turns: Sequence[Turn], held: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    """The inputs of the network for turns.

    Args:
        processor: vocabulary and ontology.
        turns: the texts.
        held: ``(candidates,)`` for each turn.
    """
    sides = []
    for side in (0, 1):
        encoded = [processor.encode(turn[side]) for turn in turns]
        sides.append([(ids, *processor.matches(ids)) for ids in encoded])
    return encoded_arrays(processor, sides[0], sides[1], held)


Encoded = tuple[WordIds, np.ndarray, np.ndarray]
"""A text as ids, with its matches."""


def encoded_arrays(
    processor: TrackedWords,
    messages: Sequence[Encoded],
    replied: Sequence[Encoded],
    held: Sequence[np.ndarray],
) -> tuple[np.ndarray, ...]:
    """The same for texts that are encoded already."""
    arrays: list[np.ndarray] = []
    for side in (messages, replied):
        padded = pad_words([ids for ids, _, _ in side])
        match = np.zeros((*padded[0].shape, len(held[0])), np.float32)
        for row, (_, one, _) in enumerate(side):
            match[row, : len(one)] = one
        arrays += [*padded, match, np.stack([covered for _, _, covered in side])]
    candidates = processor.candidates
    for one in (candidates.words, candidates.slots, candidates.kinds):
        arrays.append(np.repeat(one[None], len(messages), axis=0))
    return (*arrays, np.stack(list(held)))


def held_candidates(ontology: Ontology, slots: Mapping[str, str]) -> np.ndarray:
    """``(candidates,)`` float32: 1 for the values that a state has.

    Args:
        ontology: has the candidates.
        slots: the value of each slot that has one.
    """
    held = np.zeros(len(ontology.candidates), np.float32)
    for slot, place in ontology.groups.items():
        value = slots.get(slot)
        if value is None:
            held[place.start] = 1.0
        elif value == DONT_CARE:
            held[place.start + 1] = 1.0
        elif (number := ontology.number(slot, value)) is not None:
            held[place.start + 2 + number] = 1.0
    return held
