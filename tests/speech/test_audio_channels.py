"""Which channel is taken, and what is said of a recording's level."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import soundfile

from zoo.errors import DataError, UsageError, ZooWarning
from zoo.speech.audio import read_audio
from zoo.speech.audio.levels import LevelMeter


def voice(seconds: float = 12.0, seed: int = 0, level: float = 0.1) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(0, 1, round(seconds * 16_000))
    return (level * np.clip(samples, -3, 3)).astype(np.float32)


def read(*channels: np.ndarray, channel: Any = "auto") -> np.ndarray:
    """What is read of these channels, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_audio(np.stack(channels, axis=1), 16_000, channel=channel)


A, B = voice(), voice(seed=1)
ZERO = np.zeros_like(A)


def test_a_channel_can_be_chosen() -> None:
    assert np.array_equal(read(A, B, channel=0), A)
    assert np.array_equal(read(A, B, channel=1), B)
    assert np.array_equal(read(A, B, channel=np.int64(1)), B)
    for channel in ("mix", "auto"):
        assert np.allclose(read(A, B, channel=channel), (A + B) / 2, atol=1e-7)
    assert np.abs(read(A, -A, B, channel="mix") - B / 3).max() < 1e-6
    with pytest.raises(
        UsageError, match=r"the array has 2 channels, numbered from 0; .* channel 2"
    ):
        read(A, B, channel=2)
    with pytest.raises(UsageError, match="has 1 channel, "):
        read(A, channel=1)


@pytest.mark.parametrize("channel", [-1, 64, True, 0.0, "left", None])
def test_a_wrong_channel_is_refused(channel: Any) -> None:
    with pytest.raises(UsageError, match='from 0 to 63, "mix" or "auto"'):
        read_audio(A, 16_000, channel=channel)


def test_an_inverted_channel_does_not_silence_the_other() -> None:
    with pytest.warns(ZooWarning, match=r"cancel each other out .*; using channel 1, the loudest"):
        found = read_audio(np.stack([-0.9 * A, A], axis=1), 16_000)
    assert np.array_equal(found, A)
    assert np.allclose(read(A, -0.5 * A), 0.25 * A, atol=1e-7)  # enough is left of the mean


def test_the_loudest_channel_is_kept_once_channels_cancelled() -> None:
    late = np.concatenate([ZERO[:80_000], -A[80_000:160_000], B[160_000:]])
    with pytest.warns(ZooWarning, match="cancel") as said:
        found = read_audio(np.stack([A, late], axis=1), 16_000)
    assert np.array_equal(found, A)
    assert len(said) == 1


def test_a_hum_that_cancels_says_nothing_of_the_speech_after_it() -> None:
    hum = (3e-4 * np.sin(np.arange(len(A)) / 50)).astype(np.float32)
    late = np.concatenate([ZERO[:80_000], A[80_000:]])
    assert np.abs(read(1.05 * hum, late - hum)[80_000:] - late[80_000:] / 2).max() < 1e-3
    with pytest.warns(
        ZooWarning, match="cancel"
    ) as said:  # louder, it is taken for an inverted one
        found = read_audio(np.stack([30 * hum, late - 29 * hum], axis=1), 16_000)
    assert len(said) == 1
    assert np.abs(found[80_000:] - late[80_000:] / 2).max() < 0.01


@pytest.mark.parametrize("quiet", [ZERO, 1e-4 * B])
def test_a_silent_channel_does_not_halve_the_other(quiet: np.ndarray) -> None:
    with pytest.warns(ZooWarning, match="channel 1 of the array is silent; using channel 0"):
        assert np.array_equal(read_audio(np.stack([A, quiet], axis=1), 16_000), A)
    with pytest.warns(ZooWarning, match="channel 0, 3 of the array is silent; using channel 1, 2"):
        found = read_audio(np.stack([quiet, A, B, quiet], axis=1), 16_000)
    assert np.allclose(found, (A + B) / 2, atol=1e-4)


def test_a_channel_that_spoke_once_stays_in_the_mix() -> None:
    answers = np.concatenate([ZERO[:80_000], B[80_000:160_000], ZERO[160_000:]])
    found = read(A, answers)
    assert np.array_equal(found[:80_000], A[:80_000])
    assert np.allclose(found[80_000:], (A + answers)[80_000:] / 2, atol=1e-7)


def test_silence_in_all_channels_says_nothing_of_them() -> None:
    late = [np.concatenate([ZERO[:80_000], part]) for part in (A, B)]
    assert np.allclose(read(*late)[80_000:], (A + B) / 2, atol=1e-7)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (ZERO, "the array is silent: all its samples are zero; is the microphone muted"),
        (0.001 / 3 * A / 0.1, r"very quiet: its peak is -60 dB"),
        (np.clip(10 * A, -1, 1), r"clipped in \d+\.\d % of its samples"),
        (8 * A, r"beyond full scale \(its peak is 2\.40\) and was clipped"),
    ],
)
def test_a_bad_level_is_told(samples: np.ndarray, said: str) -> None:
    with pytest.warns(ZooWarning, match=said) as warned:
        assert len(read_audio(samples, 16_000)) == len(A)
    assert len(warned) == 1


def test_a_usual_level_is_not_told(tmp_path: Any) -> None:
    loud = 0.99 * A / np.abs(A).max()
    for samples in (A, loud, 0.03 * A):
        read(samples)
    touching = A.copy()
    touching[::50] = 1.0  # single samples at full scale are loud, not clipped
    read(touching)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_U8", "PCM_16"])
def test_clipping_is_told_whatever_full_scale_is(tmp_path: Any, subtype: str) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 8_000)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.clip(3 * tone, -1, 1), 8_000, subtype=subtype)
    with pytest.warns(ZooWarning, match=r"is clipped in [3-9]\d\.\d %"):
        read_audio(path)
    soundfile.write(path, 0.96 * tone, 8_000, subtype=subtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_audio(path)


def test_clipping_is_counted_across_blocks() -> None:
    samples = np.concatenate([voice(0.1), np.ones(10, np.float32), voice(0.1)])
    whole, parts = LevelMeter("a"), LevelMeter("a")
    whole.feed(samples)
    for sample in samples:
        parts.feed(sample[None])
    assert whole._clipped == parts._clipped == 8


def test_the_file_and_the_place_of_bad_samples_are_named(tmp_path: Any) -> None:
    samples = np.stack([A, B], axis=1)
    samples[100_000, 1] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"a\.wav, in the 5 s from 5 s on: .* first at 100000"):
        read_audio(tmp_path / "a.wav")
