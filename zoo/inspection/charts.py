"""Charts of what traces tell: saturation, lifetimes, highways, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.errors import UsageError
from zoo.inspection.highway import Highway
from zoo.inspection.panels import new_figure, picture_path, visible
from zoo.inspection.traces import Trace
from zoo.plots import plain, save_picture

_MOST_PIECES = 200
_LOWEST = 1e-10  # of a highway's axis


def draw_saturation(trace: Trace, path: str | Path) -> Path:
    """Draw how often each unit's gates are shut and open, a column a layer.

    The scatter plots are those of Karpathy et al. 2015 (arXiv:1506.02078), figure 3.

    Args:
        trace: what to draw; layers without gates are left out.
        path: where to; its ending is one of ``FORMATS``.

    Raises:
        UsageError: the ending is another, or no layer has gates.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    layers = [one for one in trace.layers.values() if one.gates]
    if not layers:
        raise UsageError("no layer of the trace has gates")
    gates = max((one.gates for one in layers), key=len)
    figure, axes = new_figure(2.6 * len(layers) + 0.6, 2.6 * len(gates) + 0.5)
    grid = axes(len(gates), len(layers))
    for column, one in enumerate(layers):
        found = trace.saturation(one.name)
        grid[0][column].set_title(plain(one.name), fontsize=10)
        for row, gate in enumerate(one.gates):
            panel = grid[row][column]
            panel.scatter(found.shut[gate], found.open[gate], s=9, alpha=0.4)
            panel.plot([0, 1], [1, 0], color="0.8", linewidth=0.8)
            panel.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), ylabel=f"{gate} open")
            panel.set_xlabel(f"{gate} shut, fraction of steps")
    return save_picture(figure, target)


def draw_lifetimes(traces: Mapping[str, Trace], path: str | Path) -> Path:
    """Draw the lifetimes of units as histograms over a logarithmic axis.

    Args:
        traces: of one model or several, by the name that is written.
        path: where to; its ending is one of ``FORMATS``.

    Raises:
        UsageError: the ending is another, or no layer has a gate that keeps.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    found = {
        f"{name} {layer}".strip(): trace.lifetimes(layer).steps
        for name, trace in traces.items()
        for layer, one in trace.layers.items()
        if one.gates
    }
    if not found:
        raise UsageError("no layer of the traces has a gate that keeps its state")
    figure, axes = new_figure(6.4, 3.6)
    panel = axes(1, 1)[0][0]
    longest = max(float(steps.max()) for steps in found.values())
    bins = np.geomspace(1.0, longest * 1.01, 40)
    for name, steps in found.items():
        label = plain(f"{name}: median {np.median(steps):.1f}")
        panel.hist(steps, bins=bins, histtype="step", linewidth=1.5, label=label)
    panel.set(xscale="log", xlabel="lifetime 1 / (1 - mean keeping gate), steps", ylabel="units")
    panel.legend(fontsize=8)
    return save_picture(figure, target)


def draw_highways(
    highways: Mapping[str, Highway], path: str | Path, layers: Sequence[str] | None = None
) -> Path:
    """Draw how much of a loss's gradient is left at earlier steps, several models on one axis.

    Args:
        highways: by the name that is written.
        path: where to; its ending is one of ``FORMATS``.
        layers: the names of the layers to draw; left out, all.

    Raises:
        UsageError: the ending is another, or there is no curve to draw.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    figure, axes = new_figure(7.2, 4.4)
    panel = axes(1, 1)[0][0]
    drawn = 0
    for name, highway in highways.items():
        for curve in highway.curves:
            # Of an LSTM c alone, which is its highway; h of the others.
            doubled = curve.state == "h" and any(
                other.state == "c" and other.layer == curve.layer for other in highway.curves
            )
            chosen = layers is None or curve.layer in layers
            if doubled or not chosen or len(curve.norms) < 2:
                continue
            label = plain(f"{name} {curve.layer} {curve.state}".strip())
            (line,) = panel.plot(np.maximum(curve.relative, _LOWEST), label=label, linewidth=1.6)
            if curve.straight is not None:
                straight = curve.straight / max(float(curve.straight[0]), _LOWEST)
                panel.plot(np.maximum(straight, _LOWEST), "--", color=line.get_color(), linewidth=1)
            drawn += 1
    if not drawn:
        raise UsageError("there is no curve with steps to draw")
    panel.set(yscale="log", xlabel="steps back", ylabel="gradient, of that at 0 steps")
    panel.set_title("dashed: the straight path through the keeping gates alone", fontsize=9)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
    return save_picture(figure, target)


def draw_attention(
    trace: Trace, path: str | Path, layer: str = "", head: int | None = None
) -> Path:
    """Draw attention weights, rows attending to columns.

    Args:
        trace: of one input, with its names.
        path: where to; its ending is one of ``FORMATS``.
        layer: its name; left out, the last that attends.
        head: its number; left out, the mean of all.

    Raises:
        UsageError: the ending is another, the model does not attend, there is no such layer or
            head, or there are too many steps to draw.
        ZooError: the file cannot be written.
    """
    target = picture_path(path)
    if not trace.attention:
        raise UsageError("the model has no attention to draw")
    name = layer or list(trace.attention)[-1]
    if name not in trace.attention:
        raise UsageError(f"there is no attention {name!r}; there is {', '.join(trace.attention)}")
    weights = trace.attention[name]
    if head is not None and not 0 <= head < len(weights):
        raise UsageError(f"{name} has no head {head}; it has {len(weights)}")
    shown = weights.mean(axis=0) if head is None else weights[head]
    if max(shown.shape) > _MOST_PIECES:
        raise UsageError(f"{max(shown.shape)} steps are too many to draw (at most {_MOST_PIECES})")
    figure, axes = new_figure(1.8 + 0.2 * shown.shape[1], 1.6 + 0.2 * shown.shape[0])
    panel = axes(1, 1)[0][0]
    panel.imshow(shown, cmap="Blues", vmin=0.0, vmax=max(0.2, float(shown.max())))
    rows, columns = trace.attended.get(name, ("", ""))
    for axis, count, ticks, rotation in (
        (columns, shown.shape[1], panel.set_xticks, 90),
        (rows, shown.shape[0], panel.set_yticks, 0),
    ):
        steps = trace.axis_of_all(axis)
        if steps is not None and len(steps.texts) == count:
            texts = [plain(visible(one)) for one in steps.texts]
            ticks(range(count), texts, rotation=rotation, fontsize=8)
    panel.xaxis.tick_top()
    panel.set_xlabel(plain(f"{name}, {'mean of heads' if head is None else f'head {head}'}"))
    return save_picture(figure, target)
