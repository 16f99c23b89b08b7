"""Recordings to text: whole, in lists, long; probabilities, alignments, pictures; bad input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.speech.toy import LABELS, RATE, UNTRAINED, make_recogniser, speech_like, write_wav
from zoo import load_model
from zoo.ctc.decoding import ctc_log_probability, greedy
from zoo.ctc.results import Alternative
from zoo.ctc.search import OWN_MODEL
from zoo.errors import DataError, FolderError, UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.language_models.word_ngram import WordNgram
from zoo.speech.audio import split_at_silences
from zoo.speech.recognition import LONGEST_PIECE, _combine

TEXTS = ["A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT"]


@pytest.fixture(scope="module", params=["ctc_bilstm", "ctc_lstm"])
def model(request: pytest.FixtureRequest) -> Any:
    return make_recogniser(request.param)


@pytest.fixture(scope="module")
def bidirectional() -> Any:
    return make_recogniser("ctc_bilstm")


def test_a_text_comes_with_words_times_and_confidences(model: Any) -> None:
    samples = speech_like(3.0)
    result = model.transcribe(samples, RATE)
    assert str(result) == result.text == model(samples, RATE).text
    assert len(result.text) > 5
    assert result.text.split() == [word.text for word in result.words]
    assert result.seconds == pytest.approx(3.0)
    ends = [0.0]
    for word in result.words:
        assert ends[-1] <= word.start < word.end <= 3.04
        assert 0.0 < word.confidence <= 1.0
        ends.append(word.end)
    assert 0.0 < result.confidence <= 1.0


def test_the_greedy_text_is_that_of_the_public_log_probs(model: Any) -> None:
    samples = speech_like(2.0, seed=1)
    log_probs = model.log_probs(samples, RATE)
    assert log_probs.shape == (math.ceil(model.processor.log_mel.frame_count(len(samples)) / 4), 11)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1.0, atol=1e-5)
    labels = greedy(log_probs, model.processor.alphabet.blank).labels
    assert model.processor.alphabet.decode(labels).split() == [
        word.text for word in model.transcribe(samples, RATE).words
    ]


def test_a_list_gives_what_each_recording_gives_alone(model: Any) -> None:
    recordings = [speech_like(seconds, seed=i) for i, seconds in enumerate((0.4, 2.3, 1.1, 0.01))]
    together = model.transcribe(recordings, RATE)
    alone = [model.transcribe(samples, RATE) for samples in recordings]
    assert [r.text for r in together] == [r.text for r in alone]
    for one, other in zip(together, alone, strict=True):
        for word, same in zip(one.words, other.words, strict=True):
            assert (word.start, word.end) == (same.start, same.end)
            assert word.confidence == pytest.approx(same.confidence, abs=1e-4)
    assert model.transcribe([], RATE) == []


def test_files_of_many_kinds_give_the_text_of_their_samples(model: Any, tmp_path: Path) -> None:
    samples = speech_like(1.5, seed=3)
    wanted = model.transcribe((samples * 32768).astype(np.int16), RATE).text
    flac, wav = tmp_path / "a.flac", write_wav(tmp_path / "a.wav", samples)
    soundfile.write(flac, samples, RATE, subtype="PCM_24")
    stereo = np.stack([samples, samples], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, RATE, subtype="FLOAT")
    found = model.transcribe([wav, flac, str(tmp_path / "stereo.wav"), wav.read_bytes()])
    assert {result.text for result in found} == {wanted}


def test_a_long_recording_is_cut_and_put_together(model: Any) -> None:
    parts = [np.concatenate([speech_like(12.0, seed=i), np.zeros(RATE)]) for i in range(4)]
    samples = np.concatenate(parts).astype(np.float32)
    heard: list[float] = []
    result = model.transcribe(samples, RATE, on_progress=heard.append)
    assert sum(heard) == pytest.approx(52.0)
    assert len(heard) >= 52 / LONGEST_PIECE
    assert result.text.split() == [word.text for word in result.words]
    starts = [word.start for word in result.words]
    assert starts == sorted(starts)
    assert starts[-1] > 40.0
    pieces = list(split_at_silences([samples], LONGEST_PIECE))
    texts = [model.transcribe(piece.samples, RATE).text for piece in pieces]
    assert result.text == " ".join(texts)


def test_alternatives_are_ranked_and_the_first_is_the_text(model: Any) -> None:
    result = model.transcribe(speech_like(1.0), RATE, beam_size=8, n_best=4)
    assert len(result.alternatives) == 4
    assert result.alternatives[0].text == result.text
    scores = [other.score for other in result.alternatives]
    assert scores == sorted(scores, reverse=True)
    assert len({other.text for other in result.alternatives}) >= 2


def test_alternatives_of_pieces_are_combined_by_their_sums() -> None:
    def part(*rows: tuple[str, float]) -> list[Alternative]:
        return [Alternative(text, score, 0.5) for text, score in rows]

    best = _combine([part(("A", -1.0), ("B", -2.0)), part(("C", -1.0), ("D", -1.5))], 3)
    assert [(one.text, one.score) for one in best] == [("A C", -2.0), ("A D", -2.5), ("B C", -3.0)]


def test_a_language_model_changes_the_text_towards_its_words(bidirectional: Any) -> None:
    samples = speech_like(1.2, seed=2)
    closed = WordNgram.train(TEXTS, order=1)
    known = {word for text in TEXTS for word in text.split()}
    result = bidirectional.transcribe(samples, RATE, language_model=closed, lm_weight=5.0)
    free = bidirectional.transcribe(samples, RATE)
    assert sum(w.text in known for w in result.words) > sum(w.text in known for w in free.words)


def test_the_own_language_model_survives_a_folder(bidirectional: Any, tmp_path: Path) -> None:
    model = make_recogniser("ctc_bilstm")
    ngram = CharacterNgram.train(TEXTS, order=3)
    settings = {"beam_size": 6, "lm_weight": 0.8, "insertion_bonus": 0.2, **UNTRAINED}
    model.set_search(settings, {OWN_MODEL: ngram.to_bytes()})
    samples = speech_like(1.0, seed=5)
    wanted = model.transcribe(samples, RATE, language_model="own")
    explicit = bidirectional.transcribe(
        samples, RATE, language_model=ngram, beam_size=6, lm_weight=0.8, insertion_bonus=0.2
    )
    assert wanted.text == explicit.text
    loaded = load_model(model.save(tmp_path / "m"))
    # The folder holds float16 weights, so another save must give the same again.
    again = load_model(loaded.save(tmp_path / "n"))
    assert (tmp_path / "n" / OWN_MODEL).read_bytes() == ngram.to_bytes()
    assert loaded.decoder == settings
    assert loaded.check() < 2e-3
    first = loaded.transcribe(samples, RATE, language_model="own").text
    assert again.transcribe(samples, RATE, language_model="own").text == first


def test_score_is_the_ctc_probability_and_align_finds_every_character(model: Any) -> None:
    samples = speech_like(2.0, seed=7)
    text = "BAD BEE"
    labels = [LABELS.index(c) for c in text]
    wanted = ctc_log_probability(model.log_probs(samples, RATE), labels, 0)
    assert model.score(samples, text, RATE) == pytest.approx(wanted)
    found = model.align(samples, text, RATE)
    assert found.log_probability == pytest.approx(wanted)
    assert [word.text for word in found.words] == ["BAD", "BEE"]
    assert "".join(character.text for character in found.characters) == text
    times = [c.start for c in found.characters]
    assert times == sorted(times)
    assert found.characters[-1].end <= 2.04
    assert str(found) == text
    # What it writes itself is likelier than what it does not.
    own = model.transcribe(samples, RATE, beam_size=4).text
    assert model.score(samples, own, RATE) > wanted


def test_a_text_too_long_for_the_recording_has_no_probability(model: Any) -> None:
    assert model.score(speech_like(0.1), "BAD BEE", RATE) == -math.inf
    with pytest.raises(UsageError, match="frames"):
        model.align(speech_like(0.1), "BAD BEE", RATE)
    with pytest.raises(DataError, match="outside the alphabet"):
        model.score(speech_like(0.1), "ß", RATE)


def test_the_engine_gives_what_the_network_gives(model: Any) -> None:
    samples = speech_like(1.3, seed=11)
    features = model.processor.log_mel.features(samples)[None]
    logits = np.asarray(model.network([features, np.ones(features.shape[:2], bool)]))[0]
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(model.log_probs(samples, RATE), log_probs, atol=1e-4)


def test_a_picture_is_drawn(model: Any, tmp_path: Path) -> None:
    path = model.plot(speech_like(2.0), tmp_path / "a.png", RATE)
    assert path.read_bytes().startswith(b"\x89PNG")
    drawn = model.plot(np.zeros(100, np.int16), tmp_path / "short.svg", RATE)
    assert b"(nothing)" in drawn.read_bytes() or drawn.stat().st_size > 1000
    with pytest.raises(UsageError, match="must end in"):
        model.plot(speech_like(1.0), tmp_path / "a.txt", RATE)
    with pytest.raises(UsageError, match="at most"):
        model.plot(speech_like(21.0), tmp_path / "b.png", RATE)


def test_a_picture_shows_when_the_network_heard_nothing() -> None:
    from matplotlib.figure import Figure

    from zoo.speech.plot import _draw_posteriors, _left_out

    times = np.append(np.arange(0.5, 1.0, 0.1), np.arange(7.0, 7.45, 0.1))
    assert np.allclose(_left_out(times, 0.1, 10.0), [(0.0, 0.5), (1.0, 7.0), (7.5, 10.0)])
    assert not _left_out(np.arange(20) * 0.1, 0.1, 2.05)
    axes = Figure().subplots()
    _draw_posteriors(axes, np.tile([[0.1, 0.9]], (10, 1)), times, 0.1, ("", "A"))
    for line in axes.lines:
        drawn = np.asarray(line.get_xdata())
        assert np.isnan(drawn).tolist() == [False] * 5 + [True] + [False] * 5


def test_silence_and_next_to_nothing_give_an_empty_text_or_a_text(model: Any) -> None:
    for samples in (np.zeros(1), np.zeros(399), np.zeros(400), np.zeros(RATE)):
        result = model.transcribe(samples, RATE)
        assert isinstance(result.text, str)
        assert all(math.isfinite(word.confidence) for word in result.words)
    assert model.transcribe(np.zeros(1), RATE).text == ""


@pytest.mark.parametrize("sound", ["silence", "white noise", "hum"])
def test_a_recording_in_which_nobody_speaks_gives_an_empty_text(
    bidirectional: Any, sound: str
) -> None:
    seconds = np.arange(4 * RATE) / RATE
    samples = {
        "silence": np.zeros(4 * RATE),
        "white noise": np.random.default_rng(0).normal(0.0, 0.1, 4 * RATE),
        "hum": 0.1 * np.sin(2 * np.pi * 300 * seconds),
    }[sound]
    result = bidirectional.transcribe(samples, RATE)
    assert (result.text, result.words, result.seconds) == ("", (), 4.0)
    assert bidirectional.transcribe(speech_like(4.0) + samples, RATE).text


def test_a_text_has_no_double_spaces(bidirectional: Any) -> None:
    vocabulary = bidirectional.processor.vocabulary
    path = [vocabulary.index(text) for text in (" ", "A", " ", "", " ", "", "A", " ")]
    log_probs = np.log(0.9 * np.eye(len(vocabulary), dtype=np.float32)[path] + 0.01)
    found = greedy(log_probs, bidirectional.processor.alphabet.blank)
    result = bidirectional.make_transcript([found], 1.0)
    assert (result.text, [word.text for word in result.words]) == ("A A", ["A", "A"])


@pytest.mark.parametrize(
    ("audio", "arguments", "error"),
    [
        (np.zeros(0), {"sample_rate": RATE}, UsageError),
        (np.zeros(100), {}, UsageError),
        (np.zeros(100), {"sample_rate": 0}, UsageError),
        (np.zeros(100), {"sample_rate": math.nan}, UsageError),
        (np.full(500, np.nan), {"sample_rate": RATE}, UsageError),
        (np.full(500, np.inf), {"sample_rate": RATE}, UsageError),
        (np.zeros((2, 3, 4)), {"sample_rate": RATE}, UsageError),
        ([0.1, 0.2], {"sample_rate": RATE}, UsageError),
        (3, {}, UsageError),
        ("/nowhere/a.wav", {}, DataError),
        (b"", {}, DataError),
        (b"text, not audio", {}, DataError),
        (np.zeros(500), {"sample_rate": RATE, "beam_size": 0}, UsageError),
        (np.zeros(500), {"sample_rate": RATE, "beam_size": 4, "n_best": 5}, UsageError),
        (np.zeros(500), {"sample_rate": RATE, "n_best": 0}, UsageError),
        (np.zeros(500), {"sample_rate": RATE, "language_model": "own"}, UsageError),
        (np.zeros(500), {"sample_rate": RATE, "language_model": "/nowhere"}, DataError),
        (np.zeros(500), {"sample_rate": RATE, "language_model": 7}, UsageError),
        (np.zeros(500), {"sample_rate": RATE, "lm_weight": -1.0}, UsageError),
    ],
)
def test_bad_input_is_a_clear_error(
    bidirectional: Any, audio: Any, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        bidirectional.transcribe(audio, **arguments)


def test_a_rate_beside_a_file_is_an_error(bidirectional: Any, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", speech_like(0.5))
    with pytest.raises(UsageError, match="sample_rate goes with an array"):
        bidirectional.transcribe(path, RATE)


@pytest.mark.parametrize(
    "settings", [{"beam_size": 0}, {"lm_weight": "x"}, {"unknown": 1}, {"insertion_bonus": 1e9}]
)
def test_hostile_decoder_settings_are_folder_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(FolderError):
        make_recogniser("ctc_bilstm").set_search(settings, {})


def test_a_hostile_language_model_is_a_folder_error() -> None:
    model = make_recogniser("ctc_bilstm")
    model.set_search({}, {OWN_MODEL: b"\x08" + b"\x00" * 30})
    with pytest.raises(FolderError, match="language_model"):
        model.transcribe(np.zeros(500), RATE, language_model="own")


def test_real_recordings_alone_and_together(data_mirror: Path, model: Any) -> None:
    paths = sorted((data_mirror / "prepared/speech/librispeech_sample").glob("*.flac"))[:4]
    together = model.transcribe(paths)
    for path, result in zip(paths, together, strict=True):
        assert model.transcribe(path).text == result.text
        assert len(result.text) > 10
