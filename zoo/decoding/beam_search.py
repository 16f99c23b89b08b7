"""Beam search over anything that decodes step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np

from zoo.errors import UsageError
from zoo.values import make_settings

MAX_BEAM = 64
MAX_LENGTH_PENALTY = 5.0


class Step(Protocol):
    """What is searched over: from a state and the tokens just written to those that may follow."""

    def __call__(
        self, state: Any, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Any]:
        """One step.

        Args:
            state: what the step before returned, or the search was begun with.
            rows: ``(rows,)`` the rows of ``state`` to go on from: as many for each sentence as the
                beam has, sentences in order; a sentence that has ended is left out.
            tokens: ``(rows,)`` the token that each row has just written.
            k: how many following tokens are wanted; fewer may be returned if there are no more.

        Returns:
            The ``k`` likeliest tokens ``(rows, k)``; their natural log-probabilities ``(rows, k)``;
            something to keep for each row, such as its attention ``(rows, ...)``, or ``None``; and
            the state after the step.
        """


@dataclass(frozen=True)
class BeamHypothesis:
    """A sequence that was found.

    Args:
        tokens: without the end token.
        log_probs: natural log-probability of each token and, last, of the end.
        score: what hypotheses are ranked by: their sum, divided by the length penalty.
        finished: whether it has come to its end; else it was cut at the greatest length, and
            ``log_probs`` has no entry for the end.
        kept: what the step gave to keep for each entry of ``log_probs``, or ``None``.
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
    """The ``decoder`` settings of a model that is searched with a beam.

    Args:
        beam_size: hypotheses that are followed side by side; 1 is greedy.
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
        found: Self = make_settings(cls, settings, "decoder")
        return found


def length_penalty(length: Any, alpha: float) -> Any:
    """What log-probabilities of so many tokens, the end included, are divided by.

    Wu et al. 2016 (arXiv:1609.08144), equation 14. Without it (``alpha`` 0, which gives 1) short
    sequences win, since every token costs.
    """
    return ((5.0 + length) / 6.0) ** alpha


def check_search(beam_size: Any, alpha: Any, n_best: Any) -> None:
    """Check the values of a search.

    Raises:
        UsageError: the beam, the length penalty or the number of results is out of range.
    """
    if type(beam_size) is not int or not 1 <= beam_size <= MAX_BEAM:
        raise UsageError(
            f"beam_size must be a whole number from 1 to {MAX_BEAM}, not {beam_size!r}"
        )
    number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
    if not number or not 0 <= alpha <= MAX_LENGTH_PENALTY:
        raise UsageError(
            f"length_penalty must be a number from 0 to {MAX_LENGTH_PENALTY:g}, not {alpha!r}"
        )
    if type(n_best) is not int or not 1 <= n_best <= beam_size:
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
    """Find likely sequences for several sentences side by side.

    A beam has ``beam_size`` places for each sentence, which after each step go to its likeliest
    sequences; one that ends keeps its place. A sentence is done when no place is free, or when
    nothing that could still come of the open ones would be ranked before the ``n_best`` that have
    ended.

    Args:
        step: see :class:`Step`.
        state: to begin with; ``beam_size`` equal rows for each sentence.
        begin: the token that every sequence begins with; it is not part of it.
        end: the token that ends a sequence.
        max_lengths: most tokens for each sentence, the end included.
        beam_size: sequences kept for each sentence; 1 is greedy.
        alpha: strength of the length penalty; see :func:`length_penalty`.
        n_best: sequences to return for each sentence, the best first. There are fewer only where
            fewer exist; those that were cut at the greatest length come last.

    Returns:
        For each sentence its hypotheses.

    Raises:
        UsageError: a value is out of range.
    """
    check_search(beam_size, alpha, n_best)
    longest = np.asarray(max_lengths, np.int64)
    if longest.ndim != 1 or (longest < 1).any():
        raise UsageError("max_lengths must be whole numbers from 1")
    found: list[list[BeamHypothesis]] = [[] for _ in longest]
    history = _History()
    places = np.arange(beam_size)
    sentences = np.arange(len(longest))  # those that are still searched
    # Only the first of the equal rows counts in the first step.
    scores = np.where(places == 0, 0.0, -np.inf) * np.ones((len(longest), 1))
    rows = np.arange(scores.size)
    tokens = np.full(scores.size, begin, np.int64)
    for length in range(1, int(longest.max(initial=0)) + 1):
        ids, log_probs, kept, state = step(state, rows, tokens, beam_size)
        history.kept.append(kept)
        scores, parents, columns = _best(scores, log_probs)
        chosen, chosen_log_probs = ids[parents, columns], log_probs[parents, columns]
        taken = np.asarray([len(found[sentence]) for sentence in sentences])
        scores[places >= beam_size - taken[:, None]] = -np.inf
        ends = (scores > -np.inf) & (chosen == end)
        cut = (scores > -np.inf) & ~ends & (longest[sentences, None] == length)
        divisor = length_penalty(length, alpha)
        for number, place in np.argwhere(ends | cut):
            found[sentences[number]].append(
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
                best > _worst_of_best(found[sentence], n_best)
                for sentence, best in zip(sentences, best_to_come, strict=True)
            ],
            bool,
        )
        if not searched.any():
            break
        sentences, scores = sentences[searched], scores[searched]
        rows, tokens = parents[searched].ravel(), chosen[searched].ravel().astype(np.int64)
        history.add(rows, tokens, chosen_log_probs[searched].ravel())
    ranked = [sorted(one, key=lambda each: (not each.finished, -each.score)) for one in found]
    return [one[:n_best] for one in ranked]


class _History:
    """How the rows of each step came about.

    Row ``i`` that is fed to a step was written by the step before, going on from the row
    ``parents[-1][i]`` that was fed to that one.
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
        """What a row fed to the last step becomes by a further token, or by its end (``None``)."""
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
    """The likeliest ways to go on, as many as there are places, the best first.

    Args:
        scores: ``(sentences, places)`` log-probability of what stands there.
        log_probs: ``(sentences x places, k)`` of the following tokens.

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


def _worst_of_best(found: Sequence[BeamHypothesis], n_best: int) -> float:
    """The score that a sequence must beat to be among the ``n_best``."""
    scores = sorted((one.score for one in found if one.finished), reverse=True)
    return scores[n_best - 1] if len(scores) >= n_best else -np.inf
