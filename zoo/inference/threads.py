"""How many threads the models of this process calculate on."""

from __future__ import annotations

import os

from zoo.errors import UsageError
from zoo.values import is_whole

MAX_THREADS = 256
VARIABLE = "ZOO_THREADS"

_chosen: int | None = None


def set_threads(count: int | None) -> None:
    """Set how many threads a call of a model calculates on at most.

    It holds for this process and from the next call on, also for models that are already loaded.
    What is too small to be shared out, such as a step of a stream, stays on one thread.

    Args:
        count: from 1 to ``MAX_THREADS``; ``None`` for the default: the environment variable
            ``ZOO_THREADS``, and without it the number of cores that this process may use.

    Raises:
        UsageError: it is out of range.

    Example:
        >>> zoo.set_threads(1)
    """
    global _chosen
    _chosen = None if count is None else _checked(count, "the number of threads")


def get_threads() -> int:
    """How many threads a call of a model calculates on at most; see ``set_threads``.

    Raises:
        UsageError: ``ZOO_THREADS`` is not a number of threads.
    """
    if _chosen is not None:
        return _chosen
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        return _checked(int(named) if named.isascii() and named.isdigit() else named, VARIABLE)
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    return min(available, MAX_THREADS)


def _checked(count: object, what: str) -> int:
    if not is_whole(count) or not 1 <= count <= MAX_THREADS:
        raise UsageError(f"{what} must be a whole number from 1 to {MAX_THREADS}, not {count!r}")
    return int(count)
