"""How many translations keep what must be kept: numbers, addresses, tags, placeholders, paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.folder.figures import Figure
from zoo.translation.processor import Direction
from zoo.translation.protection import find_protected
from zoo.translation.training.pairs import Pair
from zoo.translation.training.scores import references_of

if TYPE_CHECKING:
    from zoo.translation.translation import Translation

MADE = 500
"""Sentences of the made set."""

# Each row is one sentence in the four languages; {0} and {1} are what must be kept.
_NUMBERED = (
    ("I have {0} books.", "Ich habe {0} Bücher.", "Tengo {0} libros.", "J'ai {0} livres."),
    ("It costs {0}.", "Es kostet {0}.", "Cuesta {0}.", "Ça coûte {0}."),
    ("Call {0} now!", "Ruf jetzt {0} an!", "¡Llama al {0} ahora!", "Appelle le {0} maintenant !"),
    (
        "We met on {0} at {1}.",
        "Wir haben uns am {0} um {1} getroffen.",
        "Nos encontramos el {0} a las {1}.",
        "Nous nous sommes rencontrés le {0} à {1}.",
    ),
    (
        "There were {0} people in room {1}.",
        "Es waren {0} Leute in Zimmer {1}.",
        "Había {0} personas en la habitación {1}.",
        "Il y avait {0} personnes dans la chambre {1}.",
    ),
    (
        "The price rose from {0} to {1}.",
        "Der Preis stieg von {0} auf {1}.",
        "El precio subió de {0} a {1}.",
        "Le prix est passé de {0} à {1}.",
    ),
)
_NAMED = (
    ("Hello {0}!", "Hallo {0}!", "¡Hola, {0}!", "Bonjour {0} !"),
    ("Please visit {0}.", "Bitte besuchen Sie {0}.", "Visite {0}, por favor.", "Visitez {0}."),
    ("Write to {0} today.", "Schreib heute an {0}.", "Escribe hoy a {0}.", "Écris à {0} ce soir."),
    (
        "The file {0} was not found.",
        "Die Datei {0} wurde nicht gefunden.",
        "No se encontró el archivo {0}.",
        "Le fichier {0} n'a pas été trouvé.",
    ),
    (
        "{0} and {1} are not here.",
        "{0} und {1} sind nicht hier.",
        "{0} y {1} no están aquí.",
        "{0} et {1} ne sont pas ici.",
    ),
    (
        "Open {0} and send it to {1}.",
        "Öffne {0} und schick es an {1}.",
        "Abre {0} y envíalo a {1}.",
        "Ouvre {0} et envoie-le à {1}.",
    ),
)
_TAGGED = (
    (
        "This is {0}very{1} good.",
        "Das ist {0}sehr{1} gut.",
        "Esto es {0}muy{1} bueno.",
        "C'est {0}très{1} bon.",
    ),
    (
        "{0}Where is the station?{1}",
        "{0}Wo ist der Bahnhof?{1}",
        "{0}¿Dónde está la estación?{1}",
        "{0}Où est la gare ?{1}",
    ),
    (
        "The {0}red car{1} is mine.",
        "Das {0}rote Auto{1} gehört mir.",
        "El {0}coche rojo{1} es mío.",
        "La {0}voiture rouge{1} est à moi.",
    ),
)
_LANGUAGES = ("en", "de", "es", "fr")
_TAGS = (
    ("<b>", "</b>"),
    ("<i>", "</i>"),
    ('<a href="https://example.org/?q=1">', "</a>"),
    ('<span class="x">', "</span>"),
    ("<em>", "</em>"),
)
_NAMES = (
    "{name}",
    "{0}",
    "{{ user }}",
    "%s",
    "%1$s",
    "%(name)s",
    "${city}",
    "[NAME]",
    "<name>",
    "tom@example.com",
    "m.e.lopez+news@mail.example.co.uk",
    "https://example.com",
    "http://www.example.org/a_b?id=42&lang=en#top",
    "www.example.net",
    "example.org/help",
    "/usr/local/bin",
    "~/notes.txt",
    "C:\\Users\\Tom\\file.docx",
    "report_2024.pdf",
    "src/main.py",
    "README.md",
    "@jack",
    "get_name()",
    "`x = 1`",
    "192.168.0.1",
    "v2.1.0",
)


class MadeSentence(NamedTuple):
    """A sentence of the made set, its translation and their languages."""

    source: str
    translation: str
    direction: Direction


def made_sentences(
    directions: Sequence[Direction], count: int = MADE, seed: int = 0
) -> list[MadeSentence]:
    """Sentences with numbers, addresses, tags, placeholders and paths, and their translations.

    Args:
        directions: source and target language of each direction; those of English, German, Spanish
            and French are used in turn.
        count: how many.
        seed: of what is put in; the same seed gives the same sentences.
    """
    rng = np.random.default_rng(seed)
    known = [one for one in directions if set(one) <= set(_LANGUAGES)]
    made = []
    for number in range(count if known else 0):
        source, target = known[number % len(known)]
        kind = int(rng.integers(5))
        rows = (_NUMBERED, _NUMBERED, _NAMED, _NAMED, _TAGGED)[kind]
        row = rows[int(rng.integers(len(rows)))]
        if kind < 2:
            values = _numbers(rng, "at {1}" in row[0], "price" in row[0] or "cost" in row[0])
        elif kind < 4:
            first, second = rng.permutation(len(_NAMES))[:2]
            values = (_NAMES[first], _NAMES[second])
        else:
            values = _TAGS[int(rng.integers(len(_TAGS)))]
        texts = (
            row[_LANGUAGES.index(code)].replace("{0}", "\0").replace("{1}", "\1")
            for code in (source, target)
        )
        filled = [text.replace("\0", values[0]).replace("\1", values[1]) for text in texts]
        made.append(MadeSentence(filled[0], filled[1], (source, target)))
    return made


def _numbers(rng: np.random.Generator, dated: bool, priced: bool) -> tuple[str, str]:
    a, b = (int(10 ** rng.uniform(1, 4.5)) for _ in range(2))
    day, month, year = (
        int(rng.integers(1, 29)),
        int(rng.integers(1, 13)),
        int(rng.integers(1900, 2040)),
    )
    if dated:
        dates = (
            f"{year}-{month:02}-{day:02}",
            f"{day:02}.{month:02}.{year}",
            f"{month}/{day}/{year}",
        )
        times = (f"{day % 12}:{a % 60:02}", f"{day % 24:02}:{b % 60:02}")
        return dates[a % 3], times[b % 2]
    if priced:
        prices = (f"${a:,}.{b % 100:02}", f"€{a}", f"{b} €", f"{a % 100}%", f"£{a / 100:.2f}")
        return prices[a % 5], prices[b % 5]
    return (f"{a:,}" if a % 3 == 0 else str(a)), str(b)


def kept_figures(
    model: Translation, pairs: Iterable[Pair], *, dataset: str, split: str, command: str
) -> list[Figure]:
    """The share of translations in which all is kept, on a test set and on the made set.

    Args:
        model: a translation task.
        pairs: of the test set; those count whose source has something to keep.
        dataset: the test set's name in the figures.
        split: the name of its split.
        command: the command that gives the figures again.
    """
    made = made_sentences(model.directions)
    tested = [
        (source, direction)
        for direction, references in references_of(pairs).items()
        for source in references
        if find_protected(source)
    ]
    figures = []
    for name, part, sentences in (
        (dataset, f"{split}, with numbers and the like", tested),
        ("made sentences", "whole", [(one.source, one.direction) for one in made]),
    ):
        kept = total = 0
        for source, target in dict.fromkeys(direction for _, direction in sentences):
            texts = [text for text, direction in sentences if direction == (source, target)]
            found = model.translate(texts, target, source=source)
            counts = share_kept(texts, [str(one) for one in found])
            kept, total = kept + counts[0], total + counts[1]
        if total:
            figures.append(
                Figure.measured(
                    "kept",
                    100 * kept / total,
                    "%",
                    higher_is_better=True,
                    scorer="zoo.translation.training.kept",
                    dataset=name,
                    split=part,
                    command=command,
                    sentences=total,
                )
            )
    return figures


def share_kept(sources: Sequence[str], translations: Sequence[str]) -> tuple[int, int]:
    """In how many translations all that must be kept is kept.

    Args:
        sources: sentences.
        translations: theirs.

    Returns:
        The number of sentences in which all is kept, and that of those that have something to keep.
    """
    kept = all_of_them = 0
    for source, translation in zip(sources, translations, strict=True):
        needed = Counter(one.text for one in find_protected(source))
        if needed:
            there = Counter(one.text for one in find_protected(translation))
            all_of_them += 1
            kept += needed <= there
    return kept, all_of_them
