"""The prefix beam search over the outputs of a CTC network.

Graves 2012 (*Supervised Sequence Labelling with Recurrent Neural Networks*, 7.5) and Hannun et al.
2014 (arXiv:1408.2873): each prefix keeps the log-probability of its paths that end in blank and of
those that end in its last label.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from zoo.language_models.fusion import LanguageModel, weighted


class PrefixBeam:
    """The prefixes that are kept, fed with frames as they come.

    :func:`~zoo.ctc.decoding.prefix_beam_search` runs it over a whole utterance; a stream feeds it
    as the network goes on, with the same result. The arguments are those of that function.

    Args:
        blank: index of the blank.
        size: prefixes kept after each frame.
        language_model: see :class:`~zoo.language_models.fusion.LanguageModel`.
        lm_weight: weight of its log-probabilities.
        insertion_bonus: added for each label.
        prune: labels below this posterior are not tried in a frame.
    """

    # The arrays have one entry a prefix. Prefixes are numbered in a tree; ``known`` gives the
    # number by that of the parent and the last label, for as long as the search runs: a prefix that
    # left the beam and comes back is the same one, and meets its children.

    def __init__(
        self,
        blank: int,
        size: int,
        *,
        language_model: LanguageModel | None = None,
        lm_weight: float = 0.5,
        insertion_bonus: float = 0.0,
        prune: float = 1e-4,
    ) -> None:
        self.blank, self.size = blank, size
        self.model, self.weight, self.bonus = language_model, lm_weight, insertion_bonus
        self.threshold = math.log(prune) if prune > 0 else -math.inf
        self.known: dict[tuple[int, int], int] = {}
        self.tree: list[tuple[int, int]] = [(-1, -1)]  # parent and last label of each prefix
        self.nodes = np.zeros(1, np.int64)
        self.parents = np.full(1, -1, np.int64)
        self.last = np.full(1, -1, np.int64)
        self.ends_blank = np.zeros(1)
        self.ends_label = np.full(1, -np.inf)
        self.prior = np.zeros(1)  # language model and bonus so far, weighted
        self.states: list[Any] = [None]
        self.next = None  # (prefixes, labels) weighted language model and bonus of the next label
        if language_model is not None:
            state, log_probs = language_model.start()
            self.states = [state]
            self.next = self._weighted(log_probs[None])

    def feed(self, log_probs: np.ndarray) -> None:
        """Read the next frames ``(frames, labels)``."""
        for frame in log_probs.astype(np.float64):
            tried = np.flatnonzero((frame >= self.threshold) & (frame > -np.inf))
            self._step(frame, tried[tried != self.blank])

    def _step(self, frame: np.ndarray, tried: np.ndarray) -> None:
        """Read a frame ``(labels,)``, extending prefixes by the labels ``tried``."""
        total = np.logaddexp(self.ends_blank, self.ends_label)
        last = self.last
        stay_blank = total + frame[self.blank]
        # The empty prefix has no last label: its ends_label is -inf, whatever it is given here.
        stay_label = self.ends_label + frame[last]
        grown = total[:, None] + frame[tried]
        # After a label, the same one again is a new one only if a blank stood between.
        row, column = np.nonzero(last[:, None] == tried)
        grown[row, column] = self.ends_blank[row] + frame[tried[column]]
        # A prefix that is in the beam gets what its parent, if that is there too, grows into it.
        parent, place, children = self._parents_in_beam(tried)
        stay_label[children] = np.logaddexp(stay_label[children], grown[parent, place])
        grown[parent, place] = -np.inf

        prior = self.prior[:, None] + (self.bonus if self.next is None else self.next[:, tried])
        stay = np.logaddexp(stay_blank, stay_label) + self.prior
        ranks = np.concatenate([stay, (grown + prior).ravel()])
        kept = self._best(ranks)
        old = kept[kept < len(stay)]
        row, column = np.divmod(kept[len(old) :] - len(stay), max(1, len(tried)))
        self._replace(old, stay_blank, stay_label, row, tried[column], grown[row, column])

    def _parents_in_beam(self, tried: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For prefixes whose parent is in the beam and whose last label is tried.

        Returns:
            The parent's index, the last label's place in ``tried``, and the prefix's own index.
        """
        order = np.argsort(self.nodes)
        parent = order[np.minimum(np.searchsorted(self.nodes[order], self.parents), len(order) - 1)]
        place = np.minimum(np.searchsorted(tried, self.last), max(0, len(tried) - 1))
        if not len(tried):
            children = np.zeros(0, np.int64)
        else:
            children = np.flatnonzero(
                (self.nodes[parent] == self.parents) & (tried[place] == self.last)
            )
        return parent[children], place[children], children

    def _best(self, ranks: np.ndarray) -> np.ndarray:
        """Indices of the best possible candidates in rising order, at most ``size``, at least 1."""
        possible = np.flatnonzero(ranks > -np.inf)
        if not len(possible):
            return np.zeros(1, np.int64)
        if len(possible) > self.size:
            best = np.argpartition(ranks[possible], -self.size)[-self.size :]
            possible = np.sort(possible[best])
        return possible

    def _replace(
        self,
        old: np.ndarray,
        stay_blank: np.ndarray,
        stay_label: np.ndarray,
        row: np.ndarray,
        labels: np.ndarray,
        grown: np.ndarray,
    ) -> None:
        """Make the new beam of the prefixes ``old``, and of ``row`` grown by ``labels``."""
        steps = np.full(len(row), self.bonus)
        states = [self.states[i] for i in old]
        if self.model is not None and self.next is not None:
            steps = self.next[row, labels]
            following = self.next[old]
            if len(row):
                new, log_probs = self.model.advance([self.states[i] for i in row], labels)
                states += new
                following = np.concatenate([following, self._weighted(log_probs)])
            self.next = following
        else:
            states += [None] * len(row)
        self.states = states
        self.prior = np.concatenate([self.prior[old], self.prior[row] + steps])
        nodes = [
            self._node(parent, label)
            for parent, label in zip(self.nodes[row].tolist(), labels.tolist(), strict=True)
        ]
        self.parents = np.concatenate([self.parents[old], self.nodes[row]])
        self.nodes = np.concatenate([self.nodes[old], np.array(nodes, np.int64)])
        self.last = np.concatenate([self.last[old], labels])
        self.ends_blank = np.concatenate([stay_blank[old], np.full(len(row), -np.inf)])
        self.ends_label = np.concatenate([stay_label[old], grown])

    def _node(self, parent: int, label: int) -> int:
        number = self.known.setdefault((parent, label), len(self.tree))
        if number == len(self.tree):
            self.tree.append((parent, label))
        return number

    def _weighted(self, log_probs: np.ndarray) -> np.ndarray:
        return weighted(log_probs, self.weight) + self.bonus

    def copy(self) -> PrefixBeam:
        """A beam in the same state that goes its own way."""
        twin = copy.copy(self)  # arrays are replaced, never changed
        twin.known, twin.tree = dict(self.known), list(self.tree)
        return twin

    def best(
        self, n_best: int = 1, *, ended: bool = True
    ) -> list[tuple[tuple[int, ...], float, float]]:
        """The best prefixes so far.

        Args:
            n_best: how many.
            ended: add the language model's probability that the text ends here. Prefixes that it
                forbids to end are left out, unless nothing else is there.

        Returns:
            Labels, score and log-probability under CTC alone of each, the best first.
        """
        ctc = np.logaddexp(self.ends_blank, self.ends_label)
        scores = ctc + self.prior
        if self.model is not None and ended:
            final = scores + weighted(self.model.finish(self.states), self.weight)
            scores = final if (final > -np.inf).any() else scores
        order = np.argsort(-scores, kind="stable")[:n_best]
        possible = [i for i in order if scores[i] > -np.inf] or order[:1]
        return [(self._labels(self.nodes[i]), float(scores[i]), float(ctc[i])) for i in possible]

    def _labels(self, node: int) -> tuple[int, ...]:
        labels: list[int] = []
        while node:
            node, label = self.tree[node]
            labels.append(label)
        return tuple(reversed(labels))
