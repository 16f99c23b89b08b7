"""What a dialogue may be about: slots with their values, and what may be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from zoo.dialogue.tokens import tokenize, word_key
from zoo.errors import UsageError

DONT_CARE = "dontcare"
"""The value of a slot for which everything is right."""

NONE = ""
"""The candidate that says that a message tells nothing of a slot."""

VALUE, CARELESS, NOTHING, QUESTION = range(4)
"""Kinds of candidates."""

RULED_OUT = -1e4
"""The score of a value that a message cannot mean."""

MAX_VALUES = 100_000
MAX_WORDS = 8
"""Words of a value or of a slot's name that are read."""

MAX_COPIED, MAX_TOKENS = 4, 100
"""Words of a value that is copied, and tokens of a message that values are copied from."""

MAX_CHARACTERS = 200
"""Characters of a name or a value."""


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
        open: slots that may also have words of the message as their value; they need no values.

    Raises:
        UsageError: a slot that is not open has no values, a name is empty or repeated, an open slot
            is none, or there are too many values.
    """

    slots: Mapping[str, tuple[str, ...]]
    requests: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.slots:
            raise UsageError("an ontology needs at least one slot")
        _check_names(self.open, "the open slots of the ontology")
        for slot in self.open:
            if slot not in self.slots:
                raise UsageError(f"the open slot {slot!r} is no slot of the ontology")
        for slot, values in self.slots.items():
            if not values and slot not in self.open:
                raise UsageError(
                    f"the slot {slot!r} of the ontology has no values; list some, or name it in "
                    "'open' to copy its value from the message"
                )
            _check_names(values, f"the values of the slot {slot!r}")
        _check_names(tuple(self.slots), "the slots of the ontology")
        _check_names(self.requests, "the requests of the ontology")
        count = sum(map(len, self.slots.values()))
        if count > MAX_VALUES:
            raise UsageError(f"an ontology of {count:,} values is too large; give {MAX_VALUES:,}")

    @classmethod
    def from_values(cls, told: Any) -> Ontology:
        """An ontology from plain values.

        They are ``{"slots": {name: [values]}, "requests": [names], "open": [names]}``.

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
        names = ("slots", "requests", "open")
        unknown = [name for name in told if name not in names] if slots is nested else []
        if unknown:
            raise UsageError(
                f"an ontology with 'slots' has no {unknown[0]!r:.60}; it may have 'requests' and "
                "'open' beside them"
            )
        beside = [name for name in names[1:] if name in told]
        if slots is told and beside:
            raise UsageError(
                f"{beside[0]!r} stands beside 'slots': write {{'slots': {{...}}, {beside[0]!r}: "
                "[...]}"
            )
        others = [told.get(name, ()) if slots is nested else () for name in names[1:]]
        lists = [*slots.values(), *others]
        if not all(isinstance(one, (list, tuple)) for one in lists):
            raise UsageError("an ontology has a list of values for each slot")
        return cls(
            {str(slot): tuple(values) for slot, values in slots.items()}, *map(tuple, others)
        )

    def to_values(self) -> dict[str, Any]:
        """The ontology as plain values."""
        told = {
            "slots": {slot: list(values) for slot, values in self.slots.items()},
            "requests": list(self.requests),
        }
        return {**told, "open": list(self.open)} if self.open else told

    def with_copied(self, texts: Iterable[str]) -> Ontology:
        """The ontology in which the open slots also have the words of some texts as values.

        Args:
            texts: what was said; itself if no slot is open.
        """
        if not self.open:
            return self
        copied: dict[str, str] = {}
        for text in texts:
            for words in spans(text):
                copied.setdefault(words.casefold(), words)
        slots = dict(self.slots)
        for slot in self.open:
            known = {value.casefold() for value in slots[slot]}
            new = (words for key, words in copied.items() if key not in known)
            slots[slot] = (*slots[slot], *new)
        return Ontology(slots, self.requests, self.open)

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

    def number(self, slot: str, value: str) -> int | None:
        """The number of a value among those of its slot, or ``None`` if it has it not."""
        return self._numbers[slot].get(value)

    @cached_property
    def _numbers(self) -> dict[str, dict[str, int]]:
        return {
            slot: {value: number for number, value in enumerate(values)}
            for slot, values in self.slots.items()
        }

    def half_said(self, covered: Sequence[float], replied: Sequence[float]) -> list[int]:
        """The values of which a message only says a part that is a value of another slot.

        "In the north" is an area, not North Indian food.

        Args:
            covered: for each candidate how much of it the message says, from 0 to 1.
            replied: the same of the message that it answers; what that one says whole may be meant.

        Returns:
            Their numbers among the candidates.
        """
        return [
            whole
            for whole, part, share in self._parts
            if covered[part] == 1 and covered[whole] < share + 1e-3 and replied[whole] < 1
        ]

    @cached_property
    def _parts(self) -> list[tuple[int, int, float]]:
        """Pairs of a value and one of another slot that is a part of it, with the part's share."""
        places: dict[tuple[str, ...], dict[str, int]] = {}
        values = [(n, one) for n, one in enumerate(self.candidates) if one.kind == VALUE]
        for number, one in values:
            places.setdefault(one.words, {}).setdefault(one.slot, number)
        found = []
        for number, one in values:
            words = one.words
            for first, after in combinations(range(len(words) + 1), 2):
                others = places.get(words[first:after], {}).items()
                part = next((n for slot, n in others if slot != one.slot), None)
                if part is not None and after - first < len(words):
                    found.append((number, part, (after - first) / len(words)))
        return found

    @property
    def questions(self) -> slice:
        """Where the questions are."""
        return slice(len(self.candidates) - len(self.requests), len(self.candidates))


def spans(text: str) -> list[str]:
    """The words of a text that may be a value: up to :data:`MAX_COPIED` that follow each other.

    Only the first :data:`MAX_TOKENS` tokens are looked at, and no span reaches over a sign.
    """
    tokens = tokenize(text)[:MAX_TOKENS]
    found: dict[str, str] = {}
    for first in range(len(tokens)):
        for last in range(first, min(first + MAX_COPIED, len(tokens))):
            if not tokens[last].text[0].isalnum():
                break
            words = text[tokens[first].start : tokens[last].end]
            if len(words) <= MAX_CHARACTERS:
                found.setdefault(words.casefold(), words)
    return list(found.values())


def keys(text: str) -> tuple[str, ...]:
    """The keys of a text's words, at most :data:`MAX_WORDS`."""
    return tuple(word_key(token.text) for token in tokenize(text))[:MAX_WORDS]


def _check_names(names: Iterable[Any], what: str) -> None:
    listed = list(names)
    if not all(
        isinstance(name, str) and name.strip() and len(name) <= MAX_CHARACTERS for name in listed
    ):
        raise UsageError(f"{what} must be texts of 1 to {MAX_CHARACTERS} characters")
    if len(set(listed)) != len(listed):
        raise UsageError(f"{what} repeat a name")
