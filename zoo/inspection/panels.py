"""What the pictures of this room share: their files, figures and how characters are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.files import user_path
from zoo.plots import check_format

_MOST_INCHES = 60.0


def picture_path(path: str | Path) -> Path:
    """A picture's path with the user's folder put in.

    Raises:
        UsageError: its ending is none of :data:`~zoo.plots.FORMATS`.
    """
    target = user_path(path)
    check_format(target)
    return target


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure, and what makes a grid of panels in it.

    Args:
        width: in inches, at most 60.
        height: the same.
    """
    from matplotlib.figure import Figure

    figure = Figure((min(width, _MOST_INCHES), min(height, _MOST_INCHES)), layout="constrained")
    return figure, lambda rows, columns: figure.subplots(rows, columns, squeeze=False)


def visible(text: str) -> str:
    """A character as it is shown in a picture, white space included."""
    return {"\n": "⏎", " ": "␣", "\t": "⇥"}.get(text, text)
