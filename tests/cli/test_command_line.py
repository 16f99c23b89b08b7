"""The command line as a model's card shows it."""

from __future__ import annotations

import click
import pytest

from zoo import cli
from zoo.cli.output import command_line


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--text", "a b.txt", "--out", "runs/mine"], "--text 'a b.txt' --out runs/mine"),
        (["--text", "/home/me/a.txt", "--out=/tmp/mine"], "--text a.txt --out=mine"),
    ],
)
def test_a_command_knows_its_line_without_the_users_folders(
    arguments: list[str], shown: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def echo(rest: tuple[str, ...]) -> None:
        click.echo(command_line())

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: echo)
    cli.main(["finetune", "model", *arguments])
    assert capsys.readouterr().out == f"zoo finetune model {shown}\n"
