"""The search for given phrases, and whether what was said is one of them.

What is none of the phrases is caught by a filler: the labels that the network writes when nothing
restricts it. With ``p`` by CTC's forward algorithm, the answer's confidence is ::

    sigmoid(scale * (log p(phrase) - log p(filler)) / labels + bias) * p(phrase | one of them)

where ``labels`` is the number of those of the phrase or of the filler, whichever has more. The
first factor says whether anything of the list was said at all; where it is below a limit, one half
or less, the answer is none of them. The second is the softmax of the phrases' log-probabilities,
divided by a temperature. The four numbers are settings of the decoder, fitted on held-out data.

A sequence of phrases can follow nearly anything that is said closely enough: of English that they
do not know, the AN4 models took three quarters for digits. So the first factor is at most
``limit * unfamiliar / unfamiliarity`` where phrases may be repeated and the outputs' unfamiliarity
(:func:`~zoo.ctc.calibration.unfamiliarity`) is above ``unfamiliar``, from where it is doubted.

A short phrase costs little among outputs that are sure of nothing, as those of noise are: beeps
were "go", and gusts "one". So the first factor is as limited where the outputs' uncertainty
(:func:`~zoo.ctc.calibration.uncertainty`) is above ``hopeless``, from where nothing is read
without phrases either. Where the filler is empty, nothing was said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.ctc.calibration import sigmoid, uncertainty, unfamiliarity
from zoo.ctc.decoding import (
    Hypothesis,
    ctc_log_probability,
    forced_alignment,
    greedy,
)
from zoo.ctc.phrases import PhraseBeam, PhraseTree
from zoo.errors import UsageError
from zoo.values import is_whole

RUNNERS_UP = 1
"""Hypotheses beside the best one that are given without being asked for."""


@dataclass(frozen=True)
class PhraseSettings:
    """How sure the search is; see the module.

    Args:
        scale: of the phrase's log-probability beside the filler's, for each label.
        bias: how likely a phrase is that fits as well as the filler, as log odds.
        temperature: by which the phrases' log-probabilities are divided.
        limit: how likely it must be that something of the list was said.
        unfamiliar: unfamiliarity above which a sequence of phrases is taken for other speech.
        hopeless: uncertainty above which a phrase is taken for noise.
    """

    scale: float
    bias: float
    temperature: float
    limit: float = 0.5
    unfamiliar: float = math.inf
    hopeless: float = math.inf


@dataclass(frozen=True)
class PhraseSearch:
    """Says which of given phrases the outputs are, or that they are none.

    Args:
        tree: the phrases.
        settings: how sure it is.
        repeat: whether a sequence of phrases may be said.
        n_best: hypotheses that are wanted; there is always a runner-up beside the best.

    Raises:
        UsageError: phrases are to be repeated, and the alphabet has no separator.
    """

    tree: PhraseTree
    settings: PhraseSettings
    repeat: bool = False
    n_best: int = 1

    greedy = False

    def __post_init__(self) -> None:
        if not is_whole(self.n_best) or self.n_best < 1:
            raise UsageError(f"n_best must be a whole number from 1, not {self.n_best!r}")
        object.__setattr__(self, "n_best", max(self.n_best, 1 + RUNNERS_UP))
        if self.repeat and self.tree.separator is None:
            raise UsageError("phrases can only be repeated with an alphabet that has a space")

    @property
    def blank(self) -> int:
        """Index of the blank."""
        return self.tree.blank

    @property
    def identity(self) -> Any:
        """What is equal for two searches that go about it alike."""
        return self.tree.phrases, self.settings, self.repeat

    def beam(self) -> PhraseBeam:
        """What is to be fed as the outputs come."""
        return PhraseBeam(self.tree, self.repeat)

    def partial(self, beam: PhraseBeam, decode: Callable[[Sequence[int]], str]) -> str:
        """The text of the likeliest beginning of a phrase so far."""
        return beam.partial()

    def run(self, log_probs: np.ndarray) -> list[Hypothesis]:
        """Decode ``(frames, labels)`` log-probabilities, the best hypothesis first."""
        beam = self.beam()
        beam.feed(log_probs)
        return self.hypotheses(beam, log_probs)

    def hypotheses(self, beam: PhraseBeam, log_probs: np.ndarray) -> list[Hypothesis]:
        """What a beam has found.

        Args:
            beam: fed with all frames.
            log_probs: ``(frames, labels)``: those frames.

        Returns:
            The best hypothesis first, and at least one more where there is one. A hypothesis
            without labels says that it is none of the phrases.
        """
        free = greedy(log_probs, self.blank).labels
        filler = ctc_log_probability(log_probs, free, self.blank)
        scores = beam.scores()
        shares = share_of_each(scores, self.settings.temperature)
        most = self._most_known(log_probs, free)
        found = []
        for number in np.argsort(-scores, kind="stable")[: self.n_best].tolist():
            if scores[number] == -math.inf:
                break
            sequence = beam.sequence(number)
            labels = self.tree.labels_of(sequence)
            known = self.is_known(scores[number] - filler, max(len(labels), len(free)))
            known = min(known, most)
            found.append((sequence, labels, float(scores[number]), known * float(shares[number])))
            if len(found) == 1:
                accepted = known
        hypotheses = [
            Hypothesis(
                labels,
                forced_alignment(log_probs, labels, self.blank),
                score,
                score,
                confidence,
                tuple(self.tree.phrases[one] for one in sequence),
            )
            for sequence, labels, score, confidence in found
        ]
        if found and accepted >= self.settings.limit:
            return hypotheses
        confidence = 1.0 - (accepted if found else 0.0)
        # None of them comes first, even where a phrase is likelier than the filler.
        score = max([filler, *(hypothesis.score for hypothesis in hypotheses)])
        return [Hypothesis((), (), score, filler, confidence, heard=free), *hypotheses]

    def _most_known(self, log_probs: np.ndarray, free: Sequence[int]) -> float:
        """How likely it is at most that something of the list was said."""
        if all(label == self.tree.separator for label in free):
            return 0.0
        reached = [(uncertainty(log_probs, len(free)), self.settings.hopeless)]
        if self.repeat:
            reached.append((unfamiliarity(log_probs, self.blank), self.settings.unfamiliar))
        least = max(value / limit if limit else math.inf for value, limit in reached)
        return self.settings.limit / least if least > 1.0 else 1.0

    def is_known(self, gap: float, labels: int) -> float:
        """How likely it is that something of the list was said, 0 to 1.

        Args:
            gap: log-probability of the best phrase less the filler's.
            labels: of the phrase or of the filler, whichever has more.
        """
        return sigmoid(self.settings.scale * gap / max(1, labels) + self.settings.bias)


def share_of_each(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of ``scores / temperature``; zeros where all scores are ``-inf``."""
    top = scores.max(initial=-math.inf)
    if top == -math.inf:
        return np.zeros(len(scores))
    weights = np.exp((scores - top) / temperature)
    return np.asarray(weights / weights.sum())
