"""``zoo run`` and ``zoo finetune`` for the task ``dialogue-state-tracking``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from zoo.cli.options import MODEL, OUT, training_options
from zoo.cli.output import command_line
from zoo.dialogue.command_line import conversation_options, run_conversation
from zoo.dialogue.tracking.training.options import TrackerOptions
from zoo.store.locate import Reference

if TYPE_CHECKING:
    from zoo.dialogue.tracking.tracking import Tracker


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run tracker_lstm.woz "A cheap thai place" "In the north, and the phone?"\n'
    "  zoo run tracker_lstm.woz chat.jsonl --json\n"
    "  zoo run tracker_lstm.woz --follow --state state.json < chat.jsonl",
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
    """Tell the state after each of INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line, such as {"text": "Hi", "speaker":
    "user"}; what the speaker "system" says is what the next message answers.
    """
    from zoo.loading import load_model

    loaded = cast("Tracker", load_model(model))
    run_conversation(loaded, inputs, follow=follow, state_file=state_file, as_json=as_json)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune tracker_lstm.woz --data mine.json --out runs/mine",
)
@MODEL
@click.option(
    "--data",
    "files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="A JSON file of dialogues with states; may be repeated.",
)
@OUT
@training_options(TrackerOptions, batch="Turns per batch.")
def finetune(model: Reference, files: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fine-tune MODEL on your own dialogues.

    A file holds a list of dialogues, each a list of turns such as {"system": "Which food?", "user":
    "Thai", "state": {"food": "thai"}, "requests": []}. Repeat the command to resume an interrupted
    run.
    """
    from zoo.dialogue.tracking.training.run import finetune_tracker

    chosen = TrackerOptions(**options)
    click.echo(finetune_tracker(model, list(files), out, chosen, command=command_line()))
