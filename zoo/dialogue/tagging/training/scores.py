"""Figures of taggers: strict F1 of entities, accuracy of intents, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.datasets import Span, TaggedMessage
from zoo.dialogue.scores import interval, share
from zoo.dialogue.tagging.training.files import read_tagged
from zoo.dialogue.training.scores import score_file
from zoo.errors import DataError
from zoo.folder.figures import Figure
from zoo.version import __version__

Counts = tuple[int, int, int]
"""Entities that were found and right, that were found, and that there are."""


def entity_f1(gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> float:
    """Strict F1 of entities over all messages, from 0 to 1.

    An entity counts if label, beginning and end are right, as in the CoNLL script and in seqeval's
    strict mode.

    Args:
        gold: the entities of each message.
        found: what was found in each.
    """
    return f1(np.asarray([counts(*pair) for pair in zip(gold, found, strict=True)]))


def counts(gold: Sequence[Span], found: Sequence[Span]) -> Counts:
    """The counts of a message."""
    return len(set(gold) & set(found)), len(set(found)), len(set(gold))


def f1(rows: np.ndarray) -> float:
    """F1 of counts ``(messages, 3)``; 0 if there is nothing to find."""
    right, found, there = rows.sum(axis=0)
    return 2.0 * right / (found + there) if found + there else 0.0


def evaluate_file(
    model: Any,
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a tagger on a file of the user's, see :func:`score_messages`.

    Args:
        model: a tagger.
        reference: its name, for the command in the figures.
        data: a file of tagged messages.
        progress: called with the number of messages read since the last call, and of all.

    Raises:
        DataError: the file is missing or malformed, or there is nothing
            to score in it.
    """
    messages = read_tagged(data)
    if not any(message.entities or message.intent for message in messages):
        raise DataError(f"{data.name} has neither entities nor intents to score")
    return score_file(
        score_messages,
        model,
        messages,
        reference,
        data,
        progress,
        outside=model.settings.outside,
    )


def score_messages(
    model: Any,
    messages: Sequence[TaggedMessage],
    *,
    outside: str = "",
    on_progress: Callable[[int], object] | None = None,
    **facts: Any,
) -> list[Figure]:
    """Tag messages and score entities and intents.

    Args:
        model: a tagger.
        messages: with what is to be found, in the labels of the model.
        outside: the intent of messages that are out of scope; they count by themselves.
        on_progress: called with the number of messages tagged since the last call.
        **facts: other fields of each figure, see :meth:`zoo.folder.figures.Figure.measured`.
    """
    results = model.tag([message.text for message in messages], on_progress=on_progress)
    groups = [message.dialogue or str(number) for number, message in enumerate(messages)]
    facts |= {"messages": len(messages), "higher_is_better": True}
    figures = []
    if model.labels:
        found = [[Span(e.label, e.start, e.end) for e in result.entities] for result in results]
        figures.append(_entity_figure([one.entities for one in messages], found, groups, facts))
    if model.intents:
        figures += _intent_figures(messages, results, groups, outside, facts)
    return figures


def _entity_figure(
    gold: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    groups: Sequence[str],
    facts: dict[str, Any],
) -> Figure:
    rows = np.asarray([counts(*pair) for pair in zip(gold, found, strict=True)])
    right, told, there = rows.sum(axis=0)
    by_label: dict[str, list[Counts]] = defaultdict(list)
    for golden, spans in zip(gold, found, strict=True):
        for label in {span.label for span in (*golden, *spans)}:
            parts = ([s for s in side if s.label == label] for side in (golden, spans))
            by_label[label].append(counts(*parts))
    return Figure.measured(
        "entity_f1",
        100 * f1(rows),
        "%",
        scorer=f"zoo {__version__}, entities with label and both ends right",
        interval_95=interval(rows, groups, f1),
        entities=int(there),
        precision=round(100 * right / max(told, 1), 2),
        recall=round(100 * right / max(there, 1), 2),
        labels={
            label: {"f1": round(100 * f1(np.asarray(rows)), 2), "entities": sum(r[2] for r in rows)}
            for label, rows in sorted(by_label.items())
        },
        **facts,
    )


def _intent_figures(
    messages: Sequence[TaggedMessage],
    results: Sequence[Any],
    groups: Sequence[str],
    outside: str,
    facts: dict[str, Any],
) -> list[Figure]:
    """Accuracy in scope, and the recall of what is out of scope where there is something."""
    scorer = f"zoo {__version__}, share of messages"
    parts = {"intent_accuracy": [], "out_of_scope_recall": []}  # type: dict[str, list[int]]
    right = [
        result.intent == (None if message.intent == outside else message.intent)
        for message, result in zip(messages, results, strict=True)
    ]
    for number, message in enumerate(messages):
        if message.intent:
            name = "out_of_scope_recall" if message.intent == outside else "intent_accuracy"
            parts[name].append(number)
    figures = []
    for name, numbers in parts.items():
        if not numbers:
            continue
        rows = np.asarray([[right[number], 1] for number in numbers])
        figures.append(
            Figure.measured(
                name,
                100 * share(rows),
                "%",
                scorer=scorer,
                interval_95=interval(rows, [groups[n] for n in numbers], share),
                **{**facts, "messages": len(numbers)},
            )
        )
    return figures
