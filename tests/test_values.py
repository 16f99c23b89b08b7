"""Checks of values: whole numbers of every kind."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import pytest

from zoo.decoding.beam_search import check_search
from zoo.errors import UsageError
from zoo.values import check_range, is_whole


@dataclass(frozen=True)
class Settings:
    size: int
    rate: float = 0.5

    def __post_init__(self) -> None:
        check_range(self, "size", int, 1, 10)
        check_range(self, "rate", float, 0, 1)


def test_numbers_of_numpy_are_taken_and_can_be_written() -> None:
    settings = Settings(np.int64(3), np.float32(0.25))  # type: ignore[arg-type]
    assert json.dumps(asdict(settings)) == '{"size": 3, "rate": 0.25}'
    check_search(np.int32(5), 1.0, np.int64(2))


@pytest.mark.parametrize("size", [True, 3.0, "3", None, np.float64(3), np.bool_(True), 11])
def test_what_is_no_whole_number_in_range_is_refused(size: object) -> None:
    with pytest.raises(UsageError, match="whole number from 1 to 10"):
        Settings(size)  # type: ignore[arg-type]
    assert is_whole(size) == (size == 11)
