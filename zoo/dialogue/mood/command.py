"""``zoo run``, ``inspect`` and ``finetune`` for the task ``text-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line
from zoo.dialogue.command_line import conversation_options, read_conversation, run_conversation
from zoo.dialogue.mood.training.options import MoodOptions
from zoo.errors import ZooError
from zoo.store.locate import Reference

if TYPE_CHECKING:
    from zoo.dialogue.mood.following import MoodFollower


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run sentiment_lstm.topical_chat "This is great" "I hate waiting"\n'
    "  zoo run sentiment_lstm.topical_chat chat.jsonl --plot mood.png\n"
    "  zoo run sentiment_lstm.topical_chat --follow --state state.json < chat.jsonl",
)
@MODEL
@click.argument("inputs", nargs=-1)
@click.option(
    "--plot", "picture", type=click.Path(path_type=Path), help="Draw the course into this file."
)
@conversation_options
def run(
    model: Reference,
    inputs: tuple[str, ...],
    picture: Path | None,
    follow: bool,
    state_file: Path | None,
    as_json: bool,
) -> None:
    """Tell the mood of each of INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line, such as {"text": "Hi", "speaker":
    "customer"}.
    """
    from zoo.loading import load_model
    from zoo.plots import check_format

    if picture is not None:
        check_format(picture)
    loaded = cast("MoodFollower", load_model(model))

    def draw(moods: tuple[object, ...]) -> None:
        if picture is not None:
            loaded.plot(list(moods), picture)  # type: ignore[arg-type]

    run_conversation(
        loaded,
        inputs,
        follow=follow,
        state_file=state_file,
        as_json=as_json,
        on_end=draw,
    )


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
    from zoo.loading import load_model

    messages = list(read_conversation(inputs, follow=False))
    for one in messages:
        if isinstance(one, ZooError):
            raise one
    loaded = load_model(model)
    inspect_input(loaded, str(loaded.card.get("name", model)), messages, **options)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n"
    "  zoo finetune sentiment_lstm.topical_chat --data mine.csv --out runs/mine",
)
@MODEL
@click.option(
    "--data",
    "files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A CSV file with the columns text and mood; may be repeated.",
)
@OUT
@training_options(MoodOptions, batch="Messages per batch.")
def finetune(model: Reference, files: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own messages with moods.

    The columns speaker and conversation may be there too; the rows of a conversation follow each
    other. Repeat the command to resume an interrupted run.
    """
    from zoo.dialogue.mood.training.run import finetune_moods

    chosen = MoodOptions(**options)
    click.echo(finetune_moods(model, list(files), out, chosen, command=command_line()))
