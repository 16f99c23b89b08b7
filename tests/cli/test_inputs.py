"""What is given to a command as a text: dashes, names of files, standard input."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from zoo import cli
from zoo.cli.inputs import read_texts
from zoo.errors import FolderError, UsageError
from zoo.store.locate import locate


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input_has_plain_line_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert read_texts(["-", "three\r\n"]) == ["one\ntwo\n", "three\r\n"]


def test_other_encodings_are_recognised_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "I can’t".encode("cp1252"))
    with pytest.raises(UsageError, match=r"standard input is not UTF-8 .* -f cp1252"):
        read_texts(["-"])


def test_a_closed_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        read_texts(["-"])


def test_the_name_of_a_file_as_a_text_gets_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my letter.txt"
    path.write_text("hello")
    assert read_texts([str(path), "hello", "a\0b"]) == [str(path), "hello", "a\0b"]
    assert capsys.readouterr().err.endswith(f"did you mean the file? Then give: - < '{path}'\n")


@pytest.mark.parametrize("text", ["-5 degrees.", "-5", "-no, thanks"])
def test_a_text_with_a_dash_gets_a_hint(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    @click.argument("texts", nargs=-1)
    def echo(texts: tuple[str, ...]) -> None:
        click.echo(texts[0])

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: echo)
    with pytest.raises(SystemExit):
        cli.main(["run", text])
    assert "Put -- before a text" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["run", "--lenght"])
    assert "Put --" not in capsys.readouterr().err
    cli.main(["run", "--", text])
    assert capsys.readouterr().out == f"{text}\n"


def test_a_repository_without_its_prefix_gets_a_hint() -> None:
    with pytest.raises(FolderError, match="a model on the Hub is hf://owner/repo"):
        locate("owner/repo")


def test_show_prints_data_and_limits_within_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    cli.main(["show", "seq2seq_lstm.tatoeba"])
    lines = capsys.readouterr().out.splitlines()
    limits = next(number for number, line in enumerate(lines) if line.startswith("limits"))
    assert lines[limits].split(maxsplit=1)[1].startswith("It knows short everyday sentences.")
    assert max(map(len, lines[limits:])) <= 80
    assert any(line.startswith("data ") for line in lines)


@pytest.mark.parametrize(("chosen", "colour"), [("", None), ("1", False)])
def test_no_color_is_heeded(
    chosen: str, colour: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    @click.command()
    @click.pass_context
    def look(ctx: click.Context) -> None:
        asked.append(ctx.color)

    monkeypatch.setenv("NO_COLOR", chosen)
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: look)
    cli.main(["look"])
    assert asked == [colour]
