"""What of the handwriting corpora is learnt from, what is scored, and how texts are compared."""

from __future__ import annotations

import unicodedata

from zoo.handwriting.ink_files import Ink
from zoo.handwriting.processor import Line

_LONG_S = str.maketrans({"ſ": "s"})
_CROSSED_OUT = str.maketrans({">": None, "<": None})
_UNREADABLE = "><"
_TEXT_KINDS = ("text", "line", "DefaultLine", "InterlinearLine", "")
# Markup, gibberish, code, and German, which would be learnt as English.
_SOURCES_LEFT_OUT = ("kai", "lav", "att", "abm", "sie")
_CHARACTERS = ("1a", "1b", "1c")


def clean_text(text: str) -> str:
    """A text as it is learnt and scored: Unicode NFC, white space squeezed, long s as s."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_LONG_S).split())


def text_to_learn(line: Line) -> str:
    """What a line teaches: its text, crossed-out words as they can still be read.

    Returns:
        The text; empty if the line has an unreadable word, or is a page's mark.
    """
    if _UNREADABLE in line.text or line.kind == "id":
        return ""
    return clean_text(line.text.translate(_CROSSED_OUT))


def text_to_score(line: Line) -> str:
    """What a line is scored against.

    Returns:
        The text; empty if the line has crossed-out words, or is none of the text.
    """
    if ">" in line.text or "<" in line.text or line.kind not in _TEXT_KINDS:
        return ""
    return clean_text(line.text)


def usable_ink(ink: Ink) -> bool:
    """Whether a piece of UNIPEN is good for English: source, quality, and more than a character.

    Isolated characters are usable where they were meant to be isolated.
    """
    source = ink.writer.partition("/")[0]
    if source in _SOURCES_LEFT_OUT or ink.quality == "BAD":
        return False
    text = clean_text(ink.text)
    return len(text) == 1 if ink.level in _CHARACTERS else len(text) > 1
