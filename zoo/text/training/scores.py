"""Cross-entropy of a character model on a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.folder.figures import Figure
from zoo.version import __version__


def evaluate_language_model(
    model: Any,
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
