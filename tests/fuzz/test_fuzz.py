"""Damaged files of every kind: a result, a warning or a ZooError, and nothing on standard output.

A few inputs a reader, the same in each run. ``scripts/fuzz`` tries many; what it found lies in
``findings`` and is tried here again.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import MAX_BYTES, mutated
from tests.fuzz.targets import TARGETS, attempt

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*/*.bin"))
WHOLE = st.integers(0, 2**24)
STEPS = st.lists(st.tuples(WHOLE, WHOLE, WHOLE, WHOLE), min_size=1, max_size=4)

seeds_of = functools.cache(lambda name: TARGETS[name].seeds())


@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_file_is_read_or_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    seeds = seeds_of(name)

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, len(seeds) - 1), st.integers(0, len(seeds) - 1), STEPS)
    def try_one(number: int, other: int, steps: list[tuple[int, int, int, int]]) -> None:
        attempt(TARGETS[name], mutated(seeds[number], steps, seeds[other]))

    try_one()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", TARGETS)
def test_files_as_they_should_be_are_read(name: str) -> None:
    if name == "answer":
        pytest.skip("an answer alone is no model")
    assert any(attempt(TARGETS[name], seed) for seed in seeds_of(name))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_was_found_once_is_mended(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    attempt(TARGETS[path.parent.name], path.read_bytes())
    assert capfd.readouterr().out == ""


def test_damage_is_the_same_for_the_same_numbers_and_bounded() -> None:
    data, other = b"one 2 three 4.5" * 10, b"other"
    results = {mutated(data, [(kind, 7, 11, 13)], other) for kind in range(10)}
    assert len(results) == 9  # two kinds are numbers
    assert data not in results
    for kind in range(10):
        steps = [(kind, 99, 98, 1999)] * 4
        assert mutated(data, steps, other) == mutated(data, steps, other)
        assert len(mutated(data, steps, other)) <= MAX_BYTES
        assert isinstance(mutated(b"", steps, b""), bytes)
