"""What the commands print, and the command line that they were called by."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from zoo.catalogue import registry
from zoo.cli.terminal import printable

_BETWEEN = 2  # columns of a table
_NARROWEST = 8  # characters of a column that is cut


def print_json(value: Any) -> None:
    """Print a value as JSON for scripts."""
    text = json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str, allow_nan=False)
    click.echo(text)


def _finite(value: Any) -> Any:
    """A value without numbers that are not finite, which JSON does not have: they become null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in aligned columns.

    On a terminal that is too narrow, the widest columns behind the first are cut.
    """
    lines = [[printable(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    if sys.stdout.isatty():
        widths = _fitting(widths, shutil.get_terminal_size().columns)
    for number, line in enumerate(lines):
        cells = "  ".join(_cell(cell, width) for cell, width in zip(line, widths, strict=True))
        click.echo(click.style(cells.rstrip(), bold=number == 0))


def _fitting(widths: Sequence[int], columns: int) -> list[int]:
    """Widths of a table's columns that fit into a terminal, as far as they can."""
    fitting = list(widths)
    while sum(fitting) + _BETWEEN * (len(fitting) - 1) > columns:
        widest = max(range(1, len(fitting)), key=fitting.__getitem__, default=0)
        if fitting[widest] <= _NARROWEST or not widest:
            break
        fitting[widest] -= 1
    return fitting


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def command_line() -> str:
    """The command line that is being run, such as ``zoo finetune NAME --text my.txt --out mine``.

    A model's card may be published, so of an absolute path only the last part is kept.
    """
    arguments: list[str] = click.get_current_context().find_root().obj or []
    return shlex.join(["zoo", *map(_without_folders, arguments)])


def _without_folders(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if option.startswith("--") and equals:
        return f"{option}={_without_folders(value)}"
    return Path(argument).name if Path(argument).is_absolute() else argument


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    return f"{size / 1e6:.1f} MB"


def complete_model(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Shell completion of models: registered names, and folders where none begins so."""
    names = [name for name in registry().names() if name.startswith(incomplete)]
    if not names:
        return [CompletionItem(incomplete, type="dir")]
    return [CompletionItem(name) for name in names]


def complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Shell completion of task names."""
    return [name for name in registry().tasks if name.startswith(incomplete)]


MODEL_HELP = "a registered name, a model folder, or hf://owner/repo@revision"
