"""Given phrases: exact scores, sequences, rejection, streaming, and where phrases come from."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.calibration import uncertainty, unfamiliarity
from zoo.ctc.decoding import Hypothesis, ctc_log_probability, greedy
from zoo.ctc.grammar import Phrase, expand
from zoo.ctc.phrase_search import PhraseSearch, PhraseSettings, share_of_each
from zoo.ctc.phrases import PhraseBeam, PhraseTree, compile_phrases, read_phrases
from zoo.ctc.search import SearchFactory
from zoo.errors import DataError, UsageError

ALPHABET = Alphabet(("", " ", "A", "B", "C"))
SETTINGS = PhraseSettings(scale=4.0, bias=5.0, temperature=1.0)


def outputs(frames: int, seed: int, sharp: float = 1.0) -> np.ndarray:
    """Random ``(frames, labels)`` log-probabilities."""
    logits = sharp * np.random.default_rng(seed).normal(size=(frames, len(ALPHABET)))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def spelled(text: str, seed: int = 0, sure: float = 0.9) -> np.ndarray:
    """Outputs that spell a text, each label in one frame and a blank after it."""
    labels = [step for c in text for step in (ALPHABET.vocabulary.index(c), 0)]
    rng = np.random.default_rng(seed)
    found = np.full((len(labels), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1))
    found[np.arange(len(labels)), labels] = sure
    found *= rng.uniform(0.9, 1.1, found.shape)
    return np.log(found / found.sum(axis=1, keepdims=True))


def tree_of(*phrases: str) -> PhraseTree:
    return PhraseTree(expand(phrases), ALPHABET)


def search_for(*phrases: str, repeat: bool = False, n_best: int = 1) -> PhraseSearch:
    return PhraseSearch(tree_of(*phrases), SETTINGS, repeat, n_best)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_the_sums_over_all_alignments(seed: int) -> None:
    phrases = ["A", "AA", "AB", "AB A", "BABB", "C C", "ABCABC A"]
    log_probs = outputs(9, seed)
    beam = PhraseBeam(tree_of(*phrases))
    beam.feed(log_probs[:4])
    beam.feed(log_probs[4:])
    for phrase, score in zip(phrases, beam.scores(), strict=True):
        labels = ALPHABET.encode(phrase).tolist()
        # Separators may stand before and one after it.
        ways = [
            [*before, *labels, *after]
            for before, after in itertools.product(([1] * n for n in range(6)), ([], [1]))
        ]
        wanted = np.logaddexp.reduce([ctc_log_probability(log_probs, way, 0) for way in ways])
        assert score == pytest.approx(wanted, abs=1e-9), phrase


def test_an_alphabet_without_a_space_has_words_alone() -> None:
    alphabet = Alphabet(("A", "", "B"))
    tree = PhraseTree(expand(["AB", "BA"]), alphabet)
    log_probs = outputs(5, 0)[:, :3]
    log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    beam = PhraseBeam(tree)
    beam.feed(log_probs)
    wanted = [ctc_log_probability(log_probs, way, 1) for way in ([0, 2], [2, 0])]
    assert beam.scores() == pytest.approx(np.array(wanted))
    with pytest.raises(UsageError, match="has a space"):
        PhraseSearch(tree, SETTINGS, repeat=True)


@pytest.mark.parametrize("said", ["BA A C", "C C", "A", "CB A"])
def test_a_sequence_is_the_likeliest_one(said: str) -> None:
    phrases = ["A", "BA", "C"]
    log_probs = spelled(said, sure=0.7)
    sequences = [
        sequence for count in (1, 2, 3) for sequence in itertools.product(range(3), repeat=count)
    ]
    tree = tree_of(*phrases)
    scores = [ctc_log_probability(log_probs, tree.labels_of(s), 0) for s in sequences]
    found = PhraseSearch(tree, SETTINGS, repeat=True).run(log_probs)
    best = next(one for one in found if one.phrases)
    text = " ".join(phrases[number] for number in sequences[int(np.argmax(scores))])
    assert " ".join(phrase.text for phrase in best.phrases) == text


def test_a_phrase_that_was_said_is_the_answer_with_a_runner_up() -> None:
    best, second = search_for("AB A", "CAB", "BA").run(spelled("AB A"))
    assert best.phrases == (Phrase("AB A"),)
    assert best.labels == tuple(ALPHABET.encode("AB A"))
    assert [span.start for span in best.spans] == [0, 2, 4, 6]
    assert best.confidence > 0.95 > 0.05 > second.confidence
    assert best.score > second.score


def test_what_is_none_of_the_phrases_is_rejected_and_told() -> None:
    nothing, nearest, *_ = search_for("AB A", "CC").run(spelled("BCBC", sure=0.98))
    assert (nothing.labels, nothing.phrases) == ((), ())
    assert ALPHABET.decode(nothing.heard) == "BCBC"
    assert nothing.confidence > 0.9
    assert nearest.phrases
    assert nearest.confidence < 0.1


def test_silence_is_none_of_the_phrases() -> None:
    silence = np.log(np.array([[0.96, 0.01, 0.01, 0.01, 0.01]] * 20))
    nothing, *_ = search_for("A", "B").run(silence)
    assert (nothing.phrases, nothing.heard) == ((), ())
    nothing, *rest = search_for("A", "B").run(silence[:0])
    assert (nothing.phrases, rest) == ((), [])


def test_a_phrase_that_does_not_fit_in_the_frames_is_none() -> None:
    (nothing,) = search_for("ABC").run(outputs(2, 0))
    assert nothing.phrases == ()


def test_confidence_is_the_logistic_of_the_gap_times_the_share() -> None:
    search = search_for("AB", "BA")
    log_probs = outputs(6, 3)
    beam = search.beam()
    beam.feed(log_probs)
    scores = beam.scores()
    free = greedy(log_probs, 0).labels
    gap = scores.max() - ctc_log_probability(log_probs, free, 0)
    known = 1 / (1 + math.exp(-(4.0 * gap / max(2, len(free)) + 5.0)))
    share = 1 / (1 + math.exp(scores.min() - scores.max()))
    found = next(one for one in search.run(log_probs) if one.phrases)
    assert found.confidence == pytest.approx(known * share)


def test_shares_are_softened_by_the_temperature() -> None:
    scores = np.array([-1.0, -2.0, -np.inf])
    assert share_of_each(scores, 1.0) == pytest.approx([1 / (1 + math.e**-1), 1 / (1 + math.e), 0])
    assert share_of_each(scores, 1e6) == pytest.approx([0.5, 0.5, 0.0], abs=1e-5)
    assert not share_of_each(scores[2:], 1.0).any()


@pytest.mark.parametrize("repeat", [False, True])
def test_a_copy_goes_its_own_way(repeat: bool) -> None:
    log_probs = outputs(12, 1)
    beam = PhraseBeam(tree_of("A", "BA"), repeat)
    beam.feed(log_probs[:6])
    twin = beam.copy()
    beam.feed(outputs(6, 2))
    twin.feed(log_probs[6:])
    whole = PhraseBeam(tree_of("A", "BA"), repeat)
    whole.feed(log_probs)
    np.testing.assert_array_equal(twin.scores(), whole.scores())
    assert [twin.sequence(n) for n in (0, 1)] == [whole.sequence(n) for n in (0, 1)]


def test_the_partial_text_is_the_likeliest_beginning() -> None:
    beam = PhraseBeam(tree_of("AB A", "C"), repeat=True)
    assert beam.partial() == ""
    log_probs = spelled("C AB A")
    seen = []
    for frame in log_probs:
        beam.feed(frame[None])
        if beam.partial() not in seen:
            seen.append(beam.partial())
    assert seen == ["C", "C A", "C AB", "C AB A"]


def test_letters_of_the_other_case_stand_for_each_other() -> None:
    tree = tree_of("ab a")
    assert tree.spellings == [tuple(ALPHABET.encode("AB A"))]
    assert tree.text(tree.ends[0]) == "ab a"
    with pytest.raises(UsageError, match=r"'a7' has characters outside the alphabet: '7'.*words"):
        tree_of("a7")


def test_what_is_sure_of_nothing_is_none_of_the_phrases() -> None:
    log_probs = spelled("A", sure=0.6)
    reached = uncertainty(log_probs, 1)
    for hopeless, wanted in ((1.01 * reached, (Phrase("A"),)), (reached / 2, ())):
        search = PhraseSearch(tree_of("A", "CC"), replace(SETTINGS, hopeless=hopeless))
        best, *others = search.run(log_probs)
        assert best.phrases == wanted
        if not wanted:
            assert best.confidence == pytest.approx(3 / 4)
            assert others[0].phrases == (Phrase("A"),)
    factory = SearchFactory(ALPHABET.vocabulary, {"hopeless_entropy": 1.5}, {})
    assert factory.make_for_phrases(["A"]).settings.hopeless == 1.5


@pytest.mark.parametrize("written", ["", " "])
def test_where_nothing_is_written_no_phrase_was_said(written: str) -> None:
    likely = np.full((4, len(ALPHABET)), 0.02)
    likely[:, 0] = 0.52
    likely[1, 0], likely[1, 2] = 0.48, 0.46  # A is nearly as likely as nothing
    if written:
        likely[3, 0], likely[3, 1] = 0.02, 0.52
    best, other = search_for("A").run(np.log(likely / likely.sum(axis=1, keepdims=True)))
    assert (best.phrases, best.confidence, other.phrases) == ((), 1.0, (Phrase("A"),))


def test_phrases_that_are_spelled_alike_do_not_compete() -> None:
    best, second = search_for("AB A", "ab a", "BA").run(spelled("AB A"))
    assert (best.phrases, second.phrases) == ((Phrase("AB A"),), (Phrase("BA"),))
    assert best.confidence == search_for("AB A", "BA").run(spelled("AB A"))[0].confidence > 0.9


def test_phrases_come_from_lists_files_and_grammars(tmp_path: Path) -> None:
    wanted = (Phrase("go on"), Phrase("go off"))
    path = tmp_path / "commands.txt"
    path.write_text("# what there is\ngo (on|off)\n", encoding="utf-8")
    for source in (path, str(path), "go (on|off)", ["go on", "go off"], "go on\ngo off", wanted):
        assert read_phrases(source) == wanted
    with pytest.raises(UsageError, match="a phrase is empty"):
        read_phrases([Phrase("go on"), Phrase("")])
    with pytest.raises(DataError, match=r"cannot read comands\.txt.* list: \['comands\.txt'\]"):
        read_phrases("comands.txt")
    with pytest.raises(UsageError, match="a list, a file or a grammar"):
        read_phrases(7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no phrases"):
        read_phrases([])


def test_the_tree_of_a_list_is_made_once() -> None:
    phrases = expand(["ab", "ba"])
    assert compile_phrases(phrases, ALPHABET) is compile_phrases(phrases, ALPHABET)


def test_the_settings_of_a_model_are_those_of_the_search() -> None:
    factory = SearchFactory(ALPHABET.vocabulary, {"phrase_scale": 2.0, "phrase_bias": -1.0}, {})
    search = factory.make_for_phrases(["ab"], n_best=3)
    assert (search.settings.scale, search.settings.bias) == (2.0, -1.0)
    assert search.n_best == 3
    assert factory.make_for_phrases(["ab"]).n_best == 2
    assert search.identity == factory.make_for_phrases(["ab"]).identity
    assert search.identity != factory.make_for_phrases(["ba"]).identity
    with pytest.raises(UsageError, match="n_best"):
        factory.make_for_phrases(["ab"], n_best=0)


def test_what_is_less_likely_than_the_limit_is_none_of_the_phrases() -> None:
    def answers(limit: float, unfamiliar: float = 9.0, repeat: bool = False) -> list[Hypothesis]:
        values = {"phrase_limit": limit, "doubtful_unfamiliarity": unfamiliar}
        values["hopeless_entropy"] = 9.0
        factory = SearchFactory(ALPHABET.vocabulary, values, {})
        return factory.make_for_phrases(["AB"], repeat=repeat).run(spelled("A A", sure=0.7))

    def rejected(limit: float, **others: Any) -> bool:
        return not answers(limit, **others)[0].phrases

    accepted = 1.0 - answers(1.0)[0].confidence
    assert 0.0 < accepted < 1.0
    assert not rejected(accepted - 1e-6)
    assert rejected(accepted + 1e-6)
    assert rejected(accepted - 1e-6, unfamiliar=1e-3, repeat=True)


@pytest.mark.parametrize("repeat", [False, True])
def test_a_sequence_in_unfamiliar_speech_is_none(repeat: bool) -> None:
    log_probs = spelled("A B A", sure=0.7)
    reached = unfamiliarity(log_probs, 0)
    phrases = ("A", "B") if repeat else ("A B A", "B")
    plain = search_for(*phrases, repeat=repeat).run(log_probs)
    assert " ".join(one.text for one in plain[0].phrases) == "A B A"
    for limit in (1.01 * reached, reached / 2):
        settings = replace(SETTINGS, unfamiliar=limit)
        search = PhraseSearch(tree_of(*phrases), settings, repeat)
        best, other, *_ = search.run(log_probs)
        if repeat and limit < reached:
            assert best.phrases == ()
            assert best.confidence == pytest.approx(3 / 4)
            assert best.score >= other.score
            assert " ".join(one.text for one in other.phrases) == "A B A"
            assert other.confidence <= 1 / 4
        else:
            assert [best, other] == plain[:2]
