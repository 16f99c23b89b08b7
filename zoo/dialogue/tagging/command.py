"""``zoo run`` and ``zoo finetune`` for the task ``token-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line
from zoo.dialogue.command_line import conversation_options, run_conversation
from zoo.store.locate import Reference

if TYPE_CHECKING:
    from zoo.dialogue.tagging.tagging import Tagger


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run tagger_bilstm.snips "play some jazz on spotify"\n'
    "  zoo run tagger_bilstm.snips chat.jsonl --json\n"
    "  zoo run tagger_bilstm.snips --follow < chat.jsonl",
)
@MODEL
@click.argument("inputs", nargs=-1)
@conversation_options
def run(
    model: Reference,
    inputs: tuple[str, ...],
    follow: bool,
    state_file: Path | None,
    as_json: bool,
) -> None:
    """Tag each of INPUTS: texts, or .jsonl files with a message a line; "-" reads a text.

    A line of a file is a table such as {"text": "Hi", "speaker": "customer"}.
    """
    from zoo.loading import load_model

    loaded = cast("Tagger", load_model(model))
    run_conversation(loaded, inputs, follow=follow, state_file=state_file, as_json=as_json)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune tagger_bilstm.snips --data mine.jsonl --out runs/mine",
)
@MODEL
@click.option(
    "--data",
    "files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Tagged messages: .conll, .jsonl, .json, .spacy or .yml; may be repeated.",
)
@OUT
@click.option("--keep-labels", is_flag=True, help="Keep labels that the data does not mark.")
@training_options(epochs=30, patience=8, learning_rate=3e-3)
@click.option("--batch", default=16, show_default=True, help="Messages per batch.")
def finetune(model: Reference, files: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own tagged messages.

    The model learns the labels and intents of the messages, whether it knew them or not. Repeat the
    command to resume an interrupted run.
    """
    from zoo.dialogue.tagging.training.run import TaggerOptions, finetune_tagger

    chosen = TaggerOptions(**options)
    click.echo(finetune_tagger(model, list(files), out, chosen, command=command_line()))
