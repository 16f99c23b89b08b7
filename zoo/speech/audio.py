"""Audio files and arrays to mono samples: reading, mixing, resampling, cutting at silences.

Files are read by libsndfile (through soundfile), resampled by libsoxr (through soxr). Everything is
a stream of blocks underneath, so that an hour takes no more memory than a sentence where the caller
goes block by block, and reading whole or in blocks gives the same samples to the bit.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import soundfile
import soxr

from zoo.errors import DataError, UsageError
from zoo.files import open_without_waiting, user_path

AudioSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray

SAMPLE_RATE = 16_000
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64
MAX_HOURS = 6.0
"""What :func:`read_audio` takes into memory at most; a small FLAC file can hold days of silence."""

_READ_SECONDS = 5.0
_LOUDEST_FLOAT = 16.0
_SCALE = {"int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}
_FRAME_SECONDS = 0.01
_QUIET_SECONDS = 0.2


def read_audio(
    source: AudioSource, sample_rate: float | None = None, target_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """Read audio as mono samples at one rate.

    Args:
        source: a path or the bytes of a wav, flac, ogg or mp3 file (whatever libsndfile reads), an
            open binary file, or an array ``(samples,)`` or ``(samples, channels)`` of float, int16,
            int32 or uint8; integers are scaled to full range.
        sample_rate: samples a second of an array; a file says it itself.
        target_rate: samples a second of the result.

    Returns:
        ``(samples,)`` float32 in [-1, 1]: the mean of the channels, resampled by libsoxr ("HQ"),
        anything louder clipped. At least one sample.

    Raises:
        UsageError: an array without a rate, of a wrong shape or type, or with bad samples; a rate
            out of range.
        DataError: the file is missing, unreadable, damaged, no audio, has no samples or bad ones,
            or is longer than :data:`MAX_HOURS`.
    """
    limit = int(MAX_HOURS * 3600 * _check_rate(target_rate, "target_rate"))
    parts, total = [], 0
    for block in iter_audio_blocks(source, 60.0, sample_rate, target_rate):
        parts.append(block)
        total += len(block)
        if total > limit:
            raise DataError(
                f"{_name(source)} is longer than {MAX_HOURS:g} hours; go through it with "
                "iter_audio_blocks, or cut it"
            )
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def iter_audio_blocks(
    source: AudioSource,
    seconds: float = 30.0,
    sample_rate: float | None = None,
    target_rate: int = SAMPLE_RATE,
) -> Iterator[np.ndarray]:
    """Read audio block by block, in bounded memory.

    The arguments are those of :func:`read_audio`, and the blocks put together are what it returns.

    Args:
        source: see :func:`read_audio`.
        seconds: length of a block; the last one may be shorter.
        sample_rate: see :func:`read_audio`.
        target_rate: see :func:`read_audio`.

    Returns:
        An iterator of ``(round(seconds * target_rate),)`` float32 blocks.

    Raises:
        UsageError, DataError: as :func:`read_audio`; where the file cannot be opened, at the call,
            and where it is damaged further on, when the reading gets there.
    """
    target = _check_rate(target_rate, "target_rate")
    length = round(check_number(seconds, "seconds", 0.001, 86_400.0) * target)
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise UsageError("an array of samples needs its sample_rate (samples a second)")
        rate = _check_rate(sample_rate, "sample_rate")
        blocks = _array_blocks(source, rate)
    else:
        if sample_rate is not None:
            raise UsageError("sample_rate goes with an array; an audio file says its own")
        rate, blocks = _open_file(source)
    return _exact_blocks(_resampled(blocks, rate, target), length)


def audio_seconds(source: AudioSource) -> float | None:
    """Length of an audio file by its header, which nothing relies on; ``None`` if it does not say.

    Args:
        source: a path; of anything else the length is not known.
    """
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        found = float(soundfile.info(os.fspath(user_path(source))).duration)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def to_float(samples: np.ndarray, first: int = 0) -> np.ndarray:
    """Samples of any accepted type as float32 in [-1, 1], checked.

    Args:
        samples: float, int16, int32 or uint8, ``(samples,)`` or ``(samples, channels)``.
        first: number of the first sample, for the message.

    Returns:
        float32 of the same shape. Floats beyond full scale stay as they are up to a factor of 16,
        for the resampler to see the true wave; the reader clips at the end.

    Raises:
        UsageError: the type is another, samples are NaN or infinite, or floats are so large that
            they were never scaled to [-1, 1].
    """
    _check_samples(samples, first)
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    offset = np.float32(128.0 if samples.dtype == np.uint8 else 0.0)
    scaled: np.ndarray = samples.astype(np.float32) - offset
    return scaled / np.float32(_SCALE[samples.dtype.name])


def _check_samples(samples: np.ndarray, first: int = 0) -> None:
    if samples.dtype.name in _SCALE:
        return
    if samples.dtype.kind != "f":
        raise UsageError(f"samples must be float, int16, int32 or uint8, not {samples.dtype}")
    finite = np.isfinite(samples)
    if not finite.all():
        nan, count = int(np.isnan(samples).sum()), int(finite.size - finite.sum())
        place = first + int(np.argmin(finite.reshape(len(samples), -1).all(axis=1)))
        raise UsageError(
            f"{count} samples are not finite ({nan} NaN, {count - nan} infinite), the first at "
            f"{place}; repair the recording"
        )
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > _LOUDEST_FLOAT:
        raise UsageError(
            f"float samples reach {peak:.6g}, but full scale is 1; divide them (16-bit values by "
            "32768) or pass them as integers"
        )


def pcm_to_float(data: bytes) -> np.ndarray:
    """Raw 16-bit little-endian PCM as ``(samples,)`` float32 in [-1, 1).

    Raises:
        UsageError: an odd number of bytes.
    """
    if len(data) % 2:
        raise UsageError(f"16-bit samples need an even number of bytes, not {len(data)}")
    return to_float(np.frombuffer(data, "<i2").astype(np.int16))


class PcmReader:
    """Raw 16-bit little-endian mono PCM that comes in pieces of any length, as from a pipe.

    Example:
        >>> reader = PcmReader()
        >>> while data := sys.stdin.buffer.read1(4096):
        ...     samples = reader.feed(data)
        >>> reader.finish()
    """

    def __init__(self) -> None:
        self._rest = b""
        self._bytes = 0

    def feed(self, data: bytes) -> np.ndarray:
        """The samples that are complete now, ``(samples,)`` float32; half a sample is kept."""
        self._bytes += len(data)
        data = self._rest + data
        whole = len(data) - len(data) % 2
        self._rest = data[whole:]
        return pcm_to_float(data[:whole])

    def finish(self) -> None:
        """Check that the stream did not end within a sample.

        Raises:
            DataError: one byte is left over.
        """
        if self._rest:
            raise DataError(
                f"the PCM stream ends on half a sample ({self._bytes} bytes); it must be raw "
                "16-bit little-endian mono (sox -t raw -r 16000 -b 16 -e signed -c 1 -)"
            )


@dataclass(frozen=True)
class AudioPiece:
    """A piece of a longer recording.

    Args:
        start: seconds from the beginning of the recording.
        samples: ``(samples,)`` float32.
    """

    start: float
    samples: np.ndarray = field(repr=False)


def split_at_silences(
    blocks: Iterable[np.ndarray], longest: float = 20.0, sample_rate: int = SAMPLE_RATE
) -> Iterator[AudioPiece]:
    """Cut a recording into pieces at its quietest places.

    As long as more than ``longest`` seconds are left, the cut is put into the second half of the
    next ``longest`` seconds, in the middle of the 0.2 s with the least energy (of equals, the
    last). Never more than ``longest`` seconds and one block are held in memory, and how the
    recording comes in blocks makes no difference.

    Args:
        blocks: ``(samples,)`` float32 each, as :func:`iter_audio_blocks` gives them.
        longest: seconds of a piece at most, from 1.
        sample_rate: samples a second.

    Yields:
        Pieces that put together are the recording.

    Raises:
        UsageError: an argument is out of range.
    """
    rate = _check_rate(sample_rate, "sample_rate")
    limit = round(check_number(longest, "longest", 1.0, 3600.0) * rate)
    held: list[np.ndarray] = []
    count, start = 0, 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count <= limit:
            continue
        rest = np.concatenate(held)
        while len(rest) > limit:
            cut = _quietest(rest[:limit], round(rate * _FRAME_SECONDS))
            yield AudioPiece(start / rate, rest[:cut].copy())
            rest, start = rest[cut:], start + cut
        held, count = [rest], len(rest)
    if count:
        yield AudioPiece(start / rate, np.concatenate(held))


def _quietest(samples: np.ndarray, hop: int) -> int:
    """Where to cut: the middle of the quietest stretch in the second half."""
    half = len(samples) // 2
    frames = (len(samples) - half) // hop
    tail = samples[half : half + frames * hop].astype(np.float64).reshape(frames, hop)
    width = round(_QUIET_SECONDS / _FRAME_SECONDS)
    energy = np.convolve((tail * tail).mean(axis=1), np.ones(width), mode="valid")
    # Rounding in the sums must not choose between places that are equally quiet.
    quiet = np.flatnonzero(energy <= energy.min() + 1e-12)[-1]
    return half + (int(quiet) + width // 2) * hop


def _open_file(source: Any) -> tuple[float, Iterator[np.ndarray]]:
    """The rate of a file and its mono float32 blocks; it is open and its beginning is read."""
    name = _name(source)
    with contextlib.ExitStack() as on_error:
        handle: Any = source
        try:
            if isinstance(source, (str, os.PathLike)):
                # libsndfile gets the descriptor: it reads faster so, and guesses nothing from the
                # file's name.
                file = on_error.enter_context(_open_path(user_path(source)))
                handle = file.fileno()
            elif isinstance(source, bytes):
                handle = io.BytesIO(source)
            elif not hasattr(source, "read"):
                raise UsageError(
                    f"audio is a path, bytes, an open file or a NumPy array, not {type(source)}"
                )
            elif not source.seekable():
                handle = io.BytesIO(source.read())
            opened = on_error.enter_context(soundfile.SoundFile(handle, closefd=False))
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            raise DataError(f"{name} is no audio that can be read: {_reason(error)}") from None
        if not MIN_RATE <= opened.samplerate <= MAX_RATE:
            raise DataError(
                f"{name} says it has {opened.samplerate} samples a second; {MIN_RATE} to "
                f"{MAX_RATE} can be read"
            )
        if opened.channels > MAX_CHANNELS:
            raise DataError(f"{name} has {opened.channels} channels, more than {MAX_CHANNELS}")
        blocks = _file_blocks(opened, name)
        first = next(blocks, None)
        if first is None:
            raise DataError(f"{name} holds no samples; it is empty or was cut off")
        rate = float(opened.samplerate)
        closing = on_error.pop_all()
    return rate, _closing(itertools.chain([first], blocks), closing)


def _closing(blocks: Iterator[np.ndarray], resources: contextlib.ExitStack) -> Iterator[np.ndarray]:
    with resources:
        yield from blocks


def _file_blocks(opened: soundfile.SoundFile, name: str) -> Iterator[np.ndarray]:
    # The header's number of frames is not trusted: reading goes on until nothing comes.
    size = round(opened.samplerate * _READ_SECONDS)
    read = 0
    while True:
        seconds = read / opened.samplerate
        try:
            block = opened.read(size, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise DataError(f"{name} is damaged after {seconds:.0f} s: {_reason(error)}") from None
        if not len(block):
            return
        try:
            mono = _mix(block, read)
        except UsageError as error:
            raise DataError(
                f"{name}, in the {_READ_SECONDS:g} s from {seconds:.0f} s on: {error}"
            ) from None
        yield mono
        read += len(block)


def _array_blocks(samples: np.ndarray, rate: float) -> Iterator[np.ndarray]:
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not samples.shape[1]):
        raise UsageError(
            f"samples must be (samples,) or (samples, channels), not of shape {samples.shape}"
        )
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise UsageError(
            f"an array of shape {samples.shape} has more than {MAX_CHANNELS} channels; is it "
            "(channels, samples)? Transpose it"
        )
    if not len(samples):
        raise UsageError("the array holds no samples")
    columns = samples.reshape(len(samples), -1)
    _check_samples(columns)  # names all bad samples at once
    size = round(rate * _READ_SECONDS)
    return (_mix(columns[i : i + size], i) for i in range(0, len(columns), size))


def _mix(block: np.ndarray, first: int) -> np.ndarray:
    """(samples, channels) to the mean of the channels."""
    block = to_float(block, first)
    return np.ascontiguousarray(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1))


def _resampled(blocks: Iterator[np.ndarray], rate: float, target: float) -> Iterator[np.ndarray]:
    if rate == target:
        yield from (np.clip(block, -1.0, 1.0) for block in blocks)
        return
    stream = soxr.ResampleStream(rate, target, 1, dtype="float32")
    for block in blocks:
        yield np.clip(stream.resample_chunk(block), -1.0, 1.0)
    yield np.clip(stream.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)


def _exact_blocks(blocks: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) - len(rest) % length
        yield from (rest[i : i + length].copy() for i in range(0, whole, length))
        rest = rest[whole:]
    if len(rest):
        yield rest


def _open_path(path: Path) -> BinaryIO:
    try:
        file = open(path, "rb", opener=open_without_waiting)  # noqa: SIM115
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}") from None
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return file
    file.close()
    wrong = "an empty file" if stat.S_ISREG(status.st_mode) else "not a regular file"
    raise DataError(f"{path} is {wrong}")


def _reason(error: Exception) -> str:
    # "Error opening 3: Format not recognised." without the number of the descriptor.
    text = getattr(error, "error_string", None) or str(error)
    return text.rstrip(". ") or type(error).__name__


def _name(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return str(source)
    return "the array" if isinstance(source, np.ndarray) else "the audio"


def _check_rate(rate: Any, name: str) -> float:
    return check_number(rate, name, MIN_RATE, MAX_RATE)


def check_number(value: Any, name: str, low: float, high: float) -> float:
    """Return ``value`` if it is a number from ``low`` to ``high``.

    Raises:
        UsageError: it is not.
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and type(value) is not bool
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise UsageError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)
