"""Messages with moods of one's own: a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.messages import MAX_CHARACTERS
from zoo.dialogue.mood.training.examples import conversations
from zoo.dialogue.training.learning import held_out
from zoo.errors import DataError
from zoo.files import read_text


def read_moods(path: Path) -> list[MoodMessage]:
    """The messages of a CSV file whose first line names the columns.

    The columns ``text`` and ``mood`` are needed; ``speaker`` and ``conversation`` may be there, and
    ``valence``, see :func:`read_valences`. The rows of a conversation follow each other; without
    that column each message stands alone. A message without a mood is read, but not learnt.

    Raises:
        DataError: the file is missing or malformed, or no message has a mood.
    """
    text = read_text([path])
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        if not {"text", "mood"} <= set(columns):
            raise DataError(
                f"{path}: the first line names the columns {', '.join(columns)}; there must be "
                "'text' and 'mood'"
            )
        messages = []
        for number, row in enumerate(reader, 1):
            if None in row:
                raise DataError(
                    f"{path}: row {number} has more columns than the first line; put quotes around "
                    "texts with commas"
                )
            if row["text"] is None or row["mood"] is None or len(row["text"]) > MAX_CHARACTERS:
                raise DataError(f"{path}: row {number} has too few columns or too long a text")
            messages.append(
                MoodMessage(
                    row["text"],
                    (row.get("speaker") or "").strip(),
                    row["mood"].strip(),
                    (row.get("conversation") or "").strip() or f"row {number}",
                )
            )
    except csv.Error as error:
        raise DataError(f"{path} is not valid CSV: {error}") from None
    if not any(message.mood for message in messages):
        raise DataError(f"{path}: no message has a mood")
    return messages


def read_valences(path: Path) -> dict[str, float]:
    """How good each mood is by the column ``valence``, -1 to 1; nothing without that column.

    Args:
        path: a CSV file as :func:`read_moods` reads it.

    Raises:
        DataError: a valence is no such number, or a mood has two of them.
    """
    valences: dict[str, float] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(read_text([path]))), 1):
        told = {str(key).strip().lower(): value for key, value in row.items()}
        mood, valence = (told["mood"] or "").strip(), (told.get("valence") or "").strip()
        if not mood or not valence:
            continue
        try:
            value = float(valence)
        except ValueError:
            value = float("nan")
        if not -1 <= value <= 1:
            raise DataError(
                f"{path}: row {number}: a valence is a number from -1 to 1, not {valence!r:.40}"
            )
        if valences.setdefault(mood, value) != value:
            raise DataError(f"{path}: row {number}: the mood {mood!r} has another valence before")
    return valences


def split_conversations(
    messages: Sequence[MoodMessage], fraction: float, seed: int
) -> tuple[list[MoodMessage], list[MoodMessage]]:
    """Training and validation messages, whole conversations of each.

    Args:
        messages: conversation by conversation.
        fraction: of the conversations held out for validation, one at least.
        seed: of the choice.

    Raises:
        DataError: there are fewer than two conversations with a mood.
    """
    found = [one for one in conversations(messages) if any(message.mood for message in one)]
    held = held_out(len(found), fraction, seed, "conversations with moods")
    training = [m for n, one in enumerate(found) if n not in held for m in one]
    return training, [m for n, one in enumerate(found) if n in held for m in one]
