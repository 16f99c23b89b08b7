"""Which sentences of a text need no translation, and texts that the model cannot translate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from zoo.languages import language_name, language_probabilities
from zoo.translation.protection import has_words, without_protected

_SURE = 0.85  # probability among the model's languages from which a text is taken for one of them
_FOREIGN = 0.1  # probability of all of the model's languages below which a text is none of theirs
_KNOWN = 0.15  # probability of the likeliest language; less where a text tells nothing
_RARE = 0.5  # the same of a language that few people write
_SHOUTED = re.compile(r"\b[^\W\d_a-z]{2,}\b")


def what_to_leave(
    sentences: Sequence[str], target: str, directions: Sequence[tuple[str, str]]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Which sentences of a text are in the target language already, and which in a wrong one.

    A sentence is recognised by itself, or with the text that it is part of where it is too short
    for that.

    Args:
        sentences: of one text.
        target: code of the wanted language.
        directions: source and target language of each direction of the model.

    Returns:
        The sentences that should stay as they are, and warnings about them, about sentences in a
        language that the model knows but does not translate from, and about a text that is in none
        of its languages.
    """
    languages = tuple(dict.fromkeys(chain.from_iterable(directions)))
    origins = tuple(origin for origin, to in directions if to == target)
    sentences = list(dict.fromkeys(one for one in sentences if has_words(one)))
    if not sentences:
        return frozenset(), ()
    whole = _probabilities(" ".join(sentences))
    among = _among(whole, languages)
    likeliest = max(whole, key=whole.__getitem__)
    surely = whole[likeliest] > (_KNOWN if language_name(likeliest) != likeliest else _RARE)
    if surely and sum(whole.get(code, 0.0) for code in languages) < _FOREIGN:
        known = ", ".join(map(language_name, languages))
        warning = (
            f"the text seems to be in {language_name(likeliest)}; the model knows only {known}, "
            "and the translation is probably wrong"
        )
        return frozenset(), (warning,)
    found = {}
    for one in sentences:
        alone = _among(_probabilities(one), languages) if len(sentences) > 1 else among
        # Too short to be sure of, it is taken to be as the text is, unless it is surely not.
        sure = [code for each in (alone, among) for code in languages if each[code] > _SURE]
        found[one] = sure[0] if sure else ""
    left = frozenset(one for one, code in found.items() if code == target)
    warnings = []
    if left:
        stay = "stays as it is" if len(left) in (1, len(found)) else "stay as they are"
        warnings.append(
            f"{_how_many(len(left), len(found))} in {language_name(target)} already and {stay}"
        )
    strange = {
        code: list(found.values()).count(code)
        for code in languages
        if code not in (target, *origins)
    }
    for code, count in strange.items():
        if count:
            warnings.append(
                f"{_how_many(count, len(found))} in {language_name(code)}, from which the model "
                f"does not translate into {language_name(target)}: it does only from "
                f"{', '.join(map(language_name, origins))}, and the translation is probably wrong"
            )
    return left, tuple(warnings)


def _how_many(count: int, total: int) -> str:
    """So many of the sentences of a text, with the verb."""
    if count == total:
        return "the text is"
    return f"{count} of {total} sentences {'is' if count == 1 else 'are'}"


def _probabilities(text: str) -> dict[str, float]:
    """How probable each language is for a text.

    What a translation keeps does not count, nor do capitals for emphasis.
    """
    text = without_protected(text)
    return language_probabilities(_SHOUTED.sub(lambda found: found[0].lower(), text))


def _among(probabilities: dict[str, float], languages: Sequence[str]) -> dict[str, float]:
    """Probabilities given that the language is one of some."""
    some = {code: probabilities.get(code, 0.0) for code in languages}
    total = sum(some.values())
    return {code: p / total if total else 1 / len(some) for code, p in some.items()}
