"""Whether a message is one that a model can read, and if not, why.

A network answers whatever it is given. A message in another language or script, of unknown words,
of code or of nothing at all gets an answer that looks like any other; its result therefore has
``doubts``. The limits are among the decoder's settings. Their defaults were chosen on validation
data: fewer than 1 % of the messages of the shipped models' corpora are doubted, and nearly all
sentences of Tatoeba in other languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from zoo.dialogue.tokens import Token, base_letter
from zoo.dialogue.word_ids import UNKNOWN
from zoo.dialogue.words import WordIds, Words
from zoo.errors import UsageError
from zoo.languages import language_name, language_probabilities
from zoo.values import check_range

EMPTY = "there is nothing to read"
UNREADABLE = "the model knows none of its characters"
LETTERS = "the model does not know most of its letters"
LANGUAGE = "it seems to be in {}; the model knows only {}"
WORDS = "the model does not know most of its words"
SPELLING = "the model knows no words that are spelt like it"
SIGNS = "it has more signs than words, as code has"
CODE = "it looks like code"
LONG = "it has {:,} characters; messages are shorter"

_SIGNS = 10  # signs and words of the shortest text that may have too many signs
_LETTERS = 4  # of the shortest text whose spelling counts, in capitals one more: abbreviations
_CODE = tuple(
    map(
        re.compile,
        (
            r"\w\(",  # a call
            r"\w\.\w+\(",  # of a method
            r"\w\[\w*\]",  # an element
            r"[{}]",
            r"\w[*|&]+\w|[^\W\d] [*+] \w|\w\+\w",
            # an assignment, a comparison
            r"[\w\])] ?(?:[-+*/]?=|[=!<>]=|[-=]>|&&|\|\||::) ?[\w\"'({\[]",
            r"; ?(?:$|[)}])",
            r"</?[a-zA-Z][^<>]*>",  # a tag
            r"[(=\[{:,] ?[\"'][^\"']*[\"']|\"\s*:",  # a literal
            r"\)(?:[:;{]|\.\w)",
        ),
    )
)
"""Signs of code; a message with two of these kinds is taken for it. Prose has one now and then."""


@dataclass(frozen=True, kw_only=True)
class DoubtSettings:
    """When a message is doubted: settings that the decoders of all dialogue models share.

    Args:
        languages: ISO 639 codes of the languages that the model reads; left out, those of its card.
        foreign_language: probability from which on a message is taken for another language.
        known_languages: probability of the model's languages up to which it may be another one.
        foreign_words: share of unknown words from which on it may be another one.
        unknown_words: share of unknown words from which on a message is doubted.
        unknown_letters: the same of letters, for those of another script.
        fewest_words: words below which neither their language nor how many are unknown counts:
            names and greetings are short.
        unusual_spelling: nats a letter, see :class:`~zoo.dialogue.spelling.Spelling`, from which on
            a message of fewer words, all of them unknown, is doubted.
        most_characters: characters above which a message is doubted.

    Raises:
        UsageError: a value is out of range.
    """

    languages: Sequence[str] = ()
    foreign_language: float = 0.4
    known_languages: float = 0.1
    foreign_words: float = 0.2
    unknown_words: float = 0.6
    unknown_letters: float = 0.5
    fewest_words: int = 3
    unusual_spelling: float = 3.7
    most_characters: int = 3000

    def __post_init__(self) -> None:
        if not (
            isinstance(self.languages, (list, tuple))
            and all(isinstance(code, str) for code in self.languages)
        ):
            raise UsageError("languages must be a list of ISO 639 codes")
        for name in (
            "foreign_language",
            "known_languages",
            "foreign_words",
            "unknown_words",
            "unknown_letters",
        ):
            check_range(self, name, float, 0.0, 1.0)
        check_range(self, "fewest_words", int, 1, 1000)
        check_range(self, "unusual_spelling", float, 0.0, 100.0)
        check_range(self, "most_characters", int, 1, 1_000_000)


def find_doubts(
    ids: WordIds, words: Words, settings: DoubtSettings, languages: Sequence[str]
) -> tuple[str, ...]:
    """Why a model's answer to a message may be wrong.

    Args:
        ids: the message.
        words: the model's vocabulary.
        settings: the limits.
        languages: ISO 639 codes of the languages that the model reads; of none, or of one that
            cannot be recognised, the language does not count.

    Returns:
        Reasons in words; none for a message like those that the model has learnt from.
    """
    if not ids.tokens:
        return (EMPTY,)
    spelt = [place for place, token in enumerate(ids.tokens) if token.text[0].isalpha()]
    length = ids.tokens[-1].end
    long = LONG.format(length) if length > settings.most_characters else ""
    reason = (
        _letters(ids, words, settings)
        or _nothing_known(ids)
        or _words(ids, spelt, settings, languages)
        or ("" if long else _spelling(ids, spelt, words, settings))
    )
    if _is_mostly_signs(ids.tokens):
        signs = SIGNS
    else:
        signs = CODE if not long and _is_code(ids.tokens) else ""
    return tuple(filter(None, (reason, signs, long)))


def _letters(ids: WordIds, words: Words, settings: DoubtSettings) -> str:
    """Whether the letters are unknown, but for those of known words, and of which script."""
    letters = sum(map(str.isalpha, "".join(token.text for token in ids.tokens)))
    unknown = [
        letter
        for token, row in zip(ids.tokens, ids.words.tolist(), strict=True)
        if row == UNKNOWN
        for letter in token.text
        if letter.isalpha() and base_letter(letter) not in words.base_letters
    ]
    if not unknown or len(unknown) < settings.unknown_letters * letters:
        return ""
    # The first word of a letter's name in Unicode, as in "CYRILLIC SMALL LETTER A".
    names = (unicodedata.name(letter, "").partition(" ")[0] for letter in unknown)
    scripts = [name if name == "CJK" else name.capitalize() for name in dict.fromkeys(names)]
    told = ", ".join(name for name in scripts[:3] if name not in ("", "Latin"))
    return f"{LETTERS} ({told})" if told else LETTERS


def _nothing_known(ids: WordIds) -> str:
    known = (ids.words > UNKNOWN).any() or (ids.characters > UNKNOWN).any()
    return "" if known else UNREADABLE


def _words(
    ids: WordIds, spelt: Sequence[int], settings: DoubtSettings, languages: Sequence[str]
) -> str:
    """Whether the words are of another language, or just unknown."""
    if len(spelt) < settings.fewest_words:
        return ""
    unknown = float((ids.words[spelt] == UNKNOWN).mean())
    if unknown >= settings.foreign_words and languages:
        probabilities = language_probabilities(" ".join(ids.tokens[place].text for place in spelt))
        likeliest = max(probabilities, key=probabilities.__getitem__)
        own = [probabilities.get(code, 1.0) for code in languages]
        if (
            probabilities[likeliest] >= settings.foreign_language
            and sum(own) <= settings.known_languages
        ):
            known = ", ".join(map(language_name, languages))
            return LANGUAGE.format(language_name(likeliest), known)
    return WORDS if unknown >= settings.unknown_words else ""


def _spelling(ids: WordIds, spelt: Sequence[int], words: Words, settings: DoubtSettings) -> str:
    """Whether one or two words are noise rather than names, which have letters and no numbers."""
    texts = [ids.tokens[place].text for place in spelt]
    if (
        not 0 < len(texts) < settings.fewest_words
        or sum(map(len, texts)) < _LETTERS + all(map(str.isupper, texts))
        or (ids.words[spelt] != UNKNOWN).any()
        or any(token.text[0].isdigit() for token in ids.tokens)
    ):
        return ""
    surprise = words.spelling.surprise(texts)
    return SPELLING if surprise is not None and surprise >= settings.unusual_spelling else ""


def _is_code(tokens: Sequence[Token]) -> bool:
    """Whether a text, but for addresses in it, has two kinds of signs that code has."""
    parts = [tokens[0].text]
    for before, token in pairwise(tokens):
        parts.append(" " * (token.start > before.end) + token.text)
    chunks = "".join(parts).split(" ")
    text = " ".join(chunk for chunk in chunks if not ("@" in chunk or "://" in chunk))
    return sum(kind.search(text) is not None for kind in _CODE) > 1


def _is_mostly_signs(tokens: Sequence[Token]) -> bool:
    """Whether a text has more signs than words and numbers; a sign that is repeated counts once."""
    different = [text for text, _ in groupby(token.text for token in tokens)]
    words = sum(text[0].isalnum() for text in different)
    return len(different) >= _SIGNS and len(different) > 2 * words
