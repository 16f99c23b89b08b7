"""Groups of speakers, so that a card can say for whom a recogniser works less well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

SMALLEST_GROUP = 30
"""Utterances that a group has at least; of fewer, an error rate says little."""

_DECADES = {
    "teens": 13,
    "twenties": 20,
    "thirties": 30,
    "fourties": 40,  # as Common Voice spells it
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
}
_AGES = (
    (13, "up to 12 years old"),
    (20, "13 to 19 years old"),
    (30, "20 to 29 years old"),
    (40, "30 to 39 years old"),
    (math.inf, "40 years old or more"),
)
_ACCENTS = {
    "united states": "accent of the United States",
    "us": "accent of the United States",
    "england": "accent of England",
    "india": "accent of South Asia",
    "mandarin": "Mandarin as first language",
}
_OTHER_ACCENT = "other accents"


def speaker_groups(speakers: Iterable[Mapping[str, str]]) -> dict[str, list[int]]:
    """Which utterances are of which group of speakers.

    Groups are by gender, age and accent, where these are known; an utterance may be in several. A
    group that is too small, or that all utterances are in, is left out.

    Args:
        speakers: what is known of the speaker of each utterance, see
            :class:`~zoo.speech.processor.Utterance`.

    Returns:
        Indices of utterances, by the group's name.
    """
    groups: dict[str, list[int]] = {}
    count = 0
    for index, facts in enumerate(speakers):
        count += 1
        for group in groups_of(facts):
            groups.setdefault(group, []).append(index)
    return {
        name: groups[name] for name in sorted(groups) if SMALLEST_GROUP <= len(groups[name]) < count
    }


def groups_of(facts: Mapping[str, str]) -> list[str]:
    """The groups that a speaker is in.

    Args:
        facts: ``gender``, ``age`` (in years or by decade, such as ``twenties``) and ``accent``,
            as :class:`~zoo.speech.processor.Utterance` has them.
    """
    groups = []
    if gender := facts.get("gender"):
        groups.append(f"{gender.lower()} speakers")
    age = facts.get("age", "")
    years = int(age) if age.isdecimal() else _DECADES.get(age.lower())
    if years is not None:
        groups.append(next(name for limit, name in _AGES if years < limit))
    if accent := facts.get("accent", "").lower():
        words = accent.replace(",", " ").replace("(", " ").split()
        named = {
            name for key, name in _ACCENTS.items() if all(part in words for part in key.split())
        }
        groups.append(named.pop() if len(named) == 1 else _OTHER_ACCENT)
    return groups
