"""Changes of recordings: they do what they say, by as much as they say, and repeat."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.speech.training.augmentation import AudioAugmentation, add_noise, limit_band

RATE = 16_000


def tone(frequency: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def level(samples: np.ndarray, frequency: float) -> float:
    """Amplitude of a frequency in samples."""
    spectrum = np.abs(np.fft.rfft(samples)) / len(samples) * 2
    return float(spectrum[round(frequency * len(samples) / RATE)])


@pytest.mark.parametrize("snr", [0.0, 10.0, 25.0])
def test_noise_has_the_ratio_that_was_asked_for(snr: float) -> None:
    clean = tone(440)
    noise = add_noise(clean, snr, np.random.default_rng(0)) - clean
    found = 10 * np.log10(np.mean(clean**2) / np.mean(noise**2))
    assert found == pytest.approx(snr, abs=0.1)


def test_silence_stays_silence_under_noise() -> None:
    assert not add_noise(np.zeros(1000, np.float32), 10.0, np.random.default_rng(0)).any()


def test_the_band_keeps_its_middle_and_loses_its_sides() -> None:
    changed = limit_band(tone(100) + tone(1000) + tone(6000), RATE, 300, 3400)
    assert level(changed, 1000) == pytest.approx(0.2, rel=0.01)
    assert level(changed, 100) < 0.002
    assert level(changed, 6000) < 0.002


def test_speed_changes_length_and_pitch_together() -> None:
    only_speed = AudioAugmentation(speed=0.2, gain_db=0.0, noise_share=0.0, band_share=0.0)
    clean = tone(1000, 2.0)
    lengths = []
    for seed in range(20):
        changed = only_speed.waveform(clean, RATE, np.random.default_rng(seed))
        lengths.append(len(clean) / len(changed))
        assert level(changed, 1000 * lengths[-1]) > 0.1
    assert 0.8 <= min(lengths) < 0.9
    assert 1.1 < max(lengths) <= 1.2


def test_the_same_generator_gives_the_same_recording() -> None:
    augmentation, clean = AudioAugmentation(), tone(500)
    first, again = (augmentation.waveform(clean, RATE, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = augmentation.waveform(clean, RATE, np.random.default_rng(6))
    assert first.shape != other.shape or np.abs(first - other).max() > 0.01
    assert np.abs(first).max() <= 1.0


def test_masks_hide_bands_and_stretches_and_leave_the_rest() -> None:
    frames = np.ones((300, 80), np.float32)
    augmentation = AudioAugmentation(frequency_masks=1, time_masks=1.0)
    hidden = []
    for seed in range(50):
        masked = augmentation.features(frames, np.random.default_rng(seed))
        bins, stretches = (masked == 0).all(axis=0), (masked == 0).all(axis=1)
        np.testing.assert_array_equal(masked == 0, bins[None] | stretches[:, None])
        assert bins.sum() <= 12
        hidden.append(1 - masked.mean())
    assert 0.05 < np.mean(hidden) < 0.3
    assert frames.all()
