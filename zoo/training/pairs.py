"""Sentence pairs to train translators on: of corpora, of files, and made up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.errors import DataError
from zoo.processing.subwords import Direction, clean
from zoo.training.text import read_text

if TYPE_CHECKING:
    from zoo.datasets.translations import Sentence

_LANGUAGE = re.compile(r"[a-z]{2,3}")
# Where copied characters are drawn from: Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, kana,
# Chinese characters, Hangul, arrows, currency, and three blocks of emoji.
_BLOCKS = (
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x5D0, 0x5EA),
    (0x627, 0x64A),
    (0x905, 0x939),
    (0xE01, 0xE2E),
    (0x3041, 0x30FA),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3),
    (0x2190, 0x21FF),
    (0x20A0, 0x20BF),
    (0x1F300, 0x1F5FF),
    (0x1F600, 0x1F64F),
    (0x1F680, 0x1F6FF),
)


class Pair(NamedTuple):
    """A sentence, its translation and the languages of both."""

    source: str
    target: str
    source_language: str
    target_language: str


def pairs_of(sentences: Iterable[Sentence], directions: Sequence[Direction]) -> Iterator[Pair]:
    """All pairs of a corpus in some directions."""
    for sentence in sentences:
        texts = {"en": (sentence.english,), **sentence.translations}
        for source, target in directions:
            for text in texts.get(source, ()):
                for translation in texts.get(target, ()):
                    yield Pair(text, translation, source, target)


def read_pairs(path: Path) -> list[Pair]:
    """Sentence pairs of a tab-separated UTF-8 file.

    The first line names the languages of the first two columns, such as ``en<TAB>fr``; each further
    line holds a sentence and its translation. Further columns do not matter.

    Raises:
        DataError: the file is missing, empty or not UTF-8 text, its first line names no languages,
            or a line has a column too few or an empty side.
    """
    head, *lines = read_text([path]).rstrip("\n").split("\n")
    codes = [column.strip() for column in head.split("\t")][:2]
    if len(codes) < 2 or not all(map(_LANGUAGE.fullmatch, codes)) or codes[0] == codes[1]:
        raise DataError(
            f"{path}: the first line must name the languages of the two columns, such as "
            f"'en<TAB>fr', not {head[:60]!r}"
        )
    pairs = []
    for number, line in enumerate(lines, 2):
        columns = line.split("\t")
        if len(columns) < 2:
            raise DataError(
                f"{path}: line {number} has one column, not a sentence and a tab and "
                f"its translation: {line[:60]!r}"
            )
        if not clean(columns[0]) or not clean(columns[1]):
            raise DataError(f"{path}: line {number} has an empty side: {line[:60]!r}")
        pairs.append(Pair(columns[0], columns[1], codes[0], codes[1]))
    if not pairs:
        raise DataError(f"{path} holds no pairs, only the line with the languages")
    return pairs


def split_pairs(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from and to choose on; no sentence is in both."""
    # Pairs that share a sentence hang together; each such group goes to one side as a whole.
    leader: dict[str, str] = {}

    def find(text: str) -> str:
        root = text
        while leader.setdefault(root, root) != root:
            root = leader[root]
        while leader[text] != root:
            leader[text], text = root, leader[text]
        return root

    for pair in pairs:
        leader[find(pair.source)] = find(pair.target)
    groups = list(dict.fromkeys(find(pair.source) for pair in pairs))
    if len(groups) < 2:
        raise DataError("there must be at least two pairs that share no sentence")
    order = np.random.default_rng(seed).permutation(len(groups))
    kept = {groups[i] for i in order[: max(1, min(len(groups) - 1, round(share * len(groups))))]}
    training = [pair for pair in pairs if find(pair.source) not in kept]
    return training, [pair for pair in pairs if find(pair.source) in kept]


def with_copies(pairs: Iterable[Pair], share: float) -> Iterator[Pair]:
    """Pairs, to both sides of some of which a short run of strange characters is appended.

    The vocabulary lacks these characters, so they are written as bytes, and they are the same in
    every language: the network learns to hand on what it does not know.

    Args:
        pairs: sentences and translations.
        share: of the pairs that get one.
    """
    rng = np.random.default_rng(0)
    for pair in pairs:
        if rng.random() < share:
            low, high = _BLOCKS[int(rng.integers(len(_BLOCKS)))]
            text = "".join(map(chr, rng.integers(low, high + 1, int(rng.integers(1, 4)))))
            pair = pair._replace(source=f"{pair.source} {text}", target=f"{pair.target} {text}")
        yield pair
