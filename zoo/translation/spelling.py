"""Letter case and final marks: a sentence as it is usually written, and its translation put back.

A network that was trained on whole sentences knows neither ``WHERE IS THE STATION?`` nor ``where is
the station``. It reads the usual spelling; its translation gets the letter case of the source back
and loses the final mark that the source did not have. English contractions whose apostrophe was
left out get it back: of ``doesnt`` the network would lose the "not".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from zoo.languages import language_probabilities

AS_IS, CAPITALS, TITLE = "as is", "capitals", "title"

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Words in capitals for emphasis; those of two letters are mostly abbreviations such as IT and US.
_SHOUTED = re.compile(
    r"(?<![\w-])(?:[^\W\d_a-zß-öø-ÿ]{3,}|NO|DO|IS|AM|MY|WE|HE|SO|NE|JE|TU)(?![\w-])"
)
_FINAL = re.compile(r"[.!?…:;,][\"'“”’»)\]\s]*$")
_QUESTION = re.compile(
    r"(?:¿|who|whom|whose|what|where|when|why|how|which|qui|quel(?:le)?s?|quoi|où|pourquoi|comment"
    r"|combien|qu'est-ce|est-ce|wer|wen|wem|wessen|was|wo|wann|warum|wie|wieso|weshalb|woher|wohin"
    r"|welche[rsnm]?|qué|quién(?:es)?|dónde|adónde|cuándo|cómo|cuál(?:es)?|cuánt[oa]s?|por qué"
    r"|(?:do|does|did|is|are|was|were|am|can|could|will|would|shall|should|have|has|had|may|must)"
    r"(?:n't)? (?:i|you|he|she|it|we|they|there|this|that|these|those|the|your|my)"
    r"|\w+(?:-t)?-(?:je|tu|il|elle|on|nous|vous|ils|elles)"
    r"|(?:ist|sind|bist|seid|bin|war|hast|hat|habt|haben|kann|kannst|könnt|können|willst|will|wollt"
    r"|wollen|darf|muss|musst|soll|gibt|weißt|magst) (?:ich|du|er|sie|es|wir|ihr|das|der|die))\b",
    re.IGNORECASE,
)
_SMALL = re.compile(
    r"Of|The|And|Or|An?|In|On|At|To|For|With|From|By|Is|Are|Was|My|Your|Our|Not|But|It"
    r"|Und|Oder|Der|Das|Den|Dem|Des|Eine?[nmrs]?|Mit|Von|Zu|Zum|Zur|Im|Am|Auf|Ist|Sind|Mein|Dein"
    r"|Et|Ou|Les?|La|Une?|De|Des|Du|Aux?|En|Dans|Pour|Avec|Est|Sont|Mon|Ma|Mes|Ton"
    r"|Y|El|Los|Las|Una?|Del|Al|Con|Por|Para|Es|Son|Mi|Tu|Su"
)
_FORMAL = {"Sie", "Ihnen", "Ihr", "Ihre", "Ihren", "Ihrem", "Ihrer", "Ihres", "Du", "Dich", "Dir"}
_RARER = 3  # how much later a piece must have been learnt to be taken for the rarer one
_I = re.compile(r"i(?:'(?:m|d|ll|ve))?", re.IGNORECASE)
# Contractions without their apostrophe that are no words of English, nor of any language beside it.
_CONTRACTION = re.compile(
    r"\b(?:((?:do(?:es)?|did|is|are|was|were|ca|wo|could|would|should|has|have|had|must|need|ai)n)(t)"
    r"|(i|you|we|they|could|would|should|must)(ve)|(you|they)(re)|(you|they)(ll)"
    r"|(that|what|there|here|where|who|he|she)(s)|(i)(m))\b",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(r"\b[A-Z][a-z]+ $")  # as in "Jony Ive"
_NAME_LENGTH = 40  # characters of that name at most
_FOREIGN = {"dont": "fr", "im": "de"}  # words of French and of German
# A request or a person before "dont"; a clause of French goes on with one of these words.
_DONT_BEFORE = re.compile(
    r"(?:^|[.!?…:;,\"'(\n]\s*|\b(?:i|you|we|they|people|please|just|but|and|so|really|still) )$",
    re.IGNORECASE,
)
_DONT_AFTER = re.compile(
    r"\s(?:une?|les?|la|l'|ils?|elles?|on|j'|je|tu|nous|vous|ce|cet|cette|ces|de|du|des|deux|trois|acte"
    r"|certaine?s|plusieurs|chacune?|mon|ma|mes|son|sa|ses|notre|votre|leurs?|\d)(?!\w)",
    re.IGNORECASE,
)


class SubwordPieces(Protocol):
    """What tells how usual a spelling is: a subword vocabulary."""

    def encode(self, text: str) -> Any:
        """The ids of a text: fewer, and smaller ones, for a more usual spelling."""


@dataclass(frozen=True)
class Style:
    """How the spelling of a sentence differs from the usual one.

    Args:
        case: ``"as is"``, ``"capitals"`` (ALL CAPS) or ``"title"`` (Each Word Capitalised).
        small_start: whether the sentence begins with a small letter.
        final_mark: the mark that was added at the end, if any.
    """

    case: str = AS_IS
    small_start: bool = False
    final_mark: str = ""


USUAL = Style()
"""Of a sentence that is written as usual."""


def with_apostrophes(text: str, *, english: bool = False) -> str:
    """A text in which English contractions have their apostrophe: ``doesnt``, ``youre``, ``ive``.

    Those that are words without it, such as ``its``, ``well`` and ``ill``, stay. So do ``dont`` and
    ``im``, which are words of French and German, where the text is likelier in another language.

    Args:
        text: any string.
        english: whether it is known to be English.

    Example:
        >>> with_apostrophes("I didnt know that youre here.")
        "I didn't know that you're here."
    """

    @cache
    def probabilities() -> dict[str, float]:
        return language_probabilities(text.lower())

    def is_english(word: str, start: int, end: int) -> bool:
        rival = _FOREIGN.get(word.lower())
        if english or rival is None:
            return True
        if word.lower() == "dont" and _DONT_BEFORE.search(
            text, max(0, start - _NAME_LENGTH), start
        ):
            return _DONT_AFTER.match(text, end) is None
        return probabilities().get("en", 0.0) > probabilities().get(rival, 0.0)

    def contraction(found: re.Match[str]) -> str:
        word, ending = (part for part in found.groups() if part)
        start, end = found.span()
        name = found[0].istitle() and _NAME_BEFORE.search(text, max(0, start - _NAME_LENGTH), start)
        return found[0] if name or not is_english(found[0], start, end) else f"{word}'{ending}"

    return _CONTRACTION.sub(contraction, text)


def usual_case(word: str, subwords: SubwordPieces) -> str:
    """A word in small letters, or with the capitals that it usually has.

    The usual spelling is the one that a subword vocabulary writes with the fewest pieces, as
    frequent words are single pieces: ``Boston`` is one piece, ``boston`` two. Of two single pieces
    the one that was learnt much earlier is the more frequent. Of capitals, ``SS`` may be ``ß``.
    """
    if _I.fullmatch(word):
        return word[0].upper() + word[1:].lower()
    small, capital = word.lower(), word.lower().capitalize()
    spellings = [small, capital, word.upper()]
    if "SS" in word:
        spellings += [small.replace("ss", "ß"), capital.replace("ss", "ß")]
    ids = {spelling: subwords.encode(spelling) for spelling in spellings}
    if len(ids[small]) == len(ids[capital]) == 1 and ids[small][0] > _RARER * ids[capital][0]:
        return capital
    return min(ids, key=lambda spelling: len(ids[spelling]))


def usual_spelling(parts: list[str], subwords: SubwordPieces) -> tuple[list[str], Style]:
    """The usual spelling of a sentence, with a capital at its start and a mark at its end.

    Args:
        parts: the stretches of the sentence between what must not be changed.
        subwords: the vocabulary that tells how words are usually written.

    Returns:
        The parts in their usual spelling, and how to put the old spelling back. The final mark is
        not in the parts.
    """
    text = " ".join(parts)
    words = _WORD.findall(text)
    if not words:
        return parts, USUAL
    start = _WORD.search(parts[0])
    case = _case(words, subwords)
    small_start = case == AS_IS and start is not None and start[0][0].islower()
    if case != AS_IS or not any(word != word.lower() for word in words):
        parts = [_WORD.sub(lambda found: usual_case(found[0], subwords), part) for part in parts]
    else:
        parts = [_SHOUTED.sub(lambda found: _calm(found[0], subwords), part) for part in parts]
    first = _WORD.search(parts[0])  # in its usual spelling
    mark = "" if _FINAL.search(text) else "."
    if mark and _QUESTION.match(text.strip()):
        mark = "?"
    if first is None:
        return parts, Style(case, small_start, mark)
    return _capitalised(parts, first, subwords), Style(case, small_start, mark)


def _case(words: list[str], subwords: SubwordPieces) -> str:
    cased = [word for word in words if word.lower() != word.upper()]
    if all(word.isupper() for word in cased) and _shouts(cased, subwords):
        return CAPITALS
    if len(cased) > 1 and all(word[0].isupper() or len(word) < 4 for word in cased):
        inner = cased[1:]
        raised = [word for word in inner if word[0].isupper()]
        # Names and German nouns have capitals in every sentence, articles and prepositions do not.
        small = [word for word in raised if _SMALL.fullmatch(word)]
        unusual = [word for word in raised if usual_case(word, subwords) == word.lower()]
        if len(small) > len(inner) - len(raised):
            return TITLE
        if len(raised) == len(inner) and len(unusual) > 1 and not _FORMAL & set(raised):
            return TITLE
    return AS_IS


def _calm(word: str, subwords: SubwordPieces) -> str:
    """A word in capitals in small letters if it is a usual word, and no abbreviation or name."""
    usual = usual_case(word, subwords)
    return usual if usual == word.lower() and len(subwords.encode(usual)) == 1 else word


def _shouts(words: list[str], subwords: SubwordPieces) -> bool:
    """Whether capitals are more than the usual spelling of abbreviations such as ``TV``."""
    return any(len(word) > 1 and usual_case(word, subwords) != word for word in words)


def restored_spelling(parts: list[str], style: Style, subwords: SubwordPieces) -> list[str]:
    """A translation in the spelling of its source.

    Args:
        parts: the stretches of the translation between what must not be changed.
        style: of the source.
        subwords: the vocabulary that tells how words are usually written.
    """
    if style.final_mark:
        parts = _without_mark(parts)
    if style.case == CAPITALS:
        return [part.upper() for part in parts]
    if style.case == TITLE:
        return [_WORD.sub(lambda found: found[0][0].upper() + found[0][1:], p) for p in parts]
    return _small_start(parts, subwords) if style.small_start else parts


def _capitalised(parts: list[str], first: re.Match[str], subwords: SubwordPieces) -> list[str]:
    """The parts with a capital at the start, unless the vocabulary knows the word better small."""
    word, start = first[0], first.start()
    capital = word[0].upper() + word[1:]
    if len(subwords.encode(capital)) > len(subwords.encode(word)):
        return parts
    return [parts[0][:start] + capital + parts[0][first.end() :], *parts[1:]]


def _small_start(parts: list[str], subwords: SubwordPieces) -> list[str]:
    found = _WORD.search(parts[0])
    if not found or usual_case(found[0], subwords) != found[0].lower():
        return parts
    start = found.start()
    return [parts[0][:start] + parts[0][start].lower() + parts[0][start + 1 :], *parts[1:]]


def _without_mark(parts: list[str]) -> list[str]:
    """The parts without the final mark, and the inverted mark of Spanish that belongs to it."""
    ending = parts[-1].rstrip()
    if not ending.endswith((".", "?", "!", "…")) or ending.endswith(".."):
        return parts
    parts = [*parts[:-1], ending[:-1].rstrip()]
    return [re.sub(r"^\s*[¿¡]", "", parts[0]), *parts[1:]]
