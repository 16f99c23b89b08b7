"""What the commands share in printing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import click

from zoo.registry import registry


def print_json(value: Any) -> None:
    """Print a value as JSON for scripts."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in aligned columns."""
    lines = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(click.style(cells.rstrip(), bold=number == 0))


def megabytes(size: int) -> str:
    """A size in bytes as people read it."""
    return f"{size / 1e6:.1f} MB"


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Shell completion of model names; folders are left to the shell."""
    return [name for name in registry().names() if name.startswith(incomplete)]


def silence_tensorflow() -> None:
    """Keep TensorFlow's start-up notes off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("ABSL_MIN_LOG_LEVEL", "2")


MODEL_HELP = "a registered name, a model folder, or hf://owner/repo@revision"
