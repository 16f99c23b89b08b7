"""CTC decoding, scoring and alignment against the enumeration of every path."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.ctc.decoding import (
    Hypothesis,
    LabelSpan,
    ctc_log_probability,
    forced_alignment,
    greedy,
    prefix_beam_search,
    words_from_spans,
)
from zoo.ctc.prefix_beam import PrefixBeam
from zoo.errors import UsageError
from zoo.language_models.loading import CharacterNgram


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(axis=-1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))).astype(np.float32)


def random_log_probs(seed: int, frames: int, labels: int, sharpness: float = 2.0) -> np.ndarray:
    return log_softmax(np.random.default_rng(seed).normal(0, sharpness, (frames, labels)))


def collapse(path: Sequence[int], blank: int) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def all_sequences(log_probs: np.ndarray, blank: int) -> dict[tuple[int, ...], float]:
    """The log-probability of every label sequence, by adding up every path."""
    frames, labels = log_probs.shape
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(labels), repeat=frames):
        score = math.exp(sum(float(log_probs[t, label]) for t, label in enumerate(path)))
        key = collapse(path, blank)
        found[key] = found.get(key, 0.0) + score
    return {key: math.log(value) for key, value in found.items()}


class TableModel:
    """A language model whose log-probabilities are a fixed pseudo-random function of the text."""

    def __init__(self, labels: int, seed: int, forbidden: float = 0.0) -> None:
        self.labels, self.seed, self.forbidden = labels, seed, forbidden
        self.calls = 0

    def after(self, text: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, len(text), *text])
        values = np.log(rng.dirichlet(np.ones(self.labels + 1)))
        values[:-1][rng.random(self.labels) < self.forbidden] = -np.inf
        return values

    def start(self) -> tuple[Any, np.ndarray]:
        return (), self.after(())[:-1]

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        self.calls += 1
        texts = [(*state, int(label)) for state, label in zip(states, labels, strict=True)]
        return texts, np.stack([self.after(text)[:-1] for text in texts])

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        return np.array([self.after(state)[-1] for state in states])

    def score(self, text: tuple[int, ...]) -> float:
        steps = (self.after(text[:i])[label] for i, label in enumerate(text))
        return float(sum(steps) + self.after(text)[-1])


small = st.tuples(
    st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 4), st.sampled_from([0.5, 2.0, 6.0])
)


@given(small, st.data())
@settings(max_examples=60, deadline=None)
def test_forward_algorithm_is_the_sum_over_all_paths(
    case: tuple[int, int, int, float], data: st.DataObject
) -> None:
    seed, frames, labels, sharpness = case
    blank = data.draw(st.integers(0, labels - 1))
    log_probs = random_log_probs(seed, frames, labels, sharpness)
    exact = all_sequences(log_probs, blank)
    for sequence, score in exact.items():
        assert ctc_log_probability(log_probs, sequence, blank) == pytest.approx(score, abs=1e-5)
    assert sum(map(math.exp, exact.values())) == pytest.approx(1.0, abs=1e-5)


def test_what_no_path_can_spell_has_probability_zero() -> None:
    log_probs = random_log_probs(1, 3, 4)
    assert ctc_log_probability(log_probs, (1, 2, 3, 1), 0) == -math.inf
    assert ctc_log_probability(log_probs, (1, 1, 2), 0) == -math.inf  # needs 1 _ 1 2
    assert ctc_log_probability(log_probs, (1, 1), 0) > -math.inf
    assert ctc_log_probability(log_probs, (1,), 0, length=0) == -math.inf
    assert ctc_log_probability(log_probs, (), 0, length=0) == 0.0


@given(small, st.data())
@settings(max_examples=60, deadline=None)
def test_forced_alignment_is_the_best_of_all_paths(
    case: tuple[int, int, int, float], data: st.DataObject
) -> None:
    seed, frames, labels, sharpness = case
    blank = data.draw(st.integers(0, labels - 1))
    log_probs = random_log_probs(seed, frames, labels, sharpness)
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in itertools.product(range(labels), repeat=frames):
        score = sum(float(log_probs[t, label]) for t, label in enumerate(path))
        key = collapse(path, blank)
        best[key] = max(best.get(key, (-math.inf, ())), (score, path))
    sequence = data.draw(st.sampled_from(sorted(best)))
    spans = forced_alignment(log_probs, sequence, blank)
    path = [blank] * frames
    for span in spans:
        assert span.start < span.end
        path[span.start : span.end] = [span.label] * (span.end - span.start)
    assert tuple(span.label for span in spans) == sequence
    assert collapse(path, blank) == sequence
    found = sum(float(log_probs[t, label]) for t, label in enumerate(path))
    assert found == pytest.approx(best[sequence][0], abs=1e-4)
    for span in spans:
        posteriors = np.exp(log_probs[span.start : span.end, span.label].astype(float))
        assert span.confidence == pytest.approx(posteriors.prod() ** (1 / len(posteriors)))


def test_alignment_of_hundreds_of_labels() -> None:
    labels = [1 + i % 3 for i in range(200)]
    log_probs = np.full((400, 4), math.log(0.1), np.float32)
    log_probs[np.arange(1, 400, 2), labels] = math.log(0.7)
    log_probs[np.arange(0, 400, 2), 0] = math.log(0.7)
    spans = forced_alignment(log_probs, labels, 0)
    assert [(span.label, span.start, span.end) for span in spans] == [
        (label, 2 * i + 1, 2 * i + 2) for i, label in enumerate(labels)
    ]


def test_alignment_of_the_impossible_says_how_many_frames_are_needed() -> None:
    log_probs = random_log_probs(1, 3, 4)
    with pytest.raises(UsageError, match=r"3 labels need at least 4 frames.*there are 3"):
        forced_alignment(log_probs, (1, 1, 2), 0)
    log_probs[:, 2] = -np.inf
    with pytest.raises(UsageError, match="cannot be aligned"):
        forced_alignment(log_probs, (1, 2), 0)
    assert forced_alignment(log_probs, (), 0) == ()


@given(small, st.data())
@settings(max_examples=60, deadline=None)
def test_beam_search_with_room_for_all_is_exact(
    case: tuple[int, int, int, float], data: st.DataObject
) -> None:
    seed, frames, labels, sharpness = case
    blank = data.draw(st.integers(0, labels - 1))
    bonus = data.draw(st.sampled_from([0.0, -1.0, 1.5]))
    log_probs = random_log_probs(seed, frames, labels, sharpness)
    exact = all_sequences(log_probs, blank)
    ranked = sorted(exact, key=lambda s: -(exact[s] + bonus * len(s)))
    found = prefix_beam_search(
        log_probs, blank, beam_size=1000, n_best=1000, prune=0.0, insertion_bonus=bonus
    )
    assert {h.labels for h in found} == set(exact)
    for hypothesis in found:
        assert hypothesis.ctc_score == pytest.approx(exact[hypothesis.labels], abs=1e-5)
    scores = [exact[h.labels] + bonus * len(h.labels) for h in found]
    assert scores[0] == pytest.approx(exact[ranked[0]] + bonus * len(ranked[0]), abs=1e-5)
    assert scores == pytest.approx(sorted(scores, reverse=True), abs=1e-5)


@given(small, st.data())
@settings(max_examples=60, deadline=None)
def test_beam_search_with_a_language_model_is_exact(
    case: tuple[int, int, int, float], data: st.DataObject
) -> None:
    seed, frames, labels, sharpness = case
    blank = data.draw(st.integers(0, labels - 1))
    weight = data.draw(st.sampled_from([0.0, 0.4, 1.0, 3.0]))
    bonus = data.draw(st.sampled_from([0.0, 2.0]))
    model = TableModel(labels, seed, forbidden=data.draw(st.sampled_from([0.0, 0.4])))
    log_probs = random_log_probs(seed, frames, labels, sharpness)
    exact = {}
    for labels_, score in all_sequences(log_probs, blank).items():
        prior = model.score(labels_)
        if prior > -math.inf:
            exact[labels_] = score + weight * prior + bonus * len(labels_)
    found = prefix_beam_search(
        log_probs,
        blank,
        beam_size=1000,
        n_best=1000,
        prune=0.0,
        language_model=model,
        lm_weight=weight,
        insertion_bonus=bonus,
    )
    assert {h.labels for h in found} == set(exact)
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(exact[hypothesis.labels], abs=1e-4)
    assert found[0].score == pytest.approx(max(exact.values()), abs=1e-4)


def beam_by_dictionary(
    log_probs: np.ndarray, blank: int, size: int, model: TableModel | None, weight: float
) -> list[tuple[tuple[int, ...], float]]:
    """The textbook's search (Hannun et al. 2014, algorithm 1), written with dictionaries."""
    add = np.logaddexp

    def rank(item: tuple[tuple[int, ...], tuple[float, float]]) -> float:
        prefix, pair = item
        steps = (model.after(prefix[:i])[c] for i, c in enumerate(prefix)) if model else ()
        return float(add(*pair)) + weight * float(sum(steps))

    beam = {(): (0.0, -np.inf)}
    for frame in log_probs.astype(np.float64):
        new: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (pb, pn) in beam.items():
            for label, p in enumerate(frame):
                if label == blank:
                    b, n = new.get(prefix, (-np.inf, -np.inf))
                    new[prefix] = (add(b, add(pb, pn) + p), n)
                    continue
                grown = (*prefix, label)
                b, n = new.get(grown, (-np.inf, -np.inf))
                if prefix and prefix[-1] == label:
                    new[grown] = (b, add(n, pb + p))
                    b, n = new.get(prefix, (-np.inf, -np.inf))
                    new[prefix] = (b, add(n, pn + p))
                else:
                    new[grown] = (b, add(n, add(pb, pn) + p))
        beam = dict(sorted(new.items(), key=rank, reverse=True)[:size])
    scores = {
        prefix: rank((prefix, pair)) + (weight * model.after(prefix)[-1] if model else 0.0)
        for prefix, pair in beam.items()
    }
    return sorted(scores.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("size", [1, 2, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_narrow_beam_gives_what_the_textbook_search_gives(
    seed: int, size: int, weight: float
) -> None:
    log_probs = random_log_probs(seed, 30, 6, 1.5)
    model = TableModel(6, seed) if weight else None
    wanted = beam_by_dictionary(log_probs, 2, size, model, weight)
    found = prefix_beam_search(
        log_probs, 2, beam_size=size, n_best=size, prune=0.0, language_model=model, lm_weight=weight
    )
    assert [h.labels for h in found] == [labels for labels, _ in wanted]
    assert [h.score for h in found] == pytest.approx([score for _, score in wanted])


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_beam_that_is_fed_in_pieces_is_the_same(size: int) -> None:
    log_probs = random_log_probs(4, 60, 8)
    settings_: dict[str, Any] = {"language_model": TableModel(8, 1), "lm_weight": 0.3}
    beam = PrefixBeam(0, 6, **settings_)
    for start in range(0, 60, size):
        beam.feed(log_probs[start : start + size])
    whole = prefix_beam_search(log_probs, 0, beam_size=6, n_best=6, **settings_)
    assert beam.best(6) == [(h.labels, h.score, h.ctc_score) for h in whole]
    # Asked for before the end, the language model's end does not count.
    prior = beam.model.score(whole[0].labels) - beam.model.after(whole[0].labels)[-1]
    scores = {labels: score for labels, score, _ in beam.best(6, ended=False)}
    assert scores[whole[0].labels] == pytest.approx(whole[0].ctc_score + 0.3 * prior)


def test_beam_finds_what_greedy_misses() -> None:
    # The best path is blank, blank (0.36), but "a" has 0.64 over its three paths.
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], np.float32))
    assert greedy(log_probs, 0).labels == ()
    (found,) = prefix_beam_search(log_probs, 0, beam_size=4)
    assert found.labels == (1,)
    assert found.score == pytest.approx(math.log(0.64))


