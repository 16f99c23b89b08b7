"""``zoo run`` for the task ``text-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from zoo.cli.options import MODEL
from zoo.dialogue.command_line import conversation_options, run_conversation
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
