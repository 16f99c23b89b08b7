"""``zoo run``, ``inspect`` and ``finetune`` for the task ``token-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL
from zoo.dialogue.command_line import (
    Reading,
    conversation_options,
    finetune_options,
    run_conversation,
    whole_conversation,
)
from zoo.dialogue.tagging.training.options import TaggerOptions
from zoo.store.locate import Reference


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run tagger_bilstm.snips "play some jazz on spotify"\n'
    "  zoo run tagger_bilstm.snips chat.jsonl --json\n"
    "  zoo run tagger_bilstm.snips --follow < chat.jsonl",
)
@conversation_options
def run(model: Reference, reading: Reading) -> None:
    """Tag each of INPUTS: texts, or .jsonl files with a message a line; "-" reads a text.

    A line of a file is a table such as {"text": "Hi", "speaker": "customer"}.
    """
    from zoo.dialogue.tagging.tagging import Tagger
    from zoo.loading import load_model

    run_conversation(load_model(model, kind=Tagger), reading)


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect tagger_bilstm.chat 'Order 4471 is late' --out page.html",
)
@MODEL
@click.argument("text")
@inspection_options
def inspect(model: Reference, text: str, **options: Any) -> None:
    """Look into MODEL while it reads TEXT; "-" reads it from standard input.

    Of a .jsonl file the last message is read.
    """
    inspect_input(model, whole_conversation((text,))[-1].text, **options)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune tagger_bilstm.snips --data mine.jsonl --out runs/mine",
)
@finetune_options(
    TaggerOptions,
    data="Tagged messages: .conll, .jsonl, .json, .spacy or .yml",
    batch="Messages per batch.",
    keep_labels="Keep labels and intents that the data does not have.",
)
def finetune(
    model: Reference, files: tuple[Path, ...], out: Path, options: TaggerOptions, command: str
) -> Path:
    """Fine-tune MODEL on your own tagged messages.

    The model learns the labels and intents of the messages, whether it knew them or not. Repeat the
    command to resume an interrupted run.
    """
    from zoo.dialogue.tagging.training.run import finetune_tagger

    return finetune_tagger(model, files, out, options, command=command)
