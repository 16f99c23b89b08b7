"""Messages of a conversation, and reading them from JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.errors import DataError, UsageError

MAX_CHARACTERS = 200_000
"""Characters of a message at most."""

MAX_SPEAKER = 200
"""Characters of a speaker's name at most; a state remembers it."""

SPEAKERS = frozenset(("user", "customer", "system", "assistant", "agent", "bot"))
"""Usual names of speakers."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Args:
        text: what was written; it may be empty.
        speaker: who wrote it, without spaces around; empty if that is unknown.

    Raises:
        UsageError: a field is not text, cannot be written as UTF-8, or is too long.
    """

    text: str
    speaker: str = ""

    def __post_init__(self) -> None:
        for name in ("text", "speaker"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise UsageError(f"the {name} of a message is text, not {type(value).__name__}")
            if _SURROGATE.search(value):
                raise UsageError(
                    f"the {name} of a message has half a surrogate pair, which is no character; "
                    "was it written in another encoding than UTF-8?"
                )
        if len(self.text) > MAX_CHARACTERS:
            raise UsageError(
                f"a message of {len(self.text):,} characters is too long; split it into parts of "
                f"at most {MAX_CHARACTERS:,}"
            )
        if len(self.speaker) > MAX_SPEAKER:
            raise UsageError(f"the name of a speaker has at most {MAX_SPEAKER} characters")
        object.__setattr__(self, "speaker", self.speaker.strip())


def check_text(text: str, where: str) -> None:
    """Check that a text of the user's data may be a message.

    Args:
        text: the text.
        where: its place in the data.

    Raises:
        DataError: it may not; see :class:`Message`.
    """
    try:
        Message(text)
    except UsageError as error:
        raise DataError(f"{where}: {error}") from None


def as_message(value: Any) -> Message:
    """A message from what people have: a text, a :class:`Message`, a pair or a table.

    Args:
        value: a text, ``(text, speaker)``, or a table with ``text`` and, if known, ``speaker``,
            which may be called ``role`` too.

    Raises:
        UsageError: it is none of these.
    """
    if isinstance(value, Message):
        return value
    if isinstance(value, str):
        return Message(value)
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
        if value[0].lower() in SPEAKERS and isinstance(value[1], str) and " " in value[1]:
            raise UsageError(f"a pair is a text and its speaker, not {value!r:.100}")
        return Message(value[0], "" if value[1] is None else value[1])
    if isinstance(value, dict) and "text" in value:
        speaker = value.get("speaker", value.get("role"))
        return Message(value["text"], "" if speaker is None else speaker)
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
            told = json.loads(line)
            if isinstance(told, list) and any(isinstance(one, dict) for one in told):
                raise UsageError("it is a list of them; write each on a line of its own")
            yield as_message(told)
        except (ValueError, RecursionError, UsageError) as error:
            yield DataError(f"{where}: line {number} is no message: {error}")
