"""Streaming: any chunks give the text of the whole; streams do not touch each other."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speech.toy import RATE, UNTRAINED, make_recogniser, speech_like
from zoo import load_model
from zoo.errors import UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.speech import stream as speech_stream
from zoo.speech.features import LogMel


@pytest.fixture(scope="module", params=["lstm", "gru"])
def model(request: pytest.FixtureRequest) -> Any:
    return make_recogniser("ctc_lstm", cell=request.param)


@pytest.fixture(scope="module")
def lstm() -> Any:
    return make_recogniser("ctc_lstm", look_ahead=3)


def feed(stream: Any, samples: np.ndarray, chunk: int) -> Any:
    for start in range(0, len(samples), chunk):
        stream.feed(samples[start : start + chunk])
    return stream


def sizes(state: Any) -> list[int]:
    """Number of values of each array in a nested state."""
    if isinstance(state, tuple):
        return [size for part in state for size in sizes(part)]
    return [state.size]


def outputs(stream: Any) -> np.ndarray:
    return np.concatenate(stream.state.outputs)


@pytest.mark.parametrize("seconds", [0.01, 0.03, 0.2, 1.37])
def test_any_chunks_give_the_text_of_the_whole(model: Any, seconds: float) -> None:
    samples = speech_like(seconds, seed=3)
    whole = model.transcribe(samples, RATE)
    for chunk in (7, 160, 1601, 160_000):
        streamed = feed(model.open_stream(), samples, chunk).finish()
        assert streamed.text == whole.text
        assert [(w.text, w.start, w.end) for w in streamed.words] == [
            (w.text, w.start, w.end) for w in whole.words
        ]
        assert streamed.seconds == pytest.approx(whole.seconds)


def test_single_samples_give_the_same_outputs_to_the_bit(lstm: Any) -> None:
    samples = speech_like(0.6, seed=4)
    one_by_one = feed(lstm.open_stream(), samples, 1)
    at_once = feed(lstm.open_stream(), samples, len(samples))
    np.testing.assert_array_equal(outputs(one_by_one), outputs(at_once))
    assert len(outputs(at_once)) == (lstm.processor.log_mel.frame_count(len(samples)) // 4) - 3


def test_real_recordings_give_the_text_of_the_whole(lstm: Any, data_mirror: Path) -> None:
    paths = sorted((data_mirror / "prepared/speech/librispeech_sample").glob("*.flac"))[:3]
    for path, chunk in zip(paths, (333, 16_000, 160_000), strict=True):
        samples = lstm.processor.read(path)[: 6 * RATE]
        wanted = lstm.transcribe(samples, RATE)
        assert len(wanted.text) > 10
        assert feed(lstm.open_stream(), samples, chunk).finish().text == wanted.text


def test_a_beam_with_a_language_model_streams_too(lstm: Any) -> None:
    samples = speech_like(1.0, seed=6)
    ngram = CharacterNgram.train(["A BAD BEE", "GO ON"], order=3)
    search = {"language_model": ngram, "beam_size": 8, "n_best": 3}
    wanted = lstm.transcribe(samples, RATE, **search)
    stream = feed(lstm.open_stream(**search), samples, 800)
    assert not stream.greedy
    assert isinstance(stream.partial(), str)
    found = stream.finish()
    assert found.text == wanted.text
    assert [a.text for a in found.alternatives] == [a.text for a in wanted.alternatives]


def test_the_partial_text_grows_to_the_whole(lstm: Any) -> None:
    samples, stream, before = speech_like(2.0, seed=8), lstm.open_stream(), ""
    lengths = set()
    for start in range(0, len(samples), 1600):
        stream.feed(samples[start : start + 1600])
        text = stream.partial()
        assert text.startswith(before)
        before = text
        lengths.add(len(text))
    assert len(lengths) > 5
    assert stream.finish().text.startswith(before)


def test_streams_side_by_side_do_not_touch_each_other(lstm: Any) -> None:
    first, second = speech_like(1.0, seed=1), speech_like(1.0, seed=2)
    a, b = lstm.open_stream(), lstm.open_stream()
    for start in range(0, RATE, 1000):
        a.feed(first[start : start + 1000])
        b.feed(second[start : start + 1000])
    assert a.finish().text == lstm.transcribe(first, RATE).text
    assert b.finish().text == lstm.transcribe(second, RATE).text


def test_the_state_is_a_value(lstm: Any) -> None:
    samples, other = speech_like(2.0, seed=1), speech_like(1.0, seed=5)
    stream = feed(lstm.open_stream(), samples[:RATE], 700)
    kept = stream.state
    feed(stream, other, 700).finish()
    again = lstm.open_stream()
    again.state = kept
    assert feed(again, samples[RATE:], 900).finish().text == lstm.transcribe(samples, RATE).text
    # What was done with it has not changed it.
    third = lstm.open_stream()
    third.state = kept
    assert feed(third, samples[RATE:], 900).finish().text == lstm.transcribe(samples, RATE).text
    with pytest.raises(UsageError, match="another search"):
        lstm.open_stream(beam_size=4).state = kept
    with pytest.raises(UsageError, match="one that a stream had"):
        lstm.open_stream().state = 3
    wider = lstm.open_stream(beam_size=4).state
    with pytest.raises(UsageError, match="another search"):
        lstm.open_stream(beam_size=3).state = wider
    # It knows how much was fed, and a finished stream goes on from it.
    third.state = kept
    assert third.seconds == pytest.approx(1.0)
    assert third.finish().seconds == pytest.approx(1.0)


def test_a_state_is_for_any_stream_that_searches_alike(lstm: Any) -> None:
    models = [CharacterNgram.train([f"A {letter}"], order=2) for letter in "BCDEFG"]
    kept = lstm.open_stream(language_model=models[0]).state
    for model in models:
        other = lstm.open_stream(language_model=model)
        if model is not models[0]:
            with pytest.raises(UsageError, match="another search"):
                other.state = kept
    lstm.open_stream(language_model=models[0]).state = kept  # bound anew
    with pytest.raises(UsageError, match="resamples from 8000"):
        lstm.open_stream(sample_rate=8000).state = lstm.open_stream().state


def test_a_state_of_another_model_is_refused(lstm: Any) -> None:
    other = make_recogniser("ctc_lstm", units=8)
    with pytest.raises(UsageError, match="another model"):
        lstm.open_stream().state = other.open_stream().state


@pytest.mark.parametrize("beam_size", [1, 4])
def test_silence_before_the_first_word_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, beam_size: int
) -> None:
    monkeypatch.setattr(LogMel, "gate", lambda self: None)  # which would let no silence through
    model = load_model("ctc_lstm.an4")
    model.set_search(UNTRAINED, {})
    silence = np.zeros(int(3 * RATE), np.float32)
    found = []
    for most in (10**9, 60):
        monkeypatch.setattr(speech_stream, "_MOST_SILENT", most)
        stream = feed(model.open_stream(beam_size=beam_size), silence, 1600)
        kept = len(stream.state.outputs)
        assert not stream.partial()
        feed(stream, speech_like(1.5, seed=3), 1600)
        found.append((kept, stream.finish()))
    (all_of_it, whole), (kept, short) = found
    assert kept < 60 < all_of_it
    assert short.text == whole.text
    assert short.seconds == whole.seconds == pytest.approx(4.5)
    assert [word.start for word in short.words] == pytest.approx(
        [word.start for word in whole.words], abs=1e-6
    )
    assert whole.words


def test_flush_ends_an_utterance_and_times_go_on(lstm: Any) -> None:
    samples = speech_like(1.0, seed=1)
    stream = lstm.open_stream()
    stream.feed(samples)
    first = stream.flush()
    assert first.text == lstm.transcribe(samples, RATE).text
    assert stream.partial() == ""
    stream.feed(samples)
    second = stream.finish()
    assert second.words[0].start >= 0.9
    assert stream.seconds == pytest.approx(2.0)


def test_reset_makes_a_stream_new(lstm: Any) -> None:
    samples = speech_like(0.7, seed=1)
    stream = feed(lstm.open_stream(), speech_like(1.0, seed=2), 500)
    stream.reset()
    assert stream.seconds == 0.0
    assert feed(stream, samples, 500).finish().text == lstm.transcribe(samples, RATE).text
    stream.reset()
    assert feed(stream, samples, 500).finish().text == lstm.transcribe(samples, RATE).text


def test_other_rates_are_resampled_as_a_whole_recording_is(lstm: Any) -> None:
    for rate in (8000, 44_100):
        samples = speech_like(1.0, seed=3)
        wanted = lstm.transcribe(samples, rate)
        stream = feed(lstm.open_stream(rate), samples, 777)
        with pytest.raises(UsageError, match="resamples"):
            _ = stream.state
        assert stream.finish().text == wanted.text


def test_integers_are_scaled(lstm: Any) -> None:
    samples = speech_like(0.8, seed=3)
    integers = (samples * 32768).astype(np.int16)
    found = feed(lstm.open_stream(), integers, 999).finish().text
    assert found == lstm.transcribe(samples, RATE).text


def test_a_finished_stream_refuses_and_says_so(lstm: Any) -> None:
    stream = lstm.open_stream()
    assert stream.finish().text == ""
    for use in (lambda: stream.feed(np.zeros(4)), stream.flush, stream.partial, stream.finish):
        with pytest.raises(UsageError, match="finished"):
            use()


@pytest.mark.parametrize(
    "samples", [np.full(9, np.nan), np.full(9, np.inf), np.zeros((3, 2)), np.array(["a"])]
)
def test_bad_samples_leave_the_stream_as_it_was(lstm: Any, samples: np.ndarray) -> None:
    good = speech_like(0.5, seed=2)
    stream = feed(lstm.open_stream(), good, 300)
    with pytest.raises(UsageError):
        stream.feed(samples)
    assert stream.seconds == pytest.approx(0.5)
    assert stream.finish().text == lstm.transcribe(good, RATE).text


@pytest.mark.parametrize("values", [{"sample_rate": 0}, {"endpoint_seconds": 0.0}, {"n_best": 3}])
def test_bad_arguments_are_usage_errors(lstm: Any, values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        lstm.open_stream(**({"beam_size": 2} | values))


def test_a_model_that_hears_the_whole_does_not_stream() -> None:
    with pytest.raises(UsageError, match="ctc_lstm streams"):
        make_recogniser("ctc_bilstm").open_stream()


def test_two_threads_on_one_stream_are_refused_and_not_mixed(lstm: Any) -> None:
    samples = speech_like(3.0, seed=1)
    stream, errors = lstm.open_stream(), []
    gate = threading.Barrier(2)

    def work() -> None:
        gate.wait()
        try:
            stream.feed(samples)
        except UsageError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fed = 2 - len(errors)
    assert stream.seconds == pytest.approx(3.0 * fed)
    assert all("another thread" in error for error in errors)
    together = np.concatenate([samples] * fed)
    assert stream.finish().text == feed(lstm.open_stream(), together, 4000).finish().text


def test_the_state_stays_small(lstm: Any) -> None:
    stream = lstm.open_stream()
    feed(stream, speech_like(2.0), 1600)
    early = stream.state
    feed(stream, speech_like(6.0), 1600)
    late = stream.state
    assert sizes(early.network) == sizes(late.network)
    assert len(late.frames) < 4
    assert len(late.features._tail) < lstm.processor.log_mel.window
