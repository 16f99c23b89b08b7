"""``zoo run`` for the task ``dialogue-state-tracking``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from zoo.cli.options import MODEL
from zoo.dialogue.command_line import conversation_options, run_conversation
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
