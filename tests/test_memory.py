"""The ceiling on memory."""

import pytest

from zoo.errors import UsageError, ZooError
from zoo.memory import VARIABLE, check_memory, memory_limit


def test_what_is_above_the_ceiling_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    check_memory(2**30, "this")
    with pytest.raises(ZooError, match=r"a table would take 4,096 MB.*ZOO_MEMORY_LIMIT_MB"):
        check_memory(2**32, "a table")


def test_the_ceiling_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "8000")
    assert memory_limit() == 8000 * 2**20
    check_memory(2**32, "a table")
    for wrong in ("0", "-1", "many", "9" * 12, "²"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UsageError, match=VARIABLE):
            check_memory(1, "a table")
