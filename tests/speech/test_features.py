"""Log-mel features: against NumPy, whole against streamed, normalisation, settings."""

from __future__ import annotations

import dataclasses
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import FolderError, UsageError
from zoo.speech.audio import read_audio
from zoo.speech.features import DEVIATION_FLOOR, LogMel

FLOOR = math.log(np.finfo(np.float32).eps)


def noise(samples: int, seed: int = 0, loudness: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    swell = 1.0 + np.sin(np.arange(samples) / 9_000)
    return (rng.normal(0, loudness, samples) * swell).clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def running() -> LogMel:
    plain = LogMel(mel_bins=40)
    return plain.with_prior(plain.log_mel(noise(40_000, seed)) for seed in range(3))


@pytest.fixture(scope="module")
def fixed() -> LogMel:
    plain = LogMel(mel_bins=40)
    energies = (plain.log_mel(noise(40_000, seed)) for seed in range(3))
    return plain.with_prior(energies, normalisation="fixed")


def log_mel_by_hand(samples: np.ndarray, settings: LogMel) -> np.ndarray:
    """Kaldi's definition, written down once more."""
    size, hop = settings.window, settings.hop
    padded = 2 ** math.ceil(math.log2(size))
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / (size - 1))) ** 0.85

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

    low, high = mel(settings.low_frequency), mel(settings.high_frequency)
    edges = np.linspace(low, high, settings.mel_bins + 2)
    lines = mel(np.arange(padded // 2) * settings.sample_rate / padded)
    up = (lines - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - lines) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(0.0, np.minimum(up, down))
    rows = []
    for start in range(0, len(samples) - size + 1, hop):
        frame = samples[start : start + size].astype(np.float64)
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * window, padded)) ** 2
        rows.append(np.log(np.maximum(bank @ power[:-1], math.exp(FLOOR))))
    return np.array(rows)


@pytest.mark.parametrize(
    "log_mel",
    [
        LogMel(),
        LogMel(mel_bins=24, low_frequency=100.0, high_frequency=4_000.0),
        LogMel(sample_rate=8_000, mel_bins=23, high_frequency=3_800.0, window_ms=32, hop_ms=8),
    ],
)
def test_log_mel_is_what_kaldi_defines(log_mel: LogMel) -> None:
    samples = noise(8_000)
    found = log_mel.log_mel(samples)
    expected = log_mel_by_hand(samples, log_mel)
    assert found.shape == expected.shape == (log_mel.frame_count(8_000), log_mel.mel_bins)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 2e-3


def test_a_tone_lights_the_bin_of_its_pitch() -> None:
    log_mel = LogMel()
    for hertz in (300.0, 1_000.0, 4_000.0):
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(8_000) / 16_000)
        brightest = int(log_mel.log_mel(tone).mean(axis=0).argmax())
        mel = 1127 * np.log(1 + np.array([20.0, 7_600.0, hertz]) / 700)
        expected = (mel[2] - mel[0]) / (mel[1] - mel[0]) * 81 - 1
        assert abs(brightest - expected) < 1.0


