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
from zoo.catalogue import registry
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


SLOW = ("evaluate", "export", "finetune", "push", "train")
"""Commands that train, score, export or need the Hub; what they do is tested elsewhere."""


def commands_of(page: str) -> list[str]:
    """The commands of a page, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [command.strip() for command in re.findall(r"^zoo ([^#\n]*)", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def pages_commands() -> list[str]:
    return list(dict.fromkeys([*commands_of("samples/README.md"), *commands_of("README.md")]))


def test_the_commands_of_the_readme_and_the_samples_page_run(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, pages_commands: list[str], tmp_path: Path
) -> None:
    assert len(pages_commands) > 20
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    for command in pages_commands:
        arguments, _, file = command.partition(" < ")
        words = shlex.split(arguments)
        if words[0] in SLOW or words[1].startswith("runs/"):
            continue
        if file:
            stdin = io.TextIOWrapper(io.BytesIO(Path(file).read_bytes()), encoding="utf-8")
            monkeypatch.setattr("sys.stdin", stdin)
        assert zoo(*words).strip() or words[0] == "cache", command
    assert (tmp_path / "texts" / "page.xml").exists()


def test_what_the_readme_and_the_demo_name_is_there(pages_commands: list[str]) -> None:
    demo = (ROOT / "scripts" / "demo").read_text(encoding="utf-8")
    for text in (*pages_commands, demo, (ROOT / "README.md").read_text(encoding="utf-8")):
        for path in re.findall(r"samples/[\w.]+", text):
            assert (ROOT / path).exists(), path
    shown = {name.partition(".")[0] for name in re.findall(r" run (\w+\.\w+)", demo)}
    tasks = {registry().architecture(name).task for name in shown}
    assert tasks == {weights.task for weights in registry().weights.values()}


def test_the_readme_says_what_each_model_is_for() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    said = page.partition("What each of them is for")[2].partition("## Features")[0]
    assert set(re.findall(r"`(\w+\.\w+)`", said)) == set(registry().weights)
