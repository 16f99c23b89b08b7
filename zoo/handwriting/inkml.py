"""InkML files (W3C Recommendation of 20 September 2011, https://www.w3.org/TR/InkML/).

What a trace's numbers mean is said by its context: which of them are x and y, which way they go,
how long their units are, and how they are mapped to the canvas. A trace names its context, or has
that of its group, or the one that stands before it in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from zoo.errors import DataError
from zoo.handwriting.ink import MAX_POINTS
from zoo.handwriting.ink_piece import Ink
from zoo.handwriting.inkml_contexts import XML_ID, Context, Contexts
from zoo.handwriting.left_out import LeftOut
from zoo.handwriting.safe_xml import children, local_name, read_xml, text_of

_TRANSCRIPTS = ("truth", "transcription", "transcript")
# A value with what may stand before it: the order of differences, then a sign.
_VALUE = re.compile(
    r"""([!'"]?)\s*(?:([-+]?)\s*(?:\#([0-9A-Fa-f]{1,15}+)(?![0-9A-Fa-f])|"""
    r"""((?:\d{1,30}+(?:\.\d{0,30}+)?|\.\d{1,30}+)(?:[eE][-+]?\d{1,3})?)(?!\d))|([*?TF]))[\s:]*""",
    re.ASCII,
)
_PLAIN = "0123456789.-+eE \t\r\n"
_JOINED = re.compile(r"[\d.][-+]|\.\d*\.", re.ASCII)  # values with nothing between them
_LONGEST = 40  # characters of a number
_SWITCH = {"T": 1.0, "F": 0.0}
_SPACE = re.compile(r"\s+")
_HUGE = 1e12


def read_inkml(data: bytes, name: str, left_out: LeftOut) -> Ink:
    """The traces of an InkML file.

    Args:
        data: the bytes of the file.
        name: of the file, in messages.
        left_out: takes the traces that cannot be read.

    Raises:
        DataError: the file is damaged or of another kind, or no trace can be read.
    """
    document = read_xml(data, name)
    root = document.root
    if document.kind != "ink":
        raise DataError(f"{name} is XML but not InkML: its root is <{document.kind}>")
    strokes: list[list[np.ndarray]] = []
    by_name: dict[str, list[np.ndarray]] = {}
    before = left_out.count
    points, length, number = 0, 0.0, 0
    doubts: set[str] = set()
    for number, (trace, context) in enumerate(_traces(root), 1):
        own = trace.get(XML_ID) or trace.get("id") or ""
        try:
            if isinstance(context, DataError):
                raise context
            parts = trace_strokes(text_of(trace), context, MAX_POINTS - points)
            # Lengths are in units of the first trace, so that most files keep their numbers.
            length = length or context.length
            parts = [_mapped(xy, context, length) for xy in parts]
        except DataError as error:
            left_out.add(f"{name}, trace {own or number}", error)
            continue
        points += sum(map(len, parts))
        for doubt in (context.doubt, _doubt_of_type(trace, context)):
            if doubt and doubt not in doubts:
                left_out.doubt(f"{name}: {doubt}")
                doubts.add(doubt)
        stroke = _continued(trace, strokes, by_name)
        for xy in parts:
            if stroke is None:
                stroke = []
                strokes.append(stroke)
            stroke.append(xy)
            by_name[own] = stroke
            stroke = None
    if not strokes and left_out.count > before:
        raise DataError(f"{name}: no trace can be read; {left_out.first}")
    if not strokes:
        raise DataError(f"{name} has no {'ink' if number else 'traces'}")
    return Ink(
        [np.concatenate(parts) for parts in strokes],
        _annotation(root, _TRANSCRIPTS) or _text_of_groups(root),
        writer=_annotation(root, ("writer",)),
    )


def _continued(
    trace: Element, strokes: list[list[np.ndarray]], by_name: dict[str, list[np.ndarray]]
) -> list[np.ndarray] | None:
    """The stroke that a trace goes on with, or ``None`` if it begins one."""
    if trace.get("continuation") not in ("middle", "end") or not strokes:
        return None
    return by_name.get(trace.get("priorRef", "").rpartition("#")[2], strokes[-1])


def _doubt_of_type(trace: Element, context: Context) -> str:
    if trace.get("type") != "indeterminate" or context.tip is not None:
        return ""
    return "a trace of the type indeterminate has no channel S; all of it was read as ink"


def _mapped(xy: np.ndarray, context: Context, length: float) -> np.ndarray:
    """Points to the right and down, in units of a length."""
    if np.abs(xy).max(initial=0.0) < _HUGE:
        mapped = (xy @ context.matrix[:, :2].T + context.matrix[:, 2]) / length
        if np.abs(mapped).max(initial=0.0) < _HUGE:
            return np.asarray(mapped)
    raise DataError("it has NaN, infinite or huge places")


def trace_strokes(text: str, context: Context, most: int = MAX_POINTS) -> list[np.ndarray]:
    """The strokes of a trace, each ``(points, 2)``, as it has them.

    Values are numbers, or first and second differences where a prefix says so. A stroke ends where
    the tip switch says that the pen leaves the paper; a point that does not say it has the state of
    the one before.

    Args:
        text: what the trace holds.
        context: which values are x and y.
        most: points to read at most.

    Raises:
        DataError: there is something else in it, a point without x or y, or one of so many values
            that it must be several.
    """
    if text.count(",") > most:  # before it is cut up, which takes much memory
        raise DataError(f"the ink has more than {MAX_POINTS:,} points")
    columns = (context.x, context.y)
    place, speed, order = [0.0, 0.0], [0.0, 0.0], ["!", "!"]
    strokes: list[list[tuple[float, float]]] = [[]]
    down = True
    widths: list[int] = []
    for part in text.split(","):
        if not part or part.isspace():
            continue
        values = _point(part)
        widths.append(len(values))
        if len(widths) == 1 and not context.named and context.channels > 2 == len(values):
            columns = (0, 1)  # not in the format that happens to be in the file
        if len(values) <= max(columns):
            raise DataError(f"it has a point without x or y: {part.strip()!r:.60}")
        for axis, (prefix, number) in enumerate(values[column] for column in columns):
            # A prefix holds for the values of its channel that follow.
            order[axis] = prefix or order[axis]
            if order[axis] == "!":
                place[axis] = place[axis] if number is None else number
                continue
            if number is not None:
                speed[axis] = number + (speed[axis] if order[axis] == '"' else 0.0)
            place[axis] += speed[axis]
        if context.tip is not None and context.tip < len(values):
            state = values[context.tip][1]
            down = down if state is None else state != 0
        if down:
            strokes[-1].append((place[0], place[1]))
        elif strokes[-1]:
            strokes.append([])
    if len(widths) > most:
        raise DataError(f"the ink has more than {MAX_POINTS:,} points")
    _check_widths(widths, context)
    return [np.asarray(stroke, np.float64) for stroke in strokes if stroke]


def _check_widths(widths: list[int], context: Context) -> None:
    """Raise ``DataError`` where commas between points are missing.

    Values that the format does not name are nevertheless in each point of some files.
    """
    widest = max(widths, default=0)
    is_several = 2 * context.channels <= widest > context.channels + context.intermittent
    if is_several and (len(widths) == 1 or min(widths) < widest):
        raise DataError(
            f"it has a point of {widest} values instead of {context.channels}; is a comma missing?"
        )


def _point(part: str) -> list[tuple[str, float | None]]:
    """Prefix and number of each of a point's values."""
    if not part.strip(_PLAIN) and not _JOINED.search(part):  # numbers, apart by spaces
        tokens = part.split()
        try:
            if max(map(len, tokens)) <= _LONGEST:
                return [("", float(token)) for token in tokens]
        except ValueError:
            pass  # it is said below what is wrong
    return _values(part)


def _values(part: str) -> list[tuple[str, float | None]]:
    """Prefix and number of each value of a point; ``*`` and ``?`` have none, switches 1 and 0."""
    part = _SPACE.sub(" ", part).strip()  # no pattern then looks at one space twice
    values: list[tuple[str, float | None]] = []
    at = 0
    while at < len(part):
        found = _VALUE.match(part, at)
        if not found or found.end() == at:
            raise DataError(f"it has a point that cannot be read: {part!r:.60}")
        prefix, sign, hexadecimal, decimal, other = found.groups()
        number: float | None = _SWITCH.get(other)
        if hexadecimal or decimal:
            number = float(int(hexadecimal, 16)) if hexadecimal else float(decimal)
            number = -number if sign == "-" else number
        values.append((prefix, number))
        at = found.end()
    return values


def _traces(root: Element) -> Iterator[tuple[Element, Context | DataError]]:
    """The traces on the surface, each with its context or why it has none."""
    reader = Contexts(root)
    stack: list[tuple[Iterator[Element], Element | None]] = [(iter(list(root)), None)]
    while stack:
        elements, group = stack[-1]
        element = next(elements, None)
        if element is None:
            stack.pop()
            continue
        kind = local_name(element)
        if kind == "trace":
            if element.get("type", "penDown") != "penUp":
                try:
                    yield element, reader.of(element, group)
                except DataError as error:
                    yield element, error
        elif kind == "traceGroup":
            stack.append((iter(list(element)), element if element.get("contextRef") else group))
        elif kind == "definitions":  # what is defined there is not current
            inner = [part for part in element if local_name(part) in ("trace", "traceGroup")]
            stack.append((iter(inner), group))
        elif kind in ("context", "traceFormat", "inkSource"):
            reader.stands(element)
        elif kind != "traceView":
            stack.append((iter(list(element)), group))


def _text_of_groups(root: Element) -> str:
    """The texts of a file's groups, such as words, if all its traces are in groups with a text."""
    parts = [part for part in root if local_name(part) in ("trace", "traceGroup")]
    while len(parts) == 1 and local_name(parts[0]) == "traceGroup":
        text = _annotation(parts[0], _TRANSCRIPTS)
        if text:
            return text
        parts = [part for part in parts[0] if local_name(part) in ("trace", "traceGroup")]
    texts = [_annotation(part, _TRANSCRIPTS) for part in parts]
    return " ".join(texts) if all(texts) else ""


def _annotation(root: Element, kinds: tuple[str, ...]) -> str:
    """Text of an element's first annotation of one of some kinds, or an empty text."""
    for entry in children(root, "annotation"):
        if entry.get("type", "").lower() in kinds:
            return " ".join(text_of(entry).split())
    return ""
