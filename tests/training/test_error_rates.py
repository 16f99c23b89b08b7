"""Word and character error rates with their interval."""

from __future__ import annotations

import pytest

from zoo.errors import DataError
from zoo.training.error_rates import character_error_rate, word_error_rate


def test_error_rates_count_and_have_an_interval() -> None:
    references = ["A B C D", "E F", "G"] * 20
    found = ["A X C D", "E F F", ""] * 20
    words = word_error_rate(references, found)
    assert words.value == pytest.approx(100 * 3 / 7)
    assert words.units == 140
    assert words.low < words.value < words.high
    assert words == word_error_rate(references, found)
    assert character_error_rate(["ABCD"], ["ABD"]).value == pytest.approx(25.0)
    exact = word_error_rate(["A B"], ["A B"])
    assert (exact.value, exact.low, exact.high) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError):
        word_error_rate([], [])
    with pytest.raises(DataError):
        word_error_rate([" "], ["A"])


def test_the_interval_is_that_of_95_percent_over_whole_utterances() -> None:
    # 200 of 400 utterances are wrong in all words: in theory 50 +- 1.96 * 50 / sqrt(400).
    references = ["A B C D"] * 400
    found = ["A B C D", "E E E E"] * 200
    rate = word_error_rate(references, found)
    assert rate.value == 50.0
    assert (rate.low, rate.high) == pytest.approx((45.1, 54.9), abs=0.4)
