"""Fitting confidences: the logistic curve, the calibration error, and words that are right."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.calibration import logit, sigmoid
from zoo.ctc.search import DOUBTFUL, HOPELESS, SearchSettings
from zoo.ctc.training.calibration import (
    calibrate,
    expected_calibration_error,
    fit_logistic,
    judged_words,
    word_calibration_error,
)

ALPHABET = Alphabet(("", " ", *"ABCDE"))


def spelled(text: str, sure: float) -> np.ndarray:
    steps = [step for label in ALPHABET.encode(text).tolist() for step in (label, 0)]
    found = np.full((len(steps), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1))
    found[np.arange(len(steps)), steps] = sure
    return np.log(found)


def test_the_calibration_error_by_hand() -> None:
    # Two answers at 0.95 of which one is right, one at 0.25 that is wrong, one at 0.22 right.
    found = expected_calibration_error([0.95, 0.95, 0.25, 0.22], [True, False, False, True])
    assert found == pytest.approx((0.9 + 0.53) / 4)
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert expected_calibration_error([], []) == 0.0


def test_the_curve_that_made_the_answers_is_found() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, 20_000)
    right = rng.random(len(x)) < 1 / (1 + np.exp(-(1.7 * x - 0.6)))
    assert fit_logistic(x, right) == pytest.approx((1.7, -0.6), abs=0.1)
    assert all(map(math.isfinite, fit_logistic([-1.0, 1.0], [False, True])))
    assert fit_logistic([-1.0, 1.0] * 50, [True, False] * 50)[0] == 0.0


def test_words_are_right_where_the_reference_has_them() -> None:
    outputs = [spelled("AB CD AB", 0.9), spelled("BAD", 0.8), spelled("", 0.9)]
    words = judged_words(ALPHABET, outputs, ["AB E AB", "", "A"])
    assert [word.right for word in words] == [True, False, True, False]
    assert [word.confidence for word in words] == pytest.approx([0.9, 0.9, 0.9, 0.8])


def test_calibrated_settings_are_less_far_off() -> None:
    # A network that says 0.95 and 0.75 and is right in 3 of 4 and 1 of 4 cases.
    texts = ["AB", "CD", "BE", "DAB", "CAB", "BED", "ADE", "EBB"]
    outputs, references = [], []
    for number, text in enumerate(texts * 8):
        sure, wrong = ((0.95, 0), (0.75, 1))[number % 2]
        hits = number // 2 % 4 == 0
        outputs.append(spelled(text, sure))
        references.append(text if hits == bool(wrong) else "EEE")
    start = SearchSettings(lm_weight=0.9)
    found = calibrate(start, ALPHABET, outputs, references)
    words = judged_words(ALPHABET, outputs, references)
    assert word_calibration_error(words, start) > 0.15
    assert word_calibration_error(words, found) < 0.03
    assert sigmoid(found.word_scale * logit(0.95) + found.word_bias) == pytest.approx(
        0.75, abs=0.05
    )
    assert found.lm_weight == 0.9
    assert found.doubtful_entropy >= DOUBTFUL
    assert found.hopeless_entropy >= HOPELESS
    assert found.phrase_scale > 0
    assert 0 <= found.phrase_limit <= 0.5


def test_few_references_leave_the_phrases_as_they_are() -> None:
    found = calibrate(SearchSettings(), ALPHABET, [spelled("AB", 0.9)] * 3, ["AB"] * 3)
    assert found.phrase_bias == SearchSettings().phrase_bias
