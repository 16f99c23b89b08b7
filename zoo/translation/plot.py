"""The picture of an attention."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.files import user_path
from zoo.plots import check_format, plain, save_picture

_INCHES = 0.28  # for each piece
_MARGIN = 1.6
_MOST = 200  # pieces on a side; a picture of these has 7,000 x 7,000 pixels


def draw_alignment(
    source: Sequence[str],
    target: Sequence[str],
    attention: np.ndarray,
    path: str | Path | None = None,
) -> Any:
    """Draw how much each piece of a translation attends to each piece of its source.

    Args:
        source: pieces of the source, the columns.
        target: pieces of the translation, the rows.
        attention: ``(target, source)``, 0 to 1.
        path: a ``.png``, ``.svg`` or ``.pdf`` file to write too.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        UsageError: the file's name ends in something else, or there is nothing or too much to draw.
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    file = None if path is None else user_path(path)
    if file is not None:
        check_format(file)
    if not source or not target:
        raise UsageError("there is no attention to draw: the network translated nothing")
    if max(len(source), len(target)) > _MOST:
        raise UsageError(
            f"{len(source)} and {len(target)} pieces are too many to draw (at most {_MOST} each)"
        )
    size = (_MARGIN + _INCHES * len(source), _MARGIN + _INCHES * len(target))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(attention, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal")
    axes.set_xticks(range(len(source)), [plain(piece) for piece in source], rotation=90)
    axes.set_yticks(range(len(target)), [plain(piece) for piece in target])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    if file is not None:
        save_picture(figure, file, dpi=120)
    return figure
