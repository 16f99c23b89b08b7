"""The command line: exit codes, messages without tracebacks, JSON, and what each command does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TEXT, CommandLine
from zoo import load_model
from zoo.catalogue import WEIGHTS_FOLDER

ZOO = [sys.executable, "-c", "import sys; from zoo.cli import main; main(sys.argv[1:])"]


def in_a_process(
    *arguments: object, code: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own; check its exit code, and for no traceback."""
    run = subprocess.run(
        [*ZOO, *map(str, arguments)], capture_output=True, text=True, check=False, env=env
    )
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    return run


def test_help_names_every_command_and_shows_examples(cli: CommandLine) -> None:
    shown = cli("--help").stdout
    for command in ("list", "show", "download", "run", "train", "finetune", "evaluate", "push"):
        assert command in shown
        assert "Example" in cli(command, "--help").stdout
    assert "zoo run char_lstm.shakespeare" in shown


def test_list_prints_json_that_scripts_can_read(cli: CommandLine) -> None:
    listed = json.loads(cli("list", "--json").stdout)
    assert any(facts["architecture"] == "char_lstm" for facts in listed)
    assert json.loads(cli("list", "zzz*", "--json").stdout) == []


def test_commands_without_a_model_do_not_import_tensorflow() -> None:
    code = (
        "import sys\nfrom zoo.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as done: assert done.code == 0, done.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    for arguments in (["list"], ["show", "char_lstm"], ["cache", "dir"], ["download", "--help"]):
        run = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        loaded = set(run.stderr.split())
        assert "click" in loaded
        assert not {"tensorflow", "keras", "numpy", "huggingface_hub"} & loaded, arguments


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lst"], 2, "did you mean 'list'"),
        (["show", "char_lstn"], 2, "did you mean 'char_lstm'"),
        (["run", "char_lstn", "hi"], 2, "did you mean 'char_lstm'"),
        (["run", "./nowhere", "hi"], 1, "nowhere"),
        (["download", "char_lstn"], 2, "did you mean 'char_lstm'"),
        (["list", "--task", "text-generatoin"], 2, "did you mean 'text-generation'"),
        (["train", "char_lstm.shakespear", "--out", "x"], 2, "there is no recipe"),
        (["push", "nowhere", "me/mine"], 2, "nowhere"),
        (["list", "--no-such-option"], 2, "no such option"),
    ],
)
def test_wrong_usage_gives_a_message_and_its_exit_code(
    cli: CommandLine, arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    assert message.lower() in cli(*arguments, code=code, cwd=tmp_path).stderr.lower()


def test_run_writes_text_the_same_for_the_same_seed(cli: CommandLine, tiny_folder: Path) -> None:
    first = cli("run", tiny_folder, "the ", "--length", 50, "--seed", 1).stdout
    assert first.startswith("the ")
    assert len(first) == len("the ") + 50 + 1
    run = cli("run", tiny_folder, "the ", "--length", 50, "--seed", 1, "--json")
    (result,) = json.loads(run.stdout)
    assert result["text"] + "\n" == first
    assert len(result["log_probs"]) == 50


def test_run_writes_nothing_but_the_text(tiny_folder: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    run = in_a_process("run", tiny_folder, "the ", "--length", 5, "--seed", 1, env=env)
    assert run.stderr == ""
    assert len(run.stdout) == 10


def test_run_reads_a_prompt_from_standard_input(cli: CommandLine, tiny_folder: Path) -> None:
    shown = cli("run", tiny_folder, "-", "--length", 5, "--seed", 1, stdin=b"a fox").stdout
    assert shown.startswith("a fox")


def test_run_help_is_that_of_the_task(cli: CommandLine, tiny_folder: Path) -> None:
    shown = cli("run", tiny_folder, "--help").stdout
    assert shown.split()[:5] == ["Usage:", "zoo", "run", str(tiny_folder), "[OPTIONS]"]
    assert "--temperature" in shown
    shown = cli("run", "char_lstm.shakespeare", "--help").stdout
    assert shown.splitlines()[0] == "Usage: zoo run char_lstm.shakespeare [OPTIONS] [PROMPTS]..."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["é"], "does not know"),
        ([""], "prompt is empty"),
        (["a", "--length", "-1"], "length must be"),
        (["a", "--temperature", "nan"], "temperature must be"),
        (["a", "--temperature", "-1"], "temperature must be"),
        (["a", "--length", "many"], "not a valid integer"),
    ],
)
def test_bad_input_to_run_exits_with_2(
    cli: CommandLine, tiny_folder: Path, arguments: list[str], message: str
) -> None:
    assert message in cli("run", tiny_folder, *arguments, code=2).stderr


def test_an_unknown_backend_exits_with_2(tiny_folder: Path, tmp_path: Path) -> None:
    env = os.environ | {"KERAS_BACKEND": "nonsense"}
    words = ("export", tiny_folder, "--format", "keras", "--out", tmp_path / "x.keras")
    assert "nonsense" in in_a_process(*words, code=2, env=env).stderr


