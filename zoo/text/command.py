"""``zoo run``, ``inspect`` and ``finetune`` for the task ``text-generation``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import progress_bar, read_texts
from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line, print_json
from zoo.store.locate import Reference
from zoo.text.training.options import LanguageModelOptions

ERRORS = click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="How to handle characters that the model does not know.",
)


@click.command("run", epilog="Example:\n\n\b\n  zoo run char_lstm.shakespeare ROMEO: --seed 1")
@MODEL
@click.argument("prompts", nargs=-1)
@click.option("--length", default=400, show_default=True, help="Number of characters to generate.")
@click.option("--temperature", type=float, help="0 is greedy; higher is more varied.")
@click.option("--top-k", type=int, help="Sample from the k likeliest characters only.")
@click.option("--top-p", type=float, help="Sample from the likeliest characters with this total.")
@click.option("--stop", multiple=True, help="A text that ends generation; may be repeated.")
@click.option("--seed", type=int, help="Random seed; makes the text reproducible.")
@ERRORS
@click.option("--json", "as_json", is_flag=True, help="Print JSON with the log-probabilities.")
def run(
    model: Reference,
    prompts: tuple[str, ...],
    length: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Generate text that continues each of PROMPTS.

    Without a prompt, the text begins on a new line; "-" reads the prompt from standard input.
    """
    from zoo.loading import load_model
    from zoo.text.generation import TextGeneration

    loaded = load_model(model, kind=TextGeneration)
    texts = read_texts(prompts) or [
        "\n" if "\n" in loaded.processor else loaded.processor.vocabulary[0]
    ]
    options["stop"] = list(options["stop"])
    if as_json or len(texts) > 1:
        with progress_bar("writing", "char", length) as update:
            results = loaded.generate(texts, length, on_progress=update, **options)
        if as_json:
            print_json([result.to_dict() for result in results])
        else:
            click.echo("\n\n".join(str(result) for result in results))
        return
    characters = loaded.stream(texts[0], length, **options)
    click.echo(texts[0].lstrip("\n"), nl=False)
    for character in characters:
        click.echo(character, nl=False)
    click.echo()


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect char_lstm.shakespeare 'ROMEO: Is the day so young?' "
    "--out page.html",
)
@MODEL
@click.argument("text")
@ERRORS
@inspection_options
def inspect(model: Reference, text: str, errors: str, **options: Any) -> None:
    """Look into MODEL while it reads TEXT; "-" reads it from standard input."""
    (source,) = read_texts([text])
    inspect_input(model, source, {"errors": errors}, **options)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune char_lstm.shakespeare --text my.txt --out runs/mine",
)
@MODEL
@click.option(
    "--text",
    "texts",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A UTF-8 text file; may be repeated.",
)
@OUT
@training_options(
    LanguageModelOptions,
    epochs="Maximum number of epochs; by default 20, more for a short text.",
    batch="Number of parallel streams of text.",
    window="Length of backpropagation in characters.",
)
def finetune(model: Reference, texts: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own texts.

    The end of the text is held out for validation, and characters that the model does not know are
    added to its vocabulary. Repeat the command to resume an interrupted run.
    """
    from zoo.text.training.run import finetune_language_model

    chosen = LanguageModelOptions(**options)
    click.echo(finetune_language_model(model, list(texts), out, chosen, command=command_line()))
