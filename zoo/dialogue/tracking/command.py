"""``zoo run`` and ``zoo finetune`` for the task ``dialogue-state-tracking``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.dialogue.command_line import (
    Reading,
    conversation_options,
    finetune_options,
    run_conversation,
)
from zoo.dialogue.tracking.training.options import TrackerOptions
from zoo.store.locate import Reference


@click.command(
    "run",
    epilog="Examples:\n\n\b\n"
    '  zoo run tracker_lstm.woz "A cheap thai place" "In the north, and the phone?"\n'
    "  zoo run tracker_lstm.woz chat.jsonl --json\n"
    "  zoo run tracker_lstm.woz --follow --state state.json < chat.jsonl",
)
@conversation_options
def run(model: Reference, reading: Reading) -> None:
    """Tell the state after each of INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line, such as {"text": "Hi", "speaker":
    "user"}; what the speaker "system" says is what the next message answers.
    """
    from zoo.dialogue.tracking.tracking import Tracker
    from zoo.loading import load_model

    run_conversation(load_model(model, kind=Tracker), reading)


@click.command(
    "finetune",
    epilog="Example:\n\n\b\n  zoo finetune tracker_lstm.woz --data mine.json --out runs/mine",
)
@finetune_options(
    TrackerOptions, data="A JSON file of dialogues with states", batch="Turns per batch."
)
def finetune(
    model: Reference, files: tuple[Path, ...], out: Path, options: TrackerOptions, command: str
) -> Path:
    """Fine-tune MODEL on your own dialogues.

    A file holds a list of dialogues, each a list of turns such as {"system": "Which food?", "user":
    "Thai", "state": {"food": "thai"}, "requests": []}. Repeat the command to resume an interrupted
    run.
    """
    from zoo.dialogue.tracking.training.run import finetune_tracker

    return finetune_tracker(model, files, out, options, command=command)
