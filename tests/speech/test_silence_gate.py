"""Long silences are left out, whole and streamed, and times stay those of the recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo import load_model
from zoo.speech.features import LogMel
from zoo.speech.silence_gate import (
    HELD,
    ROOM,
    SMOOTHED,
    ZEROS,
    Clock,
    Gaps,
    SilenceGate,
    without_silence,
)
from zoo.speech.training.sounds import coloured_noise, hum

CENSUS = Path(__file__).parent.parent.parent / "samples" / "census.wav"
RATE = 16_000


def levels(*parts: tuple[int, float], seed: int = 0) -> np.ndarray:
    """Frames ``(frames, 4)``: stretches of a number of frames at a level, a little uneven."""
    rng = np.random.default_rng(seed)
    found = [np.full((count, 4), level) for count, level in parts]
    uneven = np.concatenate(found) + 0.05 * rng.standard_normal((sum(n for n, _ in parts), 4))
    return np.where(uneven < -15.5, -15.94, uneven).astype(np.float32)


def test_pauses_that_are_short_pass() -> None:
    frames = levels((70, -12), (40, -6), (75, -12), (30, -7), (78, -12))
    np.testing.assert_array_equal(SilenceGate().feed(frames), frames)
    passed, gaps = without_silence(frames)
    np.testing.assert_array_equal(passed, frames)
    assert gaps.total == 0


def test_of_a_long_silence_its_ends_pass() -> None:
    frames = levels((300, -12), (50, -6), (400, -12), (50, -6), (500, -12))
    gate = SilenceGate()
    passed = gate.feed(frames)
    wanted = 2 * (ROOM + 50 + HELD)
    assert wanted - 4 <= len(passed) <= wanted + 2 * SMOOTHED  # levels are smoothed
    first = int((frames == passed[0]).all(axis=1).argmax())
    assert abs(first - (300 - ROOM)) < SMOOTHED
    assert gate.gaps.before(0) == first
    assert abs(gate.held_back - (500 - HELD)) <= SMOOTHED


def test_any_chunks_pass_alike_and_a_copy_goes_its_own_way() -> None:
    frames = levels((120, -12), (50, -6), (300, -15.9), (200, -11), (60, -5), (10, -12))
    whole = SilenceGate().feed(frames)
    gate, twin = SilenceGate(), SilenceGate()
    parts = []
    for first in range(0, len(frames), 7):
        if first == 350:
            twin = gate.copy()
        parts.append(gate.feed(frames[first : first + 7]))
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    rest = twin.feed(frames[350:])
    np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])
    assert (twin.gaps.places, twin.gaps.totals) == (gate.gaps.places, gate.gaps.totals)


def test_digital_silence_passes_for_a_moment_only() -> None:
    frames = levels((50, -12), (30, -6), (3000, -15.94), (40, -6))
    passed = SilenceGate().feed(frames)
    assert (passed < -15.5).all(axis=1).sum() <= ZEROS
    assert len(passed) < 50 + 30 + ZEROS + 40 + 1


def test_a_steady_sound_alone_never_passes() -> None:
    log_mel = LogMel()
    rng = np.random.default_rng(1)
    white = 0.05 * rng.standard_normal(6 * RATE)
    coloured = 0.1 * coloured_noise(6 * RATE, RATE, rng)
    for samples in (white, coloured, 0.02 * hum(6 * RATE, RATE, rng), np.zeros(6 * RATE)):
        frames = log_mel.log_mel(samples.astype(np.float32))
        assert not len(SilenceGate().feed(frames))
        assert not len(without_silence(frames)[0])


def test_a_noise_after_the_last_sound_is_left_out_of_a_whole_recording() -> None:
    frames = levels((60, -12), (50, -4), (30, -12), (400, -8))
    passed, _ = without_silence(frames)
    assert len(passed) <= 60 + 50 + 30 + ROOM


def test_gaps_and_the_clock_count_what_was_left_out() -> None:
    gaps = Gaps()
    for place in (5, 5, 5, 20):
        gaps.add(place)
    assert (gaps.places, gaps.totals) == ([5, 20], [3, 4])
    assert [gaps.before(place) for place in (0, 4.9, 5, 19, 20, 99)] == [0, 0, 3, 3, 4, 4]
    clock = Clock(10.0, 0.01, gaps)
    assert clock.time(0.04) == pytest.approx(10.04)
    assert clock.time(0.05) == pytest.approx(10.08)
    assert clock.time(0.05, end=True) == pytest.approx(10.05)
    assert clock.time(0.3) == pytest.approx(10.34)


@pytest.fixture(scope="module", params=["ctc_bilstm.an4", "ctc_lstm.an4"])
def model(request: pytest.FixtureRequest) -> Any:
    return load_model(request.param)


def test_silence_around_speech_changes_nothing_but_the_times(model: Any) -> None:
    samples = model.processor.read(CENSUS)
    alone = model.transcribe(samples, RATE)
    rng = np.random.default_rng(2)
    for silence in (np.zeros(6 * RATE), 1e-3 * rng.standard_normal(6 * RATE)):
        silence = silence.astype(np.float32)
        found = model.transcribe(np.concatenate([silence, samples, silence]), RATE)
        assert found.text == alone.text
        for word, same in zip(found.words, alone.words, strict=True):
            assert word.start == pytest.approx(same.start + 6, abs=0.1)
            assert word.end == pytest.approx(same.end + 6, abs=0.1)


def test_silence_around_speech_does_not_spoil_its_score_and_alignment(model: Any) -> None:
    samples = model.processor.read(CENSUS)
    text = "ELEVEN TWENTY SEVEN FIFTY SEVEN"
    silence = np.zeros(6 * RATE, np.float32)
    around = np.concatenate([silence, samples, silence])
    assert model.score(around, text, RATE) == pytest.approx(model.score(samples, text, RATE), abs=1)
    found, alone = (model.align(one, text, RATE) for one in (around, samples))
    for of_one, of_other in ((found.words, alone.words), (found.characters, alone.characters)):
        assert [one.text for one in of_one] == [other.text for other in of_other]
        starts = [one.start for one in of_one]
        np.testing.assert_allclose(starts, [other.start + 6 for other in of_other], atol=0.1)


def test_a_muted_microphone_changes_a_stream_no_more_than_a_pause() -> None:
    model = load_model("ctc_lstm.an4")
    samples = model.processor.read(CENSUS)
    texts, starts = [], []
    for pause in (3, 120):
        stream, found = model.open_stream(), []
        muted = np.zeros(pause * RATE, np.float32)
        for part in (samples, muted, samples, muted[: 2 * RATE]):
            for start in range(0, len(part), RATE):
                stream.feed(part[start : start + RATE])
                if stream.endpoint:
                    found.append(stream.flush())
        texts.append([one.text for one in found])
        starts.append([one.words[0].start for one in found])
        assert stream.finish().text == ""
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2
    assert texts[0][0] == model.transcribe(samples, RATE).text
    assert starts[1] == pytest.approx([starts[0][0], starts[0][1] + 117], abs=0.05)
