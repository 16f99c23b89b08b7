"""``zoo inspect`` from the command line to its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LINES = 'to be "or not" to be.\nthat is!\n' * 3


def test_a_text_is_looked_into(zoo: Any, tiny_folder: Path, tmp_path: Path) -> None:
    out, plot, save = (tmp_path / name for name in ("a.html", "a.png", "a.npz"))
    written = ("--out", out, "--plot", plot, "--save", save)
    text = LINES.replace('"', "")
    shown = zoo("inspect", tiny_folder, text, *written, "--highway", "--steps", 9, "--find-units")
    assert "recurrent_2: lstm, 24 units" in shown
    assert "lifetimes of 24 units" in shown
    assert "position in line: best of 48 units" in shown
    assert "loss " in shown
    assert out.stat().st_size > 30_000
    assert plot.read_bytes().startswith(b"\x89PNG")
    with np.load(save) as arrays:
        assert arrays["recurrent_1:f"].shape == (len(text), 24)
    zoo("inspect", tiny_folder, text, "--plot", plot, "--unit", 3, "--layer", "recurrent_1")


def test_wrong_uses_say_what_is_wrong(zoo: Any, tiny_folder: Path, tmp_path: Path) -> None:
    def said(*arguments: object) -> str:
        shown: str = zoo("inspect", tiny_folder, *arguments, code=2)
        return shown

    assert "at least one character" in said("")
    assert "give --plot too" in said("to be", "--unit", 3)
    assert "belong to --highway" in said("to be", "--at", 3)
    assert "must end in .html" in said("to be", "--out", tmp_path / "a.pdf")
    assert "has no unit 99" in said("to be", "--plot", tmp_path / "a.png", "--unit", 99)
    assert "did you mean 'recurrent_1'" in said(
        "to be", "--plot", tmp_path / "a.png", "--layer", "recurent_1"
    )
    assert "output's number below 5" in said("to be", "--highway", "--at", 5)
