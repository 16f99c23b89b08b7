"""How sure a recogniser's answer is, as a probability that can be relied on.

A network that is trained with CTC is surer of itself than it is right (Guo et al. 2017, "On
Calibration of Modern Neural Networks"). So confidences go through a logistic curve that is fitted
on held-out data (Platt 1999): ``sigmoid(scale * logit(confidence) + bias)``.
"""

from __future__ import annotations

import math

import numpy as np

from zoo.ctc.decoding import ctc_log_probability, greedy

_LEAST = 1e-6
_SURE = 0.1  # nats


def sigmoid(x: float) -> float:
    """``1 / (1 + exp(-x))`` without overflow."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def logit(p: float) -> float:
    """The inverse of :func:`sigmoid`, of probabilities that are kept off 0 and 1."""
    p = min(max(p, _LEAST), 1.0 - _LEAST)
    return math.log(p / (1.0 - p))


def calibrated(confidence: float, scale: float, bias: float) -> float:
    """A confidence on its logistic curve, see the module; with scale 1 and bias 0 itself."""
    if (scale, bias) == (1.0, 0.0):
        return confidence
    return sigmoid(scale * logit(confidence) + bias)


def uncertainty(log_probs: np.ndarray, labels: int) -> float:
    """Entropy of outputs in nats, summed, for each label that is read in them.

    Of the speech that a network was trained on it is low, since it is sure of most outputs; in
    noise and in other speech it is not. Outputs below 0.1 nats, most of them blanks, do not count,
    so that silence beside speech makes no difference.

    Args:
        log_probs: ``(frames, labels)`` natural log-probabilities.
        labels: how many are read; none count as one.
    """
    exact = log_probs.astype(np.float64)
    # A label without any chance adds nothing.
    entropies = -(np.exp(exact) * np.maximum(exact, -1e3)).sum(axis=1)
    return float(entropies[entropies >= _SURE].sum()) / max(1, labels)


def unfamiliarity(log_probs: np.ndarray, blank: int) -> float:
    """How little outputs look like those of the data that a network was trained on.

    The geometric mean of two numbers, both in nats for each label of the greedy text: the
    :func:`uncertainty`, and the negative log-probability of that text by CTC's forward algorithm.
    Each is low where the network is sure of what it reads; together they tell other speech from
    AN4's better than either of them.

    Args:
        log_probs: ``(frames, labels)`` natural log-probabilities.
        blank: index of the blank.
    """
    labels = greedy(log_probs, blank).labels
    loss = -ctc_log_probability(log_probs, labels, blank) / max(1, len(labels))
    return math.sqrt(uncertainty(log_probs, len(labels)) * max(0.0, loss))