@pytest.mark.parametrize("decode", [greedy, lambda p, b, **k: prefix_beam_search(p, b, **k)[0]])
def test_padding_never_counts(decode: Any) -> None:
    log_probs = random_log_probs(3, 20, 5)
    alone: Hypothesis = decode(log_probs[:12], 0)
    log_probs[12:] = np.nan
    assert decode(log_probs, 0, length=12) == alone
    labels = alone.labels
    assert ctc_log_probability(log_probs, labels, 0, length=12) == ctc_log_probability(
        log_probs[:12], labels, 0
    )
    assert forced_alignment(log_probs, labels, 0, length=12) == forced_alignment(
        log_probs[:12], labels, 0
    )
    nothing = decode(log_probs, 0, length=0)
    assert (nothing.labels, nothing.score, nothing.spans) == ((), 0.0, ())


def test_greedy_gives_spans_score_and_confidence() -> None:
    posteriors = np.array(
        [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.7, 0.2, 0.1], [0.1, 0.4, 0.5]]
    )
    found = greedy(np.log(posteriors).astype(np.float32), 0)
    assert found.labels == (1, 2)
    assert [(s.start, s.end) for s in found.spans] == [(1, 3), (4, 5)]
    assert found.spans[0].confidence == pytest.approx(math.sqrt(0.8 * 0.6), rel=1e-5)
    assert found.spans[1].confidence == pytest.approx(0.5, rel=1e-5)
    assert found.confidence == pytest.approx(math.sqrt(math.sqrt(0.48) * 0.5), rel=1e-5)
    assert found.score == pytest.approx(math.log(0.9 * 0.8 * 0.6 * 0.7 * 0.5), rel=1e-5)
    blank = greedy(np.log([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])[[0, 0, 2]], 0)
    assert blank.labels == ()
    assert blank.confidence == pytest.approx(0.9)


