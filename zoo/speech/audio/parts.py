"""Files that are several, one after the other: chained Ogg, joined MP3, FLAC, WAV or MP4.

Recorders that go on in a new stream write them, and so does ``cat``. libsndfile reads the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Literal

from zoo.speech.audio.kinds import kind_of
from zoo.speech.audio.mpeg import (
    BEFORE_XING,
    mpeg_frame_length,
    stated_length,
    tags_end,
    xing_place,
)

MAX_PARTS = 10_000
"""Parts of a file that are read; each costs about a millisecond."""

_CHUNK = 1 << 20
_BEFORE, _BEHIND = 64, 512  # bytes around a match that say whether it is one
_MAX_PAGE = 27 + 255 + 255 * 255  # bytes of the longest Ogg page (RFC 3533, section 6)
_OLD_TAG = 128  # bytes of an ID3v1 tag
_MAX_FRAME = 2881  # bytes of the longest MPEG frame
_LAST_PAGE = 4  # the flag of a stream's last page
_PATTERNS = {
    "amr": re.compile(rb"#!AMR(-WB)?\n"),
    "ogg": re.compile(rb"OggS\x00[\x02\x03\x06\x07]"),  # a page that begins a stream
    "flac": re.compile(rb"fLaC[\x00\x80]\x00\x00\x22|ID3[\x02-\x04]"),
    "mp3": re.compile(rb"Xing|Info|ID3[\x02-\x04]"),  # in the frame before the first one, in tags
}


def part_starts(file: IO[bytes], kind: str) -> Iterator[int]:
    """Where the parts of a file begin, the first of them at 0.

    Args:
        file: seekable; where it stands is left to the caller.
        kind: as :func:`zoo.speech.audio.kinds.kind_of` gives it.
    """
    yield 0
    if kind in ("aiff", "wav"):
        yield from _form_starts(file, kind)
    elif kind == "m4a/mp4":
        yield from _box_starts(file)
    elif kind == "amr":
        yield from (place for place, _ in _matches(file, _PATTERNS[kind]) if place)
    elif kind in _PATTERNS:
        begin = tags_end(file)  # what stands before the first part belongs to it
        starts = {"mp3": _mp3_starts, "flac": _flac_starts, "ogg": _ogg_starts}[kind](file)
        yield from (place for place in starts if place > begin)


def copy_part(file: IO[bytes], part: IO[bytes], start: int, end: int) -> None:
    """Write the bytes of one part, from ``start`` to ``end``, behind what ``part`` has."""
    file.seek(start)
    left = end - start
    while left and (data := file.read(min(left, _CHUNK))):
        part.write(data)
        left -= len(data)


def _form_starts(file: IO[bytes], kind: str) -> Iterator[int]:
    """The parts that begin where the one before says that it ends."""
    place = 0
    while True:
        head = _read(file, place)
        if kind_of(head) != kind:
            return
        if place:
            yield place
        order: Literal["big", "little"] = "little" if head.startswith(b"RIFF") else "big"
        size = int.from_bytes(head[4:8], order)
        place += 8 + size + size % 2


def _box_starts(file: IO[bytes]) -> Iterator[int]:
    """The parts of an MP4 file that begin with a box of their own, as the first one does."""
    place, sound = 0, False
    while True:
        file.seek(place)
        head = file.read(16)
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        if name == b"ftyp" and sound:
            yield place
            sound = False
        sound = sound or name in (b"moov", b"mdat", b"moof")
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        if size < 8:  # 0: the box goes on to the end
            return
        place += size


def _ogg_starts(file: IO[bytes]) -> Iterator[int]:
    end_of_begin = 0  # streams side by side begin with one such page after the other
    for place, around in _matches(file, _PATTERNS["ogg"]):
        beside, end_of_begin = place == end_of_begin, place + _page_length(around[_BEFORE:])
        if not beside:
            yield place


def _flac_starts(file: IO[bytes]) -> Iterator[int]:
    sound = -1  # where the last part begins behind its tags
    for place, _ in _matches(file, _PATTERNS["flac"]):
        if place > sound and _PATTERNS["flac"].match(_read(file, begin := tags_end(file, place))):
            sound = begin
            yield place


def _mp3_starts(file: IO[bytes]) -> Iterator[int]:
    """Parts whose first frame says how long they are, such with tags, and those behind them."""
    sound = -1  # where the last part begins behind its tags
    behind = 0  # where it ends by what it says itself
    for place, around in _matches(file, _PATTERNS["mp3"]):
        start = place - _bytes_before(around)
        begin = tags_end(file, start)
        if start <= sound or not _are_frames(_read(file, begin)):
            continue
        if 0 < behind < start:
            yield behind
        yield start
        sound, stated = begin, stated_length(_read(file, begin))
        behind = _frames_behind(file, begin + stated.size) if stated and stated.size else 0
    if behind:
        yield behind


def _frames_behind(file: IO[bytes], end: int) -> int:
    """Where frames begin behind the end of a part and its tags; 0 if there are none."""
    old_tag = _OLD_TAG if _read(file, end).startswith(b"TAG") else 0
    place = tags_end(file, end + old_tag)
    return place if _are_frames(_read(file, place)) else 0


def _are_frames(head: bytes) -> bool:
    length = mpeg_frame_length(head)
    return bool(length and mpeg_frame_length(head[length:]))


def _read(file: IO[bytes], place: int) -> bytes:
    """A frame and the header of the next one."""
    file.seek(place)
    return file.read(_MAX_FRAME + 4)


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


def _bytes_before(around: bytes) -> int:
    """Bytes from an MP3 frame's beginning to its "Xing" or "Info"; 0 if there is no such frame."""
    return next((b for b in BEFORE_XING if xing_place(around[_BEFORE - b :]) == b), 0)
