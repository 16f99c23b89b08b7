"""How loud a recording is: silence, very low level, clipping."""

from __future__ import annotations

import warnings

import numpy as np

from zoo.errors import ZooWarning

_LOW = 0.005  # peak, 46 dB below full scale
_FULL = 0.999
_COARSE = 0.975  # full scale of mu-law is 0.980, of A-law 0.984, of 8 bits 0.992
_RUN = 3  # samples side by side at full scale that are clipped, and not just loud
_CLIPPED = 0.001  # fraction of the samples


class LevelMeter:
    """Measures samples as they go by, and warns of what a recogniser suffers from.

    Args:
        name: of the recording, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._peak = 0.0
        self._samples = self._clipped = 0
        self._run = np.zeros(0, bool)  # whether the last samples were at full scale
        self._last = np.zeros(1, np.float32)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Take ``(samples,)`` float32 and give them back."""
        loud = np.abs(samples)
        self._peak = max(self._peak, float(loud.max(initial=0.0)))
        self._samples += len(samples)
        stays = np.diff(samples, prepend=self._last) == 0
        self._last = samples[-1:] if len(samples) else self._last
        full = np.concatenate([self._run, (loud >= _FULL) | (stays & (loud >= _COARSE))])
        if full.any() and len(full) >= _RUN:
            # A sample counts when it completes a run, so that blocks make no difference.
            runs = np.lib.stride_tricks.sliding_window_view(full, _RUN).all(axis=1)
            self._clipped += int(runs.sum())
        self._run = full[-(_RUN - 1) :]
        return samples

    def finish(self) -> None:
        """Warn of silence, of a very low level, and of clipping, where there is any."""
        if not self._samples:
            return
        decibels = 20 * np.log10(self._peak) if self._peak else 0.0
        if not self._peak:
            self._warn("is silent: all its samples are zero; is the microphone muted?")
        elif self._peak < _LOW:
            self._warn(f"is very quiet: its peak is {decibels:.0f} dB; record it louder")
        elif self._peak > 1.0 / _FULL:
            self._warn(
                f"goes beyond full scale (its peak is {self._peak:.2f}) and was clipped; scale it"
            )
        elif self._clipped > _CLIPPED * self._samples:
            share = 100 * self._clipped / self._samples
            self._warn(f"is clipped in {share:.1f} % of its samples; record it more quietly")

    def _warn(self, what: str) -> None:
        warnings.warn(f"{self._name} {what}", ZooWarning, stacklevel=3)
