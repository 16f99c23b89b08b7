"""Machine code where no folder can be written."""

from __future__ import annotations

import os
from typing import Any

import numba
import pytest

from zoo.inference.compiling import can_keep, compiled


def made() -> Any:
    """A function of no file, which Numba finds no folder for."""
    space: dict[str, Any] = {}
    exec("def double(x):\n    return 2 * x\n", space)
    return space["double"]


def test_a_function_is_compiled_where_no_folder_can_be_written() -> None:
    with pytest.raises(RuntimeError, match="cannot cache function"):
        numba.njit(cache=True)(made())
    assert compiled(nogil=True)(made())(21) == 42


def test_without_a_home_nothing_is_kept_but_beside_the_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert can_keep(can_keep)
    monkeypatch.setenv("HOME", "~")
    assert can_keep(can_keep)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not can_keep(can_keep)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert can_keep(can_keep)
