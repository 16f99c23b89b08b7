"""Scoring dialogue models on files of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.dialogue.conversation import ConversationTask
from zoo.folder.figures import Figure
from zoo.training.seen import warn_of_known_data


def score_file(
    score: Callable[..., list[Figure]],
    model: ConversationTask[Any],
    rows: Sequence[Any],
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None,
    **options: Any,
) -> list[Figure]:
    """The figures of all that a file holds, with a warning if the model was trained on it.

    Args:
        score: takes the model, the rows, ``on_progress``, the options and the figures' facts.
        model: a task.
        rows: what was read of the file.
        reference: the model's name, for the command in the figures.
        data: the file.
        progress: called with the number of rows read since the last call, and of all.
        **options: others of ``score``.
    """
    warn_of_known_data(model, data)
    return score(
        model,
        rows,
        on_progress=(lambda count: progress(count, len(rows))) if progress else None,
        dataset=data.name,
        split="whole",
        command=f"zoo evaluate {reference} --data {data}",
        **options,
    )
