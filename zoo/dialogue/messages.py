"""Messages of a conversation, and reading them from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.errors import DataError, UsageError

MAX_CHARACTERS = 200_000
"""Characters of a message at most."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Args:
        text: what was written; it may be empty.
        speaker: who wrote it; empty if that is unknown.

    Raises:
        UsageError: a field is not text, or the text is too long.
    """

    text: str
    speaker: str = ""

    def __post_init__(self) -> None:
        for name in ("text", "speaker"):
            if not isinstance(getattr(self, name), str):
                kind = type(getattr(self, name)).__name__
                raise UsageError(f"the {name} of a message is text, not {kind}")
        if len(self.text) > MAX_CHARACTERS:
            raise UsageError(
                f"a message of {len(self.text):,} characters is too long; split it into parts of "
                f"at most {MAX_CHARACTERS:,}"
            )


def as_message(value: Any) -> Message:
    """A message from what people have: a text, a :class:`Message`, a pair or a table.

    Args:
        value: a text, ``(text, speaker)``, or a table with ``text`` and, if known, ``speaker``.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(value, Message):
        return value
    if isinstance(value, str):
        return Message(value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Message(*value)
    if isinstance(value, dict) and "text" in value:
        return Message(value["text"], value.get("speaker") or "")
    raise UsageError(
        f"expected a message (a text, or a table with 'text' and 'speaker'), got {value!r:.100}"
    )


def as_messages(values: Any) -> list[Message]:
    """A conversation's messages; see :func:`as_message`.

    Raises:
        UsageError: it is no list of messages.
    """
    if isinstance(values, (str, dict, Message)) or not isinstance(values, Iterable):
        raise UsageError(f"expected a list of messages, got {values!r:.100}")
    return [as_message(value) for value in values]


def read_message_lines(lines: Iterable[str], where: str) -> Iterator[Message | DataError]:
    """The messages of JSON lines, each a table with ``text`` and, if known, ``speaker``.

    A line that is broken gives the error that names it, and the lines after it are read; blank
    lines are skipped.

    Args:
        lines: the lines.
        where: the file's name, for messages.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield as_message(json.loads(line))
        except (ValueError, RecursionError, UsageError) as error:
            yield DataError(f"{where}: line {number} is no message: {error}")
