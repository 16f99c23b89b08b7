"""Work on a long row of things by several threads, with the results in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")

_AHEAD = 4  # results that may wait, for each thread


def made_ahead(
    make: Callable[[Thing], Made], things: Iterable[Thing], threads: int
) -> Generator[Made, None, None]:
    """``make`` of each thing, in order. Where ``make`` fails, that error comes in its place.

    Args:
        make: called from several threads at once.
        things: taken from this thread, a few more than were asked for.
        threads: how many work.
    """
    coming: list[Future[Made]] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            for thing in things:
                coming.append(pool.submit(make, thing))
                if len(coming) > _AHEAD * threads:
                    yield coming.pop(0).result()
            while coming:
                yield coming.pop(0).result()
        finally:
            for future in coming:
                future.cancel()
