"""What the numbers of InkML traces mean: formats, sources, canvases and their transforms.

A context brings them together. It says them itself or by references, and takes what it does not say
from the context that it refers to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

import numpy as np

from zoo.errors import DataError
from zoo.handwriting.safe_xml import child, children, descendants, local_name, text_of

XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_PARTS = ("traceFormat", "inkSource", "canvas", "canvasTransform")
_SPEAKERS = ("context", "inkSource", "traceFormat")
_UNITS = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6}
_SHORTEST = 1e-6  # unit that is believed, in millimetres
_NUMBER = re.compile(r"[-+]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_LONGEST = 1000  # characters of a matrix
_HUGE = 1e12
_MAX_ROWS = 8
_MAX_CHAIN = 32  # contexts that refer to each other


@dataclass(frozen=True)
class Context:
    """What the numbers of a trace mean.

    Args:
        x: the place of x among the values of a point.
        y: the place of y.
        channels: how many values a point has, without the intermittent ones.
        intermittent: how many it may have besides.
        tip: the place of the tip switch, or ``None`` if there is none.
        matrix: ``(2, 3)``, the map of ``(x, y, 1)`` to the right and down.
        length: of x's unit, in millimetres or whatever the file's units are.
        named: whether the trace, its group or the file before it names this context.
        doubt: what of the context is not followed, or empty.
    """

    x: int = 0
    y: int = 1
    channels: int = 2
    intermittent: int = 0
    tip: int | None = None
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2, 3))
    length: float = 1.0
    named: bool = False
    doubt: str = ""


class Contexts:
    """The contexts of a file, and the one of traces that name none."""

    def __init__(self, root: Element) -> None:
        self._named: dict[str, Element] = {}
        # Files that define one format and never refer to it mean it nevertheless.
        self._only: Element | None = None
        for element in root.iter():
            if own := element.get(XML_ID) or element.get("id"):
                self._named.setdefault(own, element)
            if self._only is None and local_name(element) in _SPEAKERS:
                formats = descendants(element, "traceFormat")
                self._only = element if any(map(_has_places, formats)) else None
        self._current: Element | None = None
        self._known: dict[Element, Context] = {}

    def stands(self, element: Element) -> None:
        """A context, a format or a source that holds for what follows it in the file."""
        if local_name(element) != "context" or _speaks(element):
            self._current = element

    def of(self, trace: Element, group: Element | None) -> Context:
        """The context of a trace.

        Args:
            trace: the trace.
            group: the smallest group around it that names a context, or ``None``.

        Raises:
            DataError: it names one that is not there, or one without x and y.
        """
        reference = trace.get("contextRef", "") or (
            group.get("contextRef", "") if group is not None else ""
        )
        element = self._referred(reference) if reference else self._current
        if reference and element is None:
            raise DataError(f"its context {reference!r:.60} is not in the file")
        named = element is not None
        element = self._only if element is None else element
        if element is None:
            return Context()
        if element not in self._known:
            self._known[element] = self._read(element)
        return replace(self._known[element], named=named)

    def _read(self, element: Element) -> Context:
        parts: dict[str, Element | None] = dict.fromkeys(_PARTS)
        following: Element | None = element
        for _ in range(_MAX_CHAIN):
            if following is None:
                break
            for name in _PARTS:
                if parts[name] is None:
                    parts[name] = self._part(following, name)
            source = self._part(following, "inkSource")
            if parts["traceFormat"] is None and source is not None:
                parts["traceFormat"] = self._part(source, "traceFormat")
            following = self._referred(following.get("contextRef", ""))
        if parts["traceFormat"] is None and self._only is not None and self._only is not element:
            parts["traceFormat"] = next(descendants(self._only, "traceFormat"), None)
        transform = parts["canvasTransform"]
        mapping = child(transform, "mapping") if transform is not None else None
        return _context(parts, None if mapping is None else self._matrix(mapping), mapping)

    def _matrix(self, mapping: Element, depth: int = 0) -> np.ndarray | None:
        """The ``(3, 3)`` matrix of a mapping; ``None`` of one that is not linear, or unknown."""
        referred = self._referred(mapping.get("mappingRef", ""))
        mapping = mapping if referred is None else referred
        kind = mapping.get("type", "unknown")
        inner = list(children(mapping, "mapping"))
        if kind == "affine":
            return _affine(mapping)
        if kind == "identity":
            return np.eye(3)
        if kind != "product" or depth > _MAX_CHAIN or len(inner) > _MAX_CHAIN:
            return None
        whole = np.eye(3)
        for part in inner:  # what comes first is done first
            matrix = self._matrix(part, depth + len(inner))
            if matrix is None:
                return None
            whole = matrix @ whole
            if not np.abs(whole).max() < _HUGE:
                raise DataError("its canvasTransform has huge numbers")
        return whole

    def _part(self, element: Element, name: str) -> Element | None:
        """An element itself if it has a name, its child of that name, or the one it refers to."""
        if local_name(element) == name:
            return element
        own = child(element, name)
        return own if own is not None else self._referred(element.get(f"{name}Ref", ""))

    def _referred(self, reference: str) -> Element | None:
        return self._named.get(reference.rpartition("#")[2]) if reference else None


def _speaks(context: Element) -> bool:
    """Whether a context says what numbers mean; some name a brush alone."""
    names = ("contextRef", *(f"{name}Ref" for name in _PARTS))
    parts = (local_name(part) in _PARTS for part in context)
    return any(context.get(name) for name in names) or any(parts)


def _context(
    parts: Mapping[str, Element | None], transform: np.ndarray | None, mapping: Element | None
) -> Context:
    """What a format, a source, a canvas and a transform say together."""
    points = _columns(parts["traceFormat"])
    signs, _ = _signs_and_units(parts["traceFormat"])
    lengths = _lengths(parts["traceFormat"], parts["inkSource"])
    matrix = np.diag(np.array(signs) * lengths) @ np.eye(2, 3)
    if mapping is None:
        return replace(points, matrix=matrix, length=lengths[0])
    if transform is None:
        doubt = f"a canvasTransform of the kind {mapping.get('type', '')!r:.40} was not followed"
        return replace(points, matrix=matrix, length=lengths[0], doubt=doubt)
    if np.array_equal(transform, np.eye(3)):
        return replace(points, matrix=matrix, length=lengths[0])
    canvas = child(parts["canvas"], "traceFormat") if parts["canvas"] is not None else None
    signs, _ = _signs_and_units(canvas)
    return replace(points, matrix=np.diag(signs) @ transform[:2])


def _channel_elements(format_: Element | None) -> list[Element]:
    """The channels that each point has a value of."""
    found: list[Element] = []
    for element in format_ if format_ is not None else ():
        if local_name(element) == "channel":
            found.append(element)
        elif local_name(element) == "regularChannels":  # of drafts before 2006
            found += children(element, "channel")
    return found


def _has_places(format_: Element) -> bool:
    return {"X", "Y"} <= {channel.get("name") for channel in _channel_elements(format_)}


def _columns(format_: Element | None) -> Context:
    """The places of x, y and the tip switch, and the numbers of channels."""
    if format_ is None:
        return Context()
    names = [channel.get("name", "") for channel in _channel_elements(format_)]
    if "X" not in names or "Y" not in names:
        raise DataError("its traceFormat has no channels X and Y")
    others = child(format_, "intermittentChannels")
    more = list(children(others, "channel")) if others is not None else []
    every = [*names, *(channel.get("name", "") for channel in more)]
    tip = every.index("S") if "S" in every else None
    return Context(names.index("X"), names.index("Y"), len(names), len(more), tip)


def _signs_and_units(format_: Element | None) -> tuple[list[float], list[str]]:
    """Of x and of y: -1 where it goes to the left or upwards, and the name of its unit."""
    channels = {channel.get("name", ""): channel for channel in _channel_elements(format_)}
    found = [channels.get(name) for name in "XY"]
    signs = [-1.0 if e is not None and e.get("orientation") == "-ve" else 1.0 for e in found]
    return signs, ["" if element is None else element.get("units", "") for element in found]


def _lengths(format_: Element | None, source: Element | None) -> tuple[float, float]:
    """The lengths of the units of x and y.

    Devices may have another resolution across than down; Word's ink has. Where a file does not say,
    both are one.
    """
    properties = child(source, "channelProperties") if source is not None else None
    lengths = {}
    for entry in properties if properties is not None else ():
        unit = _UNITS.get(entry.get("units", "").removeprefix("1/"))
        values = numbers(entry.get("value", ""))
        if entry.get("name") == "resolution" and unit and len(values) == 1 and values[0] > 0:
            lengths[entry.get("channel", "")] = unit / values[0]
    if "X" not in lengths or "Y" not in lengths:
        _, (x, y) = _signs_and_units(format_)
        lengths = {"X": _UNITS.get(x, 0.0), "Y": _UNITS.get(y, 0.0)}
    whole = all(_SHORTEST < lengths[name] < 1 / _SHORTEST for name in "XY")
    return (lengths["X"], lengths["Y"]) if whole else (1.0, 1.0)


def _affine(mapping: Element) -> np.ndarray:
    """The ``(3, 3)`` matrix of an affine mapping."""
    rows = [numbers(row) for row in text_of(child(mapping, "affine")).split(",")[:_MAX_ROWS]]
    if len(rows) < 2 or any(len(row) not in (2, 3) for row in rows[:2]):
        raise DataError("its affine mapping has no two rows of three numbers")
    return np.array([*((*row, 0.0)[:3] for row in rows[:2]), (0.0, 0.0, 1.0)])


def numbers(text: str) -> list[float]:
    """The finite numbers of a short text; none if it is long or something else is in it."""
    tokens = text.split() if len(text) <= _LONGEST else []
    if not all(_NUMBER.fullmatch(token) for token in tokens):
        return []
    found = [float(token) for token in tokens]
    return found if all(abs(value) < _HUGE for value in found) else []
