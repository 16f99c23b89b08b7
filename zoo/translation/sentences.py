"""Cutting a text into sentences that can be worked on one by one and joined again."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zoo.translation.protection import NUMBER, find_protected

# What separates sentences as a line end does: tags of HTML, line ends as programs write them, and
# the arrows and bars between the words of menus and tables.
_BREAK = (
    r"(?:</?(?:p|div|br|hr|h[1-6]|[uo]l|li|d[ltd]|table|thead|tbody|tfoot|t[rdh]|blockquote|center)"
    r"(?:\s[^<>]*|/)?>|(?:\\r)?\\n|(?<=\s)[→⇒|](?=\s))"
)
# Punctuation that ends a sentence, with the quotes and brackets that close after it; or a line end.
# French puts a no-break space before a closing quote.
_END = re.compile(
    r"(?P<end>(?<![.!?…])[.!?…]++(?:[\"'”’»)\]]|[ \u00a0\u202f]»)*+)"
    rf"(?P<space>\s++(?:{_BREAK}\s*+)*+|(?:{_BREAK}\s*+)++)"
    rf"|(?:\n|(?<!\s)\s*+{_BREAK}|{_BREAK})\s*+(?:{_BREAK}\s*+)*+",
    re.IGNORECASE,
)
# Punctuation between two words without a space; words such as e.g. and U.S. are not meant.
_NO_SPACE = re.compile(
    r"(?<=[^\W\d_]{2})(?:[,;](?=[^\W\d_]{2})|(?<=[a-zß-ÿ]{2})[.!?]++(?=[A-ZÀ-Þ¿¡][a-zß-ÿ' ]))"
)
_ENTITY_NAME = re.compile(r"&\w+$")
_CODE = re.compile(r"`[^`]+`|\w:\\\S+|\\\\\S+")
# Abbreviations that no sentence ends with, and those that one may end with.
_BEFORE_MORE = r"Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Mme|Mlle|Hr|Fr|z\. ?B|e\.g|i\.e|vs|bzw|ca"
_ABBREVIATION = re.compile(
    rf"(?:^|[\s(\"'“„«])(?:[^\W\d_]|{_BEFORE_MORE}|Jr|usw|Mt|Lt|Gen|Col|Rev|Sgt|Sen|Gov|Capt|Maj"
    r"|\d{1,3}|d\. ?h"
    r"|u\. ?a|p\. ?ej|p\. ?ex|a\.m|p\.m|U\.S|EE\. ?UU)\.$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\bN[or]\.\s+\d")
# A number belongs to these: Jan. 5, Fig. 3.
_BEFORE_NUMBER = re.compile(
    r"\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|O[ck]t|Nov|De[cz]|Fig|Abb|Art|Vol|Bd|Kap|Tel|Sec)\.$"
)
# A letter that names a thing, at the end of a sentence: vitamin C.
_NAMED = re.compile(r"(?<![^\W_])[a-zß-ÿ]+ [^\W\d_]\.$")
# Words that begin a sentence and follow no ordinal.
_BEGIN = re.compile(
    r"(?:I|You|He|She|It|We|They|The|This|That|There|My|His|Her|Our|But|And|Then|What|Who|How|Why"
    r"|Ich|Du|Er|Sie|Es|Wir|Ihr|Die|Das|Der|Dies|Dann|Aber|Und|Was|Wer|Wie|Warum|Wo|Mein|Kein"
    r"|Je|J'ai|Tu|Il|Elle|On|Nous|Vous|Ils|Elles|Le|La|Les|Mais|Et|Puis|C'est|Qui|Où|Mon"
    r"|Yo|Tú|Él|Ella|Ellos|Ellas|Nosotros|Usted|El|Los|Las|Pero|Y|Luego|Mi|¿\w+|¡\w+)(?!\w)"
)
_LONGEST = 12  # characters; more than any abbreviation has
_CLAUSE = re.compile(r"[,;:)–—]\s+")
_SPACE = re.compile(r"\s+")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_PRE, _PRE_END = re.compile(r"<pre\b", re.IGNORECASE), re.compile(r"</pre>", re.IGNORECASE)
_LINE_END = re.compile(r"\r?\n")
_SENTENCE_END = re.compile(r"[.!?…:;][\"'“”’»)\]]*(?:</\w+>)*\s*$")
_ITEM = re.compile(r"[-*•·>#|]|\d+[.)]\s|[a-z]\)\s")
_MARK = re.compile(r"(?:(?:[-–—*•·‣▪◦●○■☐☑✓✔→►>]|#{1,6}|\d{1,3}\)|[a-z]\)|\[[ xX]\])[ \t]+)+(?=\S)")
_NUMBER_MARK = re.compile(r"^[ \t]*(?P<mark>\d{1,3}\.[ \t]+(?=\S))", re.MULTILINE)
_GREETING = re.compile(  # a line of its own, though a letter goes on after it
    r"(?:Dear|Hello|Hi|Hey|Good (?:morning|afternoon|evening)|Liebe[rs]?|Hallo|Guten Tag"
    r"|Sehr geehrte[rs]?|Chère?s?|Bonjour|Salut|Querid[oa]s?|Estimad[oa]s?|Hola|Buenos días"
    r"|(?:\w+ )?(?:regards|wishes|Grüße[n]?)|(?:Yours )?(?:sincerely|truly|faithfully)|Yours"
    r"|Cordialement|Amicalement|Saludos|Atentamente)\b.{0,40},$",
    re.IGNORECASE,
)
_WRAPPED = 50  # characters; a line of that length was probably broken at a margin
_HYPHENATED = re.compile(r"([^\W\d_]+)-$")
_LONGEST_WORD = 60  # characters
_FIRST_WORD = re.compile(r"[a-zß-ÿ][^\W\d_]*")
_TITLE = re.compile(rf"\b(?:{_BEFORE_MORE})\.$")
_NEVER_LAST = re.compile(
    r"\b(?:an?|the|my|your|his|her|our|their|of|to|and|or|but|with|from|for|by|as|than|when|if|not"
    r"|der|die|das|den|dem|des|eine?[nmrs]?|und|oder|mit|von|zu|nicht|dass|wenn|weil|im|am"
    r"|le|la|les|une?|du|de|des|et|ou|au|aux|que|qui|mon|ma|mes|dans|pour|avec|pas|ne"
    r"|el|los|las|unas?|unos|del|al|y|o|con|por|para|que|en|su|mi|no)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TextPiece:
    """A stretch of a text.

    Args:
        text: without white space around it; empty only where a text begins with white space or
            with the mark of a list.
        space: the white space that follows it, and the mark of the list item that comes next, such
            as ``"\\n- "``.
    """

    text: str
    space: str


def join_lines(text: str, length: Callable[[str], int] | None = None) -> str:
    """A text whose sentences are not broken at the ends of lines.

    A line goes on in the next one if it does not end a sentence and the next one begins with a
    small letter, or if it is long or ends in a word such as "the" that cannot be the last. Only
    lines that lead up to the end of a sentence are joined: a list of words stays a list. A hyphen
    at the end of a line goes where that gives a more usual word.

    Args:
        text: any text.
        length: gives the length of a word in subwords; without it, hyphens stay.

    Returns:
        The text, in which some line ends are single spaces.
    """
    lines, ends = _LINE_END.split(text), _LINE_END.findall(text)
    # Whether each line goes on in the next, and whether what it goes on to comes to an end.
    goes_on = [_goes_on(line, following) for line, following in pairwise(lines)]
    complete = bool(_SENTENCE_END.search(lines[-1]))
    for number in reversed(range(len(goes_on))):
        goes_on[number] = goes_on[number] and complete
        complete = goes_on[number] or bool(_SENTENCE_END.search(lines[number]))
    joined = lines[0]
    for end, line, continues in zip(ends, lines[1:], goes_on, strict=True):
        joined = _joined(joined, line.lstrip(), length) if continues else joined + end + line
    return joined


def _joined(text: str, line: str, length: Callable[[str], int] | None) -> str:
    """A text and the line that goes on with its sentence."""
    text = text.rstrip()
    first = _HYPHENATED.search(text, max(0, len(text) - _LONGEST_WORD))
    second = _FIRST_WORD.match(line)
    if first is None or second is None:
        return f"{text} {line}"
    parts = first[1], second[0]
    if length is not None and length("".join(parts)) < sum(map(length, parts)):
        return text.removesuffix("-") + line
    return text + line


def _goes_on(line: str, following: str) -> bool:
    """Whether a sentence seems to be broken between two lines."""
    line, following = line.strip(), following.strip()
    if not line or not following or _ITEM.match(following):
        return False
    if _TITLE.search(line):
        return True
    if _SENTENCE_END.search(line):
        return False
    return (
        following[0].islower()
        or (line.endswith(",") and not _GREETING.match(line))
        or len(line) >= _WRAPPED
        or bool(_NEVER_LAST.search(line))
    )


def with_spaces(text: str) -> str:
    """A text with a space after punctuation between two words, where one was forgotten.

    What must be kept, such as addresses, stays.

    Example:
        >>> with_spaces("Hello,world!Go to a.com.Now")
        'Hello, world! Go to a.com. Now'
    """
    if not _NO_SPACE.search(text):
        return text
    kept = [(one.start, one.end) for one in find_protected(text)]

    def spaced(found: re.Match[str]) -> str:
        at = found.start()
        entity = found[0] == ";" and _ENTITY_NAME.search(text, max(0, at - _LONGEST), at)
        inside = any(start <= at < end for start, end in kept)
        return found[0] if inside or entity else f"{found[0]} "

    return _NO_SPACE.sub(spaced, text)


def split_sentences(text: str) -> list[TextPiece]:
    """Cut a text after each sentence and at each line end, or what stands for one (``<br>``).

    The pieces with their white space, put one after the other, are the text. Full stops end no
    sentence before a small letter, nor one stop after an abbreviation, an initial or a number of up
    to three digits, which may be an ordinal. Marks of lists, of which numbers with a full stop are
    only those of several lines, belong to no sentence.
    """
    marks = _list_marks(text)
    first = len(text) - len(text.lstrip())
    start = marks.get(first, 0)
    pieces = _trimmed("", text[:start])
    code = [found.span() for found in _CODE.finditer(text)] if "\\n" in text else []
    kept = _Kept.of(text)
    for end_mark in _END.finditer(text):
        if end_mark.start() < start or any(a < end_mark.end() < b for a, b in code):
            continue
        if kept.around(end_mark.start()):
            continue
        space = end_mark["space"] or "\n"
        if space.isspace() and "\n" not in space:
            before = text[max(start, end_mark.end("end") - _LONGEST) : end_mark.end("end")]
            # No ordinal stands before a pronoun or an article, and no letter that names a thing.
            last = before[-2:-1].isdigit() or _NAMED.search(before)
            ends = last and _BEGIN.match(text, end_mark.end())
            if end_mark["end"] == "." and _ABBREVIATION.search(before) and not ends:
                continue
            following = text[end_mark.end() : end_mark.end() + 1]
            if _BEFORE_NUMBER.search(before) and following.isdigit():
                continue
            if _NUMBER.match(text, max(start, end_mark.start() - 2)):
                continue
            if not end_mark["end"].strip(".…") and following.islower():
                continue
        end = end_mark.start() if end_mark["end"] is None else end_mark.end("end")
        after = marks.get(end_mark.end(), end_mark.end())
        pieces += _trimmed(text[start:end], text[end:after])
        start = after
    return pieces + _trimmed(text[start:], "")


def verbatim_parts(text: str) -> list[tuple[str, str]]:
    """A text in parts of prose, each with the block of code that follows it.

    Blocks of code are those between fences of Markdown and between ``<pre>`` and ``</pre>``, with
    the white space around them; none follows the last part.
    """
    parts, start = [], 0
    for begin, end in sorted([*_fenced(text), *_preformatted(text)]):
        if begin < start:  # one inside of the other
            continue
        prose = text[start:begin].rstrip()
        space = _SPACE.match(text, end)
        after = space.end() if space else end
        parts.append((prose, text[start + len(prose) : after]))
        start = after
    return [*parts, (text[start:], "")]


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    """From where to where there are blocks between fences of Markdown."""
    place, opened, fence = 0, -1, ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and opened < 0:
            opened, fence = place, mark[1]
        elif mark and line.strip() == fence:
            yield opened, place + len(line.rstrip())
            opened = -1
        place += len(line)


def _preformatted(text: str) -> Iterator[tuple[int, int]]:
    """From where to where there are blocks between ``<pre>`` and ``</pre>``."""
    place = 0
    while (begin := _PRE.search(text, place)) and (end := _PRE_END.search(text, begin.end())):
        yield begin.start(), end.end()
        place = end.end()


@dataclass(frozen=True)
class _Kept:
    """Where a text has something that must be kept, and that no line end is in.

    Args:
        starts: in their order.
        ends: of each.
    """

    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str, fits: Callable[[str], bool] = bool) -> _Kept:
        # What does not fit and is read by the network, as numbers are, is cut all the same.
        found = [
            one
            for one in find_protected(text)
            if "\n" not in one.text and (one.kind != NUMBER or fits(one.text))
        ]
        return cls([one.start for one in found], [one.end for one in found])

    def around(self, at: int) -> tuple[int, int] | None:
        """What a place is inside of, if it is."""
        before = bisect_left(self.starts, at) - 1
        inside = before >= 0 and at < self.ends[before]
        return (self.starts[before], self.ends[before]) if inside else None


def _list_marks(text: str) -> dict[int, int]:
    """Where the marks of list items begin and end."""
    lines = [0, *(line_end.end() for line_end in re.finditer(r"\n\s*", text))]
    lines.append(len(text) - len(text.lstrip()))
    marks = {found.start(): found.end() for at in lines if (found := _MARK.match(text, at))}
    numbers = [found.span("mark") for found in _NUMBER_MARK.finditer(text)]
    return marks | dict(numbers if len(numbers) > 1 else ())


def _trimmed(text: str, space: str) -> list[TextPiece]:
    """A piece whose white space, that of ``text`` included, is apart from its text."""
    if not text and not space:
        return []
    core = text.strip()
    if not core:
        return [TextPiece("", text + space)]
    begin = text.index(core)
    head = [TextPiece("", text[:begin])] if begin else []
    return [*head, TextPiece(core, text[begin + len(core) :] + space)]


def split_long(sentence: str, limit: int, length: Callable[[str], int]) -> list[TextPiece]:
    """Cut a sentence that is too long near its middle until every piece is short enough.

    It is cut after a comma or the like where there is one in the middle third, else at the white
    space nearest to the middle, else in the middle; never inside an address, a tag or the like,
    which may be longer.

    Args:
        sentence: without white space around it.
        limit: the greatest length that a piece may have.
        length: gives the length of a text; of a single character it must be within the limit.

    Returns:
        Pieces that make up the sentence.
    """
    if len(sentence) < 2 or length(sentence) <= limit:
        return [TextPiece(sentence, "")]
    kept = _Kept.of(sentence, lambda part: length(part) <= limit)
    pieces: list[TextPiece] = []
    todo = [(0, len(sentence))]
    while todo:
        start, end = todo.pop()
        core = end - len(sentence[start:end]) + len(sentence[start:end].rstrip())
        short = core - start < 2 or length(sentence[start:core]) <= limit
        cut = None if short else _cut_of(sentence, start, core, kept)
        if cut is None:
            pieces.append(TextPiece(sentence[start:core], sentence[core:end]))
        else:
            todo += [(cut, end), (start, cut)]
    return pieces


def _cut_of(sentence: str, start: int, end: int, kept: _Kept) -> int | None:
    """Where to cut a stretch of a sentence, if it can be cut."""
    middle = (start + end) / 2

    def allowed(at: int) -> bool:
        return start < at < end and kept.around(at) is None

    near = (start + end) // 2 - (end - start) // 6, (start + end) // 2 + (end - start) // 6
    cuts = [one for one in _CLAUSE.finditer(sentence, *near) if allowed(one.end())]
    cuts = cuts or [one for one in _SPACE.finditer(sentence, start, end) if allowed(one.end())]
    if cuts:
        return min(cuts, key=lambda one: abs(one.start() - middle)).end()
    at = (start + end) // 2
    span = kept.around(at)
    edges = [edge for edge in span or (at,) if allowed(edge)]
    return min(edges, key=lambda edge: abs(edge - middle)) if edges else None
