"""Rooms, lines and recorders: what they take from a voice, and what they leave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.speech.toy import RATE, speech_like
from zoo.speech.training.acoustics import lower_band, mu_law, overdrive, reverberate, telephone

SEEDS = range(12)


def decibels(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(samples.astype(np.float64) ** 2)))


def tone(frequency: float, amplitude: float = 0.3) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)).astype(np.float32)


def overdriven(samples: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    return overdrive(samples, rng)


CHANGES: list[Callable[..., np.ndarray]] = [reverberate, lower_band, telephone, overdriven]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("count", [1, 399, 7_001, 16_000])
def test_length_stays_and_all_is_finite(change: Callable[..., np.ndarray], count: int) -> None:
    samples = speech_like(1.0, seed=1)[:count]
    before = samples.copy()
    for seed in SEEDS:
        changed = change(samples, RATE, np.random.default_rng(seed))
        assert changed.shape == samples.shape
        assert changed.dtype == np.float32
        assert np.isfinite(changed).all()
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("change", CHANGES)
def test_silence_stays_silence(change: Callable[..., np.ndarray]) -> None:
    silence = np.zeros(4_000, np.float32)
    assert not change(silence, RATE, np.random.default_rng(0)).any()


@pytest.mark.parametrize("change", CHANGES)
def test_a_generator_gives_one_change(change: Callable[..., np.ndarray]) -> None:
    samples = speech_like(1.0, seed=2)
    first, again, other = (change(samples, RATE, np.random.default_rng(n)) for n in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("change", [lower_band, telephone])
def test_a_voice_inside_the_band_stays_as_loud(change: Callable[..., np.ndarray]) -> None:
    samples = tone(500) + tone(1_200) + tone(2_500)
    for seed in SEEDS:
        changed = change(samples, RATE, np.random.default_rng(seed))
        assert decibels(changed) == pytest.approx(decibels(samples), abs=0.3)


def test_a_room_is_as_loud_and_changes_the_voice() -> None:
    samples = speech_like(2.0, seed=3)
    for seed in SEEDS:
        changed = reverberate(samples, RATE, np.random.default_rng(seed))
        assert decibels(changed) == pytest.approx(decibels(samples), abs=0.01)
        assert decibels(changed - samples) > decibels(samples) - 20


def test_an_impulse_keeps_its_direct_sound_first() -> None:
    samples = np.zeros(2 * RATE, np.float32)
    samples[1_000] = 0.9
    for seed in SEEDS:
        changed = np.abs(reverberate(samples, RATE, np.random.default_rng(seed)))
        assert changed[:1_000].max() < 1e-6
        assert changed.argmax() == 1_000
        assert changed[1_001:1_016].max() < 1e-6  # no echo in the first millisecond
        room = changed[1_016:]
        assert room.any()
        # Decaying noise: most of it is in the first half of the longest reverberation time.
        assert np.square(room[:7_200]).sum() > 0.9 * np.square(room).sum()
        assert room[14_400:].max() < 1e-6  # longer than 0.9 s no room is
        late = np.abs(reverberate(samples[::-1], RATE, np.random.default_rng(seed)))
        assert late[:-1_001].max() < 1e-6  # its room does not go on at the beginning


def test_mu_law_is_that_of_its_formula() -> None:
    samples = np.linspace(-1, 1, 50_001)
    compressed = np.sign(samples) * np.log(1 + 255 * np.abs(samples)) / np.log(256)
    coded = mu_law(samples)
    again = np.sign(coded) * np.log(1 + 255 * np.abs(coded)) / np.log(256)
    assert np.abs(again - compressed).max() <= 0.5 / 127 + 1e-12
    assert len(np.unique(np.round(again * 127))) == 255
    assert np.abs(np.round(again * 127) - again * 127).max() < 1e-9


def g711(samples: np.ndarray) -> np.ndarray:
    """ITU-T G.711's eight segments of sixteen steps, as published, for 14-bit samples."""
    size = np.minimum(np.abs(samples) * 8159, 8158).astype(int) + 33
    segment = np.floor(np.log2(size)).astype(int) - 5
    step = (size >> (segment + 1)) & 0xF
    decoded = ((2 * step + 33) << segment) - 33
    return np.sign(samples) * decoded / 8159


def test_mu_law_is_near_the_segments_of_g711() -> None:
    samples = np.concatenate([-np.geomspace(1e-4, 1, 4_000)[::-1], np.geomspace(1e-4, 1, 4_000)])
    # Half a step is 2.2 % by the formula and up to 3.0 % in the segments, of a sample and 1/255.
    tolerance = 0.053 * (np.abs(samples) + 1 / 255)
    assert (np.abs(mu_law(samples) - g711(samples)) <= tolerance).all()
    noise = [decibels(coded(samples) - samples) for coded in (mu_law, g711)]
    assert noise[0] == pytest.approx(noise[1], abs=1.5)


def test_mu_law_is_monotone_odd_and_clips() -> None:
    samples = np.linspace(-1.5, 1.5, 30_001)
    coded = mu_law(samples)
    assert (np.diff(coded) >= 0).all()
    np.testing.assert_allclose(coded, -coded[::-1], atol=1e-12)
    assert coded[0] == pytest.approx(-1.0)
    assert mu_law(np.zeros(1))[0] == 0.0
    np.testing.assert_allclose(mu_law(coded), coded, atol=1e-12)


def test_a_telephone_takes_out_what_is_above_four_kilohertz() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        assert decibels(telephone(tone(5_000), RATE, rng) + 1e-9) < decibels(tone(5_000)) - 40
        changed = telephone(tone(1_000) + tone(6_500), RATE, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(changed)) ** 2
        assert power[4_100:].sum() < 1e-5 * power.sum()
        low = telephone(tone(40), RATE, np.random.default_rng(seed))
        assert decibels(low + 1e-9) < decibels(tone(40)) - 30


def test_a_lower_rate_takes_out_what_is_above_half_of_it() -> None:
    kept = []
    for seed in SEEDS:
        changed = lower_band(tone(1_000) + tone(7_900), RATE, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(changed)) ** 2
        assert power[990:1_010].sum() > 0.95 * np.square(tone(1_000)).sum() * RATE / 2
        kept.append(power[7_850:7_950].sum() / power[990:1_010].sum())
        noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
        rate = np.random.default_rng(seed).uniform(7_500, RATE)
        power = np.abs(np.fft.rfft(lower_band(noise, RATE, np.random.default_rng(seed)))) ** 2
        assert power[round(rate / 2) + 50 :].sum() < 1e-3 * power.sum()
    assert max(kept) < 0.01


def test_overdrive_clips_the_loudest_and_no_more() -> None:
    samples = speech_like(2.0, seed=4)
    shares = []
    for seed in SEEDS:
        changed = overdrive(samples, np.random.default_rng(seed))
        clipped = changed != samples
        shares.append(clipped.mean())
        assert np.abs(changed[clipped]) == pytest.approx(np.abs(changed).max())
        assert np.abs(samples[clipped]).min() >= np.abs(changed).max()
    assert 0.0005 < min(shares) < max(shares) < 0.051
