"""Audio to mono samples at one rate: files, pipes and arrays, whole or in blocks.

Everything is a stream of blocks underneath, so that an hour takes no more memory than a sentence
where the caller goes block by block, and reading whole or in blocks gives the same samples to the
bit. Files are decoded by libsndfile (through soundfile), some by FFmpeg (through PyAV), WAV files
with plain samples here; libsoxr (through soxr) resamples.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import stat
from collections.abc import Iterator
from typing import Any

import numpy as np
import soundfile
import soxr

from zoo.errors import DataError, UsageError
from zoo.files import user_path
from zoo.speech.audio.channels import Channel, ChannelMixer, check_channel
from zoo.speech.audio.containers import container_blocks
from zoo.speech.audio.kinds import CONTAINERS, UNREAD, advice, kind_of, read_head
from zoo.speech.audio.levels import LevelMeter
from zoo.speech.audio.mpeg import frames_within
from zoo.speech.audio.opening import AudioSource, Peeked, name_of, opened_file
from zoo.speech.audio.samples import (
    MAX_CHANNELS,
    SAMPLE_RATE,
    Block,
    PcmReader,
    check_number,
    check_rate,
    check_samples,
    check_shape,
    to_float,
)
from zoo.speech.audio.soundfiles import soundfile_blocks
from zoo.speech.audio.wav import NotPlainError, wav_blocks

MAX_HOURS = 6.0
"""What :func:`read_audio` takes into memory at most; a small FLAC file can hold days of silence."""

_READ_SECONDS = 5.0
_LIVE_SECONDS = 0.1
_LOOKED_AT = 1 << 14  # bytes of raw PCM among which there should be no frames of MP3


def read_audio(
    source: AudioSource,
    sample_rate: float | None = None,
    target_rate: int = SAMPLE_RATE,
    channel: Channel = "auto",
) -> np.ndarray:
    """Read audio as mono samples at one rate.

    Args:
        source: a path, a named pipe, the bytes of a file or an open binary file: wav, flac, ogg,
            mp3, whatever else libsndfile reads, and with PyAV installed m4a, mp4, webm, wma, amr
            and aac; or an array ``(samples,)`` or ``(samples, channels)`` of float, int16, int32 or
            uint8, whose integers are scaled to full range. Bytes and open files that begin as none
            of these are raw 16-bit little-endian mono PCM, where ``sample_rate`` is given.
        sample_rate: samples a second of an array or of raw PCM; a file says it itself.
        target_rate: samples a second of the result.
        channel: a channel's number from 0, ``"mix"`` for their mean, or ``"auto"``: the mean,
            without channels that are silent, or the loudest one where they cancel each other out.

    Returns:
        ``(samples,)`` float32 in [-1, 1], resampled by libsoxr ("HQ"), anything louder clipped. At
        least one sample.

    Warns:
        ZooWarning: the file is damaged, unfinished or goes on where it was not read; channels are
            silent or cancel each other out; the recording is silent, very quiet or clipped.

    Raises:
        UsageError: an array without a rate, of a wrong shape or type, or with bad samples; a rate
            out of range; there is no such channel.
        DataError: the file is missing, unreadable, damaged, no audio, has no samples or bad ones,
            or is longer than ``MAX_HOURS``.
    """
    rate = check_rate(target_rate, "target_rate")
    # At higher rates than usual fewer hours, so that it takes the same memory.
    limit = int(MAX_HOURS * 3600 * min(rate, SAMPLE_RATE))
    parts, total = [], 0
    for block in iter_audio_blocks(source, 60.0, sample_rate, target_rate, channel):
        parts.append(block)
        total += len(block)
        if total > limit:
            raise DataError(
                f"{name_of(source)} is longer than {limit / rate / 3600:.2g} hours; go through it "
                "with iter_audio_blocks, or cut it"
            )
    # Part by part, so that it is not in memory twice.
    samples = np.empty(total, np.float32)
    parts.reverse()
    place = 0
    while parts:
        part = parts.pop()
        samples[place : place + len(part)] = part
        place += len(part)
    return samples


def iter_audio_blocks(
    source: AudioSource,
    seconds: float = 30.0,
    sample_rate: float | None = None,
    target_rate: int = SAMPLE_RATE,
    channel: Channel = "auto",
) -> Iterator[np.ndarray]:
    """Read audio block by block, in bounded memory.

    The arguments are those of :func:`read_audio`, and the blocks put together are what it returns.

    Args:
        source: see :func:`read_audio`.
        seconds: length of a block; the last one may be shorter.
        sample_rate: see :func:`read_audio`.
        target_rate: see :func:`read_audio`.
        channel: see :func:`read_audio`.

    Returns:
        An iterator of ``(round(seconds * target_rate),)`` float32 blocks.

    Raises:
        UsageError, DataError: as :func:`read_audio`; where the file cannot be opened, at the call,
            and where it is damaged further on, when the reading gets there.
    """
    target = check_rate(target_rate, "target_rate")
    length = round(check_number(seconds, "seconds", 0.001, 86_400.0) * target)
    check_channel(channel)
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise UsageError("an array of samples needs its sample_rate (samples a second)")
        blocks = _array_blocks(source, check_rate(sample_rate, "sample_rate"))
    elif sample_rate is None:
        blocks = _file_blocks(source)
    else:
        blocks = _raw_blocks(source, check_rate(sample_rate, "sample_rate"))
    first = next(blocks, None)  # so that what cannot be opened is an error at the call
    if first is None:
        raise DataError(f"{name_of(source)} holds no samples; it is empty or was cut off")
    mono = _mono(itertools.chain([first], blocks), name_of(source), channel)
    return _exact_blocks(_resampled(mono, target), length)


def live_blocks(
    stream: Peeked, sample_rate: float, channel: Channel = "auto", name: str = "the audio"
) -> tuple[float, Iterator[np.ndarray]]:
    """The samples of a stream as they come, a tenth of a second or less at a time.

    Raw PCM and WAV are read while they are written. Anything else, such as MP3, is read to its end
    first.

    Args:
        stream: raw 16-bit little-endian mono PCM, or a file as :func:`read_audio` takes it.
        sample_rate: samples a second of raw PCM.
        channel: see :func:`read_audio`.
        name: of the stream, for messages.

    Returns:
        The rate, and an iterator of mono ``(samples,)`` float32 in [-1, 1].

    Raises:
        UsageError, DataError: as :func:`read_audio`, when the reading gets there.
    """
    check_channel(channel)
    if stream.kind is None:
        return sample_rate, _raw_mono(_pcm_blocks(stream, sample_rate), name, channel)
    if stream.kind != "wav":
        return SAMPLE_RATE, iter_audio_blocks(stream, _LIVE_SECONDS, channel=channel)  # type: ignore[arg-type]
    try:
        blocks = wav_blocks(stream, name, None, _LIVE_SECONDS)
        rate, first = next(blocks)
    except NotPlainError:
        raise DataError(
            f"{name} is a WAV with compressed samples, which cannot be read from a pipe as it "
            "comes; put it into a file"
        ) from None
    except StopIteration:
        raise DataError(f"{name} holds no samples") from None
    chained = itertools.chain([(rate, first)], blocks)
    return rate, _resampled(_mono(chained, name, channel, _LIVE_SECONDS), rate)


def audio_seconds(source: AudioSource) -> float | None:
    """Length of an audio file by its header, which nothing relies on; ``None`` if it does not say.

    Args:
        source: a path; of anything else the length is not known.
    """
    if not isinstance(source, (str, os.PathLike)):
        return None
    path = user_path(source)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None  # asking a pipe would take the sound out of it
        with open(path, "rb") as file:
            if kind_of(read_head(file)) in UNREAD:
                return None
        seconds = float(soundfile.info(os.fspath(path)).duration)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) else None


def _file_blocks(source: Any) -> Iterator[Block]:
    """The blocks of whatever file ``source`` is or holds."""
    name = name_of(source)
    with opened_file(source) as (file, kind):
        if kind in CONTAINERS:
            yield from container_blocks(file, kind, name)
            return
        if kind in UNREAD:
            raise DataError(f"{name} is {UNREAD[kind]}, which is not read. {advice(kind, name)}")
        if kind == "wav":
            try:
                yield from wav_blocks(file, name, os.fstat(file.fileno()).st_size)
                return
            except NotPlainError:
                pass
        try:
            yield from soundfile_blocks(file, kind, name)
        except DataError as error:
            raise DataError(f"{error}. {advice(kind, name)}") from None


def _raw_blocks(source: Any, rate: float) -> Iterator[Block]:
    """The blocks of raw PCM in bytes or an open file."""
    stream: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    peeked = Peeked(stream) if hasattr(stream, "read") else None
    if peeked is None or peeked.kind is not None:
        raise UsageError("sample_rate goes with an array or raw PCM; an audio file says its own")
    yield from _pcm_blocks(peeked, rate)


def _pcm_blocks(stream: Peeked, rate: float) -> Iterator[Block]:
    reader, head = PcmReader(), b""
    size = 2 * max(1, round(rate * _LIVE_SECONDS))
    while data := stream.read(size):
        if len(head) < _LOOKED_AT:
            head += data
            if len(head) >= _LOOKED_AT:
                _check_raw(head)
        if len(samples := reader.feed(data)):
            yield rate, samples[:, None]
    if len(head) < _LOOKED_AT:
        _check_raw(head)
    reader.finish()


def _check_raw(head: bytes) -> None:
    if frames_within(head):
        raise DataError(
            "this is no raw PCM but MP3 or AAC, taken up in the middle of a frame; begin at its "
            "beginning, or convert it: ffmpeg -i - -f s16le -ac 1 -ar 16000 -"
        )


def _array_blocks(samples: np.ndarray, rate: float) -> Iterator[Block]:
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
    check_samples(columns)  # names all bad samples at once
    size = round(rate * _READ_SECONDS)
    return ((rate, columns[i : i + size]) for i in range(0, len(columns), size))


def _raw_mono(blocks: Iterator[Block], name: str, channel: Channel) -> Iterator[np.ndarray]:
    """Blocks as they come, whatever their length."""
    mixer, meter = ChannelMixer(channel, name), LevelMeter(name)
    heard = False
    for _, block in blocks:
        heard = True
        yield meter.feed(mixer.mix(block))
    if not heard:
        raise DataError(f"{name} holds no samples")
    meter.finish()


def _mono(
    blocks: Iterator[Block], name: str, channel: Channel, seconds: float = _READ_SECONDS
) -> Iterator[tuple[float, np.ndarray]]:
    """Blocks of a fixed length, so that what is read at a time makes no difference, as mono."""
    mixer, meter, read = ChannelMixer(channel, name), LevelMeter(name), 0
    for rate, block in _gathered(blocks, seconds):
        check_shape(rate, block.shape[1], name)
        try:
            mono = mixer.mix(to_float(block, read))
        except UsageError as error:
            if channel == "auto" or channel == "mix":
                raise DataError(
                    f"{name}, in the {seconds:g} s from {read / rate:.0f} s on: {error}"
                ) from None
            raise
        read += len(block)
        yield rate, meter.feed(mono)
    mixer.finish()
    meter.finish()


def _gathered(blocks: Iterator[Block], seconds: float) -> Iterator[Block]:
    """The same samples in blocks of ``seconds``, where the rate and the channels go on."""
    held: list[np.ndarray] = []
    count, key = 0, (0.0, 0)
    for rate, block in blocks:
        if held and key != (rate, block.shape[1]):
            yield key[0], np.concatenate(held)
            held, count = [], 0
        key = rate, block.shape[1]
        size = max(1, round(rate * seconds))
        while len(block):
            part, block = block[: size - count], block[size - count :]
            held.append(part)
            count += len(part)
            if count == size:
                yield rate, held[0] if len(held) == 1 else np.concatenate(held)
                held, count = [], 0
    if held:
        yield key[0], np.concatenate(held)


def _resampled(blocks: Iterator[tuple[float, np.ndarray]], target: float) -> Iterator[np.ndarray]:
    nothing = np.zeros(0, np.float32)
    for rate, group in itertools.groupby(blocks, key=lambda item: item[0]):
        if rate == target:
            yield from (np.clip(block, -1.0, 1.0) for _, block in group)
            continue
        stream = soxr.ResampleStream(rate, target, 1, dtype="float32")
        for _, block in group:
            yield np.clip(stream.resample_chunk(block), -1.0, 1.0)
        yield np.clip(stream.resample_chunk(nothing, last=True), -1.0, 1.0)


def _exact_blocks(blocks: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) - len(rest) % length
        yield from (rest[i : i + length].copy() for i in range(0, whole, length))
        rest = rest[whole:]
    if len(rest):
        yield rest
