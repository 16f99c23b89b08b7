"""TensorFlow's start-up notes, with a stand-in that writes them and starts at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NOTES = """import os, types
os.write(2, b"I0000 oneDNN custom operations are on\\n")
config = types.SimpleNamespace(list_logical_devices=lambda: os.write(2, b"E0000 cuInit\\n"))
"""
CODE = """
import sys
from zoo.quiet import import_tensorflow_quietly
import_tensorflow_quietly()
print("mine", file=sys.stderr)
"""


def said(folder: Path, module: str, **variables: str) -> str:
    """What is written to standard error while a stand-in for TensorFlow is imported."""
    (folder / "tensorflow.py").write_text(module)
    kept = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    environment = {**kept, "PYTHONPATH": str(folder), **variables}
    command = [sys.executable, "-c", CODE]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return run.stderr


def test_notes_are_kept_off_the_terminal(tmp_path: Path) -> None:
    assert said(tmp_path, NOTES) == "mine\n"


def test_notes_are_shown_if_the_import_fails(tmp_path: Path) -> None:
    shown = said(tmp_path, NOTES + "raise ValueError('broken')")
    assert "oneDNN" in shown
    assert "broken" in shown


def test_who_sets_the_log_level_gets_a_plain_import(tmp_path: Path) -> None:
    assert said(tmp_path, "raise ValueError('broken')", TF_CPP_MIN_LOG_LEVEL="0") == "mine\n"
