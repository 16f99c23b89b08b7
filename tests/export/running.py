"""Runs the examples of exported folders where nothing of the zoo is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# An exported example must run where nothing of these is installed.
ALONE = """
import runpy, sys
for name in ("zoo", "keras", "tensorflow", "onnx", "sentencepiece", "kaldi_native_fbank"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_example(folder: Path, *arguments: object, without: str = "ai_edge_litert") -> str:
    """What an exported folder's example prints, where the package ``without`` is not there."""
    alone = f"import sys; sys.modules[{without!r}] = None\n{ALONE}"
    command = [sys.executable, "-c", alone, "example.py", *map(str, arguments)]
    env = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.rstrip("\n")
