"""``zoo run`` and ``zoo finetune`` for the task ``language-identification``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import print_each, progress_bar, read_texts, run_each
from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line
from zoo.store.locate import Reference
from zoo_plugin.line_language.options import ClassifierOptions


@click.command("run", epilog='Example:\n\n\b\n  zoo run runs/phrases "der junge wartet im garten"')
@MODEL
@click.argument("lines", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON with all probabilities.")
def run(model: Reference, lines: tuple[str, ...], as_json: bool) -> None:
    """Tell the language of each of LINES; "-" reads lines from standard input."""
    from zoo.loading import load_model
    from zoo_plugin.line_language.task import LanguageIdentification

    loaded = load_model(model, kind=LanguageIdentification)
    texts = [line for text in read_texts(lines) for line in text.splitlines() or [text]]

    def classify(some: list[str]) -> Any:
        with progress_bar("classifying", "line", len(some)) as update:
            return loaded.classify(some, on_progress=update)

    print_each(texts, run_each(classify, texts), as_json, "line")


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune runs/phrases --lines my.tsv --out runs/mine",
)
@MODEL
@click.option(
    "--lines",
    required=True,
    type=click.Path(path_type=Path),
    help="A UTF-8 file of lines: language, tab, text.",
)
@OUT
@training_options(ClassifierOptions)
def finetune(model: Reference, lines: Path, out: Path, **options: Any) -> None:
    """Train MODEL further on lines of your own."""
    from zoo_plugin.line_language.training import finetune_classifier

    done = finetune_classifier(model, lines, out, ClassifierOptions(**options), command_line())
    click.echo(done)