def test_pruning_leaves_out_unlikely_labels_only() -> None:
    posteriors = np.array([[0.5, 0.45, 0.05], [0.5, 0.05, 0.45]])
    log_probs = np.log(posteriors)
    found = prefix_beam_search(log_probs, 0, beam_size=50, n_best=50, prune=0.1)
    assert {h.labels for h in found} == {(), (1,), (2,), (1, 2)}


def test_a_model_that_forbids_everything_leaves_the_best_of_the_beam() -> None:
    class Closed(TableModel):
        def finish(self, states: Sequence[Any]) -> np.ndarray:
            return np.full(len(states), -np.inf)

    found = prefix_beam_search(random_log_probs(2, 6, 4), 0, language_model=Closed(4, 1))
    assert len(found) == 1
    assert found[0].score > -math.inf


def test_the_language_model_is_stepped_once_a_frame_for_all_hypotheses() -> None:
    model = TableModel(6, 1)
    prefix_beam_search(random_log_probs(2, 50, 6), 0, beam_size=8, language_model=model)
    assert 0 < model.calls <= 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 0}, "beam_size must be from 1"),
        ({"beam_size": 4, "n_best": 5}, "n_best must be from 1 to the beam size 4"),
        ({"n_best": 0}, "n_best"),
        ({"lm_weight": -1.0}, "lm_weight"),
        ({"lm_weight": math.nan}, "lm_weight"),
        ({"insertion_bonus": math.inf}, "insertion_bonus"),
        ({"prune": 1.0}, "prune"),
        ({"length": 7}, "length must be from 0 to the 6 frames"),
        ({"language_model": TableModel(5, 1)}, "for 5 labels, the network gives 4"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prefix_beam_search(random_log_probs(1, 6, 4), 0, **arguments)


def test_wrong_log_probabilities_are_named() -> None:
    good = random_log_probs(1, 6, 4)
    with pytest.raises(UsageError, match="blank must be from 0 to 3"):
        greedy(good, 4)
    with pytest.raises(UsageError, match="at most 0"):
        greedy(np.exp(good), 0)
    with pytest.raises(UsageError, match="at most 0"):
        greedy(np.where(good > -1, np.nan, good), 0)
    with pytest.raises(UsageError, match="frames, labels"):
        greedy(good[0], 0)
    with pytest.raises(UsageError, match="other than 0"):
        ctc_log_probability(good, (1, 0), 0)
    with pytest.raises(UsageError, match="0 to 3"):
        forced_alignment(good, (4,), 0)


def test_words_have_times_and_the_confidence_of_their_weakest_label() -> None:
    texts = ["", " ", "G", "O"]
    spans = [
        LabelSpan(1, 0, 1, 0.9),
        LabelSpan(2, 2, 4, 0.8),
        LabelSpan(3, 5, 6, 0.5),
        LabelSpan(1, 8, 9, 0.1),
        LabelSpan(1, 9, 10, 0.1),
        LabelSpan(3, 10, 11, 0.7),
    ]
    first, second = words_from_spans(spans, texts, 1, 0.04, offset=10.0)
    assert (str(first), first.confidence) == ("GO", 0.5)
    assert (first.start, first.end) == (pytest.approx(10.08), pytest.approx(10.24))
    assert (second.text, second.start, second.confidence) == ("O", pytest.approx(10.4), 0.7)
    assert [word.text for word in words_from_spans(spans, texts, None, 1.0)] == [" GO  O"]
    assert words_from_spans([], texts, 1, 0.04) == ()
    with pytest.raises(UsageError, match="outside 0 to 1"):
        words_from_spans(spans, texts[:2], 1, 0.04)


def test_beam_16_with_an_ngram_takes_well_under_a_second() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz '."
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list(letters), 40)) for _ in range(300)]
    model = CharacterNgram.train(texts, order=5).bind(["", *letters])
    log_probs = random_log_probs(5, 300, len(letters) + 1, 3.0)
    started = time.perf_counter()
    prefix_beam_search(log_probs, 0, beam_size=16, language_model=model)
    assert time.perf_counter() - started < 1.0
