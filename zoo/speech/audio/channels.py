"""Several channels to one."""

from __future__ import annotations

import warnings
from typing import Literal, TypeAlias

import numpy as np

from zoo.errors import UsageError, ZooWarning
from zoo.speech.audio.samples import MAX_CHANNELS
from zoo.values import is_whole

Channel: TypeAlias = int | Literal["mix", "auto"]

_SILENT = 1e-3  # level of a channel beside the loudest, 60 dB down
_CANCELLED = 0.1  # level of the mix beside the loudest channel, 20 dB down
_HEARD = 1e-4  # level below which a block says nothing of its channels
_TELLING = 3e-3  # level below which that they cancel may be a hum in all of them
_LOUDER = 10.0  # times the level at which one was chosen; then the choice is made anew


def check_channel(channel: Channel) -> Channel:
    """Return ``channel`` if it is one that can be asked for.

    Raises:
        UsageError: it is not.
    """
    if channel in ("mix", "auto"):
        return channel
    if is_whole(channel) and 0 <= channel < MAX_CHANNELS:
        return int(channel)
    raise UsageError(
        f'channel must be a number from 0 to {MAX_CHANNELS - 1}, "mix" or "auto", not {channel!r}'
    )


class ChannelMixer:
    """Makes one channel of the blocks of a recording.

    ``"auto"`` is the mean of the channels, without those that were silent so far. Where they cancel
    each other out, as with a microphone of inverted polarity, it is the loudest of them from there
    on, unless what follows is much louder.

    Args:
        channel: a number from 0, ``"mix"`` for the mean, or ``"auto"``.
        name: of the recording, for messages.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel, self._name = check_channel(channel), name
        self._heard = np.zeros(0, bool)
        self._only: int | None = None
        self._level = 0.0  # of the loudest channel where the choice was made

    def mix(self, block: np.ndarray) -> np.ndarray:
        """``(samples, channels)`` float32 to ``(samples,)``.

        Raises:
            UsageError: there is no such channel.
        """
        count = block.shape[1]
        if isinstance(self._channel, int):
            if self._channel >= count:
                raise UsageError(
                    f"{self._name} has {count} channel{'s' * (count > 1)}, numbered from 0; there "
                    f"is no channel {self._channel}"
                )
            return np.ascontiguousarray(block[:, self._channel])
        if count == 1:
            return np.ascontiguousarray(block[:, 0])
        if self._channel == "mix":
            return np.ascontiguousarray(block.mean(axis=1))
        return self._choose(block)

    def _choose(self, block: np.ndarray) -> np.ndarray:
        if len(self._heard) != block.shape[1]:  # another recording, joined to the first
            self._heard, self._only = np.zeros(block.shape[1], bool), None
        levels = _levels(block)
        loudest = int(levels.argmax())
        if levels[loudest] > _LOUDER * self._level:
            self._only = None
        if self._only is None:
            if levels[loudest] > _HEARD:
                self._heard |= levels > _SILENT * levels[loudest]
            used = block if self._heard.all() or not self._heard.any() else block[:, self._heard]
            mixed = np.ascontiguousarray(used.mean(axis=1))
            if levels[loudest] <= _TELLING or _levels(mixed) > _CANCELLED * levels[loudest]:
                return mixed
            self._only, self._level = loudest, float(levels[loudest])
            self._warn(f"the channels of {self._name} cancel each other out")
        return np.ascontiguousarray(block[:, self._only])

    def finish(self) -> None:
        """Say which channels were silent from the beginning to the end."""
        if self._only is None and self._heard.any() and not self._heard.all():
            silent = ", ".join(str(number) for number in np.flatnonzero(~self._heard))
            heard = ", ".join(str(number) for number in np.flatnonzero(self._heard))
            warnings.warn(
                f"channel {silent} of {self._name} is silent; using channel {heard}",
                ZooWarning,
                stacklevel=2,
            )

    def _warn(self, what: str) -> None:
        warnings.warn(
            f"{what} (is one inverted?); using channel {self._only}, the loudest; choose another "
            "by its number from 0",
            ZooWarning,
            stacklevel=2,
        )


def _levels(block: np.ndarray) -> np.ndarray:
    """Root mean square over the samples."""
    level: np.ndarray = np.sqrt(np.mean(np.square(block, dtype=np.float64), axis=0))
    return level
