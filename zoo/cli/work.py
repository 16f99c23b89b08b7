"""``zoo run``, ``train``, ``finetune`` and ``evaluate``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click

from zoo.catalogue import registry
from zoo.cli.options import OUT
from zoo.cli.output import (
    MODEL_HELP,
    command_line,
    complete_model,
    print_json,
    print_table,
)
from zoo.cli.tasks import TaskCommand, hand_on, task_arguments
from zoo.errors import DataError, UsageError, ZooWarning
from zoo.quiet import import_tensorflow_quietly


@click.command(
    "run",
    cls=TaskCommand,
    epilog="Examples:\n\n\b\n  zoo run char_lstm.shakespeare ROMEO: --length 400\n"
    "  zoo run char_lstm.shakespeare --help",
)
@click.argument("model", shell_complete=complete_model)
@task_arguments("[INPUT...] [OPTIONS]")
@click.pass_context
def run_command(ctx: click.Context, model: str, rest: tuple[str, ...]) -> None:
    """Run MODEL on an input; see zoo run MODEL --help for its arguments."""
    hand_on(ctx, model, rest)


@click.command(
    "finetune",
    cls=TaskCommand,
    epilog="Examples:\n\n\b\n"
    "  zoo finetune char_lstm.shakespeare --text my.txt --out runs/mine\n"
    "  zoo finetune char_lstm.shakespeare --help",
)
@click.argument("model", shell_complete=complete_model)
@task_arguments("[OPTIONS]")
@click.pass_context
def finetune_command(ctx: click.Context, model: str, rest: tuple[str, ...]) -> None:
    """Fine-tune MODEL on your own data; see zoo finetune MODEL --help for its arguments."""
    hand_on(ctx, model, rest)


@click.command(
    "train", epilog="Example:\n\n\b\n  zoo train char_lstm.shakespeare --out runs/shakespeare"
)
@click.argument("model", shell_complete=complete_model)
@OUT
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option(
    "--seed", type=click.IntRange(0), help="Random seed of weights, dropout and data order."
)
def train_command(model: str, out: Path, **changes: Any) -> None:
    """Train MODEL, a registered name with a recipe, from its corpus.

    Repeat the command to resume an interrupted run.
    """
    architecture = registry().architecture(model.partition(".")[0])
    import_tensorflow_quietly()
    from zoo.training.recipe import recipe_of

    recipe = recipe_of(architecture)
    if model not in recipe.MODELS:
        known = ", ".join(recipe.MODELS)
        raise UsageError(f"there is no recipe for {model!r}; recipes exist for {known}")
    overrides = {key: value for key, value in changes.items() if value is not None}
    click.echo(recipe.train(model, out, command=command_line(), **overrides))


@click.command(
    "evaluate",
    epilog="Examples:\n\n\b\n  zoo evaluate char_lstm.shakespeare\n  zoo evaluate runs/mine --json",
)
@click.argument("model", shell_complete=complete_model)
@click.option("--data", type=click.Path(path_type=Path), help="Score on your own data instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--strict", is_flag=True, help="Refuse damaged or doubtful data instead of warning of it."
)
def evaluate_command(model: str, data: Path | None, as_json: bool, strict: bool) -> None:
    """Score MODEL on its test set, beside the figures in its model folder."""
    if data is None:  # the published corpora are read by it
        import_tensorflow_quietly()
    from zoo.loading import load_model
    from zoo.training.recipe import evaluate

    loaded = load_model(model)
    with warnings.catch_warnings():
        if strict:
            warnings.simplefilter("error", ZooWarning)
        try:
            figures = evaluate(loaded, model, data)
        except ZooWarning as warning:
            raise DataError(str(warning)) from None
    if as_json:
        print_json([figure.to_row() for figure in figures])
        return
    published = {(figure.name, figure.data): figure.shown for figure in loaded.metrics}
    rows = [
        (
            figure.name,
            figure.shown,
            figure.data,
            published.get((figure.name, figure.data), "-"),
        )
        for figure in figures
    ]
    print_table(("metric", "measured", "data", "metrics.json"), rows)
    for scorer in dict.fromkeys(figure.scorer for figure in figures if figure.scorer):
        click.echo(f"scored by {scorer}")


for _command in (run_command, finetune_command, evaluate_command):
    _command.help = f"{_command.help}\n\nMODEL is {MODEL_HELP}."
