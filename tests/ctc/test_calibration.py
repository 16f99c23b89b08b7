"""Confidences on their logistic curve, and how unsure outputs are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.ctc.calibration import calibrated, logit, sigmoid, uncertainty, unfamiliarity


def test_the_logistic_curve_and_its_inverse() -> None:
    assert sigmoid(0.0) == 0.5
    assert sigmoid(-2000.0) == 0.0
    assert sigmoid(2000.0) == 1.0
    for p in (0.001, 0.3, 0.9):
        assert sigmoid(logit(p)) == pytest.approx(p)
    assert math.isfinite(logit(0.0))
    assert math.isfinite(logit(1.0))


def test_a_confidence_is_moved_along_its_curve() -> None:
    assert calibrated(0.73, 1.0, 0.0) == 0.73
    assert calibrated(0.9, 0.5, 0.0) == pytest.approx(3 / 4)
    assert calibrated(0.5, 2.0, -math.log(3)) == pytest.approx(0.25)


def test_uncertainty_is_the_entropy_of_unsure_outputs_for_each_label() -> None:
    even, sure = np.full(4, 0.25), np.array([0.997, 0.001, 0.001, 0.001])
    certain = np.array([1.0, 0.0, 0.0, 0.0])
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.stack([even, sure, certain, even])).astype(np.float32)
    assert uncertainty(log_probs, 2) == pytest.approx(math.log(4))
    assert uncertainty(log_probs, 0) == pytest.approx(2 * math.log(4))
    assert uncertainty(log_probs[:0], 0) == 0.0


def test_unfamiliarity_is_the_mean_of_entropy_and_loss_for_each_label() -> None:
    even, sure = [1 / 3, 1 / 3, 1 / 3], [0.01, 0.98, 0.01]
    blank = [0.999, 0.0005, 0.0005]
    log_probs = np.log([sure, blank, [0.2, 0.1, 0.7], blank])
    # Of label 1 then 2; other paths of the same text hardly count.
    entropies = -sum(p * math.log(p) for p in (0.01, 0.98, 0.01, 0.2, 0.1, 0.7))
    paths = 0.98 * 0.999 * 0.7 * 0.999 + 0.98 * 0.0005 * 0.7 * 0.999
    assert unfamiliarity(log_probs, 0) == pytest.approx(
        math.sqrt(entropies * -math.log(paths)) / 2, rel=2e-2
    )
    assert unfamiliarity(np.log([even] * 3), 0) > unfamiliarity(log_probs, 0)
    assert unfamiliarity(log_probs[:0], 0) == 0.0
    nothing = np.log([blank] * 50)
    assert unfamiliarity(np.concatenate([nothing, log_probs, nothing]), 0) == pytest.approx(
        unfamiliarity(log_probs, 0), rel=0.2
    )
