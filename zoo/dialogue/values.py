"""What an entity says in a standard form: dates, times, numbers, addresses of mail, telephones."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import datetime

_MAX_CHARACTERS = 100
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|next|last|this|coming|in|ago|week|weekend|"
    r"(?:mon|tues?|wed(?:nes)?|thurs?|fri|sat(?:ur)?|sun)(?:day)?)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b\d{4}\b|\b\d{1,2}[/.-]\d{1,2}[/.-]\d{2}\b")
_DAY_AND_MONTH = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-]\d{2,4})?")
_CLOCK = re.compile(
    r"^(\d{1,2})(?:[:.h ]\s*(\d{2}))?\s*(a\.?m\.?|p\.?m\.?)?(?:\s*o'?clock)?$", re.I
)


def normalise(kind: str, text: str, now: datetime | None = None) -> str | None:
    """An entity's value in a standard form.

    Args:
        kind: one of :data:`KINDS`.
        text: as it is written.
        now: the moment that relative dates count from; without it they have no value.

    Returns:
        ISO 8601 for dates (``--03-03`` without a year) and times, digits for numbers and
        telephones, or ``None`` where the text does not say it plainly.

    Example:
        >>> normalise("date", "March 3rd, 2024"), normalise("number", "twenty five")
        ('2024-03-03', '25')
    """
    if len(text) > _MAX_CHARACTERS:
        return None
    return KINDS[kind](text, now)


def _date(text: str, now: datetime | None) -> str | None:
    import dateparser

    relative, year = _RELATIVE.search(text) is not None, _YEAR.search(text) is not None
    if relative and now is None and not year:
        return None
    settings = {
        "RELATIVE_BASE": now or datetime(2000, 1, 1),  # a leap year, for the 29th of February
        "PREFER_DATES_FROM": "future",
        "REQUIRE_PARTS": [] if relative else ["day", "month"],
    }
    cleaned = re.sub(r"^(?:on|the|for|this)\s+", "", text.strip(), flags=re.IGNORECASE)
    numbers = _DAY_AND_MONTH.fullmatch(cleaned)
    if numbers and numbers[1] != numbers[2] and max(int(numbers[1]), int(numbers[2])) <= 12:
        return None  # either may be the month
    found = dateparser.parse(cleaned, languages=["en"], settings=settings)
    if found is None:
        return None
    if year or now is not None:
        return found.date().isoformat()
    return f"--{found:%m-%d}"


def _time(text: str, now: datetime | None) -> str | None:
    plain = text.strip().lower()
    named = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
    if plain in named:
        return named[plain]
    match = _CLOCK.match(plain)
    if not match:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    half = (match[3] or "").replace(".", "")
    if not half and match[2] is None:
        return None  # a bare number may be anything
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def _number(text: str, now: datetime | None) -> str | None:
    from text_to_num import alpha2digit, text2num

    with contextlib.suppress(ValueError):
        return str(text2num(text.lower().strip(), "en"))
    digits = _NUMBER.findall(alpha2digit(text.lower(), "en"))
    return digits[0].replace(",", "") if len(digits) == 1 else None


def _mail(text: str, now: datetime | None) -> str | None:
    plain = re.sub(r"\s+", "", text).lower()
    return plain if re.fullmatch(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", plain) else None


def _code(text: str, now: datetime | None) -> str | None:
    plain = re.sub(r"[^\w]", "", text).upper()
    return plain or None


KINDS: dict[str, Callable[[str, datetime | None], str | None]] = {
    "code": _code,
    "date": _date,
    "email": _mail,
    "number": _number,
    "time": _time,
}
"""The kinds of values; a code keeps its letters and digits alone."""
