"""From a sentence to what the network reads, and from what it writes to the translation.

What must be kept does not pass through the network. Addresses, placeholders and paths are replaced
by stand-ins, plain names that the network copies; tags are taken out and put back at the words that
the attention aligns them with, and so are the entities of spaces. The sign & is read as the word
"and" and put back in the place of that word. Numbers are read as they are and compared afterwards;
where the network writes another number it is corrected, and where it spells one out the sentence is
translated again with a stand-in. A translation in which something is missing is never taken.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.languages import language_probabilities
from zoo.translation.alignment import Alignment
from zoo.translation.processor import Subwords
from zoo.translation.protection import (
    AMPERSAND,
    NAME,
    NUMBER,
    TAG,
    Protected,
    find_protected,
    is_space,
    with_entities,
    without_entities,
    without_protected,
)
from zoo.translation.spelling import USUAL, Style, restored_spelling, usual_spelling
from zoo.typography import plain_spelling

# Names and numbers that the translator of Tatoeba copies in all directions, the surest first.
_PLACES = ("Boston", "Harvard", "Chicago", "Washington", "Osaka", "Kyoto", "Facebook", "Tom")
_PERSONS = ("Tom", "Boston", "John", "Harvard", "Chicago", "Washington", "Osaka", "Kyoto")
_NUMBERS = ("13", "16", "15", "80", "70", "45", "75", "100", "300", "150", "2013", "1939")
STAND_INS = tuple(dict.fromkeys(_PLACES + _PERSONS))
"""Names that may stand in for what must be kept."""

_COUNT = re.compile(
    r"%(?:\d+\$)?[-+0#]*\d*(?:\.\d+)?(?:ll?)?[diufeg]|[%${(]*(?:n|num|count|total)\b", re.I
)


# Characters that no text has stand for tags while letter case is changed around them.
_FIRST_MARK = 0x10FF00
_MARK = re.compile("[\U0010ff00-\U0010fffd]")
_AROUND = re.compile(r"\(([^()]+)\)|\[([^\[\]]+)\]|[\"']([^\"'.!?…]+)[\"']")
_MARKED = re.compile(f"({_MARK.pattern})( ?)")
_AMPERSAND = re.compile(AMPERSAND)
_TAG_NAME = re.compile(r"\s*(?:<|&lt;)/?([\w:-]+)")
_CLOSING = ("</", "&lt;/")
# The word for the sign &, and what else may stand for it in a translation.
_AND = {"en": "and", "de": "und", "es": "y", "fr": "et"}
_ANDS = {
    code: re.compile(rf"(?<!\w)(?:{word}{'|e' if code == 'es' else ''})(?!\w)", re.IGNORECASE)
    for code, word in _AND.items()
}


@dataclass(frozen=True)
class Tag:
    """A tag that was taken out of a sentence.

    Args:
        text: the tag, with the space that is lost when it is taken out.
        offset: number of characters before it in what the network reads.
        closes: whether it closes another tag.
        is_space: whether it stands in the place of a space.
    """

    text: str
    offset: int
    closes: bool = False
    is_space: bool = False

    @property
    def name(self) -> str:
        """What an opening and a closing tag have in common."""
        found = _TAG_NAME.match(self.text)
        if found:
            return found[1]
        return self.text.strip()[:1].replace("]", "[").replace("!", "[")


@dataclass(frozen=True)
class Prepared:
    """A sentence as the network reads it.

    Args:
        text: what the network reads.
        stand_ins: what stands in for something, and what it stands in for.
        numbers: what must be kept and is read as it is.
        tags: the tags that were taken out, in their order.
        head: the tags in front of the sentence.
        tail: the tags behind the sentence.
        style: how the spelling of the sentence differs from that of ``text``.
        ampersands: the signs & that a word "and" of ``text`` stands in for, with its number among
            these words.
        ands: the number of all its words "and".
        target: the wanted language.
        entities: of characters of the sentence, which the network reads as they are.
    """

    text: str
    stand_ins: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    head: str = ""
    tail: str = ""
    style: Style = USUAL
    ampersands: tuple[tuple[int, str], ...] = ()
    ands: int = 0
    target: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)

    def text_only(self, sentence: str) -> bool:
        """Whether the network reads the sentence as it is, and nothing in it must be kept."""
        kept = self.stand_ins or self.numbers or self.ampersands
        changed = kept or self.tags or self.head or self.tail
        return not changed and self.style == USUAL and self.text == sentence


def prepare(
    sentence: str, subwords: Subwords, target: str = "", *, replace_numbers: bool = False
) -> Prepared:
    """Make of a sentence what the network reads.

    Args:
        sentence: one sentence in plain characters, without white space around it.
        subwords: the vocabulary.
        target: the wanted language; without it, the sign & is read as it is.
        replace_numbers: let numbers have stand-ins as well.
    """
    sentence, entities = without_entities(_MARK.sub("\ufffd", sentence))
    sentence = plain_spelling(sentence) if entities else sentence
    tags = [one.text for one in find_protected(sentence) if one.kind == TAG]
    head, text, tail = _marked(sentence)
    spans = find_protected(text)
    edges = [0, *(edge for one in spans for edge in (one.start, one.end)), len(text)]
    parts = [text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    usual, style = usual_spelling(parts, subwords)
    written, numbers = "", list[str]()
    stand_ins: list[tuple[str, str]] = []
    ampersands: list[tuple[int, str]] = []
    ands = _Ands.of(text, subwords.directions, target)
    for part, span in zip(usual, spans, strict=False):
        written += part
        if ands and part[-1:].isspace() and _AMPERSAND.fullmatch(span.text):
            ampersands.append((ands.count(written), span.text))
            written += ands.word
            continue
        taken = [text.lower(), *(one.lower() for one, _ in stand_ins)]
        names = _stand_ins(span) if span.kind == NAME or replace_numbers else ()
        name = next((one for one in names if not any(one.lower() in each for each in taken)), "")
        if name:
            stand_ins.append((name, span.text))
        else:
            numbers.append(span.text)
        written += name or html.unescape(span.text)
    written += usual[-1] + style.final_mark
    text, found = _without_marks(written, tags)
    return Prepared(
        text,
        tuple(stand_ins),
        tuple(numbers),
        found,
        _tags(head, tags),
        _tags(tail, tags),
        style,
        tuple(ampersands),
        ands.count(text) if ands else 0,
        target,
        entities,
    )


class _Ands(NamedTuple):
    """The words "and" of a sentence.

    Args:
        word: in the sentence's language.
        pattern: finds it.
    """

    word: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str, directions: Iterable[tuple[str, str]], target: str) -> _Ands | None:
        """Those of a sentence with the sign &, if the word is known in both languages."""
        known = [code for code, to in directions if code in _AND and to == target and to in _AND]
        if not known or not any(_AMPERSAND.fullmatch(one.text) for one in find_protected(text)):
            return None
        probabilities = language_probabilities(without_protected(text))
        code = max(known, key=lambda one: probabilities.get(one, 0.0))
        return cls(_AND[code], _ANDS[code])

    def count(self, text: str) -> int:
        """How many there are."""
        return len(self.pattern.findall(text))


def _stand_ins(span: Protected) -> tuple[str, ...]:
    """What may stand in for something, the surest first."""
    if span.kind == NUMBER or _COUNT.match(span.text):
        return _NUMBERS
    return _PERSONS if span.text[0] in "{[<%$@" else _PLACES


def finished(
    prepared: Prepared, translation: str, subwords: Subwords, align: Callable[[], Alignment]
) -> str | None:
    """The translation of a sentence, from that of what the network has read.

    Args:
        prepared: what the network has read.
        translation: what it has written.
        subwords: the vocabulary.
        align: gives the alignment of the two; it is asked for where there are tags.

    Returns:
        The translation with all that must be kept, or ``None`` where something is missing.
    """
    kept = _find_stand_ins(prepared.stand_ins, translation)
    if kept is not None:
        kept = _find_numbers(prepared.numbers, translation, kept)
    if kept is None:
        return None
    if prepared.ampersands:
        kept = _find_ands(prepared, translation, kept)
    if kept is None:
        return None
    kept.sort(key=lambda one: one.start)
    places = _places(prepared, align()) if prepared.tags else []
    parts, start = [], 0
    for one in kept:
        parts.append(_with_marks(translation, start, one.start, places))
        start = one.end
    parts.append(_with_marks(translation, start, len(translation), places))
    restored = restored_spelling(parts, prepared.style, subwords)
    restored = [with_entities(part, prepared.entities) for part in restored]
    texts = [text for part, one in zip(restored, kept, strict=False) for text in (part, one.text)]
    whole = "".join([*texts, restored[-1]])
    whole = _MARKED.sub(lambda mark: _unmarked(prepared, *mark.groups()), whole)
    return prepared.head + whole + prepared.tail


def _unmarked(prepared: Prepared, mark: str, space: str) -> str:
    """The tag that a mark stands for, and the space behind it unless the tag is one."""
    tag = prepared.tags[ord(mark) - _FIRST_MARK]
    return tag.text + ("" if tag.is_space else space)


class _Kept(NamedTuple):
    """A stretch of a translation, and what is put in its place."""

    start: int
    end: int
    text: str


def _find_stand_ins(stand_ins: Iterable[tuple[str, str]], translation: str) -> list[_Kept] | None:
    """Where the stand-ins are; ``None`` unless each is there once."""
    kept = []
    for name, text in stand_ins:
        found = list(re.finditer(rf"(?<![\w.,:-]){re.escape(name)}(?![\w-]|[.,:]\d)", translation))
        if len(found) != 1:
            return None
        kept.append(_Kept(*found[0].span(), text))
    return kept


def _find_ands(prepared: Prepared, translation: str, kept: list[_Kept]) -> list[_Kept] | None:
    """Where the signs & belong, besides what is known; ``None`` if there are too few words."""
    found = [one.span() for one in _ANDS[prepared.target].finditer(translation)]
    if len(found) < len(prepared.ampersands):
        return None
    # Where the words are not as many, the first ones are taken.
    places = [number for number, _ in prepared.ampersands]
    if len(found) != prepared.ands:
        places = list(range(len(places)))
    signs = (text for _, text in prepared.ampersands)
    return [*kept, *(_Kept(*found[place], sign) for place, sign in zip(places, signs, strict=True))]


def _find_numbers(
    numbers: Sequence[str], translation: str, kept: list[_Kept]
) -> list[_Kept] | None:
    """Where numbers are, besides what is known; ``None`` unless each is there.

    A number that is written in another way, such as ``1.299,50 $`` for ``$1,299.50``, is found too.
    So is a wrong number, if one is missing and there is one that belongs nowhere.
    """
    if not numbers:
        return kept
    kept = list(kept)
    taken = {one.start for one in kept}
    there = [one for one in find_protected(translation) if one.start not in taken]
    missing = list(numbers)
    for key in (str, _digits):
        for text in list(missing):
            same = next((one for one in there if key(one.text) == key(text)), None)
            if same is not None:
                kept.append(_Kept(same.start, same.end, text))
                there.remove(same)
                missing.remove(text)
    if not missing:
        return kept
    if len(missing) == len(there) == 1 and missing[0].isdigit() and there[0].text.isdigit():
        return [*kept, _Kept(there[0].start, there[0].end, missing[0])]
    return None


def _digits(text: str) -> str:
    """What is the same in all ways to write a number."""
    text = html.unescape(text)
    return re.sub(r"[\s.,:'·]", "", "".join(sorted(text, key=str.isdigit))) or text


def _marked(sentence: str) -> tuple[str, str, str]:
    """A sentence with a mark for each tag; the marks before and behind it, and what is between.

    Brackets around all of it count as marks, and so do quotes around a word or a phrase.
    """
    marked, start = "", 0
    for number, one in enumerate(one for one in find_protected(sentence) if one.kind == TAG):
        marked += sentence[start : one.start] + chr(_FIRST_MARK + number)
        start = one.end
    marked += sentence[start:]
    head = re.match(rf"(?:{_MARK.pattern}\s*)*", marked)
    assert head is not None  # it may be empty
    tail = re.search(rf"(?:\s*{_MARK.pattern})*$", marked[head.end() :])
    assert tail is not None
    first, between, last = head[0], marked[head.end() : head.end() + tail.start()], tail[0]
    around = _AROUND.fullmatch(between)
    if around:
        begin, end = next(span for number in (1, 2, 3) if (span := around.span(number)) != (-1, -1))
        first, between, last = first + between[:begin], between[begin:end], between[end:] + last
    return first, between, last


def _tags(marks: str, tags: Sequence[str]) -> str:
    return _MARK.sub(lambda mark: tags[ord(mark[0]) - _FIRST_MARK], marks)


def _without_marks(text: str, tags: Sequence[str]) -> tuple[str, tuple[Tag, ...]]:
    """What the network reads of a text with marks, and the tags that they stand for."""
    bare, found = "", []
    for piece in re.split(f"(\\s*{_MARK.pattern}\\s*)", text):
        mark = _MARK.search(piece)
        if mark is None:
            bare += piece
            continue
        before, after = piece[: mark.start()], piece[mark.end() :]
        tag = tags[ord(mark[0]) - _FIRST_MARK]
        if is_space(tag):
            found.append(Tag(before + tag + after, len(bare), closes=True, is_space=True))
            bare += "" if bare.endswith(" ") else " "
            continue
        closes = tag.startswith(_CLOSING)
        if tag[0] not in "<&":  # of Markdown
            closes = not before and bool(bare) and not bare[-1].isspace()
        if before and after:
            tag = f" {tag}" if closes else f"{tag} "
        offset = len(bare) + (0 if closes else len(before[:1]))
        bare += " " if before or after else ""
        found.append(Tag(tag, offset, closes))
    return bare, tuple(found)


def _places(prepared: Prepared, alignment: Alignment) -> list[tuple[int, str]]:
    """Number of characters of the translation before each tag, with the mark of the tag."""
    tags, places = prepared.tags, [-1] * len(prepared.tags)
    opened: list[int] = []
    for number, tag in enumerate(tags):
        if not tag.closes:
            opened.append(number)
            continue
        partner = next((i for i in reversed(opened) if tags[i].name == tag.name), None)
        if partner is not None:
            opened.remove(partner)
            around = alignment.words_for(tags[partner].offset, tag.offset)
            if around is not None:
                places[partner], places[number] = around
    for number, tag in enumerate(tags):
        if places[number] < 0:
            places[number] = alignment.place(tag.offset, after=tag.closes)
    marks = [chr(_FIRST_MARK + number) for number in range(len(tags))]
    return sorted(zip(places, marks, strict=True))


def _with_marks(text: str, start: int, end: int, places: list[tuple[int, str]]) -> str:
    """A stretch of the translation with the marks in it; those that are used are taken out."""
    written = ""
    while places and (places[0][0] <= end):
        place, mark = places.pop(0)
        written += text[start : max(start, place)] + mark
        start = max(start, place)
    return written + text[start:end]
