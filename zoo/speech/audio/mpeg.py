"""Frames of MPEG audio: how long they are, how many there are, and what stands before them.

An MP3 file may begin with tags (ID3v2) and with a frame that has no sound but says how many frames
and bytes follow ("Xing" or "Info"). Encoders that write into a pipe leave it out, and libsndfile
then takes the length from the bitrate of the first frame, which of a variable one says nothing.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

_BITRATES = {  # kbit a second by (MPEG 1 or not, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}

_ID3 = 10  # bytes of the header of an ID3v2 tag
_PADDING = 1 << 16  # zeros between tags and frames that are skipped
BEFORE_XING = (36, 21, 13)
"""Bytes of header and side information in MPEG 1, its mono or MPEG 2, and the mono of that."""

_XING = (b"Xing", b"Info")
_NO_CRC, _BITRATE = 0x01, 0xC0  # of a frame that holds the numbers: 128 kbit a second or more
_SAME = bytes((0xFF, 0xFE, 0x0C))  # what the headers of a file's frames have in common
_CHAIN, _ADTS = 4, 7  # frames in a row that are no chance; bytes of the longest header
_VBRI = 36  # bytes before that of Fraunhofer's encoders


@dataclass(frozen=True)
class Length:
    """What the first frame of an MP3 file says of the others.

    Args:
        frames: how many there are; 0 if it does not say.
        size: bytes from the beginning of the first frame on; 0 if it does not say.
    """

    frames: int
    size: int


def mpeg_frame_length(head: bytes) -> int:
    """Bytes of an MPEG audio frame, layer I to III, by its header; 0 if it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0
    bits = 1000 * _BITRATES[version == 3, layer][bitrate]
    samples_a_second = _RATES[version][rate]
    if layer == 1:
        return (12 * bits // samples_a_second + padding) * 4
    factor = 72 if layer == 3 and version != 3 else 144
    return factor * bits // samples_a_second + padding


def adts_frame_length(head: bytes) -> int:
    """Bytes of a frame of AAC by its header; 0 if it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return size if size > 7 else 0


def frames_within(data: bytes) -> bool:
    """Whether bytes hold frames of MP3 or AAC one after the other, wherever the first begins.

    Among raw samples a header may stand by chance; four that are alike, each where the one before
    it says, do not.
    """
    for length in (mpeg_frame_length, adts_frame_length):
        place = data.find(0xFF)
        while place >= 0:
            if _chained(data, place, length):
                return True
            place = data.find(0xFF, place + 1)
    return False


def _chained(data: bytes, place: int, length: Callable[[bytes], int]) -> bool:
    first = data[place : place + len(_SAME)]
    for _ in range(_CHAIN):
        head = data[place : place + _ADTS]
        size = length(head)
        if not size or any((a ^ b) & same for a, b, same in zip(first, head, _SAME, strict=False)):
            return False
        place += size
    return True


def tags_end(file: IO[bytes], start: int = 0) -> int:
    """Where the ID3v2 tags end that begin at ``start``, and the zeros behind them."""
    place = start
    while True:
        file.seek(place)
        head = file.read(_ID3)
        if len(head) < _ID3 or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            break
        footer = _ID3 if head[5] & 0x10 else 0
        place += _ID3 + footer + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(place)
    behind = file.read(_PADDING)
    return place + len(behind) - len(behind.lstrip(b"\0"))


def xing_place(head: bytes) -> int:
    """Bytes from the beginning of a layer III frame to its "Xing" or "Info"; 0 without one."""
    if not mpeg_frame_length(head):
        return 0
    place = _side_end(head)
    return place if head[place : place + 4] in _XING and not any(head[4:place]) else 0


def stated_length(head: bytes) -> Length | None:
    """What the first frame says of the others, where it is there to say so.

    Args:
        head: the beginning of the frame, some hundred bytes.
    """
    if head[_VBRI : _VBRI + 4] == b"VBRI":
        numbers = [int.from_bytes(head[at : at + 4], "big") for at in (_VBRI + 14, _VBRI + 10)]
        return Length(*numbers)
    place = xing_place(head)
    if not place or len(head) < place + 16:
        return None
    flags, at = head[place + 7], place + 8
    frames = int.from_bytes(head[at : at + 4], "big") if flags & 1 else 0
    at += 4 * (flags & 1)
    return Length(frames, int.from_bytes(head[at : at + 4], "big") if flags & 2 else 0)


def length_frame(file: IO[bytes], start: int, end: int) -> tuple[bytes, int]:
    """A frame that says how many follow, for MP3 frames of which none does.

    Args:
        file: open on disk.
        start: where the first frame begins.
        end: where the last frame ends, and tags may follow.

    Returns:
        The frame, and where those begin that it is to be put before; nothing and ``start`` where
        the first frame says it, or there are no frames of layer III.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        head = data[start : start + 200]
        if not mpeg_frame_length(head) or head[1] >> 1 & 3 != 1:
            return b"", start
        stated = stated_length(head)
        if stated and stated.frames:
            return b"", start
        first = start + mpeg_frame_length(head) if stated else start
        count, size = _count(data, first, end)
    frame = bytes((head[0], head[1] | _NO_CRC, head[2] & 0x0C | _BITRATE, head[3]))
    length = mpeg_frame_length(frame)
    numbers = (3).to_bytes(4, "big") + count.to_bytes(4, "big") + (length + size).to_bytes(4, "big")
    frame = frame.ljust(_side_end(frame), b"\0") + _XING[0] + numbers
    return frame.ljust(length, b"\0"), first


def _side_end(head: bytes) -> int:
    mono, version_1 = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    return BEFORE_XING[(0 if version_1 else 1) + mono]


def _count(data: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """The whole frames from ``start`` to ``end``, and the bytes up to the end of the last."""
    kind = _masked(data[start : start + 4])
    count, place, last, lost = 0, start, start, False
    while place >= 0:
        head = data[place : place + 4]
        after = place + mpeg_frame_length(head)
        whole = place < after <= end and _masked(head) == kind
        if whole and lost and after < end:  # two bytes may be anything
            whole = _masked(data[after : after + 4]) == kind
        if whole:
            count, place, last, lost = count + 1, after, after, False
        else:
            place, lost = data.find(b"\xff", place + 1, end), True
    return count, last - start


def _masked(head: bytes) -> bytes:
    """The bits of a header that are the same in all frames of a file: version, layer, rate."""
    return bytes(byte & mask for byte, mask in zip(head, _SAME, strict=False))
