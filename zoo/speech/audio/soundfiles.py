"""Sound files through libsndfile, part by part to the end of the file."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, pairwise
from typing import IO

import numpy as np
import soundfile

from zoo.errors import DataError, ZooWarning
from zoo.speech.audio.lengths import Head, mended_head
from zoo.speech.audio.mpeg import length_frame, tags_end
from zoo.speech.audio.parts import MAX_PARTS, copy_part, is_finished, part_starts
from zoo.speech.audio.samples import Block

_READ_SECONDS = 0.25  # what is lost where a file is damaged
_UNREAD = 1 << 14  # bytes behind the last sample that may be names and pictures
_ERRORS = (soundfile.SoundFileError, OSError, TypeError, ValueError)


class _Forwards(soundfile.SoundFile):
    """A file that is read without going back.

    soundfile seeks after each read to where it is already, and an MP3 decoder loses what it keeps
    from one frame for the next.
    """

    def seekable(self) -> bool:
        return False


def soundfile_blocks(file: IO[bytes], kind: str | None, name: str) -> Iterator[Block]:
    """The samples of a file that libsndfile knows, and of all that is joined to it.

    Args:
        file: an open file on disk.
        kind: as :func:`zoo.speech.audio.kinds.kind_of` gives it.
        name: of the file, for messages.

    Yields:
        The rate and ``(samples, channels)`` float32.

    Raises:
        DataError: it is no audio, or nothing of it can be read.
    """
    size = os.fstat(file.fileno()).st_size
    ends = pairwise(chain(part_starts(file, kind or ""), [size]))
    for number, (start, end) in enumerate(ends):
        if number == MAX_PARTS:
            warnings.warn(
                f"{name} is more than {MAX_PARTS} recordings joined; the rest, from byte {start} "
                "on, was not read",
                ZooWarning,
                stacklevel=2,
            )
            return
        head = Head(rest=start)
        if kind == "mp3":
            head = Head(*length_frame(file, tags_end(file, start), end))
        elif (start, end) == (0, size):
            head = mended_head(file, kind, size)
        if (start, end) == (0, size) and not head.data:
            yield from _blocks(file, kind, name, size, head.unfinished)
            continue
        try:
            with tempfile.TemporaryFile(buffering=0) as part:
                part.write(head.data)
                copy_part(file, part, head.rest if head.data else start, end)
                length = os.fstat(part.fileno()).st_size
                yield from _blocks(part, kind, name, length, head.unfinished)
        except DataError as error:
            if not number:
                raise
            _warn(f"{name}: a part from byte {start} on was left out: {error}")


def _blocks(
    file: IO[bytes], kind: str | None, name: str, size: int, unfinished: bool
) -> Iterator[Block]:
    """The samples of one part, in blocks of a fixed length."""
    # libsndfile gets the descriptor: it reads faster so, and guesses nothing from the file's name.
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        opened = _Forwards(file.fileno(), closefd=False)
    except _ERRORS as error:
        raise DataError(f"{name} is not readable audio: {reason(error)}") from None
    with closing(opened):
        rate, read = opened.samplerate, 0
        step = max(1, round(rate * _READ_SECONDS))
        # Beyond its number of samples libsndfile decodes what is none, such as a tag.
        while length := min(step, opened.frames - read):
            block = np.full((length, opened.channels), np.nan, np.float32)
            try:
                count, problem = len(opened.read(out=block)), ""
            except _ERRORS as error:
                # What came before the damage is in the block already.
                finite = np.isfinite(block).all(axis=1)
                count, problem = int(np.append(finite, False).argmin()), reason(error)
            read += count
            if count:
                yield rate, block[:count]
            if problem and not _is_whole(opened, file, size):
                if not read:
                    raise DataError(f"{name} is damaged at its beginning: {problem}")
                _warn(
                    f"{name} is damaged after {read / rate:.1f} s; what follows was not read: "
                    f"{problem}"
                )
                return
            if count < length or problem:
                break
        _check_end(opened, read, file, size, name)
        if read and (unfinished or not is_finished(file, kind or "", size)):
            _warn(
                f"{name} is unfinished or cut off: the {read / rate:.2f} s that are there were read"
            )


def _is_whole(opened: soundfile.SoundFile, file: IO[bytes], size: int) -> bool:
    """Whether an error is libsndfile's at the end of a file whose header gives no length."""
    return opened.frames >= 2**62 and _position(file) >= size


def _check_end(
    opened: soundfile.SoundFile, read: int, file: IO[bytes], size: int, name: str
) -> None:
    seconds, left = read / opened.samplerate, size - _position(file)
    if read and left > max(_UNREAD, size // 50):
        _warn(
            f"{name} goes on after the {seconds:.1f} s that its header says; {left} of its {size} "
            "bytes were not read"
        )
        return
    missing = (opened.frames - read) / opened.samplerate
    if read and opened.frames < 2**62 and missing > 0.05:
        _warn(f"{name} is damaged or cut off: {missing:.1f} s are missing")


def _position(file: IO[bytes]) -> int:
    return os.lseek(file.fileno(), 0, os.SEEK_CUR)


def reason(error: Exception) -> str:
    """What libsndfile says, without the number of the descriptor."""
    text = getattr(error, "error_string", None) or str(error)
    return text.rstrip(". ") or type(error).__name__


def _warn(message: str) -> None:
    warnings.warn(message, ZooWarning, stacklevel=2)
