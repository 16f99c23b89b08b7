"""``zoo run``, ``inspect`` and ``finetune`` for the task ``token-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import read_texts
from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line
from zoo.dialogue.command_line import conversation_options, run_conversation
from zoo.dialogue.tagging.training.options import TaggerOptions
from zoo.store.locate import Reference


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
    from zoo.dialogue.tagging.tagging import Tagger
    from zoo.loading import load_model

    loaded = load_model(model, kind=Tagger)
    run_conversation(loaded, inputs, follow=follow, state_file=state_file, as_json=as_json)


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect tagger_bilstm.chat 'Order 4471 is late' --out page.html",
)
@MODEL
@click.argument("text")
@inspection_options
def inspect(model: Reference, text: str, **options: Any) -> None:
    """Look into MODEL while it reads TEXT; "-" reads it from standard input."""
    from zoo.loading import load_model

    (source,) = read_texts([text])
    loaded = load_model(model)
    inspect_input(loaded, str(loaded.card.get("name", model)), source, **options)


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
@training_options(
    TaggerOptions,
    batch="Messages per batch.",
    keep_labels="Keep labels that the data does not mark.",
)
def finetune(model: Reference, files: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own tagged messages.

    The model learns the labels and intents of the messages, whether it knew them or not. Repeat the
    command to resume an interrupted run.
    """
    from zoo.dialogue.tagging.training.run import finetune_tagger

    chosen = TaggerOptions(**options)
    click.echo(finetune_tagger(model, list(files), out, chosen, command=command_line()))
