"""``zoo run``, ``inspect`` and ``finetune`` for the task ``text-classification``."""

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
from zoo.dialogue.mood.training.options import MoodOptions
from zoo.store.locate import Reference


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run sentiment_lstm.topical_chat "This is great" "I hate waiting"\n'
    "  zoo run sentiment_lstm.topical_chat chat.jsonl --picture mood.png\n"
    "  zoo run sentiment_lstm.topical_chat --follow --state state.json < chat.jsonl",
)
@conversation_options
@click.option(
    "--picture",
    "--plot",
    "picture",
    type=click.Path(path_type=Path),
    help="Draw the course into this file.",
)
def run(model: Reference, reading: Reading, picture: Path | None) -> None:
    """Tell the mood of each of INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line, such as {"text": "Hi", "speaker":
    "customer"}.
    """
    from zoo.dialogue.mood.following import MoodFollower
    from zoo.loading import load_model
    from zoo.plots import check_format

    if picture is None:
        run_conversation(load_model(model, kind=MoodFollower), reading)
        return
    check_format(picture)
    loaded = load_model(model, kind=MoodFollower)
    run_conversation(loaded, reading, on_end=lambda moods: loaded.plot(list(moods), picture))


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect sentiment_lstm.topical_chat chat.jsonl --plot gates.png",
)
@MODEL
@click.argument("inputs", nargs=-1)
@inspection_options
def inspect(model: Reference, inputs: tuple[str, ...], **options: Any) -> None:
    """Look into MODEL while it reads INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line.
    """
    inspect_input(model, whole_conversation(inputs), **options)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n"
    "  zoo finetune sentiment_lstm.topical_chat --data mine.csv --out runs/mine",
)
@finetune_options(
    MoodOptions, data="A CSV file with the columns text and mood", batch="Messages per batch."
)
def finetune(
    model: Reference, files: tuple[Path, ...], out: Path, options: MoodOptions, command: str
) -> Path:
    """Fine-tune MODEL on your own messages with moods.

    The columns speaker and conversation may be there too; the rows of a conversation follow each
    other. Repeat the command to resume an interrupted run.
    """
    from zoo.dialogue.mood.training.run import finetune_moods

    return finetune_moods(model, files, out, options, command=command)
