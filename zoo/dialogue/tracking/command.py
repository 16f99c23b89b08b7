"""``zoo run``, ``inspect`` and ``finetune`` for the task ``dialogue-state-tracking``."""

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
@click.option(
    "--ontology",
    "ontology_file",
    type=click.Path(path_type=Path),
    help="A JSON file with other slots, values and requests.",
)
def run(model: Reference, reading: Reading, ontology_file: Path | None) -> None:
    """Tell the state after each of INPUTS, which are the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line, such as {"text": "Hi", "speaker":
    "user"}; what the speaker "system" says is what the next message answers. A file for --ontology
    holds {"slots": {"food": ["thai"]}, "requests": ["phone"], "open": []}; the slots named in
    "open" copy their values from the messages.
    """
    from zoo.dialogue.tracking.ontology_file import read_ontology
    from zoo.dialogue.tracking.tracking import Tracker
    from zoo.loading import load_model

    changes = {} if ontology_file is None else {"ontology": read_ontology(ontology_file)}
    run_conversation(load_model(model, kind=Tracker, **changes), reading)


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect tracker_lstm.woz 'A cheap thai place' --slot food "
    "--out page.html",
)
@MODEL
@click.argument("inputs", nargs=-1)
@click.option("--slot", default="", help="The slot whose values are the labels.")
@inspection_options
def inspect(model: Reference, inputs: tuple[str, ...], slot: str, **options: Any) -> None:
    """Look into MODEL while it reads the last of INPUTS, the messages of one conversation.

    An input is a text, or a .jsonl file with a message a line.
    """
    inspect_input(model, whole_conversation(inputs), {"slot": slot}, **options)


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
