"""New utterances out of old words: cut where it is quiet, one speaker's words, nothing invented."""

from __future__ import annotations

import numpy as np
import pytest

from tests.speech.toy import RATE, make_recogniser, speech_like
from zoo.ctc.results import Word
from zoo.speech.processor import Utterance
from zoo.speech.training.splicing import Splicer, cut_points, join


def test_cuts_lie_in_the_pauses() -> None:
    samples = np.sin(np.arange(3 * RATE) * 0.3).astype(np.float32)
    pauses = [(0.95, 1.15), (1.9, 2.0)]
    for start, end in pauses:
        samples[int(start * RATE) : int(end * RATE)] = 0.0
    words = [Word("A", 0.4, 0.5, 1.0), Word("B", 1.4, 1.5, 1.0), Word("C", 2.4, 2.6, 1.0)]
    cuts = cut_points(samples, words, RATE)
    assert (cuts[0], cuts[-1]) == (0, len(samples))
    for cut, (start, end) in zip(cuts[1:-1], pauses, strict=True):
        assert start <= cut / RATE <= end


@pytest.mark.parametrize("words", [[(0.0, 0.1), (0.1, 0.1), (0.1, 0.1)], [(0.9, 1.0), (1.0, 1.0)]])
def test_words_without_a_gap_are_cut_too(words: list[tuple[float, float]]) -> None:
    samples = speech_like(1.0)
    cuts = cut_points(samples, [Word("A", a, b, 1.0) for a, b in words], RATE)
    assert len(cuts) == len(words) + 1
    assert (np.diff(cuts) >= 0).all()


def test_pieces_are_faded_into_each_other() -> None:
    joined = join([np.ones(100, np.float32), np.full(50, 3.0, np.float32)], 20)
    assert joined.shape == (130,)
    assert np.abs(np.diff(joined)).max() < 0.2
    assert (joined[0], joined[-1]) == (1.0, 3.0)
    assert join([np.ones(5, np.float32)], 20).shape == (5,)


def test_an_utterance_is_made_of_one_speaker_s_words() -> None:
    texts = {"ann": ["A BAD BEE", "GO ON"], "bob": ["NOT A TOAD", "BEGAN TO EAT"]}
    utterances = [
        Utterance(speech_like(1.5, seed=10 * s + i), text, speaker, f"{speaker}{i}")
        for s, (speaker, rows) in enumerate(texts.items())
        for i, text in enumerate(rows)
    ]
    splicer = Splicer(utterances, make_recogniser("ctc_bilstm"))
    own = {w for text in texts["bob"] for w in text.split()}
    made = set()
    for seed in range(20):
        samples, text = splicer.make(2, np.random.default_rng(seed))
        again, same = splicer.make(2, np.random.default_rng(seed))
        np.testing.assert_array_equal(samples, again)
        assert text == same
        assert set(text.split()) <= own
        assert len(text.split()) >= 3
        assert samples.dtype == np.float32
        assert len(samples) > 0
        made.add(text)
    assert len(made) > 10
    assert made - set(texts["bob"])
