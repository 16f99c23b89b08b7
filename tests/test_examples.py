"""The examples of the tutorials, run with recordings in place of a microphone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "voice_commands.py"
PAGE = ROOT / "docs" / "tutorials" / "voice-commands.md"


def test_the_voice_commands_of_the_tutorial_are_heard(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "commands.txt").write_text(commands, encoding="utf-8")
    samples, _ = soundfile.read(ROOT / "samples" / "census.wav", dtype="int16")
    pause = np.zeros(16_000, np.int16)
    other = samples[6_400:22_000]  # its beginning is no command
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), str(tmp_path / "commands.txt")],
        input=np.concatenate([samples, pause, other, pause]).tobytes(),
        capture_output=True,
        check=True,
    )
    first, second = run.stdout.decode().splitlines()
    assert first == "do: eleven twenty seven fifty seven {'first': 'eleven'}"
    assert second.startswith("not a command: none of the phrases")
