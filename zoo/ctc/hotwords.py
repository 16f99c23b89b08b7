"""Words that a beam search is told to expect, such as names.

While a word is spelled as a hot word is, each of its letters adds the hot word's weight to the
score; where the spelling turns another way, what was added is taken off again. So a text is worth
its hot words' weights times their letters more than without them, and all other texts are worth the
same as before (contextual biasing with a prefix tree: Zhao et al. 2019, "Shallow-Fusion End-to-End
Contextual Biasing").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.ctc.alphabet import Alphabet
from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel, weighted

MAX_WEIGHT = 100.0
_OUTSIDE = 1  # the node of words that are spelled like no hot word


class Hotwords:
    """Hot words as a tree of their letters.

    Args:
        weights: what each letter of a word adds to the score, in nats; below 0 it is taken off.
        alphabet: the recogniser's labels; small and capital letters stand for each other where it
            has only one of them.

    Attributes:
        known_by: what is equal for equal hot words.

    Raises:
        UsageError: there are no words, a word has spaces or characters that the alphabet lacks, or
            a weight is no number from -100 to 100.
    """

    def __init__(self, weights: Mapping[str, float], alphabet: Alphabet) -> None:
        if not isinstance(weights, Mapping) or not weights:
            raise UsageError('hotwords are words with their weights, such as {"Hooker": 2.0}')
        self.labels = len(alphabet)
        self.known_by = tuple(sorted(weights.items()))
        self._separator = alphabet.separator
        # Node 0 is the beginning of a word.
        self.children: list[dict[int, int]] = [{}, {}]
        credits, totals = [0.0, 0.0], [0.0, 0.0]
        for word, weight in weights.items():
            number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
            if not number or not abs(weight) <= MAX_WEIGHT:
                raise UsageError(f"the weight of {word!r} must be a number, not {weight!r}")
            if not isinstance(word, str) or len(word.split()) != 1:
                raise UsageError(f"a hot word is a single word, not {word!r}")
            node = 0
            spelling = alphabet.spell(word.strip(), repr(word)).tolist()
            for depth, label in enumerate(spelling, 1):
                child = self.children[node].setdefault(label, len(self.children))
                if child == len(self.children):
                    self.children.append({})
                    credits.append(depth * weight)
                    totals.append(0.0)
                credits[child] = max(credits[child], depth * weight, key=abs)
                node = child
            totals[node] = len(spelling) * weight
        self._credits, self._totals = np.array(credits), np.array(totals)

    def next(self, node: int, label: int) -> int:
        """The node after one more label."""
        if label == self._separator:
            return 0
        return self.children[node].get(label, _OUTSIDE)

    def bonus(self, node: int) -> np.ndarray:
        """What each label adds to the score after a node: ``(labels,)``."""
        found = np.full(self.labels, -self._credits[node])
        for label, child in self.children[node].items():
            found[label] += self._credits[child]
        if self._separator is not None:
            found[self._separator] = self.end(node)
        return found

    def end(self, node: int) -> float:
        """What the end of a word adds to the score after a node."""
        return float(self._totals[node] - self._credits[node])

    def over(self, model: LanguageModel | None, weight: float) -> LanguageModel:
        """The hot words on top of a language model, to be used with weight 1.

        Args:
            model: bound to the same labels; ``None`` for none.
            weight: of its log-probabilities.
        """
        return _Biased(self, model, weight)


class _Biased:
    """Its states are those of the language model and a node of the hot words."""

    def __init__(self, hotwords: Hotwords, model: LanguageModel | None, weight: float) -> None:
        self.labels = hotwords.labels
        self._hotwords, self._model, self._weight = hotwords, model, weight
        self._bonus = [hotwords.bonus(node) for node in range(len(hotwords.children))]
        self._ends = np.array([hotwords.end(node) for node in range(len(hotwords.children))])

    def start(self) -> tuple[Any, np.ndarray]:
        if self._model is None:
            return (None, 0), self._bonus[0]
        state, log_probs = self._model.start()
        return (state, 0), weighted(log_probs, self._weight) + self._bonus[0]

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        nodes = [
            self._hotwords.next(node, label)
            for (_, node), label in zip(states, labels.tolist(), strict=True)
        ]
        bonus = np.stack([self._bonus[node] for node in nodes])
        inner: Sequence[Any] = [None] * len(nodes)
        if self._model is not None:
            inner, log_probs = self._model.advance([state for state, _ in states], labels)
            bonus = bonus + weighted(log_probs, self._weight)
        return list(zip(inner, nodes, strict=True)), bonus

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        ends = self._ends[[node for _, node in states]]
        if self._model is not None:
            inner = self._model.finish([state for state, _ in states])
            ends = ends + weighted(inner, self._weight)
        return np.asarray(ends)
