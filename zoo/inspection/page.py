"""A page that shows what a model did with one input, as one file for any browser.

It works from a file, without a server or a network: everything is in it, at most
:data:`MAX_BYTES`. The values of gates and states are rounded to 1/254 of their range.
"""

from __future__ import annotations

import base64
import io
import json
import warnings
import zlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.files import user_path, write_bytes
from zoo.inspection.finding import Finding
from zoo.inspection.highway import Highway
from zoo.inspection.layer_trace import LayerTrace
from zoo.inspection.subject import Backdrop, Steps
from zoo.inspection.traces import KEEP, Trace

MAX_BYTES = 3_000_000
"""Size of a page at most."""

ARRAY_NAMES = {
    "i": "input gate",
    "f": "forget gate",
    "g": "candidate",
    "o": "output gate",
    "c": "cell state",
    "h": "hidden state",
    "z": "update gate",
    "r": "reset gate",
    "n": "candidate",
}
_LEVELS = 254  # 255 is for masked steps
_CLIP = 99.0  # percentile of the values at which the heat map has its full colour
_CURVE = 1000  # parts of a waveform that are drawn
_IMAGE = (1600, 200)


def write_page(
    trace: Trace,
    path: str | Path,
    *,
    title: str = "",
    highway: Highway | None = None,
    findings: Sequence[Finding] = (),
) -> Path:
    """Write the page of a trace.

    Where all units would make it too large, each layer has its most moving ones, and those of
    ``findings``; the page says so.

    Args:
        trace: with recurrent layers.
        path: where to; its name ends in ``.html``.
        title: the page's title; left out, the input's.
        highway: to be drawn too.
        findings: units that follow quantities, to be listed and chosen from.

    Returns:
        ``path``.

    Raises:
        UsageError: the file's name ends in something else, or the trace is too long for a page.
        ZooError: the file cannot be written.
    """
    target = user_path(path)
    if target.suffix != ".html":
        raise UsageError(f"{target}: the page's name must end in .html")
    trace.layer()  # there must be one
    template = files("zoo.inspection").joinpath("page.html").read_text(encoding="utf-8")
    most = max(len(one.units) for one in trace.layers.values())
    while True:
        data = _data(trace, title, highway, findings, most)
        text = json.dumps(data, allow_nan=False, separators=(",", ":"))
        page = template.replace("@DATA@", text.replace("<", "\\u003c")).encode()
        if len(page) <= MAX_BYTES:
            write_bytes(target, page)
            return target
        if most == 1:
            raise UsageError(
                f"{len(trace.layer())} steps are too many for a page; trace with every=, or a "
                "shorter input"
            )
        most = max(1, int(most * min(0.9, 0.95 * MAX_BYTES / len(page))))


