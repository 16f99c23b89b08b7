"""Pictures of an input beside what the gates did with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.inspection.attribution import Attribution
from zoo.inspection.layer_trace import LayerTrace
from zoo.inspection.panels import new_figure, picture_path, visible
from zoo.inspection.subject import Backdrop, InspectedInput, Steps
from zoo.inspection.traces import Trace
from zoo.plots import plain, save_picture

_COLUMNS = 72  # characters of a line of coloured text at most
_MOST_CHARACTERS = 20_000
_TICKS = 90  # steps whose texts are written under a heat map
_DIVERGING, _SEQUENTIAL = "RdBu_r", "Blues"


def draw_gates(
    trace: Trace,
    path: str | Path,
    layer: str | int | None = None,
    arrays: Sequence[str] = (),
    units: int = 64,
) -> Path:
    """Draw gates and states of a layer as heat maps over the input.

    Args:
        trace: what to draw.
        path: where to; its ending is one of ``FORMATS``.
        layer: as in :meth:`~zoo.inspection.traces.Trace.layer`.
        arrays: names of gates and states; left out, all.
        units: how many units, those whose h moves most, sorted by the place of their peak.

    Raises:
        UsageError: the ending is another, or there is no such layer or array.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    one, steps = trace.layer(layer), trace.steps(layer)
    names = list(arrays) or list(one.shown)
    columns = _moving(one, units)
    backdrop = trace.backdrop
    figure, axes = _panels(len(names), len(steps), backdrop, height=0.5 + 0.018 * len(columns))
    if backdrop is not None:
        _draw_backdrop(axes[0], backdrop, steps)
        axes = axes[1:]
    extent = _extent(steps)
    for panel, name in zip(axes, names, strict=True):
        values = one.array(name)[:, columns].T
        signed = name not in one.gates
        most = float(np.nanpercentile(np.abs(values), 99.5)) or 1.0
        image = panel.imshow(
            values,
            aspect="auto",
            interpolation="nearest",
            extent=(*extent, len(columns), 0),
            cmap=_DIVERGING if signed else _SEQUENTIAL,
            vmin=-most if signed else 0.0,
            vmax=most if signed else 1.0,
        )
        panel.set(ylabel=name, yticks=[])
        panel.figure.colorbar(image, ax=panel, fraction=0.02, pad=0.01)
    for panel in axes[:-1]:
        panel.set_xticks([])
    _label_steps(axes[-1], steps)
    figure.suptitle(plain(f"{one.name} ({one.cell}): {len(columns)} units"), fontsize=11)
    return save_picture(figure, target)


def draw_unit(
    trace: Trace,
    path: str | Path,
    unit: int,
    layer: str | int | None = None,
    array: str = "",
) -> Path:
    """Draw the input coloured by one unit: a text, strokes, or a strip under a curve or an image.

    Args:
        trace: what to draw.
        path: where to; its ending is one of ``FORMATS``.
        unit: its number.
        layer: as in :meth:`~zoo.inspection.traces.Trace.layer`.
        array: which of its values; left out, c of an LSTM and h of others.

    Raises:
        UsageError: the ending is another, there is no such unit, or the text is too long.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    one, steps = trace.layer(layer), trace.steps(layer)
    array = array or ("c" if one.cell == "lstm" else "h")
    values = trace.unit(unit, layer, array)
    title = f"{one.name} unit {unit} ({array})"
    backdrop = trace.backdrop
    if steps.texts:
        return _draw_text(target, steps.texts, values, title)
    if backdrop is not None and backdrop.paths:
        return _draw_paths(target, backdrop, values, title)
    figure, axes = _panels(1, len(steps), backdrop, height=1.2)
    if backdrop is not None:
        _draw_backdrop(axes[0], backdrop, steps)
    most = float(np.nanmax(np.abs(values))) or 1.0
    axes[-1].imshow(
        values[None],
        aspect="auto",
        extent=(*_extent(steps), -most, most),
        cmap=_DIVERGING,
        vmin=-most,
        vmax=most,
        alpha=0.6,
    )
    axes[-1].plot(steps.places, values, color="black", linewidth=1.2)
    axes[-1].set(ylabel=array)
    _label_steps(axes[-1], steps)
    figure.suptitle(plain(title), fontsize=11)
    return save_picture(figure, target)


def draw_attribution(attribution: Attribution, subject: InspectedInput, path: str | Path) -> Path:
    """Draw how much each step of the input speaks for an output: orange for, blue against it.

    Args:
        attribution: what to draw.
        subject: of the input.
        path: where to; its ending is one of ``FORMATS``.

    Raises:
        UsageError: the ending is another.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    values = attribution.steps()
    steps = subject.steps_of_input(0, len(values))
    if steps is not None and steps.texts:
        return _draw_text(target, steps.texts, values, str(attribution))
    figure, axes = new_figure(9.0, 2.6)
    panel = axes(1, 1)[0][0]
    panel.bar(range(len(values)), values, width=1.0, color=np.where(values > 0, "C1", "C0"))
    panel.set(xlabel="steps of the input", ylabel="nats")
    panel.set_title(plain(str(attribution)), fontsize=9)
    return save_picture(figure, target)


