"""The examples of the tutorials, run with recordings in place of a microphone."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import soundfile

import zoo

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "voice_commands.py"
SERVER = ROOT / "examples" / "speech_server.py"
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


def called(port: int, samples: np.ndarray) -> list[dict[str, object]]:
    """What a caller is told who says something and hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(samples.tobytes() + b"x")  # half a sample at the end counts for nothing
        line.shutdown(socket.SHUT_WR)
        return [json.loads(told) for told in line.makefile("rb")]


def test_the_server_hears_many_callers_at_once() -> None:
    assert len(SERVER.read_text("utf-8").splitlines()) <= 100
    samples, _ = soundfile.read(ROOT / "samples" / "census.wav", dtype="int16")
    model = zoo.load_model("ctc_lstm.an4")
    pause = np.zeros(24_000, np.int16)
    said = [samples, samples[:20_000], np.concatenate([samples, pause, samples]), pause[:0]]
    server = subprocess.Popen(
        [sys.executable, str(SERVER), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[-1])
        with ThreadPoolExecutor(len(said)) as callers:
            told = list(callers.map(lambda one: called(port, one), said))
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(b"gone in the middle of a sample!")
        assert called(port, samples) == told[0]  # it goes on
    finally:
        server.kill()
        server.wait()
    finals = [[line["text"] for line in lines if line["final"]] for lines in told]
    whole, part = (model.transcribe(one, 16_000, beam_size=1).text for one in said[:2])
    assert finals[:2] == [[whole], [part]]
    assert finals[2][0] == whole
    assert len(finals[2]) == 2
    assert finals[3] == [""]
    growing = [line["text"] for line in told[0] if not line["final"]]
    assert len(growing) > 5
    assert all(whole.startswith(str(text).strip()) for text in growing)


def test_the_voice_assistant_follows_speech_and_answers(capsys: pytest.CaptureFixture[str]) -> None:
    example = ROOT / "examples" / "voice_assistant.py"
    samples, _ = soundfile.read(ROOT / "samples" / "census.wav", dtype="int16")
    pause = np.zeros(16_000, np.int16)
    run = subprocess.run(
        [sys.executable, str(example)],
        input=np.concatenate([samples, pause]).tobytes(),
        capture_output=True,
        check=True,
    )
    greeting, words, tags, state, mood, question = run.stdout.decode().splitlines()
    assert greeting.startswith("say:   Good evening!")
    assert words == "words: eleven twenty seven fifty seven"
    assert tags.startswith("tags: ")
    assert state == "state: -"
    assert mood.startswith("mood: ")
    assert question == "say:   What kind of food would you like?"

    call = run_path(str(example))["Call"]()
    call.say("Good evening! What are you looking for?")
    question = call.hear("we are looking for some cheap thai food for four people tonight")
    assert question == "In which part of town?"
    assert call.hear("in the south please") == "Let me see what there is."
    page = PAGE.with_name("voice-assistant.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    told = capsys.readouterr().out
    assert shown in told
    assert "state: food=thai, price range=cheap, area=south" in told
