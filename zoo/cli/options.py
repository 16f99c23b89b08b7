"""Options that commands of several tasks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo.folder.model_folder import ModelFolder

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


def training_options(
    *,
    epochs: int,
    patience: int,
    learning_rate: float,
    validation: str = "Fraction of the data held out for validation.",
    seed: str = "Random seed of dropout and data order.",
) -> Decorator:
    """The options of fine-tuning, with the names of its function's arguments.

    Args:
        epochs: default of ``--epochs``.
        patience: default of ``--patience``.
        learning_rate: default of ``--learning-rate``.
        validation: help of ``--validation``.
        seed: help of ``--seed``.
    """
    shown: dict[str, Any] = {"show_default": True}
    return _all(
        click.option("--epochs", default=epochs, help="Maximum number of epochs.", **shown),
        click.option(
            "--patience",
            default=patience,
            help="Stop after this many epochs without improvement; 0 never stops early.",
            **shown,
        ),
        click.option("--learning-rate", default=learning_rate, help="Peak learning rate.", **shown),
        click.option("--validation", default=0.1, help=validation, **shown),
        click.option("--seed", default=0, help=seed, **shown),
    )


def _all(*decorators: Decorator) -> Decorator:
    """Combine decorators into one, applied in the order given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
