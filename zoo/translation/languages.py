"""Names of languages, and which language a text is in."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from zoo.translation.protection import has_words, without_protected

# English and native names of the languages that translators are most often made for.
_NAMES = {
    "ar": ("arabic", "العربية"),
    "bg": ("bulgarian", "български"),
    "ca": ("catalan", "català"),
    "cs": ("czech", "čeština"),
    "da": ("danish", "dansk"),
    "de": ("german", "deutsch"),
    "el": ("greek", "ελληνικά"),
    "en": ("english",),
    "eo": ("esperanto",),
    "es": ("spanish", "español", "castilian", "castellano"),
    "et": ("estonian", "eesti"),
    "fi": ("finnish", "suomi"),
    "fr": ("french", "français"),
    "he": ("hebrew", "עברית"),
    "hi": ("hindi", "हिन्दी"),
    "hr": ("croatian", "hrvatski"),
    "hu": ("hungarian", "magyar"),
    "id": ("indonesian", "bahasa indonesia"),
    "it": ("italian", "italiano"),
    "ja": ("japanese", "日本語"),
    "ko": ("korean", "한국어"),
    "la": ("latin", "latina"),
    "lt": ("lithuanian", "lietuvių"),
    "lv": ("latvian", "latviešu"),
    "nl": ("dutch", "nederlands", "flemish"),
    "no": ("norwegian", "norsk"),
    "pl": ("polish", "polski"),
    "pt": ("portuguese", "português"),
    "ro": ("romanian", "română"),
    "ru": ("russian", "русский"),
    "sk": ("slovak", "slovenčina"),
    "sl": ("slovene", "slovenian", "slovenščina"),
    "sv": ("swedish", "svenska"),
    "tr": ("turkish", "türkçe"),
    "uk": ("ukrainian", "українська"),
    "vi": ("vietnamese", "tiếng việt"),
    "zh": ("chinese", "中文"),
}
_BY_NAME = {name: code for code, names in _NAMES.items() for name in names}
_THREE_LETTERS = {
    "eng": "en",
    "deu": "de",
    "ger": "de",
    "spa": "es",
    "fra": "fr",
    "fre": "fr",
    "ita": "it",
    "nld": "nl",
    "dut": "nl",
    "por": "pt",
    "rus": "ru",
    "zho": "zh",
    "chi": "zh",
    "jpn": "ja",
}
# A tag of BCP 47 such as "fr-FR" or "zh-Hans-CN"; systems write "fr_FR.UTF-8" as well.
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*(?:\.[\w-]+)?")


def language_code(name: str, known: Collection[str]) -> str | None:
    """The code of a language that is named in one of the usual ways.

    Args:
        name: an ISO 639 code, a locale such as ``"fr-FR"``, or a name such as ``"French"`` or
            ``"français"``; letter case does not matter.
        known: the codes that it may be.

    Returns:
        One of ``known``, or ``None`` if the name is none of theirs.
    """
    wanted = " ".join(name.casefold().split())
    tag = _TAG.fullmatch(wanted)
    codes = [wanted, _BY_NAME.get(wanted)]
    if tag:
        codes += [tag[1], _THREE_LETTERS.get(tag[1])]
    return next((code for code in codes if code in known), None)


def language_name(code: str) -> str:
    """The English name of a language; its code where that is not known."""
    return _NAMES[code][0].capitalize() if code in _NAMES else code


_SURE = 0.85  # probability among the model's languages from which a text is taken for one of them
_FOREIGN = 0.1  # probability of all of the model's languages below which a text is none of theirs
_KNOWN = 0.15  # probability of the likeliest language; less where a text tells nothing


def what_to_leave(
    sentences: Sequence[str], target: str, languages: Sequence[str]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which sentences of a text are in the target language already.

    A sentence is recognised by itself, or with the text that it is part of where it is too short
    for that.

    Args:
        sentences: of one text.
        target: code of the wanted language.
        languages: codes of the model's languages, the target's among them.

    Returns:
        The sentences that should stay as they are, and warnings about them and about a text that
        is in none of the languages.
    """
    sentences = list(dict.fromkeys(one for one in sentences if has_words(one)))
    if not sentences:
        return frozenset(), ()
    whole = language_probabilities(" ".join(sentences))
    among = _among(whole, languages)
    likeliest = max(whole, key=whole.__getitem__)
    if sum(whole.get(code, 0.0) for code in languages) < _FOREIGN and whole[likeliest] > _KNOWN:
        known = ", ".join(map(language_name, languages))
        warning = (
            f"the text seems to be in {language_name(likeliest)}; the model knows only {known}, "
            "and the translation is probably wrong"
        )
        return frozenset(), (warning,)
    left = set()
    for one in sentences:
        alone = among
        if len(sentences) > 1:
            alone = _among(language_probabilities(one), languages)
        other = max(p for code, p in alone.items() if code != target)
        if alone[target] > _SURE or (among[target] > _SURE and other < _SURE):
            left.add(one)
    if not left:
        return frozenset(), ()
    what = (
        "the text is"
        if len(left) == len(sentences)
        else (f"{len(left)} of {len(sentences)} sentences {'is' if len(left) == 1 else 'are'}")
    )
    stay = "stays" if len(left) == 1 or len(left) == len(sentences) else "stay"
    warning = f"{what} in {language_name(target)} already and {stay} as it is"
    return frozenset(left), (warning if stay == "stays" else warning.replace("it is", "they are"),)


def language_probabilities(text: str) -> dict[str, float]:
    """How probable each language is for a text (py3langid, after Lui and Baldwin 2012).

    Args:
        text: any text; what a translation keeps, such as numbers and addresses, does not count.

    Returns:
        Probability by ISO 639 code, which add up to 1; all alike for a text that tells nothing.
    """
    return dict(_identifier().rank(without_protected(text)))


def _among(probabilities: dict[str, float], languages: Sequence[str]) -> dict[str, float]:
    """Probabilities given that the language is one of some."""
    some = {code: probabilities.get(code, 0.0) for code in languages}
    total = sum(some.values())
    return {code: p / total if total else 1 / len(some) for code, p in some.items()}


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