def test_a_damaged_folder_exits_with_1(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    assert "manifest" in cli("run", tmp_path, "a", code=1).stderr
    assert "manifest" in cli("show", tmp_path, code=1).stderr


def test_show_sends_no_commands_to_the_terminal(
    cli: CommandLine, tiny_folder: Path, tmp_path: Path
) -> None:
    model = load_model(tiny_folder)
    model.card["name"] = "\x1b]0;evil\x07"
    assert "\x1b]" not in cli("show", model.save(tmp_path / "model")).stdout


def test_show_rounds_figures_and_its_json_does_not(cli: CommandLine) -> None:
    name = "ctc_bilstm.an4"
    shown = cli("show", name).stdout
    assert "metric           5.8 % WER (test)\n" in shown
    assert json.loads(cli("show", name, "--json").stdout)["metric"]["value"] == 5.8215
    folder = WEIGHTS_FOLDER / name
    lines = cli("show", folder).stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("metrics"))
    assert lines[start : start + 4] == [
        "metrics       wer, greedy: 5.8 % (4.1 to 7.6), an4, test",
        "              cer, greedy: 3.0 % (1.9 to 4.2), an4, test",
        "              wer, beam with its own language model: 4.0 % (2.7 to 5.4), an4, test",
        "              cer, beam with its own language model: 2.5 % (1.4 to 3.9), an4, test",
    ]
    stored = json.loads((folder / "metrics.json").read_text())
    assert json.loads(cli("show", folder, "--json").stdout)["metrics"] == stored


def test_list_rounds_figures(cli: CommandLine) -> None:
    assert cli("list", "seq2seq_*").stdout.splitlines()[-1].endswith("  46.3 BLEU")


def test_show_describes_a_folder(cli: CommandLine, tiny_folder: Path) -> None:
    facts = json.loads(cli("show", tiny_folder, "--json").stdout)
    assert facts["architecture"] == "char_lstm"
    assert facts["config"]["units"] == 24


def test_a_folder_named_like_a_model_is_a_folder_but_never_takes_a_models_place(
    cli: CommandLine, tiny_folder: Path, tmp_path: Path
) -> None:
    for name in ("char_lstm.mine", "char_lstm.shakespeare"):
        shutil.copytree(tiny_folder, tmp_path / name)
    assert cli("run", "char_lstm.mine", "the ", "--length", 5, cwd=tmp_path).stdout
    shown = json.loads(cli("show", "char_lstm.mine", "--json", cwd=tmp_path).stdout)
    assert shown["folder"] == "char_lstm.mine"
    run = cli("show", "char_lstm.shakespeare", "--json", cwd=tmp_path)
    assert "folder" not in json.loads(run.stdout)
    assert "write './char_lstm.shakespeare' for the folder" in run.stderr
    run = cli("run", "char_lstm.shakespeare", "the ", "--length", 5, cwd=tmp_path)
    assert run.stderr.count("for the folder") == 1
    own = json.loads(cli("show", "./char_lstm.shakespeare", "--json", cwd=tmp_path).stdout)
    assert own["name"] == "char_lstm.tiny"


def test_finetune_then_evaluate_then_run(
    cli: CommandLine, tiny_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    out = tmp_path / "mine"
    options = ["--epochs", 2, "--learning-rate", 0.01]
    run = cli("finetune", tiny_folder, "--text", tmp_path / "mine.txt", "--out", out, *options)
    assert run.stdout.strip().endswith(str(out))
    scores = [
        json.loads(cli("evaluate", folder, "--data", tmp_path / "mine.txt", "--json").stdout)
        for folder in (tiny_folder, out)
    ]
    assert scores[1][0]["value"] < scores[0][0]["value"]
    (figure,) = json.loads((out / "metrics.json").read_text())
    assert figure["command"] == (
        "zoo finetune tiny --text mine.txt --out mine --epochs 2 --learning-rate 0.01"
    )
    assert "metrics.json" in cli("evaluate", out, "--data", tmp_path / "mine.txt").stdout
    assert len(cli("run", out, "the ", "--length", 10).stdout) == 15
    again = cli("finetune", tiny_folder, "--text", "x.txt", "--out", out, code=1).stderr
    assert "x.txt" in again


def test_export_writes_a_keras_file(cli: CommandLine, tiny_folder: Path, tmp_path: Path) -> None:
    cli("export", tiny_folder, "--format", "keras", "--out", tmp_path / "model.keras")
    assert (tmp_path / "model.keras").stat().st_size > 10_000
    cli("export", tiny_folder, "--format", "keras", "--out", tmp_path / "model.keras", code=2)


def test_the_cache_commands(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    assert cli("cache", "dir").stdout.strip() == str(tmp_path / "cache")
    assert json.loads(cli("cache", "list", "--json").stdout) == []
    cli("cache", "verify")
    assert "freed 0.0 MB" in cli("cache", "clear", "--yes").stdout


def test_completion_scripts_are_printed(cli: CommandLine) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_ZOO_COMPLETE" in cli("completion", shell).stdout


def test_a_reader_that_goes_away_ends_the_writing_quietly(tiny_folder: Path) -> None:
    writer = subprocess.Popen(
        [*ZOO, "run", str(tiny_folder), "the ", "--length", "500000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    assert writer.stdout.read(100).startswith(b"the ")
    writer.stdout.close()
    assert writer.wait(timeout=60) == 1
    assert b"Traceback" not in writer.stderr.read()
    writer.stderr.close()
