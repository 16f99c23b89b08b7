"""What rooms, telephones and recorders do to a voice: changes of the waveform for training.

All are functions of a NumPy random generator and give ``(samples,)`` float32.
"""

from __future__ import annotations

import numpy as np
import soxr

_LOWEST_RATE = 7_500


def reverberate(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Put the voice into a made room: exponentially decaying noise after a direct sound.

    Reverberation times are from 0.15 to 0.9 s. The result is as long and as loud as the input.

    Args:
        samples: ``(samples,)`` float32.
        sample_rate: samples a second.
        rng: of the room.
    """
    seconds = rng.uniform(0.15, 0.9)
    length = round(seconds * sample_rate)
    time = np.arange(length) / sample_rate
    # An energy decay of 60 dB after the reverberation time is a factor of e^-6.91 in amplitude.
    response = rng.standard_normal(length) * np.exp(-6.91 * time / seconds)
    delay = round(rng.uniform(0.001, 0.02) * sample_rate)
    response[:delay] = 0.0
    ratio = 10 ** (rng.uniform(-2.0, 14.0) / 20)  # direct over reverberant sound, -2 to 14 dB
    response /= ratio * np.sqrt(np.sum(response**2)) or 1.0
    response[0] = 1.0
    size = 1 << (len(samples) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return _as_loud(wet[: len(samples)], samples)


def lower_band(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Take the voice through a recorder of a lower sample rate, from 7.5 kHz."""
    rate = rng.uniform(_LOWEST_RATE, sample_rate)
    narrow = soxr.resample(samples, sample_rate, rate)
    wide = soxr.resample(narrow, rate, sample_rate).astype(np.float32)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def telephone(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A telephone line: 8 kHz, 300 to 3,400 Hz, eight bits by the mu-law (ITU-T G.711)."""
    narrow = soxr.resample(samples, sample_rate, 8_000)
    spectrum = np.fft.rfft(narrow)
    frequency = np.fft.rfftfreq(len(narrow), 1 / 8_000)
    low, high = rng.uniform(80.0, 350.0), rng.uniform(3_200.0, 3_900.0)
    spectrum *= np.clip((frequency - 0.7 * low) / (0.3 * low), 0, 1)
    spectrum *= np.clip((1.05 * high - frequency) / (0.05 * high), 0, 1)
    narrow = mu_law(np.fft.irfft(spectrum, len(narrow)))
    wide = soxr.resample(narrow, 8_000, sample_rate).astype(np.float32)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def mu_law(samples: np.ndarray) -> np.ndarray:
    """Eight bits a sample by the continuous mu-law with mu = 255, and back."""
    size = np.log1p(255 * np.minimum(np.abs(samples), 1.0)) / np.log(256)
    coded = np.round(np.sign(samples) * size * 127) / 127
    return np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255


def overdrive(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clip the loudest 0.1 to 5 % of the samples, as a microphone does that is set too high."""
    limit = float(np.quantile(np.abs(samples), 1 - rng.uniform(0.001, 0.05)))
    return np.clip(samples, -limit, limit).astype(np.float32) if limit > 0 else samples


def _as_loud(changed: np.ndarray, samples: np.ndarray) -> np.ndarray:
    before = float(np.mean(np.square(samples, dtype=np.float64)))
    after = float(np.mean(np.square(changed, dtype=np.float64)))
    scaled: np.ndarray = changed * (np.sqrt(before / after) if after > 0 else 1.0)
    return scaled.astype(np.float32)
