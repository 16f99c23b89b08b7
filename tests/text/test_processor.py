"""Text to character ids."""

from __future__ import annotations

import pytest

from zoo.text.processor import Characters
from zoo.text.training.options import LanguageModelOptions


def test_unknown_characters_become_the_nearest_there_are() -> None:
    characters = Characters(tuple("'-.?abefn "))
    ids = characters.encode("an’b–a…é“ﬁﬀ日", errors="replace")
    assert characters.decode(ids) == "an'b-a.e'ff?"
    assert len(ids) == 12


@pytest.mark.parametrize(
    ("updates", "given", "epochs", "patience"),
    [(4, {}, 150, 22), (4, {"epochs": 20}, 20, 3), (600, {}, 20, 3), (15, {"patience": 0}, 40, 0)],
)
def test_a_short_text_is_read_more_often(
    updates: int, given: dict[str, int], epochs: int, patience: int
) -> None:
    plan = LanguageModelOptions(**given).for_text(updates).plan()
    assert (plan.epochs, plan.patience) == (epochs, patience)
