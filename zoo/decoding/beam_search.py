"""Beam search over any model that decodes step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np

from zoo.errors import UsageError
from zoo.values import is_whole, make_settings

MAX_BEAM = 64
MAX_LENGTH_PENALTY = 5.0


class Step(Protocol):
    """One decoding step: from a state and the last tokens to the likeliest next tokens."""

    def __call__(
        self, state: Any, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Any]:
        """Advance the state by one token per row.

        Args:
            state: the state returned by the previous step, or the initial one.
            rows: ``(rows,)`` the rows of ``state`` to continue from: ``beam_size`` rows per
                sentence, sentences in order, without the sentences that are done.
            tokens: ``(rows,)`` the last token of each row.
            k: number of next tokens to return; fewer may be returned if there are no more.

        Returns:
            The ``k`` likeliest tokens ``(rows, k)``; their natural log-probabilities ``(rows, k)``;
            an array to keep for each row, such as its attention ``(rows, ...)``, or ``None``; and
            the state after the step.
        """


@dataclass(frozen=True)
class BeamHypothesis:
    """One result of the search.

    Args:
        tokens: the sequence, without the end token.
        log_probs: natural log-probability of each token and, last, of the end token.
        score: the ranking score: the sum of ``log_probs`` divided by the length penalty.
        finished: whether the sequence ended; otherwise it was truncated at the maximum length, and
            ``log_probs`` has no entry for the end token.
        kept: the arrays that the steps returned to keep, one for each entry of ``log_probs``, or
            ``None``.
    """

    tokens: tuple[int, ...]
    log_probs: np.ndarray = field(repr=False)
    score: float
    finished: bool = True
    kept: np.ndarray | None = field(default=None, repr=False)

    @property
    def log_probability(self) -> float:
        """Natural log-probability of the whole sequence."""
        return float(self.log_probs.sum(dtype=np.float64))


@dataclass(frozen=True)
class BeamSettings:
    """The ``decoder`` settings of a model that decodes by beam search.

    Args:
        beam_size: number of hypotheses kept in parallel; 1 is greedy.
        length_penalty: strength of :func:`length_penalty`.
    """

    beam_size: int = 5
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        check_search(self.beam_size, self.length_penalty, 1)

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any]) -> Self:
        """Read the settings of a model folder.

        Raises:
            FolderError: a value is unknown or out of range.
        """
        beam_settings: Self = make_settings(cls, settings, "decoder")
        return beam_settings


def length_penalty(length: Any, alpha: float) -> Any:
    """The divisor of the log-probability of a sequence of ``length`` tokens, the end included.

    Wu et al. 2016 (arXiv:1609.08144), equation 14. With ``alpha`` 0 the divisor is 1 and short
    sequences win, since every token lowers the log-probability.
    """
    return ((5.0 + length) / 6.0) ** alpha


def check_search(beam_size: Any, alpha: Any, n_best: Any) -> None:
    """Check the arguments of a search.

    Raises:
        UsageError: the beam size, the length penalty or the number of results is out of range.
    """
    if not is_whole(beam_size) or not 1 <= beam_size <= MAX_BEAM:
        raise UsageError(
            f"beam_size must be a whole number from 1 to {MAX_BEAM}, not {beam_size!r}"
        )
    number = isinstance(alpha, (int, float, np.number)) and not isinstance(alpha, bool)
    if not number or not 0 <= alpha <= MAX_LENGTH_PENALTY:
        raise UsageError(
            f"length_penalty must be a number from 0 to {MAX_LENGTH_PENALTY:g}, not {alpha!r}"
        )
    if not is_whole(n_best) or not 1 <= n_best <= beam_size:
        raise UsageError(f"n_best must be from 1 to the beam size {beam_size}, not {n_best!r}")


def beam_search(
    step: Step,
    state: Any,
    begin: int,
    end: int,
    max_lengths: Sequence[int],
    *,
    beam_size: int = 5,
    alpha: float = 1.0,
    n_best: int = 1,
) -> list[list[BeamHypothesis]]:
    """Find likely sequences for several sentences in parallel.

    The beam has ``beam_size`` places per sentence, which after each step go to its likeliest
    sequences; a sequence that ends keeps its place. A sentence is done when no place is free, or
    when no open sequence can still beat the ``n_best`` finished ones.

    Args:
        step: see :class:`Step`.
        state: the initial state, with ``beam_size`` equal rows per sentence.
        begin: the token before every sequence; not part of the result.
        end: the token that ends a sequence.
        max_lengths: maximum number of tokens of each sentence, the end included.
        beam_size: number of sequences kept per sentence; 1 is greedy.
        alpha: strength of the length penalty; see :func:`length_penalty`.
        n_best: number of sequences to return per sentence, the best first. Fewer are returned only
            if fewer exist; those truncated at the maximum length come last.

    Returns:
        The hypotheses of each sentence.

    Raises:
        UsageError: a value is out of range.
    """
    check_search(beam_size, alpha, n_best)
    longest = np.asarray(max_lengths, np.int64)
    if longest.ndim != 1 or (longest < 1).any():
        raise UsageError("max_lengths must be positive integers")
    hypotheses: list[list[BeamHypothesis]] = [[] for _ in longest]
    history = _History()
    places = np.arange(beam_size)
    sentences = np.arange(len(longest))  # those not yet done
    # In the first step, only the first of the equal rows counts.
    scores = np.where(places == 0, 0.0, -np.inf) * np.ones((len(longest), 1))
    rows = np.arange(scores.size)
    tokens = np.full(scores.size, begin, np.int64)
    for length in range(1, int(longest.max(initial=0)) + 1):
        ids, log_probs, kept, state = step(state, rows, tokens, beam_size)
        history.kept.append(kept)
        scores, parents, columns = _best(scores, log_probs)
        chosen, chosen_log_probs = ids[parents, columns], log_probs[parents, columns]
        taken = np.asarray([len(hypotheses[sentence]) for sentence in sentences])
        scores[places >= beam_size - taken[:, None]] = -np.inf
        ends = (scores > -np.inf) & (chosen == end)
        cut = (scores > -np.inf) & ~ends & (longest[sentences, None] == length)
        divisor = length_penalty(length, alpha)
        for number, place in np.argwhere(ends | cut):
            hypotheses[sentences[number]].append(
                history.hypothesis(
                    int(parents[number, place]),
                    float(chosen_log_probs[number, place]),
                    float(scores[number, place]) / divisor,
                    None if ends[number, place] else int(chosen[number, place]),
                )
            )
        scores[ends | cut] = -np.inf
        best_to_come = scores.max(axis=1, initial=-np.inf) / length_penalty(
            longest[sentences], alpha
        )
        searched = np.asarray(
            [
                best > _worst_of_best(hypotheses[sentence], n_best)
                for sentence, best in zip(sentences, best_to_come, strict=True)
            ],
            bool,
        )
        if not searched.any():
            break
        sentences, scores = sentences[searched], scores[searched]
        rows, tokens = parents[searched].ravel(), chosen[searched].ravel().astype(np.int64)
        history.add(rows, tokens, chosen_log_probs[searched].ravel())
    return [
        sorted(results, key=lambda result: (not result.finished, -result.score))[:n_best]
        for results in hypotheses
    ]


class _History:
    """The ancestry of the rows of each step, for tracing sequences back.

    Row ``i`` of a step continues row ``parents[-1][i]`` of the previous step.
    """

    def __init__(self) -> None:
        self.parents: list[np.ndarray] = []
        self.tokens: list[np.ndarray] = []
        self.log_probs: list[np.ndarray] = []
        self.kept: list[np.ndarray | None] = []

    def add(self, parents: np.ndarray, tokens: np.ndarray, log_probs: np.ndarray) -> None:
        self.parents.append(parents)
        self.tokens.append(tokens)
        self.log_probs.append(log_probs)

    def hypothesis(
        self, row: int, log_prob: float, score: float, token: int | None
    ) -> BeamHypothesis:
        """The hypothesis of a row of the last step plus one token, or its end (``None``)."""
        tokens = [] if token is None else [token]
        log_probs = [log_prob]
        kept = [self._kept(row, -1)]
        for time in range(len(self.tokens) - 1, -1, -1):
            tokens.append(int(self.tokens[time][row]))
            log_probs.append(float(self.log_probs[time][row]))
            row = int(self.parents[time][row])
            kept.append(self._kept(row, time))
        return BeamHypothesis(
            tuple(reversed(tokens)),
            np.asarray(log_probs[::-1], np.float32),
            score,
            token is None,
            None if kept[0] is None else np.stack(kept[::-1]),  # type: ignore[arg-type]
        )

    def _kept(self, row: int, time: int) -> np.ndarray | None:
        kept = self.kept[time]
        return None if kept is None else kept[row]


def _best(scores: np.ndarray, log_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The likeliest continuations, one for each place, the best first.

    Args:
        scores: ``(sentences, places)`` log-probability of the sequence in each place.
        log_probs: ``(sentences x places, k)`` log-probability of its next tokens.

    Returns:
        Log-probabilities ``(sentences, places)``, and the row and column of each in ``log_probs``.
    """
    count, size = scores.shape
    totals = (scores.reshape(-1, 1) + log_probs).reshape(count, -1)
    order = np.argpartition(-totals, size - 1, axis=1)[:, :size]
    ranks = np.argsort(-np.take_along_axis(totals, order, 1), axis=1, kind="stable")
    order = np.take_along_axis(order, ranks, 1)
    row, column = np.divmod(order, log_probs.shape[1])
    return np.take_along_axis(totals, order, 1), row + size * np.arange(count)[:, None], column


def _worst_of_best(hypotheses: Sequence[BeamHypothesis], n_best: int) -> float:
    """The score that a sequence must beat to be among the ``n_best``."""
    scores = sorted((each.score for each in hypotheses if each.finished), reverse=True)
    return scores[n_best - 1] if len(scores) >= n_best else -np.inf
