"""Confidences on their logistic curve, and how unsure outputs are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.ctc.calibration import calibrated, logit, sigmoid, uncertainty


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
