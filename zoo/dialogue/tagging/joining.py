"""Where entities begin and end, besides what a network says: hyphens, and signs at their ends.

The corpora of customer service that taggers learn from have lost their hyphens, quotes and question
marks, so that a network cuts ``555-123-4567`` into three entities and finds ``Friday?``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from zoo.decoding.crf import bio_spans
from zoo.dialogue.tokens import Token

HYPHENS = "\u2010\u2011-"

_PART = r"(?:[^\W\d_]*\d\w*|[A-Z]+|[a-z]{1,2})"
_CODE = re.compile(
    r"(?<!\w)\d+(?:/\d+)+(?!\w)"
    rf"|(?<![\w{HYPHENS}]){_PART}(?:[{HYPHENS}]{_PART})+(?![{HYPHENS}]?\w)"
)
_ENDS = frozenset('?!,;"“”„«»')
_PICTURES = 0x2190  # the first character of arrows and pictures, after ™
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day", re.IGNORECASE)
_CLOCK = re.compile(r"\d:\d|\d ?[ap]m\b", re.IGNORECASE)  # 3-5pm has two times


class Tags(NamedTuple):
    """An entity as tokens.

    Args:
        label: its number.
        begin: the first token.
        end: the token after the last.
        parts: first token and token after the last of what the CRF found of it: more than one
            between hyphens, and others with signs at the ends.
    """

    label: int
    begin: int
    end: int
    parts: tuple[tuple[int, int], ...]


def code_tokens(tokens: Sequence[Token]) -> frozenset[int]:
    """The tokens of a message that go on with a code, such as the last four of ``AB-123-4``.

    Codes have digits, and hyphens between parts of digits, capitals, or one or two letters; dates
    have slashes.

    Args:
        tokens: the message.
    """
    found: set[int] = set()
    begin = 0
    for end in range(1, len(tokens) + 1):
        if end < len(tokens) and tokens[end].start == tokens[end - 1].end:
            continue
        chunk = "".join(token.text for token in tokens[begin:end])
        if end - begin > 2 and not _CLOCK.search(chunk):
            shift = tokens[begin].start
            for match in _CODE.finditer(chunk):
                if any(map(str.isdecimal, match[0])):
                    first, last = match.start() + shift, match.end() + shift
                    inside = range(begin, end)
                    found.update(n for n in inside if first < tokens[n].start < last)
        begin = end
    return frozenset(found)


def entity_spans(tags: Sequence[int], tokens: Sequence[Token]) -> list[Tags]:
    """The entities of a message.

    Those of one label that only a hyphen is between are joined, quotes, question marks and pictures
    at their ends are left out, and weekdays with a comma between them are two dates.

    Args:
        tags: of the tokens, see :func:`~zoo.decoding.crf.bio_tags`.
        tokens: the message.
    """
    found: list[Tags] = []
    for label, begin, end, parts in join_names(bio_spans(tags), tokens):
        first = begin
        for place in range(begin + 1, end - 1):
            if tokens[place].text == "," and all(
                _WEEKDAY.fullmatch(tokens[place + side].text) for side in (-1, 1)
            ):
                found.append(Tags(label, first, place, parts))
                first = place + 1
        found.append(Tags(label, first, end, parts))
    trimmed = (_trimmed(span, tokens) for span in found)
    return [span for span in trimmed if span.begin < span.end]


def _trimmed(span: Tags, tokens: Sequence[Token]) -> Tags:
    begin, end = span.begin, span.end
    while begin < end and _is_end(tokens[end - 1].text):
        end -= 1
    while begin < end and _is_end(tokens[begin].text):
        begin += 1
    return span._replace(begin=begin, end=end)


def _is_end(text: str) -> bool:
    """Whether a token is a sign that no entity begins or ends with."""
    picture = ord(text[0]) >= _PICTURES and unicodedata.category(text[0]) in ("So", "Sk", "Mn")
    return text in _ENDS or picture


def join_names(spans: Sequence[tuple[int, int, int]], tokens: Sequence[Token]) -> list[Tags]:
    """Entities of which those of one label are joined that only a hyphen is between.

    Args:
        spans: label, first token and token after the last of each, in order.
        tokens: the message.
    """
    joined: list[Tags] = []
    for label, begin, end in spans:
        before = joined[-1] if joined else None
        if before and before.label == label and _is_hyphenated(tokens, before.end, begin):
            joined[-1] = Tags(label, before.begin, end, (*before.parts, (begin, end)))
        else:
            joined.append(Tags(label, begin, end, ((begin, end),)))
    return joined


def _is_hyphenated(tokens: Sequence[Token], end: int, begin: int) -> bool:
    """Whether only a hyphen is between two words without spaces."""
    if begin != end + 1 or tokens[end].text not in HYPHENS:
        return False
    before, after = tokens[end - 1], tokens[begin]
    touches = before.end == tokens[end].start and tokens[end].end == after.start
    return touches and before.text.isalpha() and after.text.isalpha()
