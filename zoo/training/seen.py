"""Which files of the user's a model was trained on: their figures say nothing of other data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError
from zoo.files import decoded_text, reason_of, user_path
from zoo.folder.manifest import sha256_of

if TYPE_CHECKING:
    from zoo.task import Task

FACT = "trained_on"
"""Name of the card's list of the sha256 of each file's text, or bytes if it is none."""


def fingerprints(files: Sequence[Path]) -> tuple[str, ...]:
    """What tells files from others, for a model's card.

    Raises:
        DataError: a file is missing or cannot be read.
    """
    return tuple(sha256_of(_content(file)) for file in files)


def _content(file: Path) -> bytes:
    """The text of a file as UTF-8, however its lines end; the bytes of what is no text."""
    try:
        data = user_path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {file}: {reason_of(error)}") from None
    try:
        return decoded_text(data, str(file)).encode()
    except DataError:
        return data


def warn_of_known_data(model: Task, file: Path) -> None:
    """Warn where a model is scored on a file that it was fine-tuned on.

    Args:
        model: a task.
        file: a file of data.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    known = model.card.get(FACT, ())
    if isinstance(known, (list, tuple)) and set(fingerprints([file])) & set(map(str, known)):
        warnings.warn(
            f"the model was fine-tuned on {file.name}: its figures there say nothing of other data",
            stacklevel=2,
        )
