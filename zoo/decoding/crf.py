"""A linear-chain conditional random field in NumPy: partition, marginals, spans and Viterbi.

The score of a sequence of tags is the sum of the emissions of its tags, of the transitions between
neighbours, and of a score of its first and of its last tag (Lafferty, McCallum and Pereira 2001).
Everything here calculates in float64, one sequence at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zoo.errors import UsageError

FORBIDDEN = -1e4
"""The score of a transition that must not be; far below any that is learnt."""

OUTSIDE = "O"


@dataclass(frozen=True)
class Chain:
    """The scores of a chain that do not depend on its input.

    Args:
        transitions: ``(tags, tags)``, from the row's tag to the column's.
        start: ``(tags,)`` scores of the first tag.
        end: ``(tags,)`` scores of the last tag.

    Raises:
        UsageError: the shapes do not fit each other.
    """

    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __post_init__(self) -> None:
        tags = len(self.start)
        if self.transitions.shape != (tags, tags) or self.end.shape != (tags,) or not tags:
            raise UsageError(
                f"a chain of {tags} tags needs transitions ({tags}, {tags}) and end scores "
                f"({tags},), not {self.transitions.shape} and {self.end.shape}"
            )
        for name in ("transitions", "start", "end"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    def scaled(self, temperature: float) -> Chain:
        """The chain with its scores divided by a temperature; forbidden transitions stay so."""
        arrays = (self.transitions, self.start, self.end)
        return Chain(
            *(np.where(array <= FORBIDDEN / 2, FORBIDDEN, array / temperature) for array in arrays)
        )

    @cached_property
    def continuing(self) -> np.ndarray:
        """The transitions ``(tags, tags)`` of :func:`bio_tags` between which no entity begins or
        ends; the others are forbidden."""
        tags = np.arange(len(self.start))
        inside = (tags > 0) & (tags % 2 == 0)
        kept = inside & ((tags[:, None] == tags) | (tags[:, None] == tags - 1))
        kept[0, 0] = True
        return np.where(kept, self.transitions, FORBIDDEN)

    def between(self, step: int, joined: Collection[int] = ()) -> np.ndarray:
        """The transitions ``(tags, tags)`` to a step; see :meth:`lattice`."""
        return self.continuing if step in joined else self.transitions

    def score(self, emissions: np.ndarray, tags: Sequence[int] | np.ndarray) -> float:
        """The score of a sequence of tags.

        Args:
            emissions: ``(steps, tags)``.
            tags: ``(steps,)``.
        """
        path = np.asarray(tags, np.int64)
        if not len(path):
            return 0.0
        total = self.start[path[0]] + self.end[path[-1]]
        total += np.asarray(emissions, np.float64)[np.arange(len(path)), path].sum()
        return float(total + self.transitions[path[:-1], path[1:]].sum())

    def lattice(self, emissions: np.ndarray, joined: Collection[int] = ()) -> Lattice:
        """Sum over all sequences of tags, forwards and backwards.

        Args:
            emissions: ``(steps, tags)``; at least one step.
            joined: steps that are in the same entity as the step before, or outside like it; the
                tags are those of :func:`bio_tags` then.
        """
        emitted = self._checked(emissions)
        forward, backward = np.empty_like(emitted), np.empty_like(emitted)
        forward[0] = self.start + emitted[0]
        for step in range(1, len(emitted)):
            forward[step] = emitted[step] + log_sum_exp(
                forward[step - 1][:, None] + self.between(step, joined), axis=0
            )
        backward[-1] = self.end
        for step in range(len(emitted) - 2, -1, -1):
            following = emitted[step + 1] + backward[step + 1]
            backward[step] = log_sum_exp(self.between(step + 1, joined) + following, axis=1)
        return Lattice(self, emitted, forward, backward, joined)

    def viterbi(
        self, emissions: np.ndarray, joined: Collection[int] = ()
    ) -> tuple[list[int], float]:
        """The sequence of tags with the highest score, and that score.

        Args:
            emissions: ``(steps, tags)``; no steps give no tags.
            joined: see :meth:`lattice`.
        """
        if not len(emissions):
            return [], 0.0
        emitted = self._checked(emissions)
        score = self.start + emitted[0]
        origins = np.empty(emitted.shape, np.int64)
        for step in range(1, len(emitted)):
            candidates = score[:, None] + self.between(step, joined)
            origins[step] = candidates.argmax(axis=0)
            score = candidates.max(axis=0) + emitted[step]
        score = score + self.end
        path = [int(score.argmax())]
        for step in range(len(emitted) - 1, 0, -1):
            path.append(int(origins[step][path[-1]]))
        return path[::-1], float(score.max())

    def _checked(self, emissions: np.ndarray) -> np.ndarray:
        emitted = np.asarray(emissions, np.float64)
        if emitted.ndim != 2 or emitted.shape[1] != len(self.start) or not len(emitted):
            raise UsageError(
                f"emissions have shape {emitted.shape}, not (steps, {len(self.start)})"
            )
        return emitted


@dataclass(frozen=True)
class Lattice:
    """All sequences of tags for one input, summed by :meth:`Chain.lattice`.

    Args:
        chain: the scores that do not depend on the input.
        emissions: ``(steps, tags)``.
        forward: ``(steps, tags)`` log of the sum over everything up to a step that ends in a tag.
        backward: ``(steps, tags)`` log of the sum over everything after a step that has a tag.
        joined: see :meth:`Chain.lattice`.
    """

    chain: Chain
    emissions: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    joined: Collection[int] = ()

    @property
    def log_partition(self) -> float:
        """Natural logarithm of the sum over all sequences."""
        return float(log_sum_exp(self.forward[-1] + self.chain.end, axis=0))

    def marginals(self) -> np.ndarray:
        """Probability of each tag at each step, ``(steps, tags)``."""
        found: np.ndarray = np.exp(self.forward + self.backward - self.log_partition)
        return found

    def span(self, start: int, tags: Sequence[int], not_after: Sequence[int] = ()) -> float:
        """Probability that neighbouring steps have these tags.

        Args:
            start: the first step.
            tags: the tag of each step.
            not_after: tags that the step after them must not have, such as the inside tag of the
                same entity, which would make it longer.
        """
        steps = np.arange(start, start + len(tags))
        path = np.asarray(tags, np.int64)
        inside = self.emissions[steps[1:], path[1:]].sum()
        inside += self.chain.transitions[path[:-1], path[1:]].sum()
        last = int(steps[-1])
        after: Any = self.backward[last, path[-1]]
        if len(not_after) and last + 1 < len(self.emissions):
            following = self.emissions[last + 1] + self.backward[last + 1]
            following = following + self.chain.between(last + 1, self.joined)[path[-1]]
            following[list(not_after)] = -np.inf
            after = log_sum_exp(following, axis=0)
        total = self.forward[start, path[0]] + inside + after - self.log_partition
        return float(min(1.0, np.exp(total)))


def log_sum_exp(values: np.ndarray, axis: int) -> np.ndarray:
    """Natural logarithm of the sum of exponentials; a row of ``-inf`` gives ``-inf``."""
    top = values.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found = np.log(np.exp(values - top).sum(axis=axis)) + top.squeeze(axis)
    return np.asarray(found)


def bio_tags(labels: Sequence[str]) -> list[str]:
    """The tags of labels: ``O``, then ``B-`` and ``I-`` of each.

    Example:
        >>> bio_tags(["date"])
        ['O', 'B-date', 'I-date']
    """
    return [OUTSIDE, *(f"{mark}-{label}" for label in labels for mark in "BI")]


def bio_constraints(labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Which tags of :func:`bio_tags` may follow which: an inside tag needs its own entity before.

    Args:
        labels: number of labels.

    Returns:
        ``(tags, tags)`` scores of the transitions, 0 or :data:`FORBIDDEN`, and those of the first
        tag ``(tags,)``.
    """
    tags = 2 * labels + 1
    transitions, start = np.zeros((tags, tags)), np.zeros(tags)
    for inside in range(2, tags, 2):
        transitions[:, inside] = FORBIDDEN
        transitions[[inside - 1, inside], inside] = 0.0
        start[inside] = FORBIDDEN
    return transitions, start


def bio_spans(tags: Sequence[int] | np.ndarray) -> list[tuple[int, int, int]]:
    """The entities of a sequence of tags of :func:`bio_tags`.

    An inside tag without its entity before it begins one, as in the CoNLL script.

    Args:
        tags: by number.

    Returns:
        ``(label, first step, step after the last)`` of each, with the label's number.
    """
    spans: list[tuple[int, int, int]] = []
    label, begin = -1, 0
    for step, tag in enumerate([*(int(tag) for tag in tags), 0]):
        current = (tag - 1) // 2 if tag else -1
        goes_on = tag and tag % 2 == 0 and current == label
        if label >= 0 and not goes_on:
            spans.append((label, begin, step))
        if not goes_on:
            label, begin = current, step
    return spans
