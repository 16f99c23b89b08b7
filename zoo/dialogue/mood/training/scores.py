"""Figures of mood readers: weighted and macro F1 and accuracy, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.messages import Message
from zoo.dialogue.mood.training.examples import conversations
from zoo.dialogue.mood.training.files import read_moods
from zoo.dialogue.scores import interval
from zoo.dialogue.training.scores import score_file
from zoo.folder.figures import Figure
from zoo.version import __version__


def weighted_f1(gold: Sequence[Any], found: Sequence[Any]) -> float:
    """The mean of the classes' F1, weighted by how often each is right; from 0 to 1."""
    names = sorted({*gold, *found})
    return _weighted(_confusion(gold, found, names))


def evaluate_file(
    model: Any,
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a mood reader on a file of the user's, see :func:`score_moods`.

    Args:
        model: a mood reader.
        reference: its name, for the command in the figures.
        data: a CSV file of messages with moods.
        progress: called with the number of messages read since the last call, and of all.

    Raises:
        DataError: the file is missing or malformed.
    """
    return score_file(score_moods, model, read_moods(data), reference, data, progress)


def score_moods(
    model: Any,
    messages: Sequence[MoodMessage],
    on_progress: Callable[[int], object] | None = None,
    **facts: Any,
) -> list[Figure]:
    """Follow conversations and score the moods.

    Args:
        model: a mood reader.
        messages: with their moods, conversation by conversation.
        on_progress: called with the number of messages read since the last call.
        **facts: other fields of each figure, see :meth:`zoo.folder.figures.Figure.measured`.
    """
    gold: list[str] = []
    found: list[str] = []
    groups: list[str] = []
    for conversation in conversations(messages):
        moods = model.follow(
            [Message(one.text, one.speaker) for one in conversation], on_progress=on_progress
        )
        for message, mood in zip(conversation, moods, strict=True):
            if message.mood:
                gold.append(message.mood)
                found.append(mood.label)
                groups.append(message.conversation)
    return mood_figures(gold, found, groups, **facts)


def mood_figures(
    gold: Sequence[str], found: Sequence[str], groups: Sequence[str], **facts: Any
) -> list[Figure]:
    """Weighted F1, macro F1 and accuracy of moods, with the F1 of each.

    Args:
        gold: the right moods.
        found: those that were found.
        groups: the conversation of each.
        **facts: other fields of each figure.
    """
    names = sorted({*gold, *found})
    rows = np.stack(
        [_confusion([g], [f], names).reshape(-1) for g, f in zip(gold, found, strict=True)]
    )

    def of(measure: Callable[[np.ndarray], float]) -> Callable[[np.ndarray], float]:
        size = len(names)
        return lambda counts: measure(counts.sum(axis=0).reshape(size, size))

    whole = _confusion(gold, found, names)
    each = {name: round(100 * value, 2) for name, value in zip(names, _f1(whole), strict=True)}
    figures = []
    for name, measure in (
        ("weighted_f1", _weighted),
        ("macro_f1", _macro),
        ("accuracy", lambda counts: float(np.trace(counts) / counts.sum())),
    ):
        figures.append(
            Figure.measured(
                name,
                100 * measure(whole),
                "%",
                higher_is_better=True,
                scorer=f"zoo {__version__}, moods of messages",
                interval_95=interval(rows, groups, of(measure)),
                messages=len(gold),
                conversations=len(set(groups)),
                **({"moods": each} if name == "weighted_f1" else {}),
                **facts,
            )
        )
    return figures


def _confusion(gold: Sequence[Any], found: Sequence[Any], names: Sequence[Any]) -> np.ndarray:
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, ([place[one] for one in gold], [place[one] for one in found]), 1)
    return counts


def _f1(counts: np.ndarray) -> np.ndarray:
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return 2 * np.diag(counts) / np.maximum(both, 1e-9)


def _weighted(counts: np.ndarray) -> float:
    return float((_f1(counts) * counts.sum(axis=1)).sum() / counts.sum())


def _macro(counts: np.ndarray) -> float:
    there = counts.sum(axis=1) > 0
    return float(_f1(counts)[there].mean())
