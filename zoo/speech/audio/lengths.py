"""What a file's header says of its length, and a head that says it right.

A recorder writes the length when it stops. Where it was killed, or the file was cut off, libsndfile
finds no samples in some kinds of files, refuses others, and is silent about what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

_MOST_CHUNKS = 1000
_AU_UNKNOWN = 0xFFFF_FFFF
_SSND = 8  # bytes of an AIFF's sound chunk that are no samples
_EDITS = 4  # bytes of a CAF's data chunk that are no samples
_W64 = slice(16, 24)


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
    return Head()


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
    file.seek(0)
    return file.read(end)
