"""Cross-entropy of a character model on a text."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooWarning
from zoo.files import read_text
from zoo.folder.figures import Figure
from zoo.training.seen import warn_of_known_data
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.text.generation import TextGeneration


def evaluate_file(
    model: TextGeneration,
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a text file of the user's, see :func:`evaluate_language_model`.

    Characters that the model does not know are scored as the nearest that it does, with a warning.

    Args:
        model: a text-generation task.
        reference: its name, for the command in the figures.
        data: a UTF-8 text file.
        progress: called with the number of characters read since the last call, and of all.

    Raises:
        DataError: the file is missing, empty or not UTF-8 text.
    """
    command = f"zoo evaluate {reference} --data {data}"
    warn_of_known_data(model, data)
    text = read_text([data])
    known = set(model.processor.vocabulary)
    if unknown := sum(character not in known for character in text):
        warnings.warn(
            f"{unknown:,} of the {len(text):,} characters of {data.name} are not known to the "
            "model; they are scored as the nearest that are",
            ZooWarning,
            stacklevel=2,
        )
        ids = model.processor.encode(text, "replace")
        text = model.processor.decode(ids)
    return evaluate_language_model(model, text, data.name, "whole", command, progress)


def evaluate_language_model(
    model: TextGeneration,
    text: str,
    dataset: str,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a text in one pass, state carried from its first character to its last.

    Args:
        model: a text-generation task.
        text: the text.
        dataset: its name in the figures.
        split: which part of it, in the figures.
        command: the command that gives the figures again.
        progress: called with the number of characters read since the last call, and of all.

    Returns:
        Cross-entropy in nats and in bits for each character.
    """
    total = len(text) - 1
    score = model.score(
        text, on_progress=(lambda count: progress(count, total)) if progress else None
    )
    facts: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "scorer": f"zoo {__version__} score, one pass, state carried",
        "command": command,
        "characters": total,
    }
    return [
        Figure.measured("cross_entropy", score.nats_per_character, "nats/char", **facts),
        Figure.measured("bits_per_character", score.bits_per_character, "bits/char", **facts),
    ]
