"""What a file's header says of its length, and a head that says it right.

A recorder writes the length when it stops. Where it was killed, or the file was cut off, libsndfile
finds no samples in some kinds of files, refuses others, and is silent about what is missing.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Literal

_MOST_CHUNKS = 1000
_AU_UNKNOWN = 0xFFFF_FFFF
_SSND = 8  # bytes of an AIFF's sound chunk that are no samples
_EDITS = 4  # bytes of a CAF's data chunk that are no samples
_W64 = slice(16, 24)
_SVX = slice(4, 8)
_AVR, _AVR_HEAD = struct.Struct(">4s8sHH10xI"), 128  # of samples: channels, bits, number
_VOC = slice(20, 22)  # where the first block begins
_SPHERE = 1 << 16  # bytes of the longest head that is read
_SPHERE_FIELD = re.compile(rb"^(sample_count|channel_count|sample_n_bytes) -i (\d+)\s*$", re.M)


@dataclass(frozen=True)
class Head:
    """The beginning of a file as it should be.

    Args:
        data: bytes in place of those that are there; none if these are right or will do.
        rest: from which byte on the file goes on.
        unfinished: whether less is there than the header says, or it says nothing.
    """

    data: bytes = b""
    rest: int = 0
    unfinished: bool = False


def mended_head(file: IO[bytes], kind: str | None, size: int) -> Head:
    """The head of a sound file, with its length where that is wrong.

    Args:
        file: seekable; where it stands is left to the caller.
        kind: as :func:`zoo.speech.audio.kinds.kind_of` gives it.
        size: of the file in bytes.
    """
    file.seek(0)
    head = file.read(24)
    if len(head) < 24:
        return Head()
    if kind == "au":
        return _au_head(file, head, size)
    if kind == "aiff":
        return _aiff_head(file, int.from_bytes(head[4:8], "big"), size)
    if kind == "caf":
        return _caf_head(file, size)
    if kind == "w64":
        said = int.from_bytes(head[_W64], "little")
        return Head(unfinished=said > size or not said)
    if kind == "wav" and head.startswith((b"RIFF", b"RIFX")):
        said = int.from_bytes(head[4:8], "big" if head.startswith(b"RIFX") else "little")
        return Head(unfinished=said + 8 > size or not said)
    if kind in _STATED:
        return Head(unfinished=_STATED[kind](file) > size)
    return Head()


def _svx_size(file: IO[bytes]) -> int:
    """The size in bytes that a file should have by its header; so are those that follow."""
    return int.from_bytes(_from(file, _SVX), "big") + 8


def _avr_size(file: IO[bytes]) -> int:
    head = _from(file, slice(0, _AVR.size))
    if len(head) < _AVR.size:
        return 0
    *_, stereo, bits, samples = _AVR.unpack(head)
    return int(_AVR_HEAD + samples * (2 if stereo else 1) * bits // 8)


def _voc_size(file: IO[bytes]) -> int:
    place = int.from_bytes(_from(file, _VOC), "little")
    for _ in range(_MOST_CHUNKS):
        head = _from(file, slice(place, place + 4))
        if len(head) < 4:
            break
        place += 4 + int.from_bytes(head[1:], "little")
    return place


def _sphere_size(file: IO[bytes]) -> int:
    size = _from(file, slice(8, 16)).strip()
    if not size.isdigit():
        return 0
    head = _from(file, slice(0, min(int(size), _SPHERE)))
    fields = {name: int(value[:18]) for name, value in _SPHERE_FIELD.findall(head)}
    compressed = b"shorten" in head or b"wavpack" in head
    return 0 if len(fields) < 3 or compressed else int(size) + math.prod(fields.values())


_STATED: dict[str | None, Callable[[IO[bytes]], int]] = {
    "svx": _svx_size,
    "avr": _avr_size,
    "voc": _voc_size,
    "sphere": _sphere_size,
}


def _au_head(file: IO[bytes], head: bytes, size: int) -> Head:
    order: Literal["big", "little"] = "big" if head.startswith(b".snd") else "little"
    begin, said = int.from_bytes(head[4:8], order), int.from_bytes(head[8:12], order)
    if said == _AU_UNKNOWN or begin >= size:
        return Head()
    if not said:
        return Head(head[:8] + _AU_UNKNOWN.to_bytes(4, "big"), 12, True)
    return Head(unfinished=begin + said > size)


def _aiff_head(file: IO[bytes], form: int, size: int) -> Head:
    place, said = _chunk(file, b"SSND", 12, 4)
    begin = place + 8
    if not place or begin + _SSND >= size:
        return Head()
    if said > _SSND:
        return Head(unfinished=begin + said > size)
    if form + 8 == size:  # other chunks follow a sound without samples
        return Head()
    return Head(_until(file, place + 4) + (size - begin).to_bytes(4, "big"), begin, True)


def _caf_head(file: IO[bytes], size: int) -> Head:
    place, said = _chunk(file, b"data", 8, 8)
    begin = place + 12
    unknown = said == 2**64 - 1  # which Apple allows for the last chunk
    if not place or (_EDITS <= said <= size - begin):
        return Head()
    return Head(_until(file, place + 4) + (size - begin).to_bytes(8, "big"), begin, not unknown)


def _chunk(file: IO[bytes], name: bytes, place: int, width: int) -> tuple[int, int]:
    """Where a chunk begins, 0 if there is none, and the length that it states."""
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        head = file.read(4 + width)
        if len(head) < 4 + width:
            break
        said = int.from_bytes(head[4:], "big")
        if head[:4] == name:
            return place, said
        if said >= 1 << 40:
            break
        # Chunks of AIFF have an even length, those of CAF any.
        place += 4 + width + said + (said % 2 if width == 4 else 0)
    return 0, 0


def _until(file: IO[bytes], end: int) -> bytes:
    return _from(file, slice(0, end))


def _from(file: IO[bytes], place: slice) -> bytes:
    file.seek(place.start)
    return file.read(place.stop - place.start)
