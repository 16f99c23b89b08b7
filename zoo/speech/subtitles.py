"""Words with their times as subtitles: SubRip (SRT) and WebVTT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zoo.ctc.results import Word

MAX_LINE = 42
"""Characters of a line, as broadcasters have it."""

MAX_LINES = 2
MAX_SECONDS, MIN_SECONDS = 7.0, 1.0
GAP_SECONDS = 1.0
"""A silence after which a new subtitle begins."""


@dataclass(frozen=True)
class Cue:
    """One subtitle.

    Args:
        start: seconds.
        end: seconds; not later than the next one's start.
        lines: at most :data:`MAX_LINES` of at most :data:`MAX_LINE` characters.
    """

    start: float
    end: float
    lines: tuple[str, ...]


def cues(words: Sequence[Word]) -> list[Cue]:
    """Words put together to subtitles that can be read.

    A subtitle ends before a silence of :data:`GAP_SECONDS`, after :data:`MAX_SECONDS`, or where its
    lines are full. A short one stays for :data:`MIN_SECONDS`, if the next one lets it.

    Args:
        words: with their times, in order.
    """
    groups = [group for group in _groups(_short_words(words)) if group]
    if not groups:
        return []
    starts = [group[0].start for group in groups]
    ends = [
        min(max(group[-1].end, group[0].start + MIN_SECONDS), after)
        for group, after in zip(groups, [*starts[1:], float("inf")], strict=True)
    ]
    # Of words at the same time each is to be seen for a moment.
    return [
        Cue(start, max(end, start + 0.001), tuple(_lines([word.text for word in group])))
        for group, start, end in zip(groups, starts, ends, strict=True)
    ]


def to_srt(words: Sequence[Word]) -> str:
    """Words as SubRip. It has no way to escape: an arrow ``-->`` in the text becomes ``->``."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n"
        + "".join(f"{line}\n" for line in cue.lines).replace("-->", "->")
        for number, cue in enumerate(cues(words), 1)
    ]
    return "\n".join(blocks)


def to_vtt(words: Sequence[Word]) -> str:
    """Words as WebVTT, with ``&``, ``<`` and ``>`` escaped."""
    blocks = [
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n"
        + "".join(f"{_escaped(line)}\n" for line in cue.lines)
        for cue in cues(words)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _short_words(words: Sequence[Word]) -> Iterator[Word]:
    """The words without white space in them, and what is longer than a line in pieces."""
    for word in words:
        text = "".join(word.text.split())
        step = (word.end - word.start) * MAX_LINE / max(1, len(text))
        for number, first in enumerate(range(0, len(text), MAX_LINE)):
            start = word.start + number * step
            piece = text[first : first + MAX_LINE]
            yield Word(piece, start, min(word.end, start + step), word.confidence)


def _groups(words: Iterator[Word]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for before, word in pairwise([None, *words]):
        if before is not None and word is not None:
            fits = len(_lines([*(each.text for each in group), word.text])) <= MAX_LINES
            near = word.start - before.end < GAP_SECONDS
            if not (fits and near and word.end - group[0].start <= MAX_SECONDS):
                yield group
                group = []
        if word is not None:
            group.append(word)
    yield group


def _lines(texts: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + 1 + len(text) <= MAX_LINE:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    minutes, rest = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
