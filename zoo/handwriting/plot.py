"""Pictures of what was read: the ink, and under it the characters where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.plots import check_format, plain, save_picture

if TYPE_CHECKING:
    from zoo.handwriting.results import Character, Reading

_INCHES_A_LETTER = 0.22
_COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:orange")


def draw_line(path: Path, grey: np.ndarray, reading: Reading) -> Path:
    """Draw a line's image and its characters.

    Args:
        path: where to; its ending is one of :data:`~zoo.plots.FORMATS`.
        grey: ``(height, width)`` uint8.
        reading: of it.

    Returns:
        ``path``.

    Raises:
        UsageError: the ending is another.
        ZooError: the file cannot be written.
    """
    height, width = grey.shape
    figure, top, bottom = _panels(path, reading)
    top.imshow(grey, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, width, height, 0))
    for number, character in enumerate(reading.characters):
        colour = _COLOURS[number % len(_COLOURS)]
        if character.text != " ":
            top.axvspan(character.start, character.end, color=colour, alpha=0.12)
        _write(bottom, (character.start + character.end) / 2, character, colour)
    for panel in (top, bottom):
        panel.set_xlim(0, width)
    return save_picture(figure, path)


def draw_ink(path: Path, strokes: Sequence[np.ndarray], reading: Reading) -> Path:
    """Draw strokes, each part in the colour of its character, and the characters.

    Args:
        path: where to; its ending is one of :data:`~zoo.plots.FORMATS`.
        strokes: ``(points, 2)`` each, y downwards.
        reading: of them.

    Returns:
        ``path``.

    Raises:
        UsageError: the ending is another.
        ZooError: the file cannot be written.
    """
    figure, top, bottom = _panels(path, reading)
    for stroke in strokes:
        top.plot(*stroke.T, color="0.8", linewidth=1.5, marker="." if len(stroke) == 1 else "")
    for number, character in enumerate(reading.characters):
        colour = _COLOURS[number % len(_COLOURS)]
        parts = _parts(strokes, character)
        for part in parts:
            top.plot(*part.T, color=colour, linewidth=1.5)
        if parts:
            _write(bottom, float(np.concatenate(parts)[:, 0].mean()), character, colour)
    top.invert_yaxis()
    bottom.set_xlim(top.get_xlim())
    return save_picture(figure, path)


def _parts(strokes: Sequence[np.ndarray], character: Character) -> list[np.ndarray]:
    """The parts of the strokes that belong to a character."""
    (first, begin), (last, end) = character.start, character.end
    parts = []
    for number in range(first, last + 1):
        low = begin if number == first else 0
        high = end + 1 if number == last else len(strokes[number])
        parts.append(strokes[number][low:high])
    return [part for part in parts if len(part)]


def _panels(path: Path, reading: Reading) -> tuple[Any, Any, Any]:
    from matplotlib.figure import Figure

    check_format(path)
    width = min(40.0, max(4.0, _INCHES_A_LETTER * len(reading.text)))
    figure = Figure((width, 2.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, gridspec_kw={"height_ratios": (3, 1)})
    figure.suptitle(plain(reading.text) or "(nothing)", fontsize=10)
    bottom.set(ylim=(0, 1))
    for panel in (top, bottom):
        panel.set(xticks=[], yticks=[])
    return figure, top, bottom


def _write(axes: Any, x: float, character: Character, colour: str) -> None:
    text = "␣" if character.text == " " else plain(character.text)
    shade = 0.35 + 0.65 * character.confidence
    axes.text(x, 0.5, text, ha="center", va="center", color=colour, alpha=shade)
