"""Compiling to machine code, kept on the disk where there is a place for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Any], Any]:
    """``numba.njit(cache=True)``, without the cache where no folder can be written.

    Numba keeps machine code beside the module, and else in the user's folder; it refuses to compile
    where neither is to be had, such as in a container that can only be read.

    Args:
        **options: of ``numba.njit``.
    """

    def decorate(function: Any) -> Any:
        if can_keep(function):
            try:
                return numba.njit(cache=True, **options)(function)
            except RuntimeError:  # it found no folder
                pass
        return numba.njit(**options)(function)

    return decorate


def can_keep(function: Any) -> bool:
    """Whether Numba has a folder of which it is known where it lies.

    Without a home it would make one called ``~``.
    """
    beside = os.path.dirname(function.__code__.co_filename)
    return (
        bool(os.environ.get("NUMBA_CACHE_DIR"))
        or os.path.isabs(os.path.expanduser("~"))
        or os.access(beside, os.W_OK)
    )
