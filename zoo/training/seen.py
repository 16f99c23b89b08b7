"""Which files of the user's a model was trained on: their figures say nothing of other data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.files import read_text
from zoo.folder.manifest import sha256_of

FACT = "trained_on"
"""Name of the card's list of the sha256 of each file's text."""


def fingerprints(files: Sequence[Path]) -> tuple[str, ...]:
    """What tells text files from others, for a model's card.

    Raises:
        DataError: a file is missing, empty or not UTF-8 text.
    """
    return tuple(sha256_of(read_text([file]).encode()) for file in files)


def warn_of_known_data(model: Any, file: Path) -> None:
    """Warn where a model is scored on a file that it was fine-tuned on.

    Args:
        model: a task.
        file: a text file.

    Raises:
        DataError: the file is missing, empty or not UTF-8 text.
    """
    known = model.card.get(FACT, ())
    if isinstance(known, (list, tuple)) and set(fingerprints([file])) & set(map(str, known)):
        warnings.warn(
            f"the model was fine-tuned on {file.name}: its figures there say nothing of other data",
            stacklevel=2,
        )
