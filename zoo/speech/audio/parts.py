"""Files that are several, one after the other: chained Ogg, joined MP3, joined FLAC.

Recorders that go on in a new stream write them, and so does ``cat``. libsndfile reads the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from zoo.speech.audio.kinds import mpeg_frame_length

MAX_PARTS = 10_000
"""Parts of a file that are read; each costs about a millisecond."""

_CHUNK = 1 << 20
_BEFORE, _BEHIND = 64, 512  # bytes around a match that say whether it is one
_MAX_PAGE = 27 + 255 + 255 * 255  # bytes of the longest Ogg page (RFC 3533, section 6)
_LAST_PAGE = 4  # the flag of a stream's last page
_PATTERNS = {
    "ogg": re.compile(rb"OggS\x00[\x02\x03\x06\x07]"),  # a page that begins a stream
    "flac": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"),
    "mp3": re.compile(rb"Xing|Info"),  # in the frame before the first one
}


def part_starts(file: IO[bytes], kind: str) -> Iterator[int]:
    """Where the parts of a file begin, the first of them at 0.

    Args:
        file: seekable; where it stands is left to the caller.
        kind: as :func:`zoo.speech.audio.kinds.kind_of` gives it.
    """
    yield 0
    if kind not in _PATTERNS:
        return
    end_of_begin = 0  # Ogg streams side by side begin with one such page after the other
    for place, around in _matches(file, _PATTERNS[kind]):
        if kind == "mp3":
            place -= (back := _frame_before(around))
            if not back:
                continue
        elif kind == "ogg":
            beside, end_of_begin = place == end_of_begin, place + _page_length(around[_BEFORE:])
            if beside:
                continue
        if place:
            yield place


def is_finished(file: IO[bytes], kind: str, size: int) -> bool:
    """Whether a part ends as its kind should, as far as that can be told: Ogg has a last page.

    Args:
        file: seekable, with the part alone; where it stands is left to the caller.
        kind: as :func:`zoo.speech.audio.kinds.kind_of` gives it.
        size: of the file in bytes.
    """
    if kind != "ogg":
        return True
    file.seek(max(0, size - _MAX_PAGE))
    tail = file.read(_MAX_PAGE)
    page = tail[max(0, tail.rfind(b"OggS\x00")) :]
    return len(page) >= _page_length(page) and bool(page[5:6] and page[5] & _LAST_PAGE)


def _matches(file: IO[bytes], pattern: re.Pattern[bytes]) -> Iterator[tuple[int, bytes]]:
    """Place of each match, and the bytes from ``_BEFORE`` before it to ``_BEHIND`` after it."""
    held, start = bytes(_BEFORE), -_BEFORE  # held begins at byte ``start`` of the file
    place = 0
    while True:
        file.seek(place)
        data = file.read(_CHUNK)
        place += len(data)
        held += data
        last = len(held) - (_BEHIND if data else 0)
        for match in pattern.finditer(held, _BEFORE):
            if match.start() >= last:
                break
            at = match.start()
            yield start + at, held[at - _BEFORE : at + _BEHIND]
        if not data:
            return
        cut = max(_BEFORE, last) - _BEFORE
        held, start = held[cut:], start + cut


def _page_length(page: bytes) -> int:
    segments = page[26] if len(page) > 26 else 0
    return 27 + segments + sum(page[27 : 27 + segments])


def _frame_before(around: bytes) -> int:
    """Bytes from an MP3 frame's beginning to its "Xing" or "Info"; 0 if there is no such frame."""
    for back in (36, 21, 13):  # header and side information: MPEG 1, mono or MPEG 2, its mono
        head = around[_BEFORE - back : _BEFORE]
        mono, version_1 = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
        wanted = (21 if mono else 36) if version_1 else (13 if mono else 21)
        if back == wanted and mpeg_frame_length(head) and not any(head[4:]):
            return back
    return 0
