"""The way from ``zoo run`` and ``zoo finetune`` to the command of the model's task."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.cli.tasks import _task_context
from zoo.cli.work import finetune_command, run_command
from zoo.folder.model_folder import ModelFolder

FORMAT_1 = Path(__file__).parents[1] / "folder" / "fixtures" / "format_1"
CASES = [(run_command, []), (finetune_command, ["--text", "a.txt", "--out", "runs/a"])]


@pytest.mark.parametrize(("command", "rest"), CASES)
def test_the_tasks_command_gets_the_folder_that_was_located(command, rest):
    ctx = command.make_context(command.name, [str(FORMAT_1), *rest])
    with _task_context(ctx, str(FORMAT_1), tuple(rest))[1] as inner:
        model = inner.params["model"]
    assert isinstance(model, ModelFolder)
    assert model.path == FORMAT_1
    assert str(model) == str(FORMAT_1)


@pytest.mark.parametrize(("command", "rest"), CASES)
def test_a_registered_name_is_not_located_to_know_its_task(command, rest, monkeypatch):
    monkeypatch.setattr("zoo.store.locate.locate", None)
    name = "char_lstm.shakespeare"
    ctx = command.make_context(command.name, [name, *rest])
    with _task_context(ctx, name, tuple(rest))[1] as inner:
        assert inner.params["model"] == name
