"""Which units of a layer are kept."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.errors import UsageError
from zoo.inspection.layer_trace import check_units


def test_units_are_given_by_their_numbers() -> None:
    assert check_units((3, 0), 4, "layer").tolist() == [3, 0]


@pytest.mark.parametrize(
    ("units", "message"),
    [(3, "units is a list of numbers, not 3"), ([4], "no unit 4"), ([True], "no unit True")],
)
def test_what_is_no_list_of_units_is_named(units: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_units(units, 4, "layer")
