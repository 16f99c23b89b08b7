"""Every ``zoo`` command of README and docs: its line is parsed; those of README do their work.

What runs the shipped models is in ``test_shipped_models``, the plug-in's page in ``test_plugin``.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import click
import pytest

from tests.conftest import CommandLine
from zoo.catalogue import registry
from zoo.cli.tasks import TaskCommand

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "docs" / "adding-a-model.md"
PAGES = [ROOT / "README.md", ROOT / "samples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = ("<", ">", ">>", "|", "&&", ";")
BLOCK = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_of(page: Path) -> list[list[str]]:
    """The words of a page's ``zoo`` commands, without comments and what the shell redirects."""
    commands = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # set for this command alone
                words.pop(0)
            if words[:1] == ["zoo"]:
                end = next((i for i, word in enumerate(words) if word in SHELL), len(words))
                commands.append(words[1:end])
    return commands


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each command that would have begun its work by now."""
    found: list[dict[str, Any]] = []
    invoke = click.Context.invoke

    def parse_only(self: click.Context, *arguments: Any, **values: Any) -> Any:
        if isinstance(self.command, click.Group | TaskCommand):
            return invoke(self, *arguments, **values)
        return found.append({"command": self.command.name, **values})

    monkeypatch.setattr(click.Context, "invoke", parse_only)
    monkeypatch.setattr("zoo.cli.tasks.import_tensorflow_quietly", lambda: None)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood(
    page: Path,
    zoo: Any,
    parsed: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    made: dict[str, str] = {}  # what is fine-tuned or trained on the page, and from which model
    commands = [words for words in commands_of(page) if page != PLUGIN or "char_lstm" in words[1]]
    for number, words in enumerate(commands, 1):
        model = words[1] if len(words) > 1 else ""
        known = [made.get(word, word) if place == 1 else word for place, word in enumerate(words)]
        if words[0] != "push" and model.startswith(("runs/", "hf://")):
            assert model in made, f"{words}: nothing above it makes {model}"
        zoo(*(known if words[0] in ("run", "finetune", "inspect", "show") else words))
        assert len(parsed) == number, words
        if "--out" in words:
            out = words[words.index("--out") + 1]
            made[out] = made.get(model, model)
            Path(out).mkdir(parents=True, exist_ok=True)
        if words[0] == "push":
            made[f"hf://{words[2]}"] = made[model]
        if words[0] == "train":
            recipe = ROOT / "recipes" / f"{_recipe(model)}.py"
            assert f'"{model}": ' in recipe.read_text(encoding="utf-8"), words


def _recipe(model: str) -> str:
    """The module of the recipe of a model, which is not imported."""
    return str(registry().architecture(model.partition(".")[0]).recipe).rpartition(".")[2]


def test_the_pages_have_commands_of_every_kind() -> None:
    kinds = {words[0] for page in PAGES for words in commands_of(page)}
    assert kinds >= {"run", "train", "finetune", "evaluate", "export", "push", "inspect", "cache"}


def test_an_option_that_was_renamed_is_caught(zoo: Any, parsed: list[dict[str, Any]]) -> None:
    zoo("finetune", "char_lstm.shakespeare", "--texts", "a.txt", "--out", "runs/a", code=2)
    zoo("export", "char_lstm.shakespeare", "--format", "onx", "--out", "a", code=2)
    assert parsed == []


def test_the_work_of_the_readme_is_done(
    cli: CommandLine, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    page = ROOT / "README.md"
    commands = [words for words in commands_of(page) if words[0] in ("finetune", "export", "push")]
    commands = [words for words in commands if "litert" not in words]  # as test_litert does
    commands += [words for words in commands_of(page) if words[:2] == ["run", "runs/mine"]]
    for words in {tuple(words): None for words in commands}:
        # A small model in the place of the shipped one; all else stands as it is.
        given = [
            str(tiny_folder) if place == 1 and "." in word else word
            for place, word in enumerate(words)
        ]
        if words[0] == "finetune":
            given += ["--epochs", "1"]
        if words[0] == "run":
            given += ["--errors", "replace"]
        with mock.patch("huggingface_hub.HfApi") as api:
            api().create_commit.return_value = SimpleNamespace(commit_url="https://hub/commit/1")
            assert cli(*given).stdout.strip(), words
            if words[0] == "push":
                api().create_repo.assert_called_once_with(words[2], private=True, exist_ok=True)
    assert {path.name for path in tmp_path.iterdir()} == {
        "samples",
        "runs",
        "phone",
        "model.keras",
    }
    assert (tmp_path / "runs" / "mine" / "training" / "history.csv").exists()
