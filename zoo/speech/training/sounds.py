"""Sounds that are not speech: made noises for training, and for testing what a recogniser ignores.

Each function takes a NumPy random generator, so that a sound can be made again exactly, and gives
``(samples,)`` float32 of no particular level.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def coloured_noise(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Hiss or rumble: noise whose spectrum falls by 0 to 9 dB an octave."""
    slope = rng.uniform(0.0, 1.5)
    return _shaped(count, sample_rate, rng, lambda f: np.maximum(f, 30.0) ** -slope)


def room_noise(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A room or a street: a random smooth spectrum whose level drifts over seconds."""
    knots = np.linspace(0.0, np.log2(sample_rate / 2), 8)
    level = rng.normal(0.0, 1.0, len(knots)) - 0.25 * knots
    noise = _shaped(
        count, sample_rate, rng, lambda f: np.exp(np.interp(np.log2(f + 1.0), knots, level))
    )
    return noise * _drift(count, sample_rate, rng, per_second=0.7, depth=0.8)


def hum(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum at about 50 or 60 Hz with its harmonics, and a little hiss."""
    base = float(rng.choice([50.0, 60.0])) * rng.uniform(0.995, 1.005)
    time = np.arange(count) / sample_rate
    harmonics = range(1, int(rng.integers(4, 40)))
    fall = rng.uniform(0.3, 1.5)
    total = np.zeros(count)
    for number in harmonics:
        level = number**-fall * rng.uniform(0.2, 1.0)
        total += level * np.sin(2 * np.pi * (base * number * time + rng.random()))
    return (total + 0.02 * rng.standard_normal(count)).astype(np.float32)


def machine(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A fan or an engine: noise that swells at a steady rate over a tone."""
    noise = room_noise(count, sample_rate, rng)
    time = np.arange(count) / sample_rate
    swell = 1 + rng.uniform(0.1, 0.9) * np.sin(2 * np.pi * rng.uniform(2.0, 30.0) * time)
    pitch = rng.uniform(60.0, 800.0)
    tone = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 6))
    return (noise / level(noise) * swell + rng.uniform(0.05, 0.8) * tone).astype(np.float32)


def clicks(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Clicks, taps and knocks at random moments, each a short decaying burst."""
    total = 1e-4 * rng.standard_normal(count)
    for _ in range(1 + rng.poisson(rng.uniform(0.3, 6.0) * count / sample_rate)):
        length = round(rng.uniform(0.001, 0.08) * sample_rate)
        start = int(rng.integers(count))
        length = min(length, count - start)
        decay = np.exp(-np.arange(length) / (0.2 * length + 1))
        burst = rng.standard_normal(length) * decay
        if rng.random() < 0.5:
            pitch = rng.uniform(100.0, 3000.0)
            burst = decay * np.sin(2 * np.pi * pitch * np.arange(length) / sample_rate)
        total[start : start + length] += burst * rng.uniform(0.1, 1.0)
    return total.astype(np.float32)


def beeps(count: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Beeps, dial tones and simple tunes: tones of one to three partials, with pauses."""
    total = np.zeros(count)
    position = 0
    while position < count:
        length = min(count - position, round(rng.uniform(0.05, 0.8) * sample_rate))
        if rng.random() < 0.7:
            time = np.arange(length) / sample_rate
            ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.01)
            for _ in range(int(rng.integers(1, 4))):
                total[position : position + length] += ramp * np.sin(
                    2 * np.pi * np.exp(rng.uniform(np.log(150), np.log(4000))) * time
                )
        position += length
    return (total + 1e-3 * rng.standard_normal(count)).astype(np.float32)


SOUNDS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "coloured noise": coloured_noise,
    "room noise": room_noise,
    "hum": hum,
    "machine": machine,
    "clicks": clicks,
    "beeps": beeps,
}
"""Every kind by its name."""


def _shaped(
    count: int,
    sample_rate: int,
    rng: np.random.Generator,
    amplitude: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= amplitude(np.fft.rfftfreq(count, 1 / sample_rate))
    noise: np.ndarray = np.fft.irfft(spectrum, count).astype(np.float32)
    return noise / level(noise)


def _drift(
    count: int, sample_rate: int, rng: np.random.Generator, per_second: float, depth: float
) -> np.ndarray:
    knots = max(2, round(count / sample_rate * per_second) + 1)
    level = rng.normal(0.0, depth, knots)
    curve = np.interp(np.linspace(0, knots - 1, count), np.arange(knots), level)
    drift: np.ndarray = np.exp(curve).astype(np.float32)
    return drift


def level(samples: np.ndarray) -> float:
    """The root mean square of samples; 1 where all are 0, so that one can divide by it."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
