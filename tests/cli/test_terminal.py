"""What comes from elsewhere and is printed on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from zoo.cli.output import print_json
from zoo.cli.terminal import printable

TITLE = "\x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TITLE, "\ufffd]0;owned\ufffd"),
        ("a\rb\x9b1mc", "a\ufffdb\ufffd1mc"),
        ("right\u202eleft \u2066", "right\ufffdleft \ufffd"),
        ("half \ud800", "half \ufffd"),
        ("tab\tline\nÅ 語 👩\u200d🚀 क\u094d\u200dष", "tab\tline\nÅ 語 👩\u200d🚀 क\u094d\u200dष"),
    ],
)
def test_control_characters_are_not_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(ValueError(text)) == shown


def on_a_terminal(code: str, *arguments: str) -> bytes:
    """What a Python program writes to a terminal that is its output and error."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    found = b""
    try:
        while piece := os.read(ours, 2**16):
            found += piece
    except OSError:  # Linux's end of a terminal
        pass
    os.close(ours)
    process.wait()
    return found


def test_a_terminal_gets_no_escape_sequence_but_the_command_lines_own() -> None:
    code = """
import sys, click
from tqdm import tqdm
from zoo.cli.terminal import protect_terminals
protect_terminals()
evil = "\\x1b]0;owned\\x07\\x1b[2J\\x9b\\u202e"
click.echo(click.style("bold", bold=True) + evil + "done")
for character in evil:
    click.echo(character, nl=False)
click.echo(evil, err=True)
for _ in tqdm(range(2), desc="bar", ncols=60):
    pass
"""
    found = on_a_terminal(code)
    assert b"\x1b[1mbold\x1b[0m" in found
    assert b"done" in found
    assert b"\rbar: 100%" in found
    for escape in (b"\x1b]", b"\x07", b"\x1b[2J", "\x9b".encode(), "\u202e".encode()):
        assert escape not in found


def test_errors_and_tables_of_the_command_line_are_filtered(zoo: Any, tmp_path: Path) -> None:
    for arguments in (["show", f"no{TITLE}such"], [TITLE], ["list", "--task", TITLE]):
        assert TITLE not in zoo(*arguments, code=2)


def test_json_has_no_numbers_that_json_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), 1.5, (float("inf"),)], "b": {"c": -float("inf")}})
    text = capsys.readouterr().out
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, 1.5, [None]],
        "b": {"c": None},
    }


def shown_lines(code: str) -> list[str]:
    """The lines that a program writes to a terminal, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal(code).decode()).splitlines()


def test_a_table_fits_into_the_terminal() -> None:
    code = """
from zoo.cli.output import print_table
print_table(("name", "text", "n"), [("model", "x" * 100, "1"), ("m", "short", "2")])
"""
    lines = shown_lines(code)
    assert max(map(len, lines)) == 80
    assert lines[1].startswith("model  xxx")
    assert lines[1].endswith("…  1")
    assert lines[2].rstrip().endswith("2")
    whole = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "x" * 100 in whole.stdout


def test_the_list_of_models_fits_into_80_columns() -> None:
    code = "from zoo.cli import main; main(['list', '--pretrained'])"
    lines = shown_lines(code)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("seq2seq_lstm.tatoeba") for line in lines)
