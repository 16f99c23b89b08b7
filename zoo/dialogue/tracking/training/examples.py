"""Turns of dialogues to learn from, also with other values in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.tracking.ontology import DONT_CARE, Ontology


@dataclass(frozen=True)
class TurnExample:
    """A turn with the state before it.

    Args:
        turn: the turn.
        before: the value of each slot before it.
    """

    turn: DialogueTurn
    before: dict[str, str]


def turn_examples(turns: Iterable[DialogueTurn]) -> list[TurnExample]:
    """Turns with the states before them; the turns of a dialogue follow each other."""
    examples: list[TurnExample] = []
    before: dict[str, str] = {}
    dialogue = ""
    for turn in turns:
        if turn.dialogue != dialogue:
            before, dialogue = {}, turn.dialogue
        examples.append(TurnExample(turn, before))
        before = turn.state
    return examples


def by_dialogue(turns: Iterable[DialogueTurn]) -> list[list[DialogueTurn]]:
    """The turns of each dialogue."""
    dialogues: dict[str, list[DialogueTurn]] = {}
    for turn in turns:
        dialogues.setdefault(turn.dialogue, []).append(turn)
    return list(dialogues.values())


def targets(example: TurnExample, ontology: Ontology) -> np.ndarray:
    """``(candidates,)`` float32: 1 for what the turn says, of each slot one candidate."""
    wanted = np.zeros(len(ontology.candidates), np.float32)
    for slot, place in ontology.groups.items():
        value = example.turn.said.get(slot, "")
        number = ontology.number(slot, value)
        if number is not None:
            number += 2
        wanted[place.start + (1 if value == DONT_CARE else number or 0)] = 1.0
    for number, name in enumerate(ontology.requests, ontology.questions.start):
        wanted[number] = float(name in example.turn.requests)
    return wanted


class TurnSwap:
    """Puts other values of a slot, and words that are no value at all, where one stands.

    So that a network finds a value by its place and by the likeness of its words, not by heart.
    A word that other slots have as their value stays, since a place to leave from may be one to go
    to.

    Args:
        ontology: has the values.
        share: of the turns in which a value is replaced.
        others: words that are no values; every second new value is one, if there are any.
    """

    def __init__(self, ontology: Ontology, share: float, others: Sequence[str] = ()) -> None:
        self._ontology, self._share, self._others = ontology, share, others

    def __call__(self, example: TurnExample, rng: np.random.Generator) -> TurnExample:
        """The turn, or the same with another value in it, in the state and in both texts."""
        if rng.random() >= self._share:
            return example
        turn = example.turn
        both = f"{turn.system}\n{turn.user}".lower()
        told = _told(example)
        found = [
            (slot, value)
            for slot, values in self._ontology.slots.items()
            for value in values
            if len(values) > 10
            and re.search(rf"\b{re.escape(value)}\b", both)
            and told.get(value, {slot}) == {slot}
        ]
        if not found:
            return example
        slot, old = found[int(rng.integers(len(found)))]
        values: Sequence[str] = [v for v in self._ontology.slots[slot] if v not in both]
        if self._others and rng.random() < 0.5:
            values = self._others
        new = values[int(rng.integers(len(values)))]
        pattern = re.compile(rf"\b{re.escape(old)}\b", re.IGNORECASE)

        def changed(table: dict[str, str]) -> dict[str, str]:
            return {s: new if (s, v) == (slot, old) else v for s, v in table.items()}

        return TurnExample(
            replace(
                turn,
                system=pattern.sub(new, turn.system),
                user=pattern.sub(new, turn.user),
                said=changed(turn.said),
                state=changed(turn.state),
            ),
            changed(example.before),
        )


def _told(example: TurnExample) -> dict[str, set[str]]:
    """The slots that have each value, before the turn or after it."""
    slots: dict[str, set[str]] = {}
    for table in (example.before, example.turn.state, example.turn.said):
        for slot, value in table.items():
            slots.setdefault(value, set()).add(slot)
    return slots


def texts_of(turns: Sequence[DialogueTurn]) -> list[str]:
    """All texts of turns."""
    return [text for turn in turns for text in (turn.system, turn.user) if text]
