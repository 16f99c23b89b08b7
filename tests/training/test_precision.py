"""A network is trained in the precision that the processor is fast in."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.training import precision
from zoo.training.precision import training_dtype


@pytest.mark.parametrize(
    ("told", "dtype"),
    [
        ("model name\t: X\nflags\t\t: fpu sse2 avx2 avx512f amx_bf16 amx_tile\n", "mixed_bfloat16"),
        ("flags\t\t: fpu avx512_bf16\n", "mixed_bfloat16"),
        ("Features\t: fp asimd bf16 i8mm\n", "mixed_bfloat16"),
        ("flags\t\t: fpu sse2 avx2 avx512f\n", "float32"),
        ("Features\t: fp asimd\n", "float32"),
        ("", "float32"),
    ],
)
def test_bfloat16_where_the_processor_multiplies_in_it(
    told: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(told)
    monkeypatch.setattr(precision, "_CPU", cpu)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    assert training_dtype() == dtype


def test_float32_where_nothing_is_known_of_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_CPU", tmp_path / "none")
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    assert training_dtype() == "float32"


def test_a_chosen_dtype_stands() -> None:
    assert training_dtype("mixed_float16") == "mixed_float16"
