"""What a dialogue may be about: slots with their values, and what may be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.dialogue.tokens import tokenize, word_key
from zoo.errors import UsageError

DONT_CARE = "dontcare"
"""The value of a slot for which everything is right."""

NONE = ""
"""The candidate that says that a message tells nothing of a slot."""

VALUE, CARELESS, NOTHING, QUESTION = range(4)
"""Kinds of candidates."""

MAX_VALUES = 100_000
MAX_WORDS = 8
"""Words of a value or of a slot's name that are read."""


@dataclass(frozen=True)
class Candidate:
    """Something that a message may say.

    Args:
        kind: one of the kinds above.
        slot: the slot, or what is asked for.
        value: the value; empty unless ``kind`` is ``VALUE``.
    """

    kind: int
    slot: str
    value: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The keys of the words that say it, the value's, or the name's of what is asked for."""
        return keys(self.value if self.kind == VALUE else self.slot)


@dataclass(frozen=True)
class Ontology:
    """Slots with their values, and what may be asked for.

    Args:
        slots: the values of each slot.
        requests: what may be asked for.

    Raises:
        UsageError: a slot has no values, a name is empty or repeated, or there are too many values.
    """

    slots: Mapping[str, tuple[str, ...]]
    requests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.slots:
            raise UsageError("an ontology needs at least one slot")
        for slot, values in self.slots.items():
            if not values:
                raise UsageError(f"the slot {slot!r} of the ontology has no values")
            _check_names(values, f"the values of the slot {slot!r}")
        _check_names(tuple(self.slots), "the slots of the ontology")
        _check_names(self.requests, "the requests of the ontology")
        count = sum(map(len, self.slots.values()))
        if count > MAX_VALUES:
            raise UsageError(f"an ontology of {count:,} values is too large; give {MAX_VALUES:,}")

    @classmethod
    def from_values(cls, told: Any) -> Ontology:
        """An ontology from plain values: ``{"slots": {name: [values]}, "requests": [names]}``.

        Args:
            told: the table; a table of slots alone will do, or an :class:`Ontology`.

        Raises:
            UsageError: it is none.
        """
        if isinstance(told, Ontology):
            return told
        if not isinstance(told, Mapping):
            raise UsageError(f"an ontology is a table of slots, not {told!r:.60}")
        nested: Any = told.get("slots")
        slots = nested if isinstance(nested, Mapping) else told
        requests = told.get("requests", ()) if slots is nested else ()
        lists = [*slots.values(), requests]
        if not all(isinstance(one, (list, tuple)) for one in lists):
            raise UsageError("an ontology has a list of values for each slot")
        return cls({str(slot): tuple(values) for slot, values in slots.items()}, tuple(requests))

    def to_values(self) -> dict[str, Any]:
        """The ontology as plain values."""
        return {
            "slots": {slot: list(values) for slot, values in self.slots.items()},
            "requests": list(self.requests),
        }

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """All that a message may say, of each slot nothing, anything will do, and its values; then
        the questions."""
        made: list[Candidate] = []
        for slot, values in self.slots.items():
            made += [Candidate(NOTHING, slot), Candidate(CARELESS, slot)]
            made += [Candidate(VALUE, slot, value) for value in values]
        return (*made, *(Candidate(QUESTION, name) for name in self.requests))

    @cached_property
    def groups(self) -> dict[str, slice]:
        """Where the candidates of each slot are."""
        places, start = {}, 0
        for slot, values in self.slots.items():
            places[slot] = slice(start, start + len(values) + 2)
            start += len(values) + 2
        return places

    @property
    def questions(self) -> slice:
        """Where the questions are."""
        return slice(len(self.candidates) - len(self.requests), len(self.candidates))


def keys(text: str) -> tuple[str, ...]:
    """The keys of a text's words, at most :data:`MAX_WORDS`."""
    return tuple(word_key(token.text) for token in tokenize(text))[:MAX_WORDS]


def _check_names(names: Iterable[Any], what: str) -> None:
    listed = list(names)
    if not all(isinstance(name, str) and name.strip() and len(name) <= 200 for name in listed):
        raise UsageError(f"{what} must be texts of 1 to 200 characters")
    if len(set(listed)) != len(listed):
        raise UsageError(f"{what} repeat a name")
