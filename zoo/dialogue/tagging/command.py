"""``zoo run`` for the task ``token-classification``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from zoo.cli.options import MODEL
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
