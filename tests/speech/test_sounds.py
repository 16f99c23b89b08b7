"""Made sounds: they repeat, are as long as asked for, and are what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.speech.features import LogMel
from zoo.speech.training.sounds import (
    SOUNDS,
    beeps,
    clicks,
    coloured_noise,
    hum,
    machine,
    room_noise,
)

RATE = 16_000


def power(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and the power of each."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    return np.fft.rfftfreq(len(samples), 1 / RATE), spectrum


def test_every_kind_has_its_name() -> None:
    kinds = (coloured_noise, room_noise, hum, machine, clicks, beeps)
    assert list(SOUNDS.values()) == list(kinds)
    assert list(SOUNDS) == [kind.__name__.replace("_", " ") for kind in kinds]


@pytest.mark.parametrize("kind", SOUNDS)
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_a_sound_is_finite_and_as_long_as_asked_for(kind: str, rate: int) -> None:
    for count in (400, 401, 3 * rate):
        for seed in range(5):
            samples = SOUNDS[kind](count, rate, np.random.default_rng(seed))
            assert samples.shape == (count,)
            assert samples.dtype == np.float32
            assert np.isfinite(samples).all()
            assert samples.any()


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_generator_gives_one_sound_and_others_give_others(kind: str) -> None:
    first, again, other = (SOUNDS[kind](RATE, RATE, np.random.default_rng(n)) for n in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1 * np.abs(first).max()


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_can_be_scaled_and_heard(kind: str) -> None:
    log_mel = LogMel(mel_bins=40)
    for seed in range(5):
        samples = SOUNDS[kind](2 * RATE, RATE, np.random.default_rng(seed))
        frames = log_mel.log_mel(samples / (4 * np.abs(samples).max()))
        assert np.isfinite(frames).all()
        assert frames.max() > -5.0


def test_coloured_noise_falls_by_at_most_nine_decibels_an_octave() -> None:
    slopes = []
    for seed in range(20):
        frequency, spectrum = power(coloured_noise(8 * RATE, RATE, np.random.default_rng(seed)))

        def band(low: float, f: np.ndarray = frequency, s: np.ndarray = spectrum) -> float:
            return 10 * float(np.log10(s[(f >= low) & (f < 1.1 * low)].mean()))

        slopes.append((band(250) - band(4_000)) / 4)
    assert min(slopes) > -0.3
    assert max(slopes) < 9.5
    assert max(slopes) - min(slopes) > 5


def test_hum_stands_on_the_mains_and_its_harmonics() -> None:
    bases = set()
    for seed in range(10):
        frequency, spectrum = power(hum(20 * RATE, RATE, np.random.default_rng(seed)))
        base = frequency[spectrum[frequency < 65].argmax()]
        near = min((50.0, 60.0), key=lambda mains: abs(mains - base))
        assert abs(base - near) < 0.01 * near
        off = np.abs(frequency / base - np.round(frequency / base)) > 0.05
        assert spectrum[off].sum() < 0.1 * spectrum.sum()
        bases.add(near)
    assert bases == {50.0, 60.0}


def test_a_room_drifts_and_a_machine_has_its_tone() -> None:
    drifts, tones = [], []
    for seed in range(10):
        samples = room_noise(10 * RATE, RATE, np.random.default_rng(seed))
        seconds = np.sqrt(np.mean(samples.reshape(10, -1) ** 2, axis=1))
        drifts.append(seconds.max() / seconds.min())
        _, spectrum = power(machine(10 * RATE, RATE, np.random.default_rng(seed)))
        tones.append(spectrum.max() / spectrum.sum())
    assert np.median(drifts) > 2
    assert np.median(tones) > 0.01  # of 80,000 lines


def test_clicks_are_short_and_few() -> None:
    for seed in range(10):
        samples = np.abs(clicks(10 * RATE, RATE, np.random.default_rng(seed)))
        assert samples.max() > 50 * np.median(samples)
        assert np.mean(samples > 0.1 * samples.max()) < 0.2


def test_beeps_pause_and_have_few_partials() -> None:
    for seed in range(10):
        samples = beeps(10 * RATE, RATE, np.random.default_rng(seed))
        level = np.sqrt(np.mean(samples.reshape(-1, RATE // 50) ** 2, axis=1))
        assert level.min() < 0.01 < 0.5 < level.max()
        loud = samples.reshape(-1, RATE // 50)[level.argmax()]
        _, spectrum = power(loud * np.hanning(len(loud)))
        assert np.sort(spectrum)[-15:].sum() > 0.98 * spectrum.sum()
