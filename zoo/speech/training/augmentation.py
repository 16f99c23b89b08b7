"""Changes of recordings that a recogniser should not mind: speed, gain, noise, bands, masks.

All are functions of a NumPy random generator, so that an epoch can be made again exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr


@dataclass(frozen=True)
class AudioAugmentation:
    """How much recordings are changed in training.

    Args:
        speed: largest change of speed, pitch included, as a fraction (Ko et al. 2015).
        gain_db: largest change of loudness in decibels, up or down.
        noise_share: fraction of recordings that get noise.
        noise_snr_db: lowest and highest ratio of speech to noise in decibels.
        band_share: fraction of recordings that lose the outer parts of their band.
        frequency_masks: masks over mel bins (SpecAugment, Park et al. 2019, arXiv:1904.08779).
        frequency_width: most bins that one of them hides.
        time_masks: masks over frames for each second.
        time_width: most frames that one of them hides.
    """

    speed: float = 0.15
    gain_db: float = 12.0
    noise_share: float = 0.4
    noise_snr_db: tuple[float, float] = (5.0, 30.0)
    band_share: float = 0.3
    frequency_masks: int = 2
    frequency_width: int = 12
    time_masks: float = 0.7
    time_width: int = 12

    def waveform(
        self, samples: np.ndarray, sample_rate: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Change speed, loudness, noise and band of ``(samples,)`` float32; clipped to [-1, 1]."""
        factor = 1.0 + rng.uniform(-self.speed, self.speed)
        changed = soxr.resample(samples, sample_rate * factor, sample_rate).astype(np.float32)
        if rng.random() < self.noise_share:
            changed = add_noise(changed, rng.uniform(*self.noise_snr_db), rng)
        if rng.random() < self.band_share:
            low, high = rng.uniform(20, 350), rng.uniform(0.38, 1.0) * sample_rate / 2
            changed = limit_band(changed, sample_rate, low, high)
        gain = 10 ** (rng.uniform(-self.gain_db, self.gain_db) / 20)
        return np.clip(changed * np.float32(gain), -1.0, 1.0)

    def features(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Normalised ``(frames, bins)`` with masks, see :func:`spec_augment`."""
        return spec_augment(self, frames, rng)


class Masks(Protocol):
    """How much :func:`spec_augment` hides."""

    @property
    def frequency_masks(self) -> int: ...
    @property
    def frequency_width(self) -> int: ...
    @property
    def time_masks(self) -> float: ...
    @property
    def time_width(self) -> int: ...


def spec_augment(masks: Masks, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hide bands and stretches of normalised ``(frames, bins)`` by zero, their mean.

    Args:
        masks: their numbers and widths (SpecAugment, Park et al. 2019, arXiv:1904.08779).
        frames: ``(frames, bins)``; not changed.
        rng: of the places.
    """
    frames = frames.copy()
    for _ in range(masks.frequency_masks):
        width = int(rng.integers(0, masks.frequency_width + 1))
        start = int(rng.integers(0, max(1, frames.shape[1] - width)))
        frames[:, start : start + width] = 0.0
    for _ in range(rng.poisson(masks.time_masks * len(frames) / 100)):
        width = int(rng.integers(0, masks.time_width + 1))
        start = int(rng.integers(0, max(1, len(frames) - width)))
        frames[start : start + width] = 0.0
    return frames


def add_noise(samples: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise whose spectrum falls by 0 to 6 dB an octave, at a ratio of speech to noise.

    Args:
        samples: ``(samples,)`` float32.
        snr_db: power of the samples over that of the noise, in decibels.
        rng: of the noise.
    """
    white = np.fft.rfft(rng.standard_normal(len(samples)))
    slope = np.arange(1, len(white) + 1) ** -rng.uniform(0.0, 1.0)
    noise = np.fft.irfft(white * slope, len(samples))
    power = float(np.mean(samples.astype(np.float64) ** 2))
    scale = np.sqrt(power / (float(np.mean(noise**2)) or 1.0) / 10 ** (snr_db / 10))
    return (samples + scale * noise).astype(np.float32)


def limit_band(samples: np.ndarray, sample_rate: int, low: float, high: float) -> np.ndarray:
    """Take out what lies below ``low`` and above ``high`` Hz, with edges an eighth octave wide."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    octaves = np.log2(np.maximum(frequency, 1e-3))
    rise = np.clip((octaves - np.log2(low)) * 8, 0.0, 1.0)
    fall = np.clip((np.log2(high) - octaves) * 8, 0.0, 1.0)
    return np.fft.irfft(spectrum * rise * fall, len(samples)).astype(np.float32)
