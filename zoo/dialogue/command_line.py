"""What ``zoo run`` shares for conversations: texts, files of JSON lines, and following a stream."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.inputs import print_doubts, read_texts, standard_input
from zoo.cli.options import MODEL, OUT, Decorator, training_options
from zoo.cli.output import command_line, print_json
from zoo.dialogue.messages import Message, read_message_lines
from zoo.errors import DataError, UsageError, ZooError
from zoo.files import decoded_text, is_file, reason_of, user_path
from zoo.store.locate import Reference
from zoo.training.plan import FinetuneOptions

if TYPE_CHECKING:
    from zoo.dialogue.conversation import Conversation, ConversationTask

SUFFIX = ".jsonl"

Read = Message | ZooError


@dataclass(frozen=True)
class Reading:
    """How a command reads a conversation.

    Args:
        inputs: texts; ``"-"`` is the text on standard input, and the name of a ``.jsonl`` file
            stands for its lines.
        follow: read JSON lines from standard input as they come.
        state_file: the file of the state to go on from, and to write back to.
        as_json: print JSON.
    """

    inputs: tuple[str, ...] = ()
    follow: bool = False
    state_file: Path | None = None
    as_json: bool = False


def conversation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of every command that reads a conversation: a model, and a :class:`Reading`."""

    @MODEL
    @click.argument("inputs", nargs=-1)
    @click.option(
        "--follow",
        is_flag=True,
        help="Read JSON lines from standard input and answer each with one at once.",
    )
    @click.option(
        "--state",
        "state_file",
        type=click.Path(path_type=Path),
        help="Go on from the conversation in this file, and write it back.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @wraps(command)
    def gathered(
        model: Reference,
        inputs: tuple[str, ...],
        follow: bool,
        state_file: Path | None,
        as_json: bool,
        **others: Any,
    ) -> None:
        command(model, Reading(inputs, follow, state_file, as_json), **others)

    return gathered


def finetune_options(options: type[FinetuneOptions], *, data: str, **texts: str) -> Decorator:
    """The arguments of every command that fine-tunes on files; the command returns the folder.

    The command is called with the model, the files, the run's folder, ``options`` and the command
    line.

    Args:
        options: the task's.
        data: the help of ``--data``.
        **texts: see :func:`~zoo.cli.options.training_options`.
    """

    def decorate(command: Callable[..., Path]) -> Callable[..., None]:
        @MODEL
        @click.option(
            "--data",
            "files",
            required=True,
            multiple=True,
            type=click.Path(path_type=Path),
            help=f"{data}; may be repeated.",
        )
        @OUT
        @training_options(options, **texts)
        @wraps(command)
        def gathered(model: Reference, files: tuple[Path, ...], out: Path, **chosen: Any) -> None:
            click.echo(command(model, files, out, options(**chosen), command_line()))

        return gathered

    return decorate


def open_from(model: ConversationTask[Any], state_file: Path | None) -> Conversation[Any]:
    """A new conversation, or the one whose state is in a file.

    Raises:
        ZooError: the state is damaged or belongs to another model.
    """
    from zoo.dialogue.state import ConversationState

    if state_file is None or not is_file(user_path(state_file)):
        return model.open_conversation()
    return model.open_conversation(ConversationState.load(state_file))


def read_conversation(reading: Reading) -> Iterator[Read]:
    """The messages that a command's arguments mean, or the errors met instead.

    Raises:
        UsageError: there is nothing to read, or both texts and a stream.
    """
    inputs = reading.inputs
    if reading.follow:
        if inputs:
            raise UsageError("--follow reads standard input; give it no texts or files")
        yield from read_message_lines(_lines(standard_input()), "standard input")
        return
    if not inputs:
        raise UsageError("give a text, a .jsonl file, or --follow to read standard input")
    for one in inputs:
        if one.lower().endswith(SUFFIX):
            yield from _read_file(Path(one))
        else:
            yield from map(Message, read_texts([one]))


def whole_conversation(inputs: tuple[str, ...]) -> list[Message]:
    """The messages that a command's arguments mean; see :func:`read_conversation`.

    Raises:
        ZooError: one of them cannot be read.
    """
    messages = []
    for one in read_conversation(Reading(inputs)):
        if isinstance(one, ZooError):
            raise one
        messages.append(one)
    return messages


def feed_all(
    conversation: Conversation[Any], messages: Iterator[Read]
) -> Iterator[tuple[Message | None, Any]]:
    """Each message with its result, or ``None`` with the error met; the others go on."""
    for message in messages:
        if isinstance(message, ZooError):
            yield None, message
            continue
        try:
            yield message, conversation.feed(message)
        except ZooError as error:
            yield None, error


def run_conversation(
    model: ConversationTask[Any],
    reading: Reading,
    on_end: Callable[[tuple[Any, ...]], object] | None = None,
) -> None:
    """Read a conversation and print a result for each message.

    Errors of single messages go to standard error, or into the JSON, and the command then exits
    with 1. Doubts of the results go there too, without changing the exit code. The state is
    written when the conversation ends, by an error too, and with ``--follow`` before each answer,
    so that what was answered is known even after the process is killed.

    Args:
        model: reads it.
        reading: what it reads, and how it answers.
        on_end: called with the results of all messages.
    """
    conversation = open_from(model, reading.state_file)
    rows, failed = [], False
    try:
        read = feed_all(conversation, read_conversation(reading))
        for number, (message, result) in enumerate(read, 1):
            failed = failed or message is None
            row = _row(message, result)
            if reading.follow:
                if reading.state_file is not None:
                    conversation.state.save(reading.state_file)
                click.echo(json.dumps(row, ensure_ascii=False))
                sys.stdout.flush()
            elif reading.as_json:
                rows.append(row)
            elif message is None:
                click.echo(f"zoo: {result}", err=True)
            else:
                speaker = f"{message.speaker}\t" if message.speaker else ""
                click.echo(f"{speaker}{result}")
                print_doubts(result, f"message {number}: ")
    finally:
        if reading.state_file is not None:
            conversation.state.save(reading.state_file)
    if reading.as_json and not reading.follow:
        print_json(rows)
    if on_end is not None:
        on_end(conversation.results)
    if failed:
        raise click.exceptions.Exit(1)


def _row(message: Message | None, result: Any) -> dict[str, Any]:
    if message is None:
        return {"error": str(result)}
    return {**({"speaker": message.speaker} if message.speaker else {}), **result.to_dict()}


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Lines of UTF-8; what is none becomes surrogates, for which a message is refused by itself."""
    return (line.decode("utf-8-sig", "surrogateescape") for line in stream)


def _read_file(path: Path) -> Iterator[Read]:
    try:
        with open(user_path(path), "rb") as stream:
            if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                decoded_text(stream.read(), str(path))  # an error that says how to convert it
            messages = read_message_lines(_lines(stream), str(path))
            yield next(messages, DataError(f"{path} has no messages"))
            yield from messages
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from None
