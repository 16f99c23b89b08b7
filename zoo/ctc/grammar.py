"""Phrases as a small grammar: lines with alternatives, options and named slots.

::

    # What the lamp understands.
    light = lamp | ceiling light | desk lamp
    (turn|switch) [the] {light} (on|off)
    (good night | all lights off)

``(a|b)`` is one of several, ``[a]`` may be left out, ``{light}`` is whatever the line ``light =
...`` says, and the result tells what it was. A definition may use others. What begins with ``#``,
at the beginning of a line or after white space, is a comment; ``C#`` is a word. A grammar stands
for a finite list of phrases, which :func:`expand` gives; the notation is close to that of the Java
Speech Grammar Format (W3C note of 2000).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoo.errors import UsageError, did_you_mean

MAX_PHRASES = 20_000
MAX_CHARACTERS = 500
"""Maximum length of a phrase."""

_COMMENT = re.compile(r"(?:^|\s)#")
_DEFINITION = re.compile(r"\s*([^\W\d][\w-]*)\s*=(.*)", re.DOTALL)
_TOKEN = re.compile(r"\s*(?:(\{[^{}]*\})|([()\[\]|])|([^\s()\[\]|{}]+)|(\S))")
_CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Phrase:
    """One phrase of a list or a grammar.

    Args:
        text: as it was written, words separated by single spaces.
        slots: name and text of each slot that it has, in order.
    """

    text: str
    slots: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Choice:
    """One of several sequences; an option has an empty one among them."""

    ways: tuple[_Sequence, ...]


@dataclass(frozen=True)
class _Slot:
    name: str


_Sequence = tuple["str | _Choice | _Slot", ...]


def expand(lines: Iterable[str]) -> tuple[Phrase, ...]:
    """All phrases that the lines of a grammar stand for.

    Args:
        lines: phrases and definitions of slots, see the module; a plain list of phrases is a
            grammar too. In a text a ``#`` after white space begins a comment, in a list only one at
            the beginning of a line.

    Returns:
        The phrases without repeats, in the order of the lines.

    Raises:
        UsageError: a line is malformed or nested too deeply, a slot is not defined or contains
            itself, a phrase may be empty or is too long, or there are no phrases or more than
            ``MAX_PHRASES``.
    """
    if isinstance(lines, str):
        lines = (_COMMENT.split(line, maxsplit=1)[0] for line in lines.splitlines())
    try:
        return _expanded(lines)
    except RecursionError:
        raise UsageError("the phrases have brackets or slots nested too deeply") from None


def _expanded(lines: Iterable[str]) -> tuple[Phrase, ...]:
    definitions: dict[str, _Sequence] = {}
    sentences: list[tuple[str, _Sequence]] = []
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str):
            raise UsageError(f"a phrase must be text, not {type(line).__name__}")
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        where = f"line {number} of the phrases"
        if match := _DEFINITION.fullmatch(plain):
            name, plain = match.groups()
            if name in definitions:
                raise UsageError(f"{where} defines {{{name}}} a second time")
            definitions[name] = _parse(plain, where)
        else:
            sentences.append((where, _parse(plain, where)))
    if not sentences:
        raise UsageError("there are no phrases")
    counts = _Counts(definitions)
    total = sum(counts.of(sentence) for _, sentence in sentences)
    if total > MAX_PHRASES:
        raise UsageError(
            f"the grammar stands for more than {MAX_PHRASES:,} phrases, which is the maximum; use "
            "fewer alternatives"
        )
    found: dict[str, Phrase] = {}
    for where, sentence in sentences:
        for words, slots in _expansions(sentence, definitions):
            phrase = _phrase(words, slots, where)
            found.setdefault(phrase.text, phrase)
    return tuple(found.values())


def _phrase(words: Sequence[str], slots: Sequence[tuple[str, str]], where: str) -> Phrase:
    if not words:
        raise UsageError(f"{where} can be empty: not everything in it may be optional")
    text = " ".join(words)
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"{where} has more than {MAX_CHARACTERS} characters")
    names = [name for name, _ in slots]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{where} has the slot {{{name}}} twice; give each place a name of its own, "
                f"as in: origin = {{{name}}}"
            )
    return Phrase(text, tuple(slots))


def _parse(text: str, where: str) -> _Sequence:
    """A line as a sequence; bars outside of brackets are alternatives too."""
    tokens = _tokens(text, where)
    choice = _parse_ways(tokens, "", where)
    return choice.ways[0] if len(choice.ways) == 1 else (choice,)


def _tokens(text: str, where: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text.rstrip()):
        slot, mark, word, wrong = match.groups()
        if wrong or (slot and not slot.strip("{} ")):
            raise UsageError(f"{where} has {(wrong or slot)!r}; a slot is written as {{name}}")
        yield slot or mark or word


def _parse_ways(tokens: Iterator[str], opening: str, where: str) -> _Choice:
    """What stands between a bracket and its end, or in the whole line."""
    ways: list[_Sequence] = []
    sequence: list[str | _Choice | _Slot] = []
    for token in tokens:
        if token in _CLOSING:
            sequence.append(_parse_ways(tokens, token, where))
        elif token == "|":
            ways.append(tuple(sequence))
            sequence = []
        elif token in _CLOSING.values():
            if _CLOSING.get(opening) != token:
                raise UsageError(f"{where} has a {token!r} that closes nothing")
            return _choice([*ways, tuple(sequence)], opening, where)
        elif token.startswith("{"):
            sequence.append(_Slot(token.strip("{} ")))
        else:
            sequence.append(token)
    if opening:
        raise UsageError(f"{where} has a {opening!r} without its {_CLOSING[opening]!r}")
    return _choice([*ways, tuple(sequence)], opening, where)


def _choice(ways: Sequence[_Sequence], opening: str, where: str) -> _Choice:
    if not all(ways):
        raise UsageError(f"{where} has an empty alternative; write [a|b] for what may be left out")
    return _Choice((*ways, ()) if opening == "[" else tuple(ways))


class _Counts:
    """How many phrases a sequence stands for, before they are written out."""

    def __init__(self, definitions: Mapping[str, _Sequence]) -> None:
        self._definitions = definitions
        self._known: dict[str, int | None] = {}  # None while it is being counted

    def of(self, sequence: _Sequence) -> int:
        # No further than is needed: slots in slots soon stand for more than there are numbers for.
        total = 1
        for part in sequence:
            total = min(total * self._part(part), MAX_PHRASES + 1)
        return total

    def _part(self, part: str | _Choice | _Slot) -> int:
        if isinstance(part, str):
            return 1
        if isinstance(part, _Choice):
            return sum(map(self.of, part.ways))
        return self._slot(part.name)

    def _slot(self, name: str) -> int:
        if name not in self._definitions:
            hint = did_you_mean(name, self._definitions) or f"; add a line: {name} = one | another"
            raise UsageError(f"the slot {{{name}}} is not defined{hint}")
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self.of(self._definitions[name])
        count = self._known[name]
        if count is None:
            raise UsageError(f"the slot {{{name}}} contains itself")
        return count


_Expansion = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


def _expansions(sequence: _Sequence, definitions: Mapping[str, _Sequence]) -> Iterator[_Expansion]:
    """Words and slots of each phrase of a sequence."""

    def ways(part: str | _Choice | _Slot) -> Iterable[_Expansion]:
        if isinstance(part, str):
            return [((part,), ())]
        if isinstance(part, _Choice):
            return itertools.chain.from_iterable(_expansions(w, definitions) for w in part.ways)
        # Slots inside of a slot are part of its text.
        inner = _expansions(definitions[part.name], definitions)
        return ((words, ((part.name, " ".join(words)),)) for words, _ in inner)

    for parts in itertools.product(*map(ways, sequence)):
        words = tuple(word for part, _ in parts for word in part)
        yield words, tuple(slot for _, slots in parts for slot in slots)
