"""Samples as arrays and as raw PCM, checked and scaled."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from zoo.errors import DataError, UsageError

Block: TypeAlias = tuple[float, np.ndarray]
"""A rate in samples a second, and ``(samples, channels)`` float32."""

SAMPLE_RATE = 16_000
MIN_RATE, MAX_RATE = 1_000, 768_000
MAX_CHANNELS = 64

_LOUDEST_FLOAT = 16.0
_SCALE = {"int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}


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
    check_samples(samples, first)
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    offset = np.float32(128.0 if samples.dtype == np.uint8 else 0.0)
    scaled: np.ndarray = samples.astype(np.float32) - offset
    return scaled / np.float32(_SCALE[samples.dtype.name])


def check_samples(samples: np.ndarray, first: int = 0) -> None:
    """Check the type of samples and that they are finite and scaled; as :func:`to_float`.

    Raises:
        UsageError: they are not.
    """
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


def check_shape(rate: float, channels: int, name: str) -> None:
    """Check what a file says of itself.

    Raises:
        DataError: the rate or the number of channels is out of range.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise DataError(
            f"{name} says it has {rate:.0f} samples a second; {MIN_RATE} to {MAX_RATE} can be read"
        )
    if not 0 < channels <= MAX_CHANNELS:
        raise DataError(f"{name} has {channels} channels; 1 to {MAX_CHANNELS} can be read")


def check_rate(rate: Any, name: str) -> float:
    """Return ``rate`` if it is a sample rate that can be read.

    Raises:
        UsageError: it is not.
    """
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
