"""``zoo run``, ``inspect`` and ``finetune`` for the task ``translation``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import progress_bar, read_texts
from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line, print_json
from zoo.store.locate import Reference
from zoo.translation.training.options import TranslatorOptions


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run seq2seq_lstm.tatoeba --target fr "Where is the station?"\n'
    "  zoo run seq2seq_lstm.tatoeba --target de - < letter.txt",
)
@MODEL
@click.argument("texts", nargs=-1, required=True)
@click.option("--target", help="Target language, such as fr, fr-FR or French.")
@click.option("--source", help="Source language; detected by default.")
@click.option("--beam-size", type=int, help="Number of hypotheses; 1 is greedy.")
@click.option("--length-penalty", type=float, help="0 for none; higher favours longer ones.")
@click.option(
    "--backward-weight",
    type=float,
    help="Weight of the backward score in reranking; 0 turns it off, which is faster.",
)
@click.option("--n-best", default=1, show_default=True, help="Number of translations to print.")
@click.option("--keep-lines", is_flag=True, help="Translate each line by itself.")
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Plot the attention into this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON with scores and probabilities.")
def run(
    model: Reference,
    texts: tuple[str, ...],
    target: str | None,
    source: str | None,
    picture: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Translate each of TEXTS; "-" reads a text from standard input."""
    from zoo.errors import UsageError
    from zoo.loading import load_model
    from zoo.translation.translation import Translation

    loaded = load_model(model, kind=Translation)
    read = read_texts(texts)
    if picture is not None and len(read) != 1:
        raise UsageError("give one sentence to draw its attention")
    with progress_bar("translating", "char", sum(map(len, read))) as update:
        results = loaded.translate(
            read, target=target, source=source, on_progress=update, **options
        )
    for warning in dict.fromkeys(warning for result in results for warning in result.warnings):
        click.echo(f"zoo: {warning}", err=True)
    if picture is not None:
        loaded.alignment_plot(read[0], results[0], target, source=source, path=picture)
    if as_json:
        print_json([result.to_dict() for result in results])
        return
    for result in results:
        for alternative in result.alternatives:
            click.echo(alternative.text)


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect seq2seq_lstm.tatoeba --target fr "
    "'Where is the station?' --out page.html",
)
@MODEL
@click.argument("text")
@click.option("--target", help="Target language, such as fr.")
@click.option("--translation", help="Its translation; left out, the model's own.")
@inspection_options
def inspect(
    model: Reference, text: str, target: str | None, translation: str | None, **options: Any
) -> None:
    """Look into MODEL while it translates the sentence TEXT; "-" reads it from standard input."""
    (source,) = read_texts([text])
    asked = {"translation": translation, "target": target}
    inspect_input(model, source, asked, **options)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune seq2seq_lstm.tatoeba --pairs pairs.tsv --out runs/mine",
)
@MODEL
@click.option(
    "--pairs",
    "files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A tab-separated file whose first line names the languages; may be repeated.",
)
@OUT
@training_options(
    TranslatorOptions,
    batch="Pairs per batch.",
    both_ways="Also train the reverse direction.",
)
def finetune(model: Reference, files: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own sentence pairs.

    The first line of a file names the languages of its two columns, such as en, a tab, fr. Repeat
    the command to resume an interrupted run.
    """
    from zoo.translation.training.run import finetune_translator

    chosen = TranslatorOptions(**options)
    click.echo(finetune_translator(model, list(files), out, chosen, command=command_line()))
