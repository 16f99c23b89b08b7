"""Long recordings cut into pieces at their quietest places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from zoo.speech.audio.samples import SAMPLE_RATE, check_number, check_rate

_FRAME_SECONDS = 0.01
_QUIET_SECONDS = 0.2


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
    rate = check_rate(sample_rate, "sample_rate")
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
