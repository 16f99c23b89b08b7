"""Sound of MP4 (m4a), WebM, WMA, AMR and AAC files through PyAV, which is FFmpeg.

PyAV is an extra (``pip install 'sequence-zoo[av]'``). Packets are decoded one by one, so that
memory does not grow with the file.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from typing import IO, Any

import numpy as np

from zoo.errors import DataError, ZooWarning
from zoo.files import reason_of
from zoo.speech.audio.kinds import CONTAINERS, advice
from zoo.speech.audio.parts import MAX_PARTS, copy_part, part_starts
from zoo.speech.audio.samples import Block, check_shape, to_float

# The format is named and no protocol allowed: a file must not make FFmpeg open another one.
_OPTIONS = {"protocol_whitelist": "none"}
_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_PADDING = 0.5  # seconds at the ends of a track that encoders add and decoders take away
_MOST_BAD = 1000  # damaged packets after which the rest is given up


def container_blocks(file: IO[bytes], kind: str, name: str) -> Iterator[Block]:
    """The first sound track of a container, and of all that is joined to it.

    Args:
        file: an open file on disk.
        kind: one of :data:`zoo.speech.audio.kinds.CONTAINERS`.
        name: of the file, for messages.

    Yields:
        The rate and ``(samples, channels)`` float32.

    Raises:
        DataError: PyAV is not installed, there is no sound, or nothing of it can be read.
    """
    size = os.fstat(file.fileno()).st_size
    for start, end in pairwise(chain(islice(part_starts(file, kind), MAX_PARTS), [size])):
        if (start, end) == (0, size):
            file.seek(0)
            yield from _track(file, kind, name)
            continue
        try:
            with tempfile.TemporaryFile() as part:
                copy_part(file, part, start, end)
                part.seek(0)
                yield from _track(part, kind, name)
        except DataError as error:
            if not start:
                raise
            message = f"{name}: a part from byte {start} on was left out: {error}"
            warnings.warn(message, ZooWarning, stacklevel=2)


def _track(file: IO[bytes], kind: str, name: str) -> Iterator[Block]:
    try:
        import av
    except ImportError:
        raise DataError(f"{name}: {advice(kind, name)}") from None
    try:
        container: Any = av.open(file, format=CONTAINERS[kind], options=_OPTIONS)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DataError(f"{name} is not a readable {kind}: {reason_of(error)}") from None
    with container:
        if not container.streams.audio:
            raise DataError(f"{name} has no sound")
        said = _stated_seconds(container)
        seconds, bad, first_bad, problem = 0.0, 0, 0.0, ""
        packets = container.demux(container.streams.audio[0])
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
            except (av.FFmpegError, ValueError) as error:
                bad, problem = bad + 1, problem or reason_of(error)
                first_bad = seconds if bad == 1 else first_bad
                if isinstance(error, av.InvalidDataError) and bad < _MOST_BAD:
                    continue
                break
            if packet is None:
                break
            for frame in frames:
                check_shape(frame.sample_rate, frame.layout.nb_channels, name)
                seconds += frame.samples / frame.sample_rate
                yield frame.sample_rate, _samples(frame)
    if bad and not seconds:
        raise DataError(f"{name} is damaged, and nothing of it can be read: {problem}")
    if bad:
        warnings.warn(
            f"{name} is damaged after {first_bad:.1f} s: {bad} of its packets were left out, "
            f"{seconds:.1f} s were read",
            ZooWarning,
            stacklevel=2,
        )
    elif said is not None and seconds < said - _PADDING:
        warnings.warn(
            f"{name} is unfinished or cut off: its header says {said:.2f} s, and the "
            f"{seconds:.2f} s that are there were read",
            ZooWarning,
            stacklevel=2,
        )


def _stated_seconds(container: Any) -> float | None:
    """How long the first sound track should be, where the file says it.

    A number without a header, as AAC and AMR have, is FFmpeg's own estimate of what is there.
    """
    stream = container.streams.audio[0]
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if match := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, match.groups())
        return 3600 * hours + 60 * minutes + seconds
    if len(container.streams) == 1 and container.duration is not None:
        return float(container.duration / 1e6)
    return None


def _samples(frame: Any) -> np.ndarray:
    """``(samples, channels)`` float32 of a frame of any format."""
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    if array.dtype.kind != "f" and array.dtype.itemsize == 8:
        array = (array >> 32).astype(np.int32)
    return to_float(np.ascontiguousarray(array.T))
