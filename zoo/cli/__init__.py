"""The command line: ``zoo list``, ``show``, ``download``, ``run``, ``train`` and the rest.

Only Click is imported here. What needs TensorFlow is imported by the command that needs it, so that
listing, showing and downloading start at once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import warnings
from typing import Any

import click

from zoo.cli.terminal import printable, protect_terminals
from zoo.errors import UsageError, ZooError, needing_training

_COMMANDS = {
    "list": "zoo.cli.models:list_command",
    "show": "zoo.cli.models:show_command",
    "download": "zoo.cli.models:download_command",
    "run": "zoo.cli.work:run_command",
    "train": "zoo.cli.work:train_command",
    "finetune": "zoo.cli.work:finetune_command",
    "evaluate": "zoo.cli.work:evaluate_command",
    "inspect": "zoo.cli.inspection:inspect_command",
    "export": "zoo.cli.export:export_command",
    "push": "zoo.cli.models:push_command",
    "cache": "zoo.cli.cache:cache_group",
    "completion": "zoo.cli.completion:completion_command",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is first looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of typical use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``, or ``None``."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one gets a suggestion."""
        from zoo.errors import did_you_mean

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(
                f"no command {args[0]!r}{did_you_mean(args[0], _COMMANDS)}", ctx
            ) from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples:\n\n\b\n  zoo list 'char_*'\n  zoo run char_lstm.shakespeare ROMEO:\n"
    "  zoo finetune char_lstm.shakespeare --text my.txt --out runs/mine",
)
@click.version_option(package_name="sequence-zoo", prog_name="zoo")
def cli() -> None:
    """Pretrained recurrent sequence models: list, run, fine-tune and train them."""


def main(args: list[str] | None = None) -> Any:
    """Run the command line and exit: 0 for success, 2 for wrong usage, 1 for other failures."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show, such as a file name that is no UTF-8, must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    protect_terminals()
    warnings.formatwarning = lambda message, *_, **__: f"zoo: {printable(message)}\n"
    arguments = sys.argv[1:] if args is None else args
    color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    try:
        # A command that ends by click's Exit gives its code here, the others nothing.
        with needing_training():
            code = cli.main(
                arguments, prog_name="zoo", standalone_mode=False, obj=arguments, color=color
            )
        if code:
            sys.exit(code)
    except click.ClickException as error:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            error.show()
        click.echo(printable(said.getvalue()), nl=False, err=True)
        if isinstance(error, click.NoSuchOption) and _is_text(error.option_name, arguments):
            click.echo("Put -- before a text that begins with a dash.", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except ZooError as error:
        click.echo(f"zoo: {printable(error)}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:
        click.echo(f"zoo: {printable(error)}", err=True)
        sys.exit(1)
    except MemoryError:
        click.echo("zoo: out of memory", err=True)
        sys.exit(1)


def _is_text(option: str, arguments: list[str]) -> bool:
    """Whether what was taken for an option is rather a text, such as ``-5 degrees``."""
    given = next((one for one in arguments if one.startswith(option)), option)
    return " " in given or not given.lstrip("-")[:1].isalpha()
