"""The course of a conversation as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.dialogue.mood.results import Mood
from zoo.errors import UsageError
from zoo.files import user_path
from zoo.plots import check_format, plain, save_picture

_LONGEST = 48  # characters of a message beside its point
_MOST = 60  # messages whose text is written


def draw_course(moods: Sequence[Mood], threshold: float, path: str | Path | None = None) -> Any:
    """Draw valence and level over the messages, each with its text.

    Args:
        moods: of the messages.
        threshold: level below which to escalate.
        path: the file to write, such as ``mood.png``; left out, none.

    Returns:
        The Matplotlib figure.

    Raises:
        UsageError: there are no messages.
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    if not moods:
        raise UsageError("there are no messages to draw")
    target = None if path is None else user_path(path)
    if target is not None:
        check_format(target)
    figure = Figure(
        figsize=(9, max(3.0, 0.34 * min(len(moods), _MOST) + 1.2)), layout="constrained"
    )
    axes = figure.subplots()
    places = list(range(len(moods)))
    speakers = list(dict.fromkeys(mood.speaker for mood in moods))
    for number, speaker in enumerate(speakers):
        own = [place for place in places if moods[place].speaker == speaker]
        color = f"C{number}"
        axes.plot([moods[i].level for i in own], own, color=color, label=speaker or "messages")
        axes.scatter([moods[i].valence for i in own], own, color=color, s=18)
    axes.axvline(threshold, color="tab:red", linestyle="--", linewidth=0.8, label="escalate")
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set_xlim(-1.05, 1.05)
    axes.set_ylim(len(moods) - 0.5, -0.5)
    axes.set_xlabel("valence (points: messages, lines: level)")
    if len(moods) <= _MOST:
        axes.set_yticks(places, [_shown(mood) for mood in moods], fontsize=7)
    else:
        axes.set_ylabel("message")
    axes.legend(loc="lower right", fontsize=7)
    if target is not None:
        save_picture(figure, target)
    return figure


def _shown(mood: Mood) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in mood.text).split())
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return plain(f"{mood.label}{' !' if mood.escalate else ''}: {short}")
