"""What an entity says in a standard form: dates, times, numbers, addresses of mail, telephones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from zoo.dialogue.dates import iso_date
from zoo.dialogue.tokens import spelt
from zoo.typography import plain_spelling

_MAX_CHARACTERS = 100
_NUMBER = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d*\.\d+|\d+")
_NUMBER_LIKE = re.compile(r"[.,]?\d(?:[\d.,]*\d)?")
_NEGATIVE = re.compile(r"[^\w-]*(?:-|minus\b)")
_UNCLEAR = re.compile(
    r"\b(?:half|thirds?|quarters?|cents?|pence|paise)\b|[¼-¾⅐-⅞]|\d\s*m\b|\d(?:st|nd|rd|th)\b"
    r"|(?<![\d.,])[1-9]\d{0,2}\.\d{3}(?!\d)"  # 1.500 is 1,500 in much of Europe
)
_FACTOR = re.compile(
    r"\s*(?:(k|thousand|grand)|(mn|million)|(bn?|billion)|(lakhs?|lacs?)|(crores?)|(hundred)"
    r"|(dozen))\b"
)
_FACTORS = (1_000, 1_000_000, 1_000_000_000, 100_000, 10_000_000, 100, 12)
_HALF_OF_DAY = re.compile(r"(?<![a-z])([ap])\.? ?m\b\.?")
_CLOCK = re.compile(
    r"(?:at )?(?:(?:a )?(half|quarter|[1-5]?\d)( minutes?)? (past|after|to|before) )?"
    r"(\d{1,2})(?:[:.h ]?(\d{2}))?(?: ?o'?clock)? ?(?:in the )?(am|pm|morning|afternoon|evening)?"
)
_HOURS = frozenset(map(str, range(1, 13)))
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_AROUND_SIGNS = re.compile(r"\s*([@.+_-])\s*")
_SPOKEN_SIGNS = {"at": "@", "dot": ".", "underscore": "_", "dash": "-", "hyphen": "-"}
_SPOKEN_DIGITS = re.compile(r"(?:(?:\d+|[a-z]|double|triple)(?:\s+|$|-))+")
_ROUND = re.compile(r"\b(?:hundred|thousand|million)\b", re.I)
_REPEATED = re.compile(r"\b(double|triple) (\w)")


def normalise(kind: str, text: str, now: datetime | None = None) -> str | None:
    """An entity's value in a standard form.

    Numbers may be written in digits, of any script, or in English words, as recognisers of speech
    write them.

    Args:
        kind: one of :data:`KINDS`.
        text: as it is written.
        now: the moment that relative dates count from; without it they have no value.

    Returns:
        ISO 8601 for dates (``--03-03`` without a year, see :mod:`zoo.dialogue.dates`) and times,
        digits for numbers and telephones, or ``None`` where the text does not say it plainly.

    Example:
        >>> normalise("date", "March 3rd, 2024"), normalise("number", "twenty five")
        ('2024-03-03', '25')
    """
    if len(text) > _MAX_CHARACTERS:
        return None
    plain = " ".join(map(_plain_word, plain_spelling(spelt(text)).split()))
    return KINDS[kind](plain, now)


def _plain_word(word: str) -> str:
    """A word with its digits as ``0`` to ``9``."""
    return "".join(str(unicodedata.decimal(one, one)) for one in word)


def _in_digits(text: str) -> str:
    """A text in lower case whose numbers in words are digits."""
    from text_to_num import alpha2digit

    digits: str = alpha2digit(re.sub(r"\boh\b", "o", text.lower()), "en", 0)
    return digits


def _date(text: str, now: datetime | None) -> str | None:
    return iso_date(_in_digits(text), now)


def _time(text: str, now: datetime | None) -> str | None:
    plain = _HALF_OF_DAY.sub(r"\1m", text.lower())
    named = plain.removeprefix("at ").removeprefix("12 ")
    if named in _NAMED_TIMES:
        return _NAMED_TIMES[named]
    match = _CLOCK.fullmatch(_in_digits(plain).strip())
    if not match:
        return None
    away, counted, way, first, second, half = match.groups()
    if way in ("to", "before") and away in _HOURS and not counted:
        return None  # 7 to 9 is from one hour to another, or some minutes before one
    hour, minute = int(first), int(second or 0)
    if half:
        if not 1 <= hour <= 12 or (hour == 12 and half == "evening"):
            return None
        hour = hour % 12 + (0 if half in ("am", "morning") else 12)
    elif away or second is None or first in _HOURS - {"10", "11"}:
        return None  # a bare number may be anything, and 7:30 the morning or the evening
    if hour > 23 or minute > 59:
        return None
    minutes = 60 * hour + minute
    if away:
        told = {"half": 30, "quarter": 15}.get(away) or int(away)
        minutes += told if way in ("past", "after") else -told
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _number(text: str, now: datetime | None) -> str | None:
    plain = text.lower()
    written = bool(re.search(r"\d", plain))  # "1.5 million" is a number and a word
    in_digits = plain if written else _in_digits(plain).replace("point ", ".")
    numbers = list(_NUMBER_LIKE.finditer(in_digits))
    if len(numbers) != 1 or _UNCLEAR.search(in_digits):
        return None
    number = numbers[0]
    if not _NUMBER.fullmatch(number[0]):
        return None  # 2,5 is two numbers, or one with a comma for a point
    value = number[0].replace(",", "")
    factor = _FACTOR.match(in_digits, number.end())
    rest = in_digits[: number.start()], in_digits[factor.end() if factor else number.end() :]
    if written and any(re.search(r"\d", _in_digits(part)) for part in rest):
        return None  # "2 adults and one child" are two numbers
    if factor:
        value = f"{Decimal(value) * _FACTORS[(factor.lastindex or 1) - 1]:f}"
        value = value.rstrip("0").rstrip(".") if "." in value else value
    return "-" * bool(_NEGATIVE.match(in_digits)) + ("0" * value.startswith(".")) + value


def _mail(text: str, now: datetime | None) -> str | None:
    plain = text.lower()
    if "@" not in plain:
        plain = " ".join(_SPOKEN_SIGNS.get(word, word) for word in plain.split())
    plain = _AROUND_SIGNS.sub(r"\1", plain).strip("<>().,;: ").removeprefix("mailto:")
    return plain if re.fullmatch(r"[\w.+'%-]+@[\w-]+(?:\.[\w-]+)+", plain) else None


def _code(text: str, now: datetime | None) -> str | None:
    spoken = _in_digits(text)
    if _ROUND.search(text):
        return None  # eight hundred five five five: 805 and 55, or 800 and 555
    if _SPOKEN_DIGITS.fullmatch(spoken):
        text = _REPEATED.sub(lambda found: found[2] * (2 + (found[1] == "triple")), spoken)
    return re.sub(r"[\W_]", "", text).upper() or None


KINDS: dict[str, Callable[[str, datetime | None], str | None]] = {
    "code": _code,
    "date": _date,
    "email": _mail,
    "number": _number,
    "time": _time,
}
"""The kinds of values; a code keeps its letters and digits alone."""
