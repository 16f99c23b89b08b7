"""A small corpus made of phrases: who, does what, where, in four languages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from zoo.errors import DataError
from zoo.files import read_text

NAME = "phrases"

_PHRASES = {
    "de": (
        ("die alte frau", "der kleine junge", "unser nachbar", "ein müder hund", "meine schwester"),
        ("sucht den schlüssel", "wartet auf regen", "liest einen brief", "schläft schon lange"),
        ("im garten", "hinter dem haus", "vor der tür", "am fluss", "auf dem dach"),
    ),
    "en": (
        ("the old woman", "the little boy", "our neighbour", "a tired dog", "my sister"),
        ("looks for the key", "waits for rain", "reads a letter", "has slept for a long time"),
        ("in the garden", "behind the house", "at the door", "by the river", "on the roof"),
    ),
    "es": (
        ("la anciana", "el niño pequeño", "nuestro vecino", "un perro cansado", "mi hermana"),
        ("busca la llave", "espera la lluvia", "lee una carta", "duerme desde hace mucho"),
        ("en el jardín", "detrás de la casa", "ante la puerta", "junto al río", "en el tejado"),
    ),
    "fr": (
        ("la vieille dame", "le petit garçon", "notre voisin", "un chien fatigué", "ma sœur"),
        ("cherche la clé", "attend la pluie", "lit une lettre", "dort depuis longtemps"),
        (
            "dans le jardin",
            "derrière la maison",
            "devant la porte",
            "au bord de l'eau",
            "sur le toit",
        ),
    ),
}
LANGUAGES = tuple(_PHRASES)


@dataclass(frozen=True)
class LabelledLine:
    """A line with its language.

    Args:
        text: the line.
        language: ISO 639-1 code.
    """

    text: str
    language: str


def load_lines(split: str) -> list[LabelledLine]:
    """The lines of a split of the corpus.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
    """
    lines = [
        LabelledLine(" ".join(parts), language)
        for language, phrases in _PHRASES.items()
        for parts in product(*phrases)
    ]
    random.Random(0).shuffle(lines)
    test, validation = len(lines) // 10, len(lines) // 5
    return {
        "test": lines[:test],
        "validation": lines[test:validation],
        "train": lines[validation:],
    }[split]


def read_lines(path: Path) -> list[LabelledLine]:
    """Read lines of a user's own: language, tab, text.

    Raises:
        DataError: the file cannot be read, or a line has no tab.
    """
    lines = []
    for number, row in enumerate(read_text([path]).splitlines(), 1):
        language, tab, text = row.partition("\t")
        if not tab or not text:
            raise DataError(f"{path}, line {number}: write the language, a tab and the text")
        lines.append(LabelledLine(text, language))
    return lines
