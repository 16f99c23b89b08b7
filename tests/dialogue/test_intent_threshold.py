"""The threshold below which a message has no intent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zoo.dialogue.tagging.training.calibration import choose_threshold

INTENTS = ("book", "oos", "cancel")
BOOK, OUTSIDE = 0, 1


def logits(intent: int, probability: float) -> Any:
    """What a tagger gives for a message: one intent by a probability, little for out of scope."""
    probabilities = np.full(len(INTENTS), 1e-9)
    probabilities[[BOOK, 2]] = 1 - probability
    probabilities[intent] = probability
    return SimpleNamespace(intents=np.log(probabilities))


def chosen(*examples: tuple[int, int, float]) -> float:
    """The threshold for examples of the right intent, the likeliest and its probability."""
    model: Any = SimpleNamespace(
        intents=INTENTS,
        inference=SimpleNamespace(read=lambda given: logits(*given)),
    )
    told: Any = [SimpleNamespace(ids=given, intent=right) for right, *given in examples]
    return choose_threshold(model, told, "oos", 1.0)


def test_the_threshold_may_cost_one_in_two_hundred_messages_in_scope() -> None:
    sure = [(BOOK, BOOK, 0.91)] * 199
    unsure = (BOOK, BOOK, 0.61)
    assert chosen(*sure, unsure) == pytest.approx(0.9)
    assert chosen(*sure[:99], unsure) == pytest.approx(0.6)  # of a hundred, one is too many


def test_what_is_out_of_scope_or_wrong_anyway_does_not_lower_the_threshold() -> None:
    sure, wrong, outside = (BOOK, BOOK, 0.91), (BOOK, 2, 0.55), (OUTSIDE, BOOK, 0.55)
    assert chosen(*[sure] * 10, *[wrong] * 10, *[outside] * 10) == pytest.approx(0.9)


def test_without_messages_in_scope_there_is_no_threshold() -> None:
    assert chosen((OUTSIDE, BOOK, 0.9)) == 0
