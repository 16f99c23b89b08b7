"""Leaves long silences out of what a recogniser hears, frame by frame.

Features that are normalised by what else is in a recording (:mod:`zoo.speech.features`) are spoilt
by long silences: a network trained on single utterances makes letters of them, and misreads what
comes after. So frames pass a gate. It opens at the first sound that stands out of the background
and closes when nothing has done so for :data:`HELD` frames; as many frames from before the sound
are given with it, or :data:`ROOM` where there was more silence than that. Digital silence, all
zeros, is left out after :data:`ZEROS` frames. Utterances with shorter pauses pass as they are.

The background is the lowest level of the last five seconds or so ("minimum statistics", Martin
2001, IEEE Transactions on Speech and Audio Processing 9(5)), each level the mean of the log-mel
energies over :data:`SMOOTHED` frames. So a steady sound, however loud, soon is the background.
"""

from __future__ import annotations

import bisect
import copy
from collections import deque
from dataclasses import dataclass, field

import numpy as np

HELD = 80
"""Frames of silence that pass before a sound and after it; AN4's pauses are shorter."""
ROOM = 15
"""Frames that pass before a sound after a longer silence."""
ZEROS = 40
"""Frames of digital silence that pass."""
MARGIN = 0.65
"""Nats above the background from which a sound is none of it. White, pink and brown noise stay
within 0.51."""
SMOOTHED = 5
"""Frames."""

_DIGITAL = -15.5  # nats; the features' floor is at -15.94
_BLOCK, _BLOCKS = 50, 10  # frames of a block, and blocks in which the lowest level is sought


class Gaps:
    """Where frames were left out.

    Attributes:
        places: how many frames had passed when some were left out, ascending.
        totals: how many were left out until then.
    """

    def __init__(self) -> None:
        self.places: list[int] = []
        self.totals: list[int] = []

    @property
    def total(self) -> int:
        """Frames that were left out."""
        return self.totals[-1] if self.totals else 0

    def add(self, place: int) -> None:
        """Leave out a frame after so many have passed."""
        total = self.total + 1
        if self.places and self.places[-1] == place:
            self.totals[-1] = total
        else:
            self.places.append(place)
            self.totals.append(total)

    def before(self, frame: float) -> int:
        """Frames that were left out before a place among those that passed."""
        found = bisect.bisect_right(self.places, frame)
        return self.totals[found - 1] if found else 0

    def copy(self) -> Gaps:
        """The same, to go its own way."""
        twin = Gaps()
        twin.places, twin.totals = list(self.places), list(self.totals)
        return twin


@dataclass(frozen=True)
class Clock:
    """Times in a recording of what was found in the frames that passed.

    Args:
        start: seconds of the first frame.
        frame_seconds: seconds from one frame to the next.
        gaps: where frames were left out.
    """

    start: float = 0.0
    frame_seconds: float = 0.01
    gaps: Gaps = field(default_factory=Gaps)

    def time(self, seconds: float, end: bool = False) -> float:
        """Seconds in the recording.

        Args:
            seconds: of what passed, without the gaps.
            end: whether something ends there.
        """
        # Half a frame of tolerance, since times are multiples of frames with rounding errors.
        frame = seconds / self.frame_seconds + (-0.5 if end else 0.5)
        return self.start + seconds + self.gaps.before(frame) * self.frame_seconds


class SilenceGate:
    """A gate for the frames of one recording or stream.

    Attributes:
        gaps: where frames were left out since :meth:`begin`.
        waiting: silent frames that will pass if a sound follows soon.
        held_back: frames since the last sound that did not pass.
    """

    def __init__(self) -> None:
        self.gaps = Gaps()
        self.waiting: deque[np.ndarray] = deque()
        self._passed = 0
        self._open = self._left_out = False  # whether frames were left out since it closed
        self.held_back = 0
        self._silent = self._zeros = 0
        self._levels: deque[float] = deque(maxlen=SMOOTHED)
        self._lowest: deque[float] = deque([np.inf], maxlen=_BLOCKS)
        self._background = np.inf  # the least of the lowest levels
        self._in_block = 0

    def begin(self) -> None:
        """Count what passes and what is left out anew; the background stays known."""
        self.gaps = Gaps()
        self._passed = 0

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Take the next frames and give those that pass now.

        Args:
            frames: ``(frames, mel_bins)`` log-mel energies.

        Returns:
            ``(passed, mel_bins)``, in order.
        """
        passed: list[np.ndarray] = []
        for frame, level in zip(
            frames, frames.mean(axis=1, dtype=np.float64).tolist(), strict=True
        ):
            self._take(frame, level, passed)
        return np.stack(passed) if passed else frames[:0]

    def _take(self, frame: np.ndarray, level: float, passed: list[np.ndarray]) -> None:
        if level < _DIGITAL:
            self._silent += 1
            self._zeros += 1
            self._levels.clear()
            if self._zeros > ZEROS:
                self._open = self._open and self._silent <= HELD
                self.held_back += 1
                self._left_out = True
                self.gaps.add(self._passed)
                return
        else:
            self._zeros = 0
            if self._stands_out(level):
                if self._left_out:
                    while len(self.waiting) > ROOM:
                        self._leave_out()
                self._open, self._silent, self.held_back = True, 0, 0
                self._left_out = False
                for earlier in self.waiting:
                    self._pass(earlier, passed)
                self.waiting.clear()
            else:
                self._silent += 1
        if self._silent > HELD:
            self._open = False
        if self._open:
            self._pass(frame, passed)
            return
        self.held_back += 1
        self.waiting.append(frame)
        if len(self.waiting) > HELD:
            self._leave_out()
            self._left_out = True

    def _leave_out(self) -> None:
        self.waiting.popleft()
        self.gaps.add(self._passed)

    def _pass(self, frame: np.ndarray, passed: list[np.ndarray]) -> None:
        passed.append(frame)
        self._passed += 1

    def _stands_out(self, level: float) -> bool:
        self._levels.append(level)
        smooth = sum(self._levels) / len(self._levels)
        if len(self._levels) == SMOOTHED:
            if smooth < self._lowest[-1]:
                self._lowest[-1] = smooth
                self._background = min(self._background, smooth)
            self._in_block += 1
            if self._in_block == _BLOCK:
                self._lowest.append(np.inf)
                self._background = min(self._lowest)
                self._in_block = 0
        return smooth > self._background + MARGIN

    def copy(self) -> SilenceGate:
        """A gate in the same state."""
        twin = copy.copy(self)
        twin.gaps, twin.waiting = self.gaps.copy(), self.waiting.copy()
        twin._levels, twin._lowest = self._levels.copy(), self._lowest.copy()
        return twin


def without_silence(frames: np.ndarray) -> tuple[np.ndarray, Gaps]:
    """The frames of a whole recording without its long silences.

    Seen from its end, a noise after the last sound is the background from the first frame on.

    Args:
        frames: ``(frames, mel_bins)`` log-mel energies.

    Returns:
        ``(passed, mel_bins)``, and where frames were left out.
    """
    backwards, forwards = SilenceGate(), SilenceGate()
    for end in range(len(frames), 0, -ROOM):
        if len(backwards.feed(frames[max(0, end - ROOM) : end][::-1])):
            break  # what comes before the last sound does not count
    after = backwards.gaps.before(0)
    passed = forwards.feed(frames[: len(frames) - after])
    return passed, forwards.gaps
