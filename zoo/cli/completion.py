"""``zoo completion``: shell completion of commands and model names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(
    "completion",
    epilog="Examples:\n\n\b\n  zoo completion bash >> ~/.bashrc\n"
    "  zoo completion fish > ~/.config/fish/completions/zoo.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    made = get_completion_class(shell)
    assert made is not None  # the choices above are Click's own shells
    click.echo(made(ctx.find_root().command, {}, "zoo", "_ZOO_COMPLETE").source())