def _data(
    trace: Trace, title: str, highway: Highway | None, findings: Sequence[Finding], most: int
) -> dict[str, Any]:
    found = [
        {
            "quantity": finding.quantity,
            "layer": one.layer,
            "unit": one.unit,
            "r": one.held_out,
            "p": one.p_value,
        }
        for finding in findings
        for one in finding.units
    ]
    wanted = {(one["layer"], one["unit"]) for one in found}
    layers = [_layer(one, most, wanted) for one in trace.layers.values()]
    subject = trace.subject
    first = found[0] if found else {"layer": layers[-1]["name"], "unit": layers[-1]["start"]}
    kept = max(len(one["units"]) for one in layers)
    fewer = any(
        len(one["units"]) < len(whole.units)
        for one, whole in zip(layers, trace.layers.values(), strict=True)
    )
    about = subject.title if subject and title else ""
    if fewer:
        about += f" (the {kept} units of each layer that move most)"
    return {
        "title": title or (subject.title if subject else "Inside a model"),
        "about": about,
        "names": ARRAY_NAMES,
        "axes": {name: _axis(steps) for name, steps in trace.axes.items()},
        "layers": layers,
        "found": found,
        "first": {"layer": first["layer"], "unit": first["unit"], "step": len(trace.layer()) // 2},
        "backdrop": _backdrop(trace.backdrop) if trace.backdrop else None,
        "highway": _highway(highway) if highway else None,
        "attention": _attention(trace),
    }


def _layer(one: LayerTrace, most: int, wanted: set[tuple[Any, Any]]) -> dict[str, Any]:
    spread = _defined(np.nanstd, one.arrays["h"], axis=0)
    asked = [n for n, unit in enumerate(one.units) if (one.name, int(unit)) in wanted]
    order = list(dict.fromkeys([*asked, *np.argsort(-spread, kind="stable")]))
    columns = np.sort(np.array(order[: max(most, 1)], np.int64))
    packed = {name: _pack(one.arrays[name][:, columns].T, name in one.gates) for name in one.shown}
    data = {
        "name": one.name,
        "cell": one.cell,
        "axis": one.axis,
        "backwards": one.backwards,
        "units": one.units[columns].tolist(),
        "start": int(one.units[order[0]]),
        "spread": np.round(spread[columns], 4).tolist(),
        "arrays": packed,
    }
    if one.cell in KEEP:
        mean = _defined(np.nanmean, one.arrays[KEEP[one.cell]][:, columns], axis=0)
        data["lifetimes"] = np.round(1 / np.maximum(1 - mean, 1e-6), 2).tolist()
    return data


def _pack(values: np.ndarray, gate: bool) -> dict[str, Any]:
    """Values in 255 levels, compressed."""
    ends = [float(_defined(one, values)) for one in (np.nanmin, np.nanmax)]
    low, high = (0.0, 1.0) if gate else ends
    if not gate and low >= 0:
        low = min(-1e-6, -high)
    levels = np.nan_to_num((values - low) / max(high - low, 1e-12) * _LEVELS)
    levels = np.where(np.isnan(values), 255, np.clip(np.round(levels), 0, _LEVELS))
    clip = max(float(_defined(np.nanpercentile, np.abs(values), q=_CLIP)), 1e-6)
    return {"low": low, "high": high, "clip": clip, "packed": _compressed(levels)}


def _defined(function: Callable[..., Any], values: np.ndarray, **options: Any) -> np.ndarray:
    """What a function says of values without those that are NaN; 0 where all are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # there was nothing but NaN
        return np.nan_to_num(function(values, **options))


def _compressed(levels: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(levels.astype(np.uint8).tobytes(), 9)).decode()


def _axis(steps: Steps) -> dict[str, Any]:
    return {
        "unit": steps.unit,
        "places": np.round(steps.places, 4).tolist(),
        "texts": list(steps.texts),
        "spaced": any(len(text) > 1 for text in steps.texts),
    }


def _backdrop(backdrop: Backdrop) -> dict[str, Any]:
    data: dict[str, Any] = {"extent": list(backdrop.extent)}
    if backdrop.curve is not None:
        parts = np.array_split(backdrop.curve, min(_CURVE, max(1, len(backdrop.curve))))
        data["curve"] = [
            [round(float(p.min(initial=0)), 4), round(float(p.max(initial=0)), 4)] for p in parts
        ]
    if backdrop.image is not None:
        from PIL import Image

        image = Image.fromarray(backdrop.image)
        image.thumbnail(_IMAGE)
        written = io.BytesIO()
        image.save(written, "PNG", optimize=True)
        data["image"] = "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
    if backdrop.paths:
        data["paths"] = [np.round(path, 2).tolist() for path in backdrop.paths]
        data["steps"] = [np.round(steps, 1).tolist() for steps in backdrop.path_steps]
    return data


def _highway(highway: Highway) -> dict[str, Any]:
    def numbers(values: np.ndarray) -> list[float]:
        return [float(f"{one:.4g}") for one in values]

    return {
        "note": f"The gradient of the loss of output {highway.at} ({highway.loss:.3f} nats, "
        f"{highway.target!r}) at the states of the steps before it, as a fraction of that at the "
        "step itself. Dashed: the straight path through the keeping gates alone.",
        "curves": [
            {
                "layer": one.layer,
                "state": one.state,
                "norms": numbers(one.norms),
                "straight": None if one.straight is None else numbers(one.straight),
            }
            for one in highway.curves
            if len(one.norms) > 1
        ],
    }


def _attention(trace: Trace) -> dict[str, Any] | None:
    """The last layer's attention, the mean of its heads."""
    if not trace.attention or trace.subject is None:
        return None
    name, weights = list(trace.attention.items())[-1]
    mean = weights.mean(axis=0)
    rows, columns = (trace.axis_of_all(axis) for axis in trace.attended.get(name, ("", "")))
    if rows is None or columns is None or (len(rows), len(columns)) != mean.shape:
        return None
    return {
        "note": f"{name}: rows attend to columns, the mean of {len(weights)} heads. Point at a "
        "place for its value.",
        "rows": [rows.name(n) for n in range(len(rows))],
        "columns": [columns.name(n) for n in range(len(columns))],
        "packed": _compressed(np.round(mean * _LEVELS)),
    }
