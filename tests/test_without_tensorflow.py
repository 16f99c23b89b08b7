"""Every verb and every ``zoo run`` work where TensorFlow and Keras are not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.catalogue import registry

ROOT = Path(__file__).parent.parent

# Runs commands in a process that finds no TensorFlow, and prints what each wrote and its code.
CODE = """
import contextlib, io, json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "tensorflow_datasets", "jax"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from zoo.cli import main

def run(arguments):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    return [code, out.getvalue(), err.getvalue()]

told = [run(arguments) for arguments in json.loads(sys.argv[1])]
import zoo
model = zoo.load_model("ctc_lstm.an4")
model.check()
again = zoo.load_model(model.save(sys.argv[2]))
assert again.check() < 1e-4
for asked in (lambda: model.network, lambda: zoo.load_model("ctc_lstm.an4", dtype="mixed_float16")):
    try:
        asked()
    except zoo.ZooError as error:
        told.append([1, "", str(error)])
print(json.dumps(told))
"""

RUNS: dict[str, tuple[list[str], str]] = {
    "char_lstm.shakespeare": (["ROMEO:", "--length", "60", "--seed", "1"], "ROMEO:"),
    "char_gru.shakespeare": (["ROMEO:", "--length", "9", "--seed", "1"], "ROMEO:"),
    "char_rnn.shakespeare": (["ROMEO:", "--length", "9", "--seed", "1"], "ROMEO:"),
    "char_transformer.shakespeare": (["ROMEO:", "--length", "9", "--seed", "1"], "ROMEO:"),
    "ctc_bilstm.an4": (["samples/census.wav"], "ELEVEN TWENTY SEVEN FIFTY SEVEN"),
    "ctc_lstm.an4": (["samples/census.wav"], "ELEVEN TWENTY SEVEN FIFTY SEVEN"),
    "crnn.latin": (["samples/line.png"], "comté de Nordland"),
    "pen_bilstm.unipen": (["samples/word.inkml"], "anything"),
    "seq2seq_lstm.tatoeba": (["Where is the station?", "--target", "fr"], "la gare"),
    "sentiment_lstm.topical_chat": (["I love this movie, it makes me so happy!"], "happy"),
    "tagger_bilstm.chat": (["Hi, I'm Ana Lopez, order 4471"], "[Ana Lopez](person)"),
    "tracker_lstm.woz": (["A cheap thai place, please"], "food=thai"),
}
NEEDED = "needs TensorFlow and Keras, which are not installed: pip install 'sequence-zoo[train]'"


def test_without_tensorflow_every_run_writes_and_training_says_what_it_needs(
    tmp_path: Path, zoo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    runs = [["run", name, *arguments] for name, (arguments, _) in RUNS.items()]
    texts = {"line.png": "comté de Nordland", "census.wav": "ELEVEN TWENTY SEVEN FIFTY SEVEN"}
    for file, text in texts.items():
        (tmp_path / file).write_bytes((ROOT / "samples" / file).read_bytes())
        table = tmp_path / ("lines.tsv" if file == "line.png" else "transcripts.tsv")
        table.write_text(f"{file}\t{text}\n", encoding="utf-8")
    others = [
        *(["list"], ["show", "crnn.latin"], ["cache", "list"], ["list", "--language", "xx"]),
        *(["evaluate", name, "--data", str(tmp_path)] for name in ("crnn.latin", "ctc_lstm.an4")),
    ]
    needing = [
        ["train", "char_lstm.shakespeare", "--out", str(tmp_path / "run")],
        ["finetune", "char_lstm.shakespeare", "--text", "README.md", "--out", str(tmp_path / "x")],
        ["evaluate", "char_lstm.shakespeare"],
        ["export", "ctc_lstm.an4", "--format", "keras", "--out", str(tmp_path / "x.keras")],
        ["export", "ctc_lstm.an4", "--format", "litert", "--out", str(tmp_path / "litert")],
    ]
    commands = json.dumps([*runs, *others, *needing])
    done = subprocess.run(
        [sys.executable, "-c", CODE, commands, str(tmp_path / "saved")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for (code, out, err), (_, expected) in zip(told, RUNS.values(), strict=False):
        assert code == 0, err
        assert expected in out
    assert told[0][1] == zoo(*runs[0])  # the same text as with TensorFlow
    for code, _, err in told[len(runs) : len(runs) + len(others)]:
        assert code == 0, err
    assert "no model with the language xx matches '*'" in told[len(runs) + 3][2]
    for code, out, err in told[len(runs) + len(others) :]:
        assert code == 1
        assert NEEDED in err
        assert "Traceback" not in err
        assert not out
    assert len(told) == len(runs) + len(others) + len(needing) + 2


def test_every_pretrained_architecture_is_among_the_runs() -> None:
    architectures = {name.partition(".")[0] for name in RUNS}
    assert architectures == {name.partition(".")[0] for name in registry().weights}
