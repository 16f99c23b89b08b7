"""Options that commands of several tasks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click

from zoo.folder.model_folder import ModelFolder
from zoo.training.plan import FinetuneOptions

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Named(click.Argument):
    """An argument that the usage line has already, in the name of the command."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        return []


class _Model(click.ParamType):
    """A model as ``load_model`` takes it: the folder where the caller has located it already."""

    name = "model"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | ModelFolder:
        folder = ctx.obj if ctx else None
        return folder if isinstance(folder, ModelFolder) else value


MODEL = click.argument("model", cls=_Named, type=_Model())

OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The run's folder."
)


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The decoding options of a CTC network, with the names of its task's arguments."""
    return _all(
        click.option("--language-model", help='"own", an n-gram file, or a text generation model.'),
        click.option(
            "--beam-size", type=int, help="Prefixes kept by the beam search; 1 is greedy."
        ),
        click.option(
            "--n-best", default=1, show_default=True, help="Number of alternatives in the JSON."
        ),
        click.option("--lm-weight", type=float, help="Weight of the language model."),
        click.option("--insertion-bonus", type=float, help="Score added per character."),
    )(command)


_TRAINING_HELP = {
    "epochs": "Maximum number of epochs.",
    "patience": "Stop after this many epochs without improvement; 0 never stops early.",
    "learning_rate": "Peak learning rate.",
    "validation": "Fraction of the data held out for validation.",
    "seed": "Random seed of dropout and data order.",
}


def training_options(options: type[FinetuneOptions], **texts: str) -> Decorator:
    """An option for each field of a task's :class:`~zoo.training.plan.FinetuneOptions`.

    It has the field's name, type and default; one that is false by default is a flag.

    Args:
        options: the dataclass; its module is imported whenever the command is, so it must be quick
            to import.
        **texts: the help of the fields that the task adds, and of others where it says more.
    """
    helps = {**_TRAINING_HELP, **texts}
    types = get_type_hints(options)
    return _all(
        *(
            _option(each.name, types[each.name], each.default, helps[each.name])
            for each in fields(options)
        )
    )


def _option(name: str, kind: Any, default: Any, text: str) -> Decorator:
    declared = f"--{name.replace('_', '-')}"
    if kind is bool:
        return click.option(declared, is_flag=True, default=default, help=text)
    if default is None:
        (kind,) = set(get_args(kind)) - {type(None)}
    return click.option(
        declared, type=kind, default=default, show_default=default is not None, help=text
    )


def _all(*decorators: Decorator) -> Decorator:
    """Combine decorators into one, applied in the order given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
