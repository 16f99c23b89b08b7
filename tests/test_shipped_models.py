"""The models of the package on real input, by the command line: files and search as they are."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.toy import draw, save_ink, write_page
from zoo.handwriting.page_xml import read_layout

ROOT = Path(__file__).parent.parent
TEXT = "loiz vol"
WORDS = ["loiz", "loiz"]


def test_the_translator_asks_for_the_station(zoo: Any) -> None:
    shown = zoo("run", "seq2seq_lstm.tatoeba", "--target", "fr", "Where is the station?")
    assert shown == "Où est la gare ?\n"


def test_the_readers_read_a_line_and_ink(zoo: Any, tmp_path: Path) -> None:
    line, ink = tmp_path / "line.png", save_ink(tmp_path / "ink.inkml", TEXT)
    Image.fromarray(draw(TEXT)).save(line)
    assert zoo("run", "crnn.latin", line) == f"{TEXT}\n"
    assert zoo("run", "crnn.latin", line, "--language-model", "own") == f"{TEXT}\n"
    assert zoo("run", "pen_bilstm.unipen", ink) == f"{TEXT}\n"


@pytest.mark.parametrize("kind", ["alto", "page"])
def test_a_page_is_read_into_its_layout_file(zoo: Any, tmp_path: Path, kind: str) -> None:
    layout, page = write_page(tmp_path, WORDS, kind=kind)
    out = tmp_path / "out.xml"
    command = ("run", "crnn.latin", tmp_path / "page.png", "--layout", layout)
    assert zoo(*command, "--out", out) == "".join(f"{word}\n" for word in WORDS)
    assert [line.text for line in read_layout(out).lines] == WORDS
    found = json.loads(zoo(*command, "--json"))["lines"]
    dark = np.flatnonzero((page < 128).any(axis=0))
    assert abs(found[0]["characters"][0]["start"] - dark[0]) < 30
    assert abs(found[0]["characters"][-1]["end"] - dark[-1]) < 40


def test_the_commands_of_the_samples_page_run(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "samples" / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^zoo (.*)$", page, re.MULTILINE)
    assert len(commands) == 6
    monkeypatch.chdir(ROOT)
    for command in commands:
        arguments, _, file = command.partition(" < ")
        if file:
            stdin = io.TextIOWrapper(io.BytesIO(Path(file).read_bytes()), encoding="utf-8")
            monkeypatch.setattr("sys.stdin", stdin)
        assert zoo(*shlex.split(arguments)).strip()
