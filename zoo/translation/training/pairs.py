"""Sentence pairs to train translators on: of corpora, of files, and made up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zoo.errors import DataError
from zoo.files import read_text
from zoo.translation.processor import Direction, clean, is_direction

if TYPE_CHECKING:
    from zoo.translation.datasets import Sentence

# Where copied characters are drawn from: Latin letters of other languages, Greek, Cyrillic, Hebrew,
# Arabic, Devanagari, Thai, kana, Chinese characters, Hangul, arrows, currency, signs, and emoji.
_LATIN = ((0x100, 0x24F), (0x1E00, 0x1EF9))
_SIGNS = (0x2600, 0x27BF)
_AS_EMOJI = "\ufe0f"
_BLOCKS = (
    *_LATIN,
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
    _SIGNS,
    (0x1F300, 0x1F5FF),
    (0x1F600, 0x1F64F),
    (0x1F680, 0x1F6FF),
    (0x1F900, 0x1F9FF),
)
_CLOSING = re.compile(r"\s*[.!?…\"”»)]*$")


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
    if not is_direction(codes):
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
        source, target = map(clean, columns[:2])
        if not source or not target:
            raise DataError(f"{path}: line {number} has an empty side: {line[:60]!r}")
        pairs.append(Pair(source, target, codes[0], codes[1]))
    if not pairs:
        raise DataError(f"{path} has only the line with the languages and no pairs")
    return pairs


def split_pairs(pairs: Sequence[Pair], fraction: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Training and validation pairs; no sentence is in both.

    Args:
        pairs: all pairs.
        fraction: of the pairs to hold out; a little more or less where many hang together.
        seed: of what is chosen.

    Raises:
        DataError: all pairs hang together by sentences that they share.
    """
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
    sizes = Counter(find(pair.source) for pair in pairs)
    if len(sizes) < 2:
        raise DataError("there must be at least two pairs that share no sentence")
    groups = list(sizes)
    drawn = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
    kept, room = set(), min(round(fraction * len(pairs)), len(pairs) - 1)
    for group in drawn:
        if sizes[group] <= room:
            kept.add(group)
            room -= sizes[group]
    kept = kept or {min(drawn, key=lambda group: sizes[group])}
    training = [pair for pair in pairs if find(pair.source) not in kept]
    return training, [pair for pair in pairs if find(pair.source) in kept]


def with_copies(pairs: Iterable[Pair], fraction: float) -> Iterator[Pair]:
    """Pairs, both sides of some of which have a short run of strange characters.

    The vocabulary lacks these characters, so they are written as bytes, and they are the same in
    every language: the network learns to hand on what it does not know. A third of the runs stand
    by themselves, in place of the pair; a third in front, and a third before the closing mark, as a
    text is cut into sentences after that.

    Args:
        pairs: sentences and translations.
        fraction: of the pairs that get one.
    """
    rng = np.random.default_rng(0)
    for pair in pairs:
        if rng.random() < fraction:
            run, place = _strange(rng), int(rng.integers(3))
            source, target = (_with_run(text, run, place) for text in (pair.source, pair.target))
            pair = pair._replace(source=source, target=target)
        yield pair


def _strange(rng: np.random.Generator) -> str:
    """Strange characters of one kind; letters of Latin stand among plain ones, as in names."""
    block = _BLOCKS[int(rng.integers(len(_BLOCKS)))]
    run = "".join(map(chr, rng.integers(block[0], block[1] + 1, int(rng.integers(1, 5)))))
    if block in _LATIN:
        plain = "".join(rng.choice(list("aeioulnrstkmz"), int(rng.integers(2, 6))))
        place = int(rng.integers(len(plain) + 1))
        run = plain[:place] + run[:2] + plain[place:]
    if block == _SIGNS and rng.random() < 0.5:
        run = run[0] + _AS_EMOJI
    return run


def _with_run(text: str, run: str, place: int) -> str:
    if place == 0:
        return run
    if place == 1:
        return f"{run} {text}"
    closing = _CLOSING.search(text)
    assert closing is not None  # it may be empty
    return f"{text[: closing.start()]} {run}{closing[0]}"
