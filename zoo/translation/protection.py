"""What a translation must keep as it is: numbers, addresses, tags, placeholders, file paths."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from zoo.typography import plain_spelling

NUMBER, NAME, TAG = "number", "name", "tag"

AMPERSAND = r"&(?:amp;|#38;|(?![#\w]+;))"
"""The sign and its entity, as a pattern."""

_ENDINGS = (
    "com|org|net|edu|gov|info|int|io|dev|app|ai|eu|de|fr|es|at|ch|be|it|nl|pl|pt|uk|ie|us|ca|mx|ar|"
    "cl|co|br|au|nz|jp|cn|in|ru"
)
_FILES = (
    "txt|md|rst|pdf|docx?|xlsx?|pptx?|odt|ods|csv|tsv|json|ya?ml|toml|ini|cfg|conf|xml|html?|css|"
    "jsx?|tsx?|py|ipynb|java|c|h|cc|cpp|hpp|cs|go|rs|rb|php|sh|bat|exe|dll|so|jar|zip|gz|tar|7z|rar|"
    "png|jpe?g|gif|svg|tiff?|bmp|webp|mp3|mp4|wav|flac|ogg|avi|mkv|mov|log|sql|db|bak|iso|tex|srt"
)
# A sentence's own punctuation stands after an address, not in it.
_CHARACTER = r"\s<>\"'«»{}|\\^`()"
_BRACKETS = rf"\([^{_CHARACTER}]*\)"
_ADDRESS = rf"(?:[^{_CHARACTER}]|{_BRACKETS})*(?:[^{_CHARACTER}.,;:!?\]…]|{_BRACKETS})"
_PATH_PART = r"[\w.~+@%-]*[\w~+@%-]"
_FOLDER = r"[^\s\\/:*?\"<>|]+(?: [^\s\\/:*?\"<>|]+){0,5}"  # such as Program Files
_CURRENCY = r"(?:[$€£¥₹₽₩]|(?:US|C|A)\$|(?:USD|EUR|GBP|CHF|JPY)(?![A-Za-z]))"
_FRACTIONS = "\u00bc-\u00be\u2150-\u215e"  # such as ½
_SCRIPTS = "\u00b2\u00b3\u00b9\u2070-\u2089"  # such as ²
_DIGITS = (
    r"(?:\d+(?:[.,:/'·×x-]\d+|(?<=\d)[ \u00a0\u2009\u202f](?=\d{3}(?!\d))\d{3})*"
    rf"[{_FRACTIONS}]?|[{_FRACTIONS}])"
)
_SIGN = r"(?:[<>≤≥≈~]\s?)?[+±-]?"
_SPACES = r"&(?:nbsp|ensp|emsp|thinsp|#160|#8201|#8239|#x(?:a0|2009|202f));"
_GAP = rf"(?:\s|(?i:{_SPACES}))?"
# Of measures, as abbreviations that are no words; a network writes others instead.
_UNIT = (
    r"(?:[kcmdµn]?m[²³23]?|[km]m/h|[mk]m/s|m/s|km/u|mph|[kmµ]?g|[mcdh]?[lL]|[kMGTK]i?B|[kMG]?Hz|[kMG]?W"
    r"|[kMG]?Wh|[mk]?V|mA|mAh|min|h|ms|ft|lbs?|oz|px|dB|k?cal|[kM]J|h?Pa|rpm|mol"
    r"|K[MG]|[CM]M|KM/H)"
)
_ORDINAL = r"(?:st|nd|rd|th|s|er|ère|re|e|è|ème|eme|nde?|º|ª|°(?=\s?\w)|te[nrs]?|ter|[.](?=\s\w))"

_NUMBERS = (
    # Telephone numbers.
    r"(?<!\w)\+\d[\d ()-]{6,}\d(?!\w)|(?<!\w)\(?\d{2,4}\)?[ -]\d{3,4}[ -]\d{4}(?!\w)",
    # Bank accounts and card numbers, whose groups must stay together.
    r"\b[A-Z]{2}\d{2}(?: [A-Z\d]{4}){2,7}(?: [A-Z\d]{1,3})?\b|(?<!\w)\d{4}(?: \d{4}){2,}(?!\w)",
    # Codes such as AB-12-CD.
    r"(?<![\w-])(?=[A-Z\d-]*\d)(?=[A-Z\d-]*[A-Z])(?:[A-Z][A-Z\d]*(?:-[A-Z\d]+)+"
    r"|\d[A-Z\d]*(?:-[A-Z\d]+){2,})(?![\w-])",
    # Paragraphs and numbers of things: § 5, #5, No. 5.
    rf"(?:§{{1,2}}|№|\b(?:N[or]\.|[Nn][°º])){_GAP}{_DIGITS}|(?<![\w#&])#\d+(?!\w)",
    rf"{_CURRENCY}{_GAP}{_DIGITS}(?:[kKmM]\b)?|(?<!\w){_DIGITS}{_GAP}{_CURRENCY}",
    rf"(?<!\w){_SIGN}{_DIGITS}{_GAP}(?:[%‰]|°[CF]?)(?!\w)",
    rf"(?<!\w){_SIGN}{_DIGITS}{_GAP}{_UNIT}(?![\w'’/-])",
    rf"(?<!\w){_SIGN}{_DIGITS}(?:h|am|pm|[kcm]?m|k?g|[kMGT]B|ºC)?(?!\w)",
    # Words with digits in them such as A4, COVID-19, 5km and 7h30; ordinals are plain words.
    rf"\b(?!\d+{_ORDINAL}(?!\w))"
    rf"(?:[A-Z][A-Za-z]*(?:-[A-Z]+)*-\d+(?:-\d+)*|(?=\w*[\d{_SCRIPTS}])\w+)\b",
)
_NAMES = (
    r"`[^`]+`",
    # Placeholders of templates: {name}, {{name}}, ${name}, %{name}, %(name)s, %1$s, %d, %NAME%,
    # [name], :name, __NAME__, <%= name %>, {count, plural, one {# file} other {# files}}.
    r"\{\w+,\s*(?:plural|select|selectordinal)\s*,(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*+\})*+\}",
    r"\{\{\{[^{}]*\}\}\}|\{\{[^{}]*\}\}|[%#$@]?\{[^{}\s][^{}]*\}|\{\s*[\w.]*\s*\}|<%.{0,200}?%>",
    r"(?<![\w:]):[a-z][\w+-]*:(?!\w)|(?<!\S):[a-z_]{2}\w*(?![\w:])|__(?:[a-z\d_]+|[A-Z\d_]+)__",
    r"%\([\w.]+\)[-+0#]*\d*(?:\.\d+)?[a-zA-Z]",
    r"(?<![\w%])%(?:\d+\$)?[-+0#]*\d*(?:\.\d+)?(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGcrsaAp@](?!\w)",
    r"(?<![\w%])%L?\d{1,2}(?![\w%]|[.,]\d)",
    r"%%|(?<!\w)%\w+%(?!\w)|(?<!\w)\$[A-Za-z_]\w*|\[\[[^\[\]]+\]\]|\[\w{2,}\](?!\()"
    r"|\[[A-Z]\w*(?: [A-Z]\w*)+\](?!\()",
    # Addresses.
    rf"\b(?i:[a-z][a-z0-9+.-]{{0,30}}://|www\.){_ADDRESS}|\b(?:mailto|tel):{_ADDRESS}",
    r"[\w.+-]{0,63}\w@[\w-]+(?:\.[\w-]+)+",
    rf"(?<![\w.@])(?:[a-zA-Z0-9-]{{1,63}}\.)+(?:{_ENDINGS})(?![\w-])(?:(?::\d+)?/(?:{_ADDRESS})?)?",
    rf"(?<![\w.@-])(?:[A-Z0-9-]{{1,63}}\.)+(?:{_ENDINGS.upper()})(?![\w-])",
    rf"(?<![\w.@/-])(?:[a-z0-9-]{{1,63}}\.)+[a-z]{{2,6}}/{_ADDRESS}",
    r"(?<!\w)[@#][^\W\d_]\w+",
    # Paths and files.
    rf"(?<!\w)[A-Za-z]:\\(?:{_FOLDER}\\)*(?:{_PATH_PART})?|\\\\\w\S*\w",
    rf"(?<![\w.<])(?:~|\.{{1,2}})?/(?:{_PATH_PART}/)*{_PATH_PART}/?",
    rf"(?<![\w/.~+@%-])(?:{_PATH_PART}/)+{_PATH_PART}\.(?:{_FILES})\b",
    rf"(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:{_FILES})\b",
    # What programs write: &lt;, main(), file_name, --force, UUIDs, versions.
    r"&(?:lt|gt|#60|#62|#x3[ceCE]);",
    r"\b[a-z]\w+(?:\.\w{2,}){2,}\b",
    r"(?<!\w)[A-Za-z_]\w*\(\)|(?<![\w-])_*[A-Za-z0-9]+(?:_+[A-Za-z0-9]+)+_*(?![\w-])",
    # Names such as R&D and AT&T, and the sign alone.
    rf"\b[A-Z]\w*(?:{AMPERSAND}[A-Z]\w*)+|(?:{AMPERSAND}(?![#\w]))+",
    r"(?<![\w-])(?:--[a-z][a-z-]*[a-z](?:=\S*\w)?|-[a-zA-Z])(?![\w-])",
    r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b",
    r"\b[vV]\d+(?:\.\d+)+(?:-?[a-z]+\.?\d*)?\b|\b\d+(?:\.\d+){3,}\b",
)
_ENTITY = r"&(?:[A-Za-z][A-Za-z\d]*|#\d{1,7}|#[xX][\dA-Fa-f]{1,6});"
_LINKED = r"(?:[^()\s]|\([^()\s]*\))+"  # where a link of Markdown leads
# HTML, also with its brackets as entities, numbered tags, and the marks of Markdown around words.
_TAGS = (
    r"</?[A-Za-z][^<>]*>|</?\d+/?>|<!--.*?-->|&lt;/?[A-Za-z][^<>&]*&gt;",
    rf"(?i:{_SPACES})|[©®™℗℠]",
    r"(?<![\w*])\*{1,3}(?=[^\s*](?:[^*]*[^\s*])?\*)|(?<=[^\s*])\*{1,3}(?![\w*])|~~",
    r"(?<!\w)(?!__(?:[a-z\d_]+|[A-Z\d_]+)__(?!\w))_{1,2}(?=[^\W_][^_]*_{1,2}(?!\w))"
    r"|(?<=[^\s_])_{1,2}(?!\w)",
    rf"!?\[(?=[^\[\]]+\]\({_LINKED}\))|(?<=\S)\]\({_LINKED}\)",
)
_PROTECTED = re.compile(
    rf"(?P<tag>{'|'.join(_TAGS)})"
    rf"|(?P<name>{'|'.join(_NAMES)})|(?P<entity>{_ENTITY})|(?P<number>{'|'.join(_NUMBERS)})"
)
_EDGES = re.compile(r"([^\w¿¡]*)(.*?)([^\w.?!…]*)", re.DOTALL)
_SPACE = re.compile(_SPACES, re.IGNORECASE)
_TAG_NAME = re.compile(r"</?([A-Za-z][\w-]*)\s*(?P<more>[^<>]*)>")
_HTML = re.compile(
    r"a|abbr|b|big|blockquote|br|button|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|img"
    r"|input|ins|kbd|label|li|mark|ol|option|p|pre|q|s|samp|small|span|strike|strong|sub|sup|table"
    r"|tbody|td|th|thead|title|tr|tt|u|ul|var|wbr|x|g|bpt|ept|ph",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Protected:
    """A stretch of a text that its translation must have as it is.

    Args:
        kind: ``"number"``, ``"tag"``, or ``"name"`` for addresses, placeholders, paths and code.
        text: the stretch.
        start: number of characters before it.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Number of characters before what follows it."""
        return self.start + len(self.text)


def find_protected(text: str) -> list[Protected]:
    """What a translation of a text must keep as it is, in its order.

    Numbers include prices, dates, times, percentages, measures such as ``5 km``, telephone numbers
    and words with digits such as ``A4``. Ordinals such as ``20th`` are words that are translated.

    Example:
        >>> [one.text for one in find_protected("Send $5 to {name} at tom@example.com!")]
        ['$5', '{name}', 'tom@example.com']
    """
    return [
        Protected(_kind(text, found), found[0], found.start())
        for found in _PROTECTED.finditer(text)
        if found["entity"] is None
    ]


def _kind(text: str, found: re.Match[str]) -> str:
    """A match's kind; ``<name>`` is a placeholder unless it is HTML or closed later."""
    kind = str(found.lastgroup)
    tag = _TAG_NAME.fullmatch(found[0])
    if kind != TAG or tag is None or tag["more"] or found[0].startswith("</"):
        return kind
    known = bool(_HTML.fullmatch(tag[1])) or f"</{tag[1]}>" in text
    return TAG if known else NAME