@pytest.mark.parametrize(("samples", "frames"), [(1, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_only_whole_windows_give_frames(running: LogMel, samples: int, frames: int) -> None:
    for log_mel in (LogMel(), running):
        found = log_mel.features(noise(samples))
        assert found.shape == (frames, log_mel.mel_bins)
        assert found.dtype == np.float32
        assert log_mel.frame_count(samples) == frames
    assert LogMel().features(np.zeros(0, np.float32)).shape == (0, 80)


def test_long_audio_is_computed_in_blocks_with_the_same_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = noise(50_000)
    whole = LogMel().log_mel(samples)
    monkeypatch.setattr("zoo.speech.features._BLOCK_FRAMES", 7)
    assert np.array_equal(LogMel().log_mel(samples), whole)


@given(
    st.lists(st.sampled_from([0, 1, 2, 159, 160, 161, 399, 400, 401, 3_000, 20_000]), max_size=40)
)
@settings(deadline=None, max_examples=50)
def test_chunks_of_any_size_give_exactly_the_frames_of_the_whole(
    running: LogMel, sizes: list[int]
) -> None:
    samples = noise(sum(sizes), seed=5)
    stream, parts, at = running.stream(), [], 0
    for size in sizes:
        parts.append(stream.feed(samples[at : at + size]))
        at += size
        assert stream.frames == running.frame_count(at)  # nothing is held back
    parts.append(stream.finish())
    assert np.array_equal(np.concatenate(parts), running.features(samples))


@pytest.mark.parametrize("size", [1, 7, 160_000])
def test_chunks_of_one_sample_and_of_ten_seconds(running: LogMel, size: int) -> None:
    samples = noise(4_000 if size < 10 else 330_000, seed=6)
    stream = running.stream()
    parts = [stream.feed(samples[i : i + size]) for i in range(0, len(samples), size)]
    assert np.array_equal(np.concatenate([*parts, stream.finish()]), running.features(samples))


def test_a_copy_goes_its_own_way(running: LogMel) -> None:
    samples = noise(10_000)
    stream = running.stream()
    stream.feed(samples[:5_123])
    twin = stream.copy()
    twin.feed(noise(7_000, seed=9, loudness=0.9))
    third = stream.copy()
    rest = stream.feed(samples[5_123:])
    assert np.array_equal(third.feed(samples[5_123:]), rest)
    assert np.array_equal(running.features(samples)[-len(rest) :], rest)
    assert stream.frames == third.frames == running.frame_count(10_000)
    twin.finish()
    stream.feed(samples)


def test_the_state_does_not_grow(running: LogMel) -> None:
    stream = running.stream()
    for _ in range(50):
        stream.feed(noise(16_000))
        assert len(stream._tail) < running.window


def test_a_finished_stream_says_so(running: LogMel) -> None:
    stream = running.stream()
    stream.feed(noise(500))
    assert stream.finish().shape == (0, 40)
    for call in (lambda: stream.feed(noise(10)), stream.finish):
        with pytest.raises(UsageError, match="the stream is finished"):
            call()
    with pytest.raises(UsageError, match="the stream is finished"):
        stream.copy().feed(noise(10))


def test_bad_samples_leave_the_stream_as_it_was(running: LogMel) -> None:
    samples = noise(3_000)
    stream = running.stream()
    first = stream.feed(samples[:1_000])
    for bad in (np.array([0.0, math.nan]), np.zeros((4, 2)), np.array([1, 2]), np.array([999.0])):
        with pytest.raises(UsageError):
            stream.feed(bad)
    found = np.concatenate([first, stream.feed(samples[1_000:])])
    assert np.array_equal(found, running.features(samples))


def test_an_utterance_is_brought_to_mean_0_and_deviation_1() -> None:
    found = LogMel().features(noise(32_000))
    assert np.abs(found.mean(axis=0)).max() < 1e-5
    assert np.abs(found.std(axis=0) - 1).max() < 1e-5
    # Gain only moves the logarithm, and so does nothing.
    quiet = LogMel().features(noise(32_000) * np.float32(0.1))
    assert np.abs(quiet - found).max() < 1e-2


def test_running_statistics_are_those_of_prior_and_past_pooled(running: LogMel) -> None:
    frames = running.log_mel(noise(16_000, seed=3)).astype(np.float64)
    found = running.normalise(frames)
    mean, deviation = np.array(running.prior_mean), np.array(running.prior_deviation)
    count = running.prior_frames
    for t in (0, 1, 17, len(frames) - 1):
        past = frames[: t + 1]
        total = count + t + 1
        pooled = (count * mean + past.sum(axis=0)) / total
        squares = count * (deviation**2 + mean**2) + (past**2).sum(axis=0)
        expected = (frames[t] - pooled) / np.sqrt(squares / total - pooled**2)
        assert found[t] == pytest.approx(expected, abs=1e-4)


def test_running_statistics_do_not_look_ahead(running: LogMel) -> None:
    frames = running.log_mel(noise(16_000))
    changed = frames.copy()
    changed[50:] += 3.0
    a, b = running.normalise(frames), running.normalise(changed)
    assert np.array_equal(a[:50], b[:50])
    assert not np.array_equal(a[50:], b[50:])


def test_running_statistics_come_to_ignore_the_gain(running: LogMel) -> None:
    running = dataclasses.replace(running, memory_frames=500)
    frames = running.log_mel(noise(16_000 * 30, seed=4, loudness=0.05))
    a, b = running.normalise(frames), running.normalise(frames - 4.6)  # 20 dB less
    assert np.abs(a[:3] - b[:3]).max() > 2.0
    assert np.abs(a[-10:] - b[-10:]).max() < 0.1


def test_the_memory_fades() -> None:
    base = LogMel(mel_bins=3)
    prior = dataclasses.replace(
        base,
        normalisation="running",
        prior_mean=(0.0,) * 3,
        prior_deviation=(1.0,) * 3,
        prior_frames=10,
        memory_frames=10,
    )
    # With a memory of 10 frames the mean goes a tenth of the way each time.
    found = prior.normalise(np.ones((2, 3)))
    variance = 1 + (1 * 0.9 - 1) / 10
    assert found[0, 0] == pytest.approx(0.9 / math.sqrt(variance))
    variance += (0.9 * 0.81 - variance) / 10
    assert found[1, 0] == pytest.approx(0.81 / math.sqrt(variance))


def test_silence_and_clipping_give_finite_features(running: LogMel, fixed: LogMel) -> None:
    silence = np.zeros(16_000, np.float32)
    assert np.all(LogMel().log_mel(silence) == np.float32(FLOOR))
    assert np.all(LogMel().features(silence) == 0.0)
    square = np.sign(noise(16_000))
    full = np.full(16_000, -(2**15), np.int16)
    for samples in (silence, square, full):
        for log_mel in (LogMel(), running, fixed):
            found = log_mel.features(samples)
            assert np.isfinite(found).all()
            assert np.abs(found).max() < 50
    # What hardly moves is not blown up to the size of speech.
    tiny = LogMel(mel_bins=3).normalise(np.array([[0.0] * 3, [DEVIATION_FLOOR / 10] * 3]))
    assert np.abs(tiny).max() < 0.1


def test_after_long_silence_a_stream_is_not_blown_up(running: LogMel) -> None:
    forgetful = dataclasses.replace(running, prior_frames=10, memory_frames=10)
    frames = np.full((20_000, 40), FLOOR)
    frames[-1] += DEVIATION_FLOOR
    found = forgetful.normalise(frames)
    assert np.isfinite(found).all()
    assert np.abs(found[-2:]).max() < 1.0


def test_fixed_statistics_are_those_of_the_data(fixed: LogMel) -> None:
    assert fixed.normalisation == "fixed"
    energies = fixed.log_mel(noise(16_000, seed=3))
    expected = (energies - np.array(fixed.prior_mean)) / np.array(fixed.prior_deviation)
    assert fixed.normalise(energies) == pytest.approx(expected, abs=1e-4)
    assert fixed.features(noise(16_000, seed=3)).dtype == np.float32
    pooled = np.concatenate([fixed.features(noise(40_000, seed)) for seed in range(3)])
    assert np.abs(pooled.mean(axis=0)).max() < 1e-3
    assert np.abs(pooled.std(axis=0) - 1).max() < 1e-3


@given(st.lists(st.sampled_from([0, 1, 2, 159, 160, 161, 400, 3_000, 20_000]), max_size=40))
@settings(deadline=None, max_examples=50)
def test_fixed_features_are_the_same_to_the_bit_in_any_chunks(
    fixed: LogMel, sizes: list[int]
) -> None:
    samples = noise(sum(sizes), seed=5)
    stream, parts, at = fixed.stream(), [], 0
    for size in sizes:
        parts.append(stream.feed(samples[at : at + size]))
        at += size
        stream = stream.copy()
    parts.append(stream.finish())
    assert np.array_equal(np.concatenate(parts), fixed.features(samples))


@pytest.mark.parametrize("loudness", [0.0, 0.3])
@pytest.mark.parametrize(("before", "after"), [(0, 800), (800, 0), (1_600, 480_000)])
def test_what_stands_around_speech_does_not_change_its_fixed_features(
    fixed: LogMel, running: LogMel, loudness: float, before: int, after: int
) -> None:
    speech = noise(16_000, seed=7)
    surroundings = noise(before, 1, loudness), speech, noise(after, 2, loudness)
    first = before // fixed.hop
    for log_mel in (fixed, running):
        alone = log_mel.features(speech)
        inside = log_mel.features(np.concatenate(surroundings))[first : first + len(alone)]
        # What came before moves the running statistics.
        assert np.array_equal(inside, alone) == (log_mel is fixed or not before)


def test_the_fixed_scale_of_a_steady_bin_has_a_floor() -> None:
    steady = dataclasses.replace(
        LogMel(mel_bins=3),
        normalisation="fixed",
        prior_mean=(0.0,) * 3,
        prior_deviation=(1e-300, DEVIATION_FLOOR, 2.0),
    )
    found = steady.normalise(np.ones((2, 3)))
    assert found[1] == pytest.approx([1 / DEVIATION_FLOOR, 1 / DEVIATION_FLOOR, 0.5])


def test_the_prior_is_measured_on_the_frames_given() -> None:
    plain = LogMel(mel_bins=20)
    utterances = [plain.log_mel(noise(9_000, seed)) for seed in range(4)]
    found = plain.with_prior(iter(utterances), prior_frames=70)
    pooled = np.concatenate(utterances)
    assert found.prior_mean == pytest.approx(pooled.mean(axis=0), abs=1e-3)
    assert found.prior_deviation == pytest.approx(pooled.std(axis=0), abs=1e-3)
    assert (found.normalisation, found.prior_frames) == ("running", 70)
    again = plain.with_prior(iter(utterances), prior_frames=70, normalisation="fixed")
    assert again == dataclasses.replace(found, normalisation="fixed")
    with pytest.raises(UsageError, match="no frames"):
        plain.with_prior([])
    with pytest.raises(UsageError, match="prior_mean must have 0 numbers"):
        plain.with_prior(utterances, normalisation="utterance")


def test_settings_survive_json(running: LogMel, fixed: LogMel) -> None:
    for log_mel in (LogMel(), LogMel(mel_bins=64, window_ms=20), running, fixed):
        text = json.dumps(log_mel.settings())
        again = LogMel.from_folder(json.loads(text), {})
        assert again == log_mel
        assert hash(again) == hash(log_mel)
        assert np.array_equal(again.features(noise(2_000)), log_mel.features(noise(2_000)))
        assert log_mel.files() == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be"),
        ({"sample_rate": 16_000.5}, "sample_rate must be"),
        ({"mel_bins": 0}, "mel_bins must be"),
        ({"mel_bins": 2_000_000}, "mel_bins must be"),
        ({"window_ms": 1000.0, "hop_ms": 1.0}, "cost too much"),
        ({"sample_rate": 768_000, "window_ms": 500.0}, "cost too much"),
        ({"mel_bins": 128, "hop_ms": 1.0, "window_ms": 64.0}, "cost too much"),
        ({"mel_bins": 400}, "400 mel bins .* too large"),
        ({"window_ms": 0.0}, "window_ms must be"),
        ({"window_ms": 1e9}, "window_ms must be"),
        ({"window_ms": 25.01}, "whole number of samples"),
        ({"hop_ms": 26.0}, "hop_ms must be"),
        ({"high_frequency": 8_001.0}, "high_frequency must be"),
        ({"low_frequency": -1.0}, "low_frequency must be"),
        ({"low_frequency": 7_600.0}, "cannot be made"),
        ({"normalisation": "batch"}, "normalisation must be one of"),
        ({"normalisation": "running"}, "prior_mean must have 80 numbers"),
        ({"normalisation": "fixed"}, "prior_mean must have 80 numbers"),
        (
            {"normalisation": "fixed", "mel_bins": 3, "prior_mean": [0.0] * 3},
            "prior_deviation must have 3 numbers",
        ),
        (
            {
                "normalisation": "fixed",
                "mel_bins": 3,
                "prior_mean": [0.0] * 3,
                "prior_deviation": [1.0, -1.0, 1.0],
            },
            "above 0",
        ),
        ({"prior_mean": [0.0]}, "prior_mean must have 0 numbers"),
        ({"memory_frames": 5}, "memory_frames must be"),
        ({"dither": 1.0}, "no value 'dither'"),
        (
            {"normalisation": "running", "mel_bins": 3, "prior_mean": ["x"] * 3},
            "prior_mean must have",
        ),
        (
            {
                "normalisation": "running",
                "mel_bins": 3,
                "prior_mean": [0.0] * 3,
                "prior_deviation": [1.0, 0.0, 1.0],
            },
            "above 0",
        ),
        (
            {
                "normalisation": "running",
                "mel_bins": 3,
                "prior_mean": [math.nan, 0.0, 0.0],
                "prior_deviation": [1.0] * 3,
            },
            "prior_mean must have",
        ),
    ],
)
def test_settings_out_of_range_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(FolderError, match=message):
        LogMel.from_folder(values, {})


def test_wrong_arguments_are_named(running: LogMel) -> None:
    with pytest.raises(UsageError, match="needs the whole utterance"):
        LogMel().stream()
    with pytest.raises(UsageError, match="mono, not of shape"):
        LogMel().features(np.zeros((100, 2)))
    with pytest.raises(UsageError, match=r"frames must be \(frames, 40\)"):
        running.normalise(np.zeros((5, 80)))


def test_streamed_equals_whole_on_real_recordings(data_mirror: Path, running: LogMel) -> None:
    folder = data_mirror / "github.com/cmusphinx/an4/archive"
    archive = folder / "b567d132f43304e70a2b2eca6077f22255311812.zip"
    if not archive.exists():
        pytest.skip("the mirror has no AN4")
    with zipfile.ZipFile(archive) as content:
        names = [name for name in content.namelist() if name.endswith(".wav")]
        for number, name in enumerate(names[::100]):
            samples = read_audio(content.read(name))
            whole = running.features(samples)
            assert len(whole) > 50
            stream = running.stream()
            size = (160, 1_600, 4_321, 16_000)[number % 4]
            parts = [stream.feed(samples[i : i + size]) for i in range(0, len(samples), size)]
            assert np.array_equal(np.concatenate(parts), whole), name
