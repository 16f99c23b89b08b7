"""How sure a recogniser's answer is, as a probability that can be relied on.

A network that is trained with CTC is surer of itself than it is right (Guo et al. 2017, "On
Calibration of Modern Neural Networks"). So confidences go through a logistic curve that is fitted
on held-out data (Platt 1999): ``sigmoid(scale * logit(confidence) + bias)``.
"""

from __future__ import annotations

import math

import numpy as np

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