def split_protected(text: str) -> list[str]:
    """A text in parts: what must be kept, what stands between, and the marks around that."""
    parts, start = [], 0
    for one in find_protected(text):
        parts += [*_trimmed(text[start : one.start]), one.text]
        start = one.end
    return [part for part in [*parts, *_trimmed(text[start:])] if part]


def _trimmed(text: str) -> list[str]:
    """A text, and the white space and punctuation around it apart."""
    found = _EDGES.fullmatch(text)
    assert found is not None  # each part may be empty
    return list(found.groups())


def is_space(tag: str) -> bool:
    """Whether a tag is the entity of a space, such as ``&nbsp;``."""
    return bool(_SPACE.fullmatch(tag))


def without_entities(text: str) -> tuple[str, dict[str, str]]:
    """A text with characters in place of their HTML entities, except where it must be kept.

    Returns:
        The text, and the entity of each of these characters.

    Example:
        >>> without_entities("Caf&eacute; &amp; bar")
        ('Café &amp; bar', {'é': '&eacute;'})
    """
    entities: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        character = html.unescape(found[0]) if found["entity"] else found[0]
        if character != found[0]:
            entities.setdefault(character, found[0])
        return character

    return (_PROTECTED.sub(plain, text) if "&" in text else text), entities


def with_entities(text: str, entities: Mapping[str, str]) -> str:
    """A text with entities in place of characters, as :func:`without_entities` gives them."""
    return "".join(entities.get(character, character) for character in text) if entities else text


def plain_outside(text: str) -> str:
    """A text in plain spelling, but for addresses, code, tags and other names in it.

    Example:
        >>> plain_outside("“See” https://a.org/Hartree–Fock")
        '"See" https://a.org/Hartree–Fock'
    """
    if text.isascii():  # then nothing that is kept has another spelling
        return plain_spelling(text)
    parts, start = [], 0
    for one in find_protected(text):
        if one.kind != NUMBER and not one.text.isascii():
            parts += [plain_spelling(text[start : one.start]), one.text]
            start = one.end
    return "".join([*parts, plain_spelling(text[start:])])


def has_words(text: str) -> bool:
    """Whether there is a letter in a text outside of what must be kept."""
    return any(map(str.isalpha, without_protected(text)))


def without_protected(text: str) -> str:
    """A text without what must be kept."""
    return _PROTECTED.sub(lambda found: html.unescape(found["entity"] or " "), text)
