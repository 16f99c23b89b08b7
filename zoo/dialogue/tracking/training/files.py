"""Dialogues with states of one's own: a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.messages import check_text
from zoo.dialogue.tracking.ontology import DONT_CARE, Ontology
from zoo.dialogue.tracking.training.examples import by_dialogue
from zoo.dialogue.training.learning import held_out
from zoo.errors import DataError
from zoo.files import read_text


def read_dialogues(path: Path) -> list[DialogueTurn]:
    """The turns of a JSON file: a list of dialogues, each a list of turns.

    A turn is a table with ``user``, the ``state`` after it, and, if there are, ``system`` (what was
    said before it) and ``requests``::

        [[{"user": "A thai place", "state": {"food": "thai"}, "requests": []}]]

    Raises:
        DataError: the file is missing or malformed, or there is no turn.
    """
    try:
        content = json.loads(read_text([path]))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, list):
        raise DataError(f"{path} is not a list of dialogues")
    turns: list[DialogueTurn] = []
    for number, dialogue in enumerate(content, 1):
        listed = dialogue.get("turns") if isinstance(dialogue, dict) else dialogue
        if not isinstance(listed, list):
            raise DataError(f"{path}: dialogue {number} is not a list of turns")
        before: dict[str, str] = {}
        for place, told in enumerate(listed, 1):
            turn = _turn(told, before, str(number), f"{path}: dialogue {number}, turn {place}")
            turns.append(turn)
            before = turn.state
    if not turns:
        raise DataError(f"{path} holds no turn")
    return turns


def _turn(told: Any, before: dict[str, str], dialogue: str, where: str) -> DialogueTurn:
    if not isinstance(told, dict):
        raise DataError(f"{where} is no table")
    user, system = told.get("user"), told.get("system", "")
    state, requests = told.get("state"), told.get("requests", [])
    if not isinstance(user, str) or not isinstance(system, str):
        raise DataError(f"{where}: 'user' and 'system' must be text")
    for text in (user, system):
        check_text(text, where)
    if not isinstance(state, dict) or not all(isinstance(v, str) for v in state.values()):
        raise DataError(f"{where}: 'state' must be a table of slots and their values")
    if not isinstance(requests, list) or not all(isinstance(one, str) for one in requests):
        raise DataError(f"{where}: 'requests' must be a list of names")
    said = {slot: value for slot, value in state.items() if before.get(slot) != value}
    return DialogueTurn(dialogue, system, user, said, dict(state), tuple(requests))


def in_spelling_of(ontology: Ontology, turns: Sequence[DialogueTurn]) -> list[DialogueTurn]:
    """Turns with values that the ontology has in other capitals written as it has them, and all
    others as they are written first: ``Thai`` and ``thai`` are one value."""
    spelt = {
        (slot, value.casefold()): value
        for slot, values in ontology.slots.items()
        for value in values
    }

    def written(values: Mapping[str, str]) -> dict[str, str]:
        return {
            slot: spelt.setdefault((slot, value.casefold()), value)
            for slot, value in values.items()
        }

    return [replace(turn, said=written(turn.said), state=written(turn.state)) for turn in turns]


def grown_ontology(ontology: Ontology, turns: Sequence[DialogueTurn]) -> Ontology:
    """An ontology with the slots, values and requests of dialogues that it lacks at its end."""
    slots = {slot: list(values) for slot, values in ontology.slots.items()}
    requests = list(ontology.requests)
    for turn in turns:
        for slot, value in turn.state.items():
            values = slots.setdefault(slot, [])
            if value != DONT_CARE and value not in values:
                values.append(value)
        requests += [name for name in turn.requests if name not in requests]
    return Ontology(
        {slot: tuple(values) for slot, values in slots.items()}, tuple(requests), ontology.open
    )


def split_dialogues(
    turns: Sequence[DialogueTurn], fraction: float, seed: int
) -> tuple[list[DialogueTurn], list[DialogueTurn]]:
    """Training and validation turns, whole dialogues of each.

    Args:
        turns: dialogue by dialogue.
        fraction: of the dialogues held out for validation, one at least.
        seed: of the choice.

    Raises:
        DataError: there are fewer than two dialogues.
    """
    found = by_dialogue(turns)
    held = held_out(len(found), fraction, seed, "dialogues")
    training = [turn for n, one in enumerate(found) if n not in held for turn in one]
    return training, [turn for n, one in enumerate(found) if n in held for turn in one]
