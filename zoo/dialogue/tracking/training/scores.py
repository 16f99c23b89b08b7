"""Figures of trackers: joint goal and turn requests, with intervals over dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.messages import Message
from zoo.dialogue.scores import interval, share
from zoo.dialogue.tracking.training.examples import by_dialogue
from zoo.dialogue.tracking.training.files import in_spelling_of, read_dialogues
from zoo.dialogue.training.scores import score_file
from zoo.folder.figures import Figure
from zoo.version import __version__


def evaluate_file(
    model: Any,
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a tracker on a file of the user's, see :func:`score_dialogues`.

    Args:
        model: a tracker.
        reference: its name, for the command in the figures.
        data: a JSON file of dialogues with states.
        progress: called with the number of turns read since the last call, and of all.

    Raises:
        DataError: the file is missing or malformed.
    """
    turns = in_spelling_of(model.ontology, read_dialogues(data))
    return score_file(score_dialogues, model, turns, reference, data, progress)


def score_dialogues(
    model: Any,
    turns: Sequence[DialogueTurn],
    on_progress: Callable[[int], object] | None = None,
    **facts: Any,
) -> list[Figure]:
    """Track dialogues and score states and requests.

    Args:
        model: a tracker.
        turns: with their states and requests, dialogue by dialogue.
        on_progress: called with the number of turns read since the last call.
        **facts: other fields of each figure, see :meth:`zoo.folder.figures.Figure.measured`.
    """
    joint: list[bool] = []
    asked: list[bool] = []
    slots: dict[str, list[bool]] = {slot: [] for slot in model.ontology.slots}
    groups: list[str] = []
    for dialogue in by_dialogue(turns):
        conversation = model.open_conversation()
        for turn in dialogue:
            if turn.system:
                conversation.feed(Message(turn.system, "system"))
            state = conversation.feed(Message(turn.user, "user"))
            joint.append(dict(state.slots) == turn.state)
            asked.append(set(state.requests) == set(turn.requests))
            for slot, right in slots.items():
                right.append(state.slots.get(slot) == turn.state.get(slot))
            groups.append(turn.dialogue)
            if on_progress:
                on_progress(1)
    figures = []
    for name, right in (("joint_goal_accuracy", joint), ("turn_request_accuracy", asked)):
        rows = np.asarray([[int(one), 1] for one in right])
        extra = {}
        if name == "joint_goal_accuracy":
            extra = {
                "slots": {slot: round(100 * float(np.mean(r)), 2) for slot, r in slots.items()}
            }
        figures.append(
            Figure.measured(
                name,
                100 * share(rows),
                "%",
                higher_is_better=True,
                scorer=f"zoo {__version__}, share of user turns",
                interval_95=interval(rows, groups, share),
                turns=len(rows),
                dialogues=len(set(groups)),
                **extra,
                **facts,
            )
        )
    return figures
