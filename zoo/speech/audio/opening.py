"""Whatever holds audio as a file on disk: paths, pipes, bytes, open files."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeAlias

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.files import open_without_waiting, reason_of, user_path
from zoo.speech.audio.kinds import HEAD, Readable, advice, kind_of, read_head
from zoo.speech.audio.mpeg import tags_end

AudioSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray

PIPE_WAIT = 10.0
"""Seconds for which a named pipe may have no writer."""

MAX_STREAM = 1 << 32
"""Bytes of a stream that are kept on disk to be read as a file."""

_COPY = 1 << 18
_MAX_UNKNOWN = 1 << 28  # of a stream that begins as nothing known


class Peeked:
    """A stream that may not be seekable, with its kind and its beginning still to be read.

    Args:
        stream: an open binary file or pipe.
    """

    def __init__(self, stream: Any) -> None:
        # Of a pipe what is there is taken, and not waited for until so many bytes are there.
        self._read = getattr(stream, "read1", stream.read)
        self._head = b""
        head = read_head(self)
        self.kind = kind_of(head)
        self._head = head

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        data = self._read(size)
        if not isinstance(data, bytes):
            raise UsageError(f"the open file gives {type(data).__name__}; open it with 'rb'")
        return data


def name_of(source: Any) -> str:
    """What a source is called in messages."""
    if isinstance(source, (str, os.PathLike)):
        return str(source)
    return "the array" if isinstance(source, np.ndarray) else "the audio"


@contextlib.contextmanager
def opened_file(source: Any) -> Iterator[tuple[IO[bytes], str | None]]:
    """A source as an open file on disk, and its kind.

    Pipes, bytes and open files are copied to a temporary file.

    Raises:
        UsageError: ``source`` is of another type.
        DataError: it is missing, unreadable, empty, or a pipe that gives no audio.
    """
    if not isinstance(source, (str, os.PathLike, bytes)) and not hasattr(source, "read"):
        raise UsageError(
            f"audio is a path, bytes, an open file or a NumPy array, not {type(source)}"
        )
    name = name_of(source)
    with contextlib.ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            file = stack.enter_context(_open_path(user_path(source)))
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield file, _kind_of_file(file)
                return
            source = _PipeReader(file.fileno(), name)
        elif isinstance(source, bytes):
            source = io.BytesIO(source)
        temporary = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        try:
            _spool(temporary, source, name)
            kind = _kind_of_file(temporary)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {name}: {error}") from None
        yield temporary, kind


def _kind_of_file(file: IO[bytes]) -> str | None:
    """The kind of a file; behind ID3 tags there may be AAC or FLAC as well as MP3."""
    file.seek(0)
    head = read_head(file)
    kind = kind_of(head)
    if head.startswith(b"ID3") and kind:
        file.seek(tags_end(file))
        kind = kind_of(file.read(HEAD)) or kind
    file.seek(0)
    return kind


def _spool(temporary: IO[bytes], source: Readable, name: str) -> None:
    peeked = Peeked(source)
    size = 0
    while data := peeked.read(_COPY):
        size += len(data)
        if size > MAX_STREAM:
            raise DataError(f"{name} is longer than {MAX_STREAM >> 30} GB; write it into a file")
        if size > _MAX_UNKNOWN and peeked.kind is None:
            raise DataError(
                f"{name} does not begin like any known audio format. {advice(None, name)}"
            )
        temporary.write(data)
    if not size:
        raise DataError(f"{name} is empty")


def _open_path(path: Path) -> io.FileIO:
    try:
        # libsndfile moves the file's position, which a buffer would not see.
        file = open(path, "rb", buffering=0, opener=open_without_waiting)  # noqa: SIM115
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from None
    status = os.fstat(file.fileno())
    if stat.S_ISFIFO(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_size):
        return file
    file.close()
    wrong = "an empty file" if stat.S_ISREG(status.st_mode) else "neither a file nor a pipe"
    raise DataError(f"{path} is {wrong}")


class _PipeReader:
    """A named pipe whose writer is waited for, though not for ever."""

    def __init__(self, handle: int, name: str) -> None:
        self._handle, self._name = handle, name
        self._read = self._begin

    def read(self, size: int, /) -> bytes:
        """What is in the pipe, at most ``size`` bytes; none at its end."""
        return self._read(size)

    def _begin(self, size: int) -> bytes:
        end = time.monotonic() + PIPE_WAIT
        while True:
            try:
                data = os.read(self._handle, size)
                if data:
                    break
            except BlockingIOError:  # somebody has it open and writes later
                data = b""
                break
            if time.monotonic() > end:
                raise DataError(
                    f"nothing was written into the pipe {self._name} in {PIPE_WAIT:g} s"
                )
            time.sleep(0.02)
        os.set_blocking(self._handle, True)
        self._read = self._go_on
        return data or self._go_on(size)

    def _go_on(self, size: int) -> bytes:
        return os.read(self._handle, size)
