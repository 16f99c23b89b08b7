"""Work by several threads gives its results in order."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time

import pytest

from zoo.training.ahead import made_ahead


def test_results_come_in_order_whoever_is_done_first() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0.0)
        return number**2

    assert list(made_ahead(slow_at_first, range(20), 3)) == [number**2 for number in range(20)]


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_one_thread_gives_all_that_there_is(count: int) -> None:
    assert list(made_ahead(str, range(count), 1)) == [str(number) for number in range(count)]


def test_two_things_are_made_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert sorted(made_ahead(lambda _: both.wait(), range(2), 2)) == [0, 1]


def test_no_more_is_taken_than_a_few_ahead() -> None:
    taken = []
    endless = (taken.append(number) or number for number in itertools.count())
    with contextlib.closing(made_ahead(str, endless, 2)) as made:
        assert next(made) == "0"
        assert len(taken) < 20


def test_an_error_comes_in_its_place() -> None:
    made = made_ahead(lambda number: 1 // (2 - number), range(100), 2)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)