def _panels(
    count: int, steps: int, backdrop: Backdrop | None, height: float
) -> tuple[Any, list[Any]]:
    """Panels one under the other for heat maps, the first one for what was read if it is shown."""
    from matplotlib.figure import Figure

    heights = [height] * count
    if backdrop is not None:
        heights.insert(0, 1.2)
    size = (min(40.0, max(7.0, 0.09 * steps)), 0.8 + sum(heights))
    figure = Figure(size, layout="constrained")
    grid = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    return figure, [row[0] for row in grid]


def _draw_backdrop(panel: Any, backdrop: Backdrop, steps: Steps) -> None:
    if backdrop.curve is not None:
        time = np.linspace(*backdrop.extent, len(backdrop.curve))
        panel.plot(time, backdrop.curve, linewidth=0.4, color="0.3")
    if backdrop.image is not None:
        height = backdrop.image.shape[0]
        panel.imshow(
            backdrop.image, cmap="gray", aspect="auto", extent=(*backdrop.extent, height, 0)
        )
    if backdrop.paths:
        # Along the reading order, as the heat maps below are.
        for stroke, when in zip(backdrop.paths, backdrop.path_steps, strict=True):
            places = np.interp(when, np.arange(len(steps)), steps.places)
            panel.plot(places, -stroke[:, 1], linewidth=1.2, color="0.2")
        panel.set_ylabel("height")
    panel.set(yticks=[], xlim=_extent(steps))


def _extent(steps: Steps) -> tuple[float, float]:
    """First and last edge of the steps on the axis."""
    if steps.texts or len(steps) < 2:
        return -0.5, len(steps) - 0.5
    half = float(steps.places[1] - steps.places[0]) / 2
    return float(steps.places[0]) - half, float(steps.places[-1]) + half


def _label_steps(panel: Any, steps: Steps) -> None:
    if steps.texts and len(steps) <= _TICKS:
        panel.set_xticks(range(len(steps)), [plain(visible(one)) for one in steps.texts])
        if max(map(len, steps.texts)) > 1:
            panel.tick_params(axis="x", rotation=90)
    panel.set_xlabel(steps.unit)


def _moving(one: LayerTrace, units: int) -> np.ndarray:
    """Columns of the units whose h moves most, sorted by the place of their peak."""
    h = np.nan_to_num(one.array("h"))
    chosen = np.argsort(-h.std(axis=0), kind="stable")[:units]
    order: np.ndarray = chosen[np.argsort(np.abs(h[:, chosen]).argmax(axis=0), kind="stable")]
    return order


def _draw_text(path: Path, texts: Sequence[str], values: np.ndarray, title: str) -> Path:
    """A text, each piece on the colour of its value."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    if len(texts) > _MOST_CHARACTERS:
        raise UsageError(f"{len(texts)} steps are too many to draw (at most {_MOST_CHARACTERS})")
    most = float(np.nanmax(np.abs(values))) or 1.0
    places, row, column = [], 0, 0
    for text in texts:
        width = 1 if len(text) == 1 else len(text) + 1
        if column and column + width > _COLUMNS:
            row, column = row + 1, 0
        places.append((row, column, width))
        row, column = (row + 1, 0) if text == "\n" else (row, column + width)
    rows = places[-1][0] + 1
    widest = max(place + width for _, place, width in places)
    figure, axes = new_figure(max(5.0, 0.11 * widest + 0.3), 0.24 * rows + 0.7)
    panel = axes(1, 1)[0][0]
    colours = colormaps[_DIVERGING]
    for text, value, (row, column, width) in zip(texts, values, places, strict=True):
        shade = (0.8, 0.8, 0.8, 1.0) if np.isnan(value) else colours(0.5 + 0.42 * value / most)
        panel.add_patch(Rectangle((column, row), width, 1, color=shade, linewidth=0))
        shown = visible(text) if text != " " else ""
        panel.text(
            column + width / 2,
            row + 0.52,
            plain(shown),
            ha="center",
            va="center",
            family="monospace",
            fontsize=8,
        )
    panel.set(xlim=(0, max(widest, 1)), ylim=(rows, 0), xticks=[], yticks=[])
    panel.set_frame_on(False)
    panel.set_title(plain(f"{title}; full colour is {most:.2f}"), fontsize=9, loc="left")
    return save_picture(figure, path)


def _draw_paths(path: Path, backdrop: Backdrop, values: np.ndarray, title: str) -> Path:
    """Strokes in the colour of the value at which each point was read."""
    from matplotlib.collections import LineCollection

    most = float(np.nanmax(np.abs(values))) or 1.0
    figure, axes = new_figure(8.0, 3.4)
    panel = axes(1, 1)[0][0]
    for stroke, when in zip(backdrop.paths, backdrop.path_steps, strict=True):
        if len(stroke) < 2:
            panel.plot(*stroke.T, ".", color="0.5")
            continue
        pieces = np.stack([stroke[:-1, :2], stroke[1:, :2]], axis=1)
        lines = LineCollection(list(pieces), cmap=_DIVERGING, linewidths=4)
        lines.set_array(np.interp(when[1:], np.arange(len(values)), values))
        lines.set_clim(-most, most)
        panel.add_collection(lines)
    panel.set(xticks=[], yticks=[], facecolor="0.75")
    panel.autoscale()
    panel.set_aspect("equal")
    panel.invert_yaxis()
    panel.set_title(plain(title), fontsize=10)
    return save_picture(figure, path)
