"""Beam search: the best of all sequences where the beam is wide enough, and what it promises."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from zoo.decoding.beam_search import BeamHypothesis, beam_search, length_penalty
from zoo.errors import UsageError

VOCABULARY, BEGIN, END = 4, 9, 2


def following(sentence: int, prefix: tuple[int, ...]) -> np.ndarray:
    """Natural log-probabilities after a prefix: random, but the same at each call."""
    rng = np.random.default_rng([sentence, len(prefix), *prefix])
    logits = 1.5 * rng.standard_normal(VOCABULARY)
    return logits - np.log(np.exp(logits).sum())


class TableStep:
    """A step whose state is what was written; it keeps the prefix's length for each row."""

    def __init__(self) -> None:
        self.steps = 0
        self.rows = 0

    def __call__(self, state: Any, rows: Any, tokens: Any, k: int) -> Any:
        self.steps += 1
        self.rows += len(rows)
        state = [
            (state[row][0], (*state[row][1], int(token)) if token != BEGIN else ())
            for row, token in zip(rows, tokens, strict=True)
        ]
        table = np.stack([following(*one) for one in state])
        ids = np.argsort(-table, axis=1)[:, :k]
        kept = np.asarray([[len(prefix)] for _, prefix in state], np.float32)
        return ids, np.take_along_axis(table, ids, 1), kept, state


def search(sentences: list[int], lengths: list[int], **values: Any) -> list[list[BeamHypothesis]]:
    state = [(s, ()) for s in sentences for _ in range(values.get("beam_size", 5))]
    return beam_search(TableStep(), state, BEGIN, END, lengths, **values)


def all_sequences(sentence: int, longest: int, alpha: float) -> list[tuple[float, tuple[int, ...]]]:
    """Every sequence that ends within the length, the best first."""
    others = [token for token in range(VOCABULARY) if token != END]
    found = []
    for count in range(longest):
        for tokens in itertools.product(others, repeat=count):
            total = sum(
                following(sentence, tokens[:i])[token] for i, token in enumerate((*tokens, END))
            )
            found.append((total / length_penalty(count + 1, alpha), tokens))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(alpha: float) -> None:
    sentences, lengths = [0, 1, 2, 3, 4], [4, 3, 4, 2, 4]
    found = search(sentences, lengths, beam_size=64, alpha=alpha, n_best=5)
    for sentence, longest, hypotheses in zip(sentences, lengths, found, strict=True):
        expected = all_sequences(sentence, longest, alpha)[:5]
        # Where fewer than n_best end within the length, those that were cut fill up.
        finished = [one for one in hypotheses if one.finished]
        assert [one.tokens for one in finished] == [tokens for _, tokens in expected][
            : len(finished)
        ]
        np.testing.assert_allclose(
            [one.score for one in finished],
            [score for score, _ in expected][: len(finished)],
            rtol=1e-6,
        )
        assert len(finished) == min(5, len(all_sequences(sentence, longest, alpha)))


def test_log_probabilities_and_what_is_kept_are_those_of_the_sequence() -> None:
    for hypotheses in search(list(range(20)), [6] * 20, beam_size=3, n_best=3):
        for one in hypotheses:
            assert one.kept is not None
            assert one.kept[:, 0].tolist() == list(range(len(one.log_probs)))
    (best,), *_ = search(list(range(20)), [6] * 20, beam_size=3)
    written = (*best.tokens, END) if best.finished else best.tokens
    expected = [following(0, best.tokens[:i])[token] for i, token in enumerate(written)]
    np.testing.assert_allclose(best.log_probs, expected, rtol=1e-5)
    assert best.log_probability == pytest.approx(sum(expected), rel=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_beam_of_one_is_greedy(alpha: float) -> None:
    for sentence, (one,) in enumerate(search(list(range(30)), [8] * 30, beam_size=1, alpha=alpha)):
        tokens: tuple[int, ...] = ()
        while len(tokens) < 8 and (best := int(following(sentence, tokens).argmax())) != END:
            tokens = (*tokens, best)
        assert one.tokens == tokens
        assert one.finished == (len(tokens) < 8)


def test_sentences_side_by_side_are_found_as_alone() -> None:
    together = search([5, 6, 7], [5, 9, 2], beam_size=4, n_best=4)
    for number, (sentence, length) in enumerate([(5, 5), (6, 9), (7, 2)]):
        (alone,) = search([sentence], [length], beam_size=4, n_best=4)
        assert [one.tokens for one in alone] == [one.tokens for one in together[number]]


def test_a_wider_beam_does_not_do_worse_on_the_whole() -> None:
    scores = [
        np.mean([one[0].score for one in search(list(range(40)), [7] * 40, beam_size=size)])
        for size in (1, 4, 16)
    ]
    assert scores[0] < scores[1] <= scores[2]


def test_the_length_penalty_makes_longer_sequences() -> None:
    lengths = [
        np.mean([len(one[0].tokens) for one in search(list(range(40)), [12] * 40, alpha=alpha)])
        for alpha in (0.0, 1.5)
    ]
    assert lengths[0] + 0.5 < lengths[1]


def test_the_search_stops_as_soon_as_nothing_can_become_better() -> None:
    class Sure(TableStep):
        def __call__(self, state: Any, rows: Any, tokens: Any, k: int) -> Any:
            self.steps += 1
            table = np.full((len(rows), VOCABULARY), -50.0)
            table[:, END] = -1e-9
            ids = np.argsort(-table, axis=1)[:, :k]
            return ids, np.take_along_axis(table, ids, 1), None, state

    step = Sure()
    ((one,),) = beam_search(step, None, BEGIN, END, [100], beam_size=4)
    assert one.tokens == ()
    assert one.kept is None
    assert step.steps == 1


def test_no_sentence_gives_no_result() -> None:
    assert search([], []) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beam_size": 0}, "beam_size must be a whole number from 1 to 64, not 0"),
        ({"beam_size": 2.0}, "beam_size"),
        ({"beam_size": True}, "beam_size"),
        ({"beam_size": 65}, "beam_size"),
        ({"beam_size": 2, "n_best": 3}, "n_best must be from 1 to the beam size 2, not 3"),
        ({"n_best": 0}, "n_best"),
        ({"alpha": -0.1}, "length_penalty"),
        ({"alpha": float("nan")}, "length_penalty"),
        ({"alpha": "1"}, "length_penalty"),
    ],
)
def test_values_out_of_range_are_usage_errors(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        beam_search(TableStep(), [], BEGIN, END, [3], **values)
    with pytest.raises(UsageError, match="max_lengths"):
        beam_search(TableStep(), [], BEGIN, END, [0])
