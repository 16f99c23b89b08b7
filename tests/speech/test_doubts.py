"""A transcript says when it is to be doubted, and noise has none; calibrated confidences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from zoo import load_model
from zoo.cli import main
from zoo.errors import ZooWarning
from zoo.speech.command import _run_stream as run_stream
from zoo.speech.processor import Utterance
from zoo.speech.recognition import UNLIKE
from zoo.speech.results import Alternative, Transcript, Word
from zoo.speech.training.confidence import fit_transcripts, with_unknown_words
from zoo.speech.training.sounds import clicks

RATE = 16_000
SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("ctc_bilstm.an4")


def outputs(model: Any, text: str, sure: float) -> np.ndarray:
    """Outputs that spell a text, each label in one frame and a blank after it."""
    steps = [step for label in model.labels_of(text) for step in (label, 0)]
    count = len(model.processor.vocabulary)
    found = np.full((len(steps), count), (1 - sure) / (count - 1))
    found[np.arange(len(steps)), steps] = sure
    return np.log(found)


def result(model: Any, sure: float) -> Any:
    log_probs, search = outputs(model, "GO ON", sure), model.searches.make()
    return model.make_result(search, search.run(log_probs), log_probs, 1.0)


def test_what_is_read_in_unsure_outputs_is_doubted_or_nothing(model: Any) -> None:
    fine, doubtful, hopeless = (result(model, sure) for sure in (0.95, 0.86, 0.6))
    assert (fine.text, fine.doubts) == ("GO ON", ())
    assert (doubtful.text, doubtful.doubts) == ("GO ON", (UNLIKE,))
    assert (hopeless.text, hopeless.words, hopeless.doubts) == ("", (), (UNLIKE,))
    assert hopeless.alternatives[0].text == ""
    assert 0 < hopeless.confidence < 1


def test_noise_gives_no_text_and_a_warning(model: Any) -> None:
    samples = 0.3 * clicks(3 * RATE, RATE, np.random.default_rng(1001))
    with pytest.warns(ZooWarning, match=f"the array is {UNLIKE}"):
        found = model.transcribe(samples, RATE)
    assert found.text == ""


def test_calibrated_words_give_the_share_to_be_expected_right() -> None:
    model = load_model("ctc_bilstm.an4")
    model.set_search({}, {})
    plain = result(model, 0.9)
    model.set_search({"word_scale": 0.5, "word_bias": -1.0}, {})
    found = result(model, 0.9)
    logit = np.log(np.array([word.confidence for word in plain.words]))
    logit -= np.log(1 - np.exp(logit))
    wanted = 1 / (1 + np.exp(1.0 - 0.5 * logit))
    assert [word.confidence for word in found.words] == pytest.approx(wanted)
    assert found.confidence == pytest.approx(wanted.mean())
    assert plain.confidence == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("sure", [0.95, 0.88])
def test_a_phrase_in_unfamiliar_speech_is_doubted_and_a_sequence_rejected(
    model: Any, sure: float
) -> None:
    log_probs = outputs(model, "GO ON", sure)
    doubted = sure < 0.9
    for repeat, phrases in ((False, ["go on", "stop"]), (True, ["go", "on"])):
        search = model.searches.make_for_phrases(phrases, repeat=repeat)
        found = model.make_result(search, search.run(log_probs), log_probs, 1.0)
        assert found.text == ("" if repeat and doubted else "go on")
        rejection = "none of the phrases; without them it reads 'GO ON'"
        assert found.doubts == (((rejection if repeat else UNLIKE),) if doubted else ())


def test_words_found_with_a_language_model_have_a_curve_of_their_own() -> None:
    model = load_model("ctc_bilstm.an4")
    curves = {"word_scale": 0.5, "lm_word_scale": 2.0, "doubtful_unfamiliarity": 10.0}
    model.set_search(
        {**model.decoder, "word_bias": 0.0, "lm_word_bias": 0.0, **curves}, model.files
    )
    log_probs = outputs(model, "GO ON", 0.9)
    for language_model, wanted in ((None, 3 / 4), ("own", 81 / 82)):
        search = model.searches.make(language_model, lm_weight=0.0)
        found = model.make_result(search, search.run(log_probs), log_probs, 1.0)
        assert [word.text for word in found.words] == ["GO", "ON"]
        assert found.confidence == pytest.approx(wanted, abs=1e-3)


def test_what_is_less_familiar_than_nearly_all_held_out_speech_is_doubted() -> None:
    model = load_model("ctc_bilstm.an4")
    sure = [0.99] * 65 + [0.95, 0.9, 0.85]
    held_out = [outputs(model, "GO ON", each) for each in sure]
    model.set_search({}, {})
    fit_transcripts(model, held_out, ["GO ON"] * 68, {"sermons": [outputs(model, "UH", 0.8)]})
    doubted = [bool(result(model, each).doubts) for each in (0.95, 0.9)]
    assert doubted == [False, True]
    said = "that of 2.9 % of 68 validation utterances, and of 100.0 % of 1 sermons."
    assert model.card["confidence"].endswith(said)


def test_too_few_utterances_give_no_limit() -> None:
    model = load_model("ctc_bilstm.an4")
    fit_transcripts(model, [outputs(model, "GO ON", 0.99)] * 33, ["GO ON"] * 33)
    assert model.searches.settings.doubtful_unfamiliarity == 1e6
    assert "unfamiliarity" not in model.card["confidence"]


def test_utterances_of_known_words_alone_are_no_other_speech() -> None:
    said = [Utterance(np.zeros(0), text, "", "") for text in ("one two", "ONE MORE", "TWO")]
    assert [one.text for one in with_unknown_words(said, {"ONE", "TWO"})] == ["ONE MORE"]


@pytest.mark.parametrize("name", ["ctc_bilstm.an4", "ctc_lstm.an4"])
def test_english_that_the_model_does_not_know_is_doubted(name: str, data_mirror: Path) -> None:
    model: Any = load_model(name)
    assert model.transcribe(SAMPLES / "census.wav").doubts == ()
    for path in sorted((data_mirror / "prepared/speech/librispeech_sample").glob("*.flac"))[:5]:
        with pytest.warns(ZooWarning, match=UNLIKE):
            assert model.transcribe(path).doubts == (UNLIKE,)
        assert model.transcribe(path, phrases=["one", "two", "eight"], repeat=True).phrases == ()


def test_the_command_line_tells_a_doubt_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clicks.wav"
    soundfile.write(path, 0.3 * clicks(3 * RATE, RATE, np.random.default_rng(1001)), RATE)
    main(["run", "ctc_bilstm.an4", str(path)])
    assert capfd.readouterr().err == f"zoo: unsure: {UNLIKE}\n"


def test_a_stream_on_the_command_line_says_which_utterances_are_doubted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def utterance(start: float, *doubts: str) -> Transcript:
        words, texts = (Word("GO", start, 2.5, 0.9),), (Alternative("GO", 0.0, 0.9),)
        return Transcript("GO", words, 0.9, texts, 1.0, doubts=doubts)

    class Stream:
        greedy, endpoint = True, True

        def __init__(self) -> None:
            self.results = [utterance(0.5), utterance(2.0, UNLIKE), utterance(4.0)]

        def feed(self, samples: np.ndarray) -> None:
            pass

        def flush(self) -> Transcript:
            return self.results.pop(0)

        finish = flush

        def partial(self) -> str:
            return "G"

    run_stream(Stream(), [np.zeros(1)] * 2, as_json=False)
    printed = capsys.readouterr()
    assert printed.out == "GO\nGO\nGO\n"
    assert printed.err == f"zoo: unsure: 2.0 s: {UNLIKE}\n"
