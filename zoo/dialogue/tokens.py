"""Messages to tokens that know where they stand."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

# Accents that are characters of their own, and what is not seen within a word.
_MARKS = "\u0300-\u036f\u00ad\u200c\u200d\u2060"
# What is not seen between words: spaces without a width, and marks of the writing direction.
_UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_LETTERS = rf"(?:[^\W\d_][{_MARKS}]*)+"
_TOKEN = re.compile(
    r"\d+(?:[.,:]\d+)*"  # a number, a price, a time
    rf"|{_LETTERS}(?:['’]{_LETTERS})*"  # a word, with apostrophes inside
    rf"|_+|[^\w\s{_UNSEEN}]"  # everything else that is no space, a character at a time
)
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_DIGIT = re.compile(r"\d")


class Token(NamedTuple):
    """A word, a number or a sign.

    Args:
        text: as it is written.
        start: of its first character in the message.
        end: after its last one.
    """

    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Split a message into words, numbers and signs.

    No character is lost but spaces and what is not seen between words, and no token holds letters
    and digits together, so that ``7pm`` is two tokens and every entity of common corpora begins and
    ends with a token.

    Example:
        >>> [token.text for token in tokenize("Table for 2 at 7:30pm?")]
        ['Table', 'for', '2', 'at', '7:30', 'pm', '?']
    """
    return [Token(match.group(), *match.span()) for match in _TOKEN.finditer(text)]


def word_key(word: str) -> str:
    """What a word is looked up by: lower case, compatible characters joined, digits as ``0``.

    Example:
        >>> word_key("4471"), word_key("Wi’fi")
        ('0000', "wi'fi")
    """
    folded = unicodedata.normalize("NFKC", _HIDDEN.sub("", word)).lower().replace("’", "'")
    return _DIGIT.sub("0", folded)


def spelt(word: str) -> str:
    """A word as a network reads its characters: accents joined to letters, nothing unseen.

    Example:
        >>> len("Jose\u0301"), len(spelt("Jose\u0301"))
        (5, 4)
    """
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", _HIDDEN.sub("", word))


def base_letter(letter: str) -> str:
    """A letter in lower case and without its accent, of which a script has few.

    Example:
        >>> base_letter("É"), base_letter("Ж")
        ('e', 'ж')
    """
    return unicodedata.normalize("NFKD", letter)[0].casefold()
