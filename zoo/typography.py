"""Typographic characters as the plain ones that networks are trained on.

Word processors, phones and PDF files write other characters than the sentences that a network was
trained on: ``don’t`` with a curly apostrophe, ``ﬁne`` with a ligature, full-width Latin letters.
A vocabulary does not know them or splits such words into bytes, and what they mean is lost.
"""

from __future__ import annotations

import re
import unicodedata

# Compatibility decomposition (NFKC, Unicode Standard Annex 15) is only right for characters that
# are variants of a letter's shape; it would turn "m²" into "m2" and "½" into "1⁄2".
_VARIANTS = re.compile(
    "["
    "\ufb00-\ufb06"  # Latin ligatures such as ﬁ
    "\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3"  # digraphs such as ĳ
    "\uff01-\uff5e\uff61-\uff9f\uffe0-\uffe6\u3000"  # full-width and half-width forms
    "\U0001d400-\U0001d7ff"  # mathematical letters and digits
    "\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212c\u212d\u212f-\u2134"  # letterlike symbols
    "]+"
)
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u02bc\u02bb\u02b9\u2019\u201b\u2032\u2035\ua78c\u055a\u07f4", "'"),
        **dict.fromkeys("\u201c\u201d\u201f\u2033\u2036\u301d\u301e\u301f", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63", "-"),
        "\u2024": ".",
        "\u2025": "..",
        "\u2026": "...",
        # Marks of writing direction, and joiners that no Latin text needs.
        **dict.fromkeys("\u200c\u200e\u200f\u061c\u034f\u180e", ""),
        **dict.fromkeys(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))), ""),
    }
)
_LETTER = r"[^\W\d_]"
# Grave and acute accents, and the left quotation mark, stand for an apostrophe within a word.
_APOSTROPHE = re.compile(rf"(?<={_LETTER})[`\u00b4\u2018](?={_LETTER})")
# German quotes, which German sentences are learnt with, and the dash between what two persons say.
_GERMAN = re.compile("\u201e([^\u201e\u201c\u201d]*)[\u201c\u201d]")
_CHANGE = re.compile('(?<=[\u201c\u201d"]) [\u2013\u2014] (?=[\u201e\u201c"])')
_KEPT = str.maketrans(
    {"\ue000": "\u201e", "\ue001": "\u201c", "\ue002": "\u2013", "\ue003": "\u2014"}
)
_SINGLE_QUOTES = re.compile(r"[\u2018\u201a\u2039\u203a]")
# A dash between words, as in "it was late—too late".
_DASH = re.compile(rf"(?<=\w)[\u2014\u2015](?={_LETTER})")


def plain_spelling(text: str) -> str:
    """A text with plain apostrophes, quotes, dashes and letters.

    Apostrophes and single quotes become ``'``, double quotes ``"`` (guillemets and German quotes
    stay, they are the usual ones of their languages), hyphens and dashes ``-``, ``…`` three dots.
    Ligatures, full-width forms and mathematical letters become the letters they are variants of.
    Marks of the writing direction go.

    Args:
        text: any string.

    Returns:
        The text; one that is plain already comes back as it is.

    Example:
        >>> plain_spelling("I can’t ﬁnd it …")
        "I can't find it ..."
    """
    if text.isascii():
        return _APOSTROPHE.sub("'", text)
    text = _VARIANTS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _CHANGE.sub(_kept_dash, _DASH.sub(" - ", text))
    text = _GERMAN.sub("\ue000\\1\ue001", text).translate(_SAME)
    text = _APOSTROPHE.sub("'", text)
    return _SINGLE_QUOTES.sub("'", text).replace("\u201e", '"').translate(_KEPT)


def _kept_dash(found: re.Match[str]) -> str:
    return " \ue002 " if "\u2013" in found[0] else " \ue003 "
