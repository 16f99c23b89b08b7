"""Dates of messages as ISO 8601: calendar dates, and those that count from a moment."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

_DAYS = r"(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:r|rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_WEEKDAY = re.compile(rf"\b{_DAYS}\b\.?,?\s*(?:the\b)?", re.I)
_OPENING = re.compile(r"^(?:(?:on|for|from|by|until|till|since|before|after|the)\s+)+", re.I)
_PART_OF_DAY = re.compile(
    r"\s*(?:\b(?:in the )?(?:morning|afternoon|evening|night)|\b(?:at|by|around) \d.*)$", re.I
)
_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_SHORT_YEAR = re.compile(
    rf"((?<=[a-z0-9] )'|\b{_ORDINAL}(?: of)?[ -]{_MONTHS}[ ,-]+|\b{_MONTHS}[ -]{_ORDINAL}[ ,-]+)"
    r"(\d\d)(?=$|,| at\b)",
    re.I,
)
_CLOCK = re.compile(
    r"\b(?:at|by|around) \d.*$|\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]\.?m\b)?|\b\d{1,2}\s*[ap]\.?m\b",
    re.I,
)
_MONTH_NAMED = re.compile(rf"(?<![a-z]){_MONTHS}(?![a-z])", re.I)
# 24-03-05: the year may be the first or the last.
_EITHER_WAY = re.compile(
    r"(?<!\d)(?:0[1-9]|[12]\d|3[01])-(?:0?[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)"
)
_YEAR = re.compile(r"\b\d{4}\b|\b\d{1,2}[/.-]\d{1,2}[/.-]\d{2}\b")
_DAY_NAMED = re.compile(rf"(?:(this|next|last|coming|this coming|past) )?({_DAYS})", re.I)
_COUNTED = re.compile(
    r"(?:in )?(\d{1,3}|a|one) (day|week)s?(?:'s?)?(?: time)?( ago| from now| from today)?", re.I
)
_FIRST_LETTERS = ("mo", "tu", "we", "th", "fr", "sa", "su")
_NAMED = {
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "day after tomorrow": 2,
    "yesterday": -1,
    "last night": -1,
    "day before yesterday": -2,
    **dict.fromkeys(("now", "right now", "this"), 0),
}
"""Days from the day of the message; "this" is what is left of "this evening"."""


def iso_date(text: str, now: datetime | None = None) -> str | None:
    """A date in ISO 8601.

    A day without a year has the year in which it comes next. Where two people may mean two days by
    it there is no date: 12/05/2021, or "next Friday" on a Monday.

    Args:
        text: as it is written, in English with plain characters, numbers in digits.
        now: the moment that the message was written; without it, days without a year are told as
            ``--03-03``, and days such as "tomorrow" have no date.

    Returns:
        The date, or ``None`` where the text does not say a single day plainly.

    Example:
        >>> iso_date("tomorrow", datetime(2024, 2, 28))
        '2024-02-29'
    """
    plain = _SHORT_YEAR.sub(_whole_year, _OPENING.sub("", text.strip(" .,")))
    if now is not None:
        for told in (plain.lower(), _PART_OF_DAY.sub("", plain.lower())):
            day = _relative(told, now.date())
            if day is not None:
                return day.isoformat()
    return _calendar_date(plain, now)


def _whole_year(found: re.Match[str]) -> str:
    century = "20" if int(found[2]) < 69 else "19"  # as strptime does
    return found[1].removesuffix("'") + century + found[2]


def _relative(text: str, today: date) -> date | None:
    """The day that a text without a date says."""
    if text in _NAMED:
        return today + timedelta(_NAMED[text])
    if match := _DAY_NAMED.fullmatch(text):
        return _weekday(match[1] or "", _day_number(match[2]), today)
    if match := _COUNTED.fullmatch(text):
        ago = match[3] == " ago"
        if not ago and not match[3] and not text.startswith("in "):
            return None  # how long, not when
        count = int(match[1]) if match[1].isdigit() else 1
        return today + timedelta((-1 if ago else 1) * count * (7 if match[2] == "week" else 1))
    return None


def _weekday(which: str, day: int, today: date) -> date | None:
    ahead = (day - today.weekday()) % 7
    if which in ("last", "past"):
        return today + timedelta(ahead - 7)
    if which == "next" and today.weekday() < day:
        return None  # this week's, or next week's
    if which == "this":
        return today + timedelta(ahead)
    return today + timedelta(ahead or 7)


def _day_number(name: str) -> int:
    return _FIRST_LETTERS.index(name[:2].lower())


def _calendar_date(text: str, now: datetime | None) -> str | None:
    import dateparser

    weekday = _WEEKDAY.search(text)
    plain = _WEEKDAY.sub("", text).strip(" ,.")
    numbers = [int(number) for number in re.findall(r"\d+", _CLOCK.sub("", plain))]
    month_named, year = _MONTH_NAMED.search(plain), _YEAR.search(plain)
    first_two = set(numbers[:2])
    if not month_named and len(first_two) == 2 and max(first_two) <= 12:
        return None  # either may be the month
    if _EITHER_WAY.search(plain) or len(numbers) > 1 + (not month_named) + bool(year):
        return None  # from one day to another
    # The evening before, for today's date to be one to come; else a leap year.
    eve = datetime.combine(now, time.min) - timedelta(seconds=1) if now else datetime(2000, 1, 1)
    settings = {
        "RELATIVE_BASE": eve,
        "PREFER_DATES_FROM": "current_period" if year else "future",
        "REQUIRE_PARTS": ["day", "month"],
        "PARSERS": ["absolute-time"],
    }
    found = dateparser.parse(plain, languages=["en"], settings=settings)
    if found is None:
        return None
    if year:
        return found.date().isoformat()
    if now is None:
        return f"--{found:%m-%d}"
    if weekday and found.weekday() != _day_number(weekday[0]):
        return None  # it was in another year
    return found.date().isoformat()
