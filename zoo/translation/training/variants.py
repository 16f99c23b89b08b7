"""Variants of sentence pairs: what people write besides whole sentences in their usual spelling.

A translator is asked for single words, in capitals, without a final mark, and with numbers and
names that it must hand on (see :mod:`zoo.translation.preparation`). None of that is in a corpus of
sentences, so it is made from the sentences themselves.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from zoo.translation.preparation import STAND_INS, prepare
from zoo.translation.processor import Subwords, clean
from zoo.translation.protection import NUMBER, find_protected
from zoo.translation.spelling import usual_case
from zoo.translation.training.pairs import Pair

_WORD = re.compile(r"[^\W\d_]{2,}(?:'[^\W\d_]+)?")
_FREQUENT = 15  # sentences that a word must be in to be paired
_SURE = 0.5  # Dice coefficient from which two words are taken for translations of each other
_WORD_COPIES = 4  # of each pair of words, as there are few
_PERSON = "Tom"


def with_variants(
    pairs: Sequence[Pair], subwords: Subwords, share: float, seed: int = 0
) -> Iterator[Pair]:
    """Pairs, and variants of some of them.

    - A sentence in capitals, in small letters or without its final mark, as the network reads it
      after its preparation.
    - A sentence whose number or name is another one in source and translation, to learn to copy:
      all of those with a number that both sides have, and a share of those with a name.
    - A sentence of the target language as its own translation.
    - Words that are translations of each other, see :func:`word_pairs`.

    Args:
        pairs: sentences and translations.
        subwords: the vocabulary.
        share: fraction of the pairs that get a variant of the first kind; the other kinds follow
            from it.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    for pair in pairs:
        yield pair
        if rng.random() < share:
            yield pair._replace(source=prepare(_misspelt(pair.source, rng), subwords).text)
        if rng.random() < share / 10:
            yield pair._replace(source=pair.target)
        yield from _copying(pair, share, rng)
    for pair in word_pairs(pairs, subwords):
        yield from [pair] * _WORD_COPIES


def word_pairs(pairs: Iterable[Pair], subwords: Subwords) -> list[Pair]:
    """Words that are translations of each other, found by how often they are in the same pairs.

    Two words are paired where each is the other's best match by the Dice coefficient (Dice 1945),
    as in Melamed 2000 (Computational Linguistics 26:2). They are written as the network reads and
    writes words, in their usual case and with a full stop.

    Args:
        pairs: sentences and translations.
        subwords: the vocabulary, which tells the usual case of a word.
    """
    by_languages: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_languages[pair.source_language, pair.target_language].append(pair)
    found = []
    for (source, target), some in by_languages.items():
        for word, other in _mutual_matches(some):
            words = (usual_case(word, subwords), usual_case(other, subwords))
            found.append(Pair(f"{words[0]}.", f"{words[1]}.", source, target))
    return found


def _mutual_matches(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    sides = [[set(_WORD.findall(text.lower())) for text in pair[:2]] for pair in pairs]
    counts = [Counter(word for side in sides for word in side[i]) for i in range(2)]
    known = [{word for word, n in count.items() if n >= _FREQUENT} for count in counts]
    together: Counter[tuple[str, str]] = Counter()
    for source, target in sides:
        others = target & known[1]
        together.update((word, other) for word in source & known[0] for other in others)
    best: list[dict[str, tuple[float, str]]] = [{}, {}]
    for (word, other), n in together.items():
        dice = 2 * n / (counts[0][word] + counts[1][other])
        best[0][word] = max(best[0].get(word, (0.0, "")), (dice, other))
        best[1][other] = max(best[1].get(other, (0.0, "")), (dice, word))
    return [
        (word, other)
        for word, (dice, other) in best[0].items()
        if dice >= _SURE and best[1][other][1] == word
    ]


def _misspelt(text: str, rng: np.random.Generator) -> str:
    """A sentence in capitals, in small letters, or without its final mark."""
    kind = int(rng.integers(3))
    if kind == 0:
        return text.upper()
    bare = clean(text).rstrip(".?!…").rstrip()
    return bare.lower() if kind == 1 else bare


def _copying(pair: Pair, share: float, rng: np.random.Generator) -> Iterator[Pair]:
    """The pair with another number or another name on both sides."""
    texts = (pair.source, pair.target)
    numbers = [
        {one.text for one in find_protected(text) if one.kind == NUMBER and one.text.isdigit()}
        for text in texts
    ]
    shared = sorted(numbers[0] & numbers[1])
    for number in shared[:1]:
        for _ in range(_WORD_COPIES):
            other = str(int(10 ** rng.uniform(1, 4.7)))
            yield _replaced(pair, rf"(?<![\d.,:]){number}(?![\d]|[.,:]\d)", other)
    name = rf"\b{_PERSON}\b"
    if all(len(re.findall(name, text)) == 1 for text in texts) and rng.random() < share:
        yield _replaced(pair, name, STAND_INS[int(rng.integers(len(STAND_INS)))])


def _replaced(pair: Pair, pattern: str, text: str) -> Pair:
    source, target = (re.sub(pattern, text, side) for side in pair[:2])
    return pair._replace(source=source, target=target)
