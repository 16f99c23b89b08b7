"""What the shell completes: models, tasks, and the options of a model's task."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from zoo.cli import cli


def completed(*words: str, incomplete: str) -> set[str]:
    """What is offered for an unfinished word after others."""
    completion = ShellComplete(cli, {}, "zoo", "_ZOO_COMPLETE")
    return {item.value for item in completion.get_completions(list(words), incomplete)}


def kinds(*words: str, incomplete: str) -> set[str]:
    """The same, as what the shell is to complete by itself: ``"file"`` or ``"plain"``."""
    completion = ShellComplete(cli, {}, "zoo", "_ZOO_COMPLETE")
    return {item.type for item in completion.get_completions(list(words), incomplete)}


@pytest.mark.parametrize("command", ["show", "run", "finetune", "evaluate", "train"])
def test_a_models_name_is_completed(command: str) -> None:
    assert completed(command, incomplete="char_lstm.s") == {"char_lstm.shakespeare"}


def test_a_model_may_be_a_folder() -> None:
    assert kinds("run", incomplete="runs/") == {"dir"}
    assert kinds("run", incomplete="char_lstm") == {"plain"}


def test_a_tasks_name_is_completed() -> None:
    assert completed("list", "--task", incomplete="text-g") == {"text-generation"}


def test_options_of_the_models_task_are_completed() -> None:
    assert completed("run", "char_lstm", incomplete="--te") == {"--temperature"}
    assert completed("run", "ctc_lstm", "a.wav", incomplete="--endp") == {"--endpoint"}
    assert completed("inspect", "crnn", "a.png", incomplete="--fi") == {"--find-units"}
    assert completed("run", "crnn", "scans", "--format", incomplete="") == {"alto", "page"}
    assert completed("finetune", "crnn", incomplete="--li") == {"--lines", "--limit"}
    assert "--help" in completed("run", "no_such_model", incomplete="--h")


def test_values_of_the_tasks_options_are_completed() -> None:
    assert completed("run", "char_lstm", "a", "--errors", incomplete="re") == {"replace"}
    assert kinds("finetune", "char_lstm", "--text", incomplete="my") == {"file"}
    assert kinds("run", "crnn", incomplete="li") == {"file"}


def test_a_model_on_the_hub_is_not_fetched_to_complete(tmp_path: Path) -> None:
    assert completed("run", "hf://no/where", incomplete="--te") == set()
