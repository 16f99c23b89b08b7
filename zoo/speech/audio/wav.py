"""WAV files (RIFF, RIFX, RF64) with plain samples, read to their end whatever their header says.

A recorder writes the length when it stops. Where it was killed, or writes into a pipe, or beyond
4 GB, the length in the header is 0, the largest there is, or too small; what is in the file counts.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zoo.errors import DataError, ZooWarning
from zoo.speech.audio.kinds import Readable
from zoo.speech.audio.samples import Block, check_shape

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_WIDTHS = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _ALAW: (1,), _MULAW: (1,)}
_UNKNOWN = 0x7FFF_F000
"""From here on a 32-bit size means that its writer did not know it."""

_MAX_CHUNK = 1 << 16  # of a format; everything else is skipped
_AFTER = (b"LIST", b"bext", b"cue ", b"id3 ", b"ID3 ", b"fact", b"PEAK", b"smpl", b"iXML", b"JUNK")
_TAGS = (b"TAG", b"ID3\x02", b"ID3\x03", b"ID3\x04", b"APETAGEX", b"LYRICSBE")
_PADDING = 1 << 16  # bytes of zeros after the samples that are no samples


class NotPlainError(Exception):
    """The file holds something else than plain samples, which libsndfile may know."""


_MOST_AT_ONCE = 1 << 24  # bytes; a file sets so many aside before it reads them


@dataclass(frozen=True)
class WavFormat:
    """How the samples of a WAV file are written.

    Args:
        rate: samples a second.
        channels: channels.
        code: PCM, float, A-law or mu-law, by Microsoft's number.
        width: bytes of a sample.
        order: ``"<"`` or ``">"``.
    """

    rate: int
    channels: int
    code: int
    width: int
    order: str

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.width

    def decode(self, data: bytes) -> np.ndarray:
        """Whole frames as ``(samples, channels)`` float32 in [-1, 1]."""
        return self._scaled(data).reshape(-1, self.channels)

    def _scaled(self, data: bytes) -> np.ndarray:
        if self.code == _FLOAT:
            with np.errstate(over="ignore"):  # what is beyond float32 is refused as infinite
                return np.frombuffer(data, f"{self.order}f{self.width}").astype(np.float32)
        if self.code != _PCM:
            table = _ALAW_TABLE if self.code == _ALAW else _MULAW_TABLE
            return table[np.frombuffer(data, np.uint8)]
        if self.width == 1:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)
        if self.width == 3:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            three = np.frombuffer(data, np.uint8).reshape(-1, 3)
            wide[:, 1:] = three if self.order == "<" else three[:, ::-1]
            return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2.0**31)
        scale = np.float32(2.0 ** (8 * self.width - 1))
        return np.frombuffer(data, f"{self.order}i{self.width}").astype(np.float32) / scale


def wav_blocks(
    stream: Readable, name: str, size: int | None, block: float = 5.0
) -> Iterator[Block]:
    """The samples of a WAV file, and of those that are joined to it.

    Args:
        stream: the file from its beginning; it need not be seekable.
        name: of the file, for messages.
        size: its bytes; ``None`` for a pipe, whose header cannot know the length.
        block: seconds of a block at most.

    Yields:
        The rate and ``(samples, channels)`` float32.

    Raises:
        NotPlainError: the samples are compressed or the header is malformed; only at the beginning.
    """
    reader = _Reader(stream, size)
    first = True
    while True:
        try:
            shape, claimed = _read_header(reader)
        except NotPlainError:
            if first:
                raise
            _warn(f"{name}: a part from byte {reader.position} on cannot be read and is left out")
            return
        first = False
        yield from _part(reader, shape, claimed, name, block)
        if not reader.pending:
            return


def _part(
    reader: _Reader, shape: WavFormat, claimed: int, name: str, block: float
) -> Iterator[Block]:
    """The samples of one header, which may be fewer or more than it claims."""
    check_shape(shape.rate, shape.channels, name)  # before so much is read at a time
    here, per_second = reader.left, shape.frame * shape.rate
    endless = claimed >= _UNKNOWN if here is None else claimed > here
    count = 0
    for data in reader.blocks(None if endless else claimed, shape, block):
        count += len(data)
        yield shape.rate, shape.decode(data)
    short = here is not None if endless else count + shape.frame <= claimed
    if short and count:
        what = "no length" if claimed >= _UNKNOWN else f"{claimed / per_second:.2f} s"
        _warn(
            f"{name} is unfinished or cut off: its header says {what}, and the "
            f"{count / per_second:.2f} s that are there were read"
        )
    if claimed % 2:
        padding = reader.read(1)
        padded = padding in (b"", b"\0")
        claimed += padded
        reader.pending = b"" if padded else padding
    if not _samples_follow(reader):
        return
    reader.skip(-claimed % shape.frame)  # where the length ends within a frame, so that samples
    more = 0  # are not put together from halves
    for data in reader.blocks(None, shape, block):
        more += len(data)
        yield shape.rate, shape.decode(data)
    if more and reader.size is not None:
        _warn(
            f"{name} is unfinished: its header says {claimed / per_second:.2f} s, and the "
            f"{(count + more) / per_second:.2f} s that are there were read"
        )


def _samples_follow(reader: _Reader) -> bool:
    """Skip the chunks after the samples; whether something else follows, or another file begins.

    Where another file begins, its first bytes are left in ``reader.pending``, and the answer is no.
    """
    while True:
        head = reader.read(12)
        if len(head) < 8 or head.startswith(_TAGS):
            return False
        if _is_wav(head):
            reader.pending = head
            return False
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        left = None if reader.left is None else reader.left + len(head) - 8
        known = name in _AFTER
        printable = all(0x20 <= byte < 0x7F for byte in name)
        if known or (printable and (left is None or length <= left)):
            reader.pending = head[8:]
            if not reader.skip(length + length % 2):
                return False
            continue
        reader.pending = head
        return not reader.only_zeros()


def _read_header(reader: _Reader) -> tuple[WavFormat, int]:
    """Read up to the first sample: the format, and the bytes of samples that are claimed."""
    head = reader.read(12)
    if not _is_wav(head):
        raise NotPlainError
    order = ">" if head.startswith(b"RIFX") else "<"
    shape, long_size = None, None
    while len(chunk := reader.read(8)) == 8:
        name, length = chunk[:4], struct.unpack(order + "I", chunk[4:])[0]
        if name == b"data":
            if shape is None:
                break
            return shape, long_size if length == 0xFFFF_FFFF and long_size else length
        body = reader.read(min(length, _MAX_CHUNK)) if name in (b"fmt ", b"ds64") else b""
        if name == b"fmt ":
            shape = _read_format(body, order)
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack(order + "Q", body[8:16])[0]
        if not reader.skip(length + length % 2 - len(body)):
            break
    raise NotPlainError


def _read_format(body: bytes, order: str) -> WavFormat:
    if len(body) < 16:
        raise NotPlainError
    code, channels, rate, _, align, _ = struct.unpack(order + "HHIIHH", body[:16])
    if code == _EXTENSIBLE and len(body) >= 26:
        code = struct.unpack(order + "H", body[24:26])[0]
    width = align // channels if channels else 0
    if width * channels != align or width not in _WIDTHS.get(code, ()):
        raise NotPlainError
    return WavFormat(rate, channels, code, width, order)


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _warn(message: str) -> None:
    warnings.warn(message, ZooWarning, stacklevel=2)


class _Reader:
    """A stream that is read forwards, some bytes of which may be put back."""

    def __init__(self, stream: Readable, size: int | None) -> None:
        self.size, self.position, self.pending = size, 0, b""
        self._stream = stream

    @property
    def left(self) -> int | None:
        """Bytes to the end, where it is known."""
        return None if self.size is None else max(0, self.size - self.position)

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer at the end."""
        data, self.pending = self.pending[:size], self.pending[size:]
        while len(data) < size and (more := self._read(size - len(data))):
            data += more
        return data

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(min(size, _MOST_AT_ONCE))
        except (OSError, ValueError) as error:
            raise DataError(f"the audio cannot be read further: {error}") from None
        self.position += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Whether ``size`` bytes were there to be skipped."""
        while size > 0:
            data = self.read(min(size, 1 << 20))
            if not data:
                return False
            size -= len(data)
        return True

    def only_zeros(self) -> bool:
        """Whether a few zeros are all that is left; what was looked at is put back."""
        head = self.read(_PADDING)
        if len(head) < _PADDING and not any(head):
            return True
        self.pending = head + self.pending
        return False

    def blocks(self, size: int | None, shape: WavFormat, seconds: float) -> Iterator[bytes]:
        """The next ``size`` bytes, or all, in whole frames."""
        step = max(1, round(seconds * shape.rate)) * shape.frame
        while size is None or size:
            data = self.read(step if size is None else min(step, size))
            whole = len(data) - len(data) % shape.frame
            if whole:
                yield data[:whole]
            if size is not None:
                size -= len(data)
            if len(data) < step:
                return


def _mulaw(code: int) -> float:
    code = ~code & 0xFF
    value = ((code & 15) << 3 | 0x84) << (code >> 4 & 7)
    return (0x84 - value if code & 0x80 else value - 0x84) / 32768.0


def _alaw(code: int) -> float:
    code ^= 0x55
    exponent, value = code >> 4 & 7, (code & 15) << 4 | 8
    if exponent:
        value = (value | 0x100) << exponent - 1
    return (value if code & 0x80 else -value) / 32768.0


_MULAW_TABLE = np.array([_mulaw(code) for code in range(256)], np.float32)
_ALAW_TABLE = np.array([_alaw(code) for code in range(256)], np.float32)
