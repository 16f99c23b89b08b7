"""Given phrases and hot words on a recording: whole, streamed, and by the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo import load_model
from zoo.errors import UsageError, ZooError

ROOT = Path(__file__).parent.parent.parent
CENSUS = ROOT / "samples" / "census.wav"  # ELEVEN TWENTY SEVEN FIFTY SEVEN
GRAMMAR = ["first = eleven|twelve", "{first} twenty seven (fifty|sixty) (seven|one)", "Stop", "go"]


@pytest.fixture(scope="module", params=["ctc_bilstm.an4", "ctc_lstm.an4"])
def model(request: pytest.FixtureRequest) -> Any:
    return load_model(request.param)


@pytest.fixture(scope="module")
def streaming() -> Any:
    return load_model("ctc_lstm.an4")


def test_the_answer_is_the_phrase_as_it_was_given_with_its_slots(model: Any) -> None:
    free, found = model.transcribe(CENSUS), model.transcribe(CENSUS, phrases=GRAMMAR)
    assert found.text == str(found) == "eleven twenty seven fifty seven"
    assert found.slots == {"first": "eleven"}
    assert [phrase.text for phrase in found.phrases] == [found.text]
    assert [word.text for word in found.words] == found.text.split()
    for word, same in zip(found.words, free.words, strict=True):
        assert word.start == pytest.approx(same.start, abs=0.05)
    assert found.confidence > 0.9
    assert len(found.alternatives) == 2
    assert found.alternatives[0].text == found.text
    assert found.alternatives[1].confidence < 0.05
    assert found.doubts == ()
    assert (free.phrases, free.slots) == (None, {})


def test_what_is_none_of_the_phrases_is_empty_and_says_what_was_heard(model: Any) -> None:
    found = model.transcribe(CENSUS, phrases=["stop", "go", "thirty seven"])
    assert (found.text, found.words, found.phrases, found.slots) == ("", (), (), {})
    assert found.confidence > 0.9
    assert found.alternatives[1].text in ("stop", "go", "thirty seven")
    assert found.alternatives[1].confidence < 0.1
    assert "ELEVEN TWENTY SEVEN FIFTY SEVEN" in found.doubts[0]


def test_phrases_may_be_repeated(model: Any) -> None:
    numbers = ["seven", "eleven", "twenty", "fifty seven", "fifty"]
    found = model.transcribe(CENSUS, phrases=numbers, repeat=True)
    assert found.text == "eleven twenty seven fifty seven"
    assert [phrase.text for phrase in found.phrases][:3] == ["eleven", "twenty", "seven"]
    assert model.transcribe(CENSUS, phrases=numbers).text == ""
    slots = model.transcribe(
        CENSUS, phrases=["n = eleven|twenty", "{n}", "seven", "fifty"], repeat=True
    )
    each = [("eleven", {"n": "eleven"}), ("twenty", {"n": "twenty"})]
    each += [("seven", {}), ("fifty", {}), ("seven", {})]
    assert slots.to_dict()["phrases"] == [{"text": text, "slots": said} for text, said in each]


def test_the_pieces_of_a_long_recording_are_phrases_each(streaming: Any) -> None:
    samples = streaming.processor.read(CENSUS)
    pause = np.zeros(17 * 16_000, np.float32)
    twice, phrases = np.concatenate([samples, pause, samples]), [*GRAMMAR, "stop"]
    found = streaming.transcribe(twice, 16_000, phrases=phrases, repeat=True)
    assert len(found.phrases) >= 2
    assert found.words[5].start > 17
    one = streaming.transcribe(twice, 16_000, phrases=phrases)
    assert (one.text, one.phrases, one.confidence) == ("", (), 0.0)
    assert "more than one phrase: 'eleven twenty seven" in one.doubts[0]
    assert one.alternatives[1].text.startswith("eleven twenty seven")  # the runner-up
    once = streaming.transcribe(np.concatenate([samples, pause]), 16_000, phrases=phrases)
    alone = streaming.transcribe(samples, 16_000, phrases=phrases)
    assert (once.text, once.phrases) == (alone.text, alone.phrases)
    assert once.seconds > 19


def test_noise_is_none_of_the_phrases(model: Any) -> None:
    time = np.arange(4 * 16_000) / 16_000
    noise = np.random.default_rng(5).standard_normal(len(time))
    sounds = {
        "beeps": 0.3 * np.sin(2 * np.pi * 880 * time) * (time % 1 < 0.2),
        "keys": 0.2 * (np.sin(2 * np.pi * 697 * time) + np.sin(2 * np.pi * 1209 * time)),
        "gusts": 0.05 * noise * (1 + np.sin(2 * np.pi * 0.3 * time)),
    }
    phrases = ["stop", "go", "start the recording", "two", "oh", "eight", "one"]
    for name, samples in sounds.items():
        samples = samples.astype(np.float32)
        assert model.transcribe(samples, 16_000, phrases=phrases).text == "", name
        assert model.transcribe(samples, 16_000, phrases=phrases, repeat=True).text == "", name


@pytest.mark.parametrize("chunk", [1_601, 160_000])
def test_a_stream_gives_the_phrase_of_the_whole(streaming: Any, chunk: int) -> None:
    samples = streaming.processor.read(CENSUS)
    whole = streaming.transcribe(CENSUS, phrases=GRAMMAR)
    stream = streaming.open_stream(phrases=GRAMMAR)
    partials = []
    for start in range(0, len(samples), chunk):
        stream.feed(samples[start : start + chunk])
        partials.append(stream.partial())
    assert not stream.greedy
    if chunk < 10_000:
        assert partials[0] == ""
        assert any(part.startswith("eleven twenty") for part in partials)
        stream.feed(np.zeros(16_000, np.float32))
        assert stream.endpoint
    found = stream.flush()
    assert (found.text, found.slots) == (whole.text, whole.slots)
    assert [w.start for w in found.words] == [w.start for w in whole.words]
    assert stream.finish().text == ""


def test_hot_words_pull_the_text_towards_them_or_away(model: Any) -> None:
    free = model.transcribe(CENSUS).text
    assert "FIFTY" in free.split()
    assert "FIFTY" not in model.transcribe(CENSUS, hotwords={"fifty": -20.0}).text.split()
    assert model.transcribe(CENSUS, hotwords={"Hooker": 2.0}).text == free


def test_arguments_that_exclude_each_other_are_named(streaming: Any) -> None:
    with pytest.raises(UsageError, match="no beam_size"):
        streaming.transcribe(CENSUS, phrases=["go"], beam_size=8)
    with pytest.raises(UsageError, match="no hotwords"):
        streaming.open_stream(phrases=["go"], hotwords={"go": 1.0})
    with pytest.raises(UsageError, match="lm_weight goes with a language_model"):
        streaming.transcribe(CENSUS, lm_weight=9)
    with pytest.raises(ZooError):
        streaming.transcribe(CENSUS, language_model="a\0b")
    with pytest.raises(UsageError, match="repeat goes with phrases"):
        streaming.transcribe(CENSUS, repeat=True)
    with pytest.raises(UsageError, match="'7'"):
        streaming.transcribe(CENSUS, phrases=["channel 7"])


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    path = tmp_path / "commands.txt"
    path.write_text("\n".join(GRAMMAR), encoding="utf-8")
    return path


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def test_a_file_of_phrases_goes_with_the_command(zoo: Any, commands: Path) -> None:
    shown = zoo("run", "ctc_bilstm.an4", CENSUS, "--phrases", commands, "--json")
    (found,) = json.loads(shown)
    assert found["text"] == "eleven twenty seven fifty seven"
    assert found["slots"] == {"first": "eleven"}
    assert found["phrases"] == [{"text": found["text"], "slots": {"first": "eleven"}}]
    hot = zoo("run", "ctc_bilstm.an4", CENSUS, "--hotword", "fifty=-20")
    assert "FIFTY" not in hot.split()
    assert "WORD=WEIGHT" in zoo("run", "ctc_bilstm.an4", CENSUS, "--hotword", "fifty", code=2)


def test_a_stream_prints_a_line_for_each_command_and_none_for_the_rest(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, commands: Path, streaming: Any
) -> None:
    samples = (streaming.processor.read(CENSUS) * 32767).astype("<i2")
    part, pause = samples[6_400:16_000], np.zeros(24_000, "<i2")
    pipe(monkeypatch, b"".join(one.tobytes() for one in (part, pause, samples, pause)))
    shown = zoo("run", "ctc_lstm.an4", "-", "--phrases", commands)
    assert shown == "eleven twenty seven fifty seven\n"
    pipe(monkeypatch, b"".join(one.tobytes() for one in (part, pause)))
    shown = zoo("run", "ctc_lstm.an4", "-", "--phrases", commands, "--json")
    (found,) = map(json.loads, shown.splitlines())
    assert found["text"] == ""
    assert "EVEN" in found["doubts"][0]
