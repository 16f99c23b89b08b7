"""Which sentences of a text need no translation, and texts that the model cannot translate."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.languages import language_name, language_probabilities
from zoo.translation.protection import has_words, without_protected

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
    whole = _probabilities(" ".join(sentences))
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
            alone = _among(_probabilities(one), languages)
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


def _probabilities(text: str) -> dict[str, float]:
    """How probable each language is for a text; what a translation keeps does not count."""
    return language_probabilities(without_protected(text))


def _among(probabilities: dict[str, float], languages: Sequence[str]) -> dict[str, float]:
    """Probabilities given that the language is one of some."""
    some = {code: probabilities.get(code, 0.0) for code in languages}
    total = sum(some.values())
    return {code: p / total if total else 1 / len(some) for code, p in some.items()}
