"""Names of languages, and how probable each is for a text."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any

# English and native names of the languages that models are most often made for.
_NAMES = {
    "af": ("afrikaans",),
    "ar": ("arabic", "العربية"),
    "az": ("azerbaijani",),
    "be": ("belarusian",),
    "bg": ("bulgarian", "български"),
    "bn": ("bengali",),
    "bs": ("bosnian",),
    "ca": ("catalan", "català"),
    "cs": ("czech", "čeština"),
    "cy": ("welsh",),
    "da": ("danish", "dansk"),
    "de": ("german", "deutsch"),
    "el": ("greek", "ελληνικά"),
    "en": ("english",),
    "eo": ("esperanto",),
    "es": ("spanish", "español", "castilian", "castellano"),
    "et": ("estonian", "eesti"),
    "eu": ("basque",),
    "fa": ("persian", "farsi"),
    "fi": ("finnish", "suomi"),
    "fr": ("french", "français"),
    "ga": ("irish",),
    "gl": ("galician",),
    "he": ("hebrew", "עברית"),
    "hi": ("hindi", "हिन्दी"),
    "hr": ("croatian", "hrvatski"),
    "hu": ("hungarian", "magyar"),
    "id": ("indonesian", "bahasa indonesia"),
    "is": ("icelandic",),
    "it": ("italian", "italiano"),
    "ja": ("japanese", "日本語"),
    "ka": ("georgian",),
    "ko": ("korean", "한국어"),
    "la": ("latin", "latina"),
    "lt": ("lithuanian", "lietuvių"),
    "lv": ("latvian", "latviešu"),
    "mk": ("macedonian",),
    "ms": ("malay",),
    "mt": ("maltese",),
    "nl": ("dutch", "nederlands", "flemish"),
    "no": ("norwegian", "norsk"),
    "pl": ("polish", "polski"),
    "pt": ("portuguese", "português"),
    "ro": ("romanian", "română"),
    "ru": ("russian", "русский"),
    "sk": ("slovak", "slovenčina"),
    "sl": ("slovene", "slovenian", "slovenščina"),
    "sq": ("albanian",),
    "sr": ("serbian",),
    "sv": ("swedish", "svenska"),
    "sw": ("swahili",),
    "ta": ("tamil",),
    "th": ("thai",),
    "tl": ("tagalog",),
    "tr": ("turkish", "türkçe"),
    "uk": ("ukrainian", "українська"),
    "ur": ("urdu",),
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


def language_probabilities(text: str) -> dict[str, float]:
    """How probable each language is for a text (py3langid, after Lui and Baldwin 2012).

    Args:
        text: any text; numbers, addresses and the like are best taken out before.

    Returns:
        Probability by ISO 639 code, which add up to 1; all alike for a text that tells nothing.
    """
    return dict(_identifier().rank(text))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
