"""Files of pen strokes: InkML (W3C 2011) and UNIPEN (Guyon et al. 1994)."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.files import open_without_waiting, user_path
from zoo.handwriting.ink import MAX_POINTS, check_strokes
from zoo.handwriting.safe_xml import children, descendants, read_xml

MAX_FILE_BYTES = 512 * 2**20
SUFFIXES = (".inkml", ".dat", ".unp", ".unipen")
"""Endings of files that are taken for ink where a folder is searched for them."""

_MAX_INCLUDES = 64
_VALUE = re.compile(r"""([!'"]?)\s*(\*|\?|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[TF]\b)""")
_PLACES = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?", re.ASCII)
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_TRANSCRIPTS = ("truth", "transcription", "transcript")


@dataclass(frozen=True)
class Ink:
    """A piece of ink from a file.

    Args:
        strokes: arrays ``(points, 2)``, x to the right and y downwards.
        text: what is written, or empty if the file does not say.
        level: what UNIPEN calls it, such as ``"WORD"``.
        quality: what UNIPEN says of it, such as ``"GOOD"``.
        writer: who wrote it, or empty.
    """

    strokes: list[np.ndarray]
    text: str = ""
    level: str = ""
    quality: str = ""
    writer: str = ""


def read_ink(path: str | Path) -> list[np.ndarray]:
    """The strokes of an ink file that holds one piece of writing.

    Args:
        path: an InkML or a UNIPEN file.

    Raises:
        DataError: the file is missing, damaged, of another kind, or holds no ink.
        UsageError: it holds several pieces; :func:`read_ink_file` gives them all.
    """
    found = read_ink_file(path)
    if len(found) > 1:
        raise UsageError(
            f"{path} holds {len(found)} pieces of writing; read_ink_file gives them one by one"
        )
    return found[0].strokes


def read_ink_file(path: str | Path, include: Path | None = None) -> list[Ink]:
    """The pieces of writing in an ink file.

    All strokes of an InkML file are one piece. A UNIPEN file has a piece for each of its
    ``.SEGMENT`` entries, or one of all strokes if it has none.

    Args:
        path: an InkML or a UNIPEN file.
        include: the folder in which a UNIPEN file's ``.INCLUDE`` entries are looked up; left out,
            a folder ``include`` beside or above the file.

    Raises:
        DataError: the file is missing, damaged, of another kind, or holds no ink.
    """
    source = user_path(path)
    data = _read(source)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        found = [_inkml(data, source)]
    elif re.search(rb"^\.[A-Z_]+", data, re.MULTILINE):
        found = _unipen(source, include)
    else:
        raise DataError(f"{source} is neither InkML nor UNIPEN")
    for ink in found:
        try:
            check_strokes(ink.strokes)
        except UsageError as error:
            raise DataError(f"{source}: {error}") from None
    return found


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=open_without_waiting) as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', '') or error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
    if not data.strip():
        raise DataError(f"{path} is empty")
    return data


@dataclass(frozen=True)
class _Channels:
    """Which value of a point is x and which y, and which way they go."""

    count: int = 2
    x: int = 0
    y: int = 1
    x_sign: float = 1.0
    y_sign: float = 1.0


def _inkml(data: bytes, path: Path) -> Ink:
    document = read_xml(data, str(path))
    root = document.root
    if document.kind != "ink":
        raise DataError(f"{path} is XML but not InkML: its root is <{document.kind}>")
    formats: dict[str, _Channels] = {}
    default = _Channels()
    for number, entry in enumerate(descendants(root, "traceFormat")):
        channels = _channels(entry, path)
        formats[entry.get(_XML_ID, entry.get("id", ""))] = channels
        default = channels if number == 0 else default
    contexts = {
        entry.get(_XML_ID, entry.get("id", "")): _context_format(entry, formats, default)
        for entry in descendants(root, "context")
    }
    strokes = []
    for trace in descendants(root, "trace"):
        if trace.get("type", "penDown") == "penUp":
            continue
        own = contexts.get(trace.get("contextRef", "").lstrip("#"), default)
        strokes.append(_trace(trace.text or "", own, path))
    if not strokes:
        raise DataError(f"{path} has no traces")
    text, writer = _annotation(root, _TRANSCRIPTS), _annotation(root, ("writer",))
    return Ink(strokes, text, writer=writer)


def _annotation(root: Element, kinds: tuple[str, ...]) -> str:
    """Text of the file's first annotation of one of some kinds, or an empty text."""
    for entry in children(root, "annotation"):
        if entry.get("type", "").lower() in kinds:
            return " ".join((entry.text or "").split())
    return ""


def _context_format(
    context: Element, formats: dict[str, _Channels], default: _Channels
) -> _Channels:
    for entry in descendants(context, "traceFormat"):
        return formats[entry.get(_XML_ID, entry.get("id", ""))]
    return formats.get(context.get("traceFormatRef", "").lstrip("#"), default)


def _channels(entry: Element, path: Path) -> _Channels:
    found = list(children(entry, "channel"))
    names = [channel.get("name", "") for channel in found]
    if "X" not in names or "Y" not in names:
        raise DataError(f"{path}: a traceFormat has no channels X and Y")
    signs = [-1.0 if channel.get("orientation") == "-ve" else 1.0 for channel in found]
    x, y = names.index("X"), names.index("Y")
    return _Channels(len(names), x, y, signs[x], signs[y])


def _trace(text: str, channels: _Channels, path: Path) -> np.ndarray:
    """The points of a trace: values, or first and second differences where a prefix says so."""
    place, speed = [0.0] * channels.count, [0.0] * channels.count
    order = ["!"] * channels.count
    points = []
    if text.count(",") > MAX_POINTS:  # before it is cut up, which takes much memory
        raise DataError(f"{path} has more than {MAX_POINTS:,} points")
    for part in text.split(","):
        values = _VALUE.findall(part)
        if not values or _VALUE.sub("", part).strip():
            if part.strip():
                raise DataError(
                    f"{path}: a trace has a point that cannot be read: {part.strip()!r:.60}"
                )
            continue
        if len(values) <= max(channels.x, channels.y):
            raise DataError(f"{path}: a trace has a point without x or y: {part.strip()!r:.60}")
        for channel, (prefix, value) in enumerate(values[: channels.count]):
            order[channel] = prefix or order[channel]
            # "*" goes on as before, "?" is not known, T and F are switches.
            number = None if value in ("*", "?", "T", "F") else float(value)
            if order[channel] == "!" and number is not None:
                place[channel] = number
            elif order[channel] != "!":
                if number is not None:
                    before = speed[channel] if order[channel] == '"' else 0.0
                    speed[channel] = before + number
                place[channel] += speed[channel]
        points.append((channels.x_sign * place[channels.x], channels.y_sign * place[channels.y]))
        if len(points) > MAX_POINTS:
            raise DataError(f"{path} has more than {MAX_POINTS:,} points")
    return np.asarray(points, np.float64).reshape(-1, 2)


def _unipen(path: Path, include: Path | None) -> list[Ink]:
    """The segments of a UNIPEN file.

    Components are numbered from 0 in the order of the file, on the surface and in the air alike;
    those without a point do not count.
    """
    state = _UnipenState(path, include)
    state.read(path)
    parts = state.components
    if not any(down for down, _ in parts):
        raise DataError(f"{path} has no strokes")
    if not state.segments:
        return [Ink([xy for down, xy in parts if down], writer=state.writer)]
    found = []
    points = 0
    for level, places, quality, text in state.segments:
        strokes = []
        for number, part in _delineated(places, path):
            cut = state.cut(number, part)
            strokes += cut
            points += 1 + sum(map(len, cut))  # one that gives nothing takes its time, too
            if points > MAX_POINTS:
                raise DataError(f"{path}: its segments have more than {MAX_POINTS:,} points")
        if strokes:
            found.append(Ink(strokes, text, level, quality, state.writer))
    if not found:
        raise DataError(f"{path}: its segments have no strokes")
    return found


class _UnipenState:
    """What has been read of a UNIPEN file and the files that it includes."""

    def __init__(self, path: Path, include: Path | None) -> None:
        self.components: list[tuple[bool, np.ndarray]] = []
        self.segments: list[tuple[str, str, str, str]] = []
        self.writer = ""
        self._columns = (0, 1)
        self._path, self._include, self._depth = path, include, 0
        self._points = 0

    def read(self, path: Path) -> None:
        """Read a file; its entries follow what was read before."""
        self._depth += 1
        if self._depth > _MAX_INCLUDES:
            raise DataError(f"{self._path} includes more than {_MAX_INCLUDES} files")
        for keyword, rest in _entries(_read(path).decode("latin-1")):
            first, _, numbers = rest.partition("\n")
            if keyword == "INCLUDE":
                self.read(self._included(first.strip()))
            elif keyword == "COORD":
                names = first.split()
                if "X" not in names or "Y" not in names:
                    raise DataError(f"{path}: .COORD names no X and Y")
                self._columns = (names.index("X"), names.index("Y"))
            elif keyword in ("PEN_DOWN", "PEN_UP"):
                self._add(keyword == "PEN_DOWN", f"{first}\n{numbers}", path)
            elif keyword == "SEGMENT":
                self._segment(" ".join(rest.split("\n")), path)
            elif keyword == "WRITER_ID":
                self.writer = first.strip()

    def cut(self, number: int, part: tuple[int, int | None]) -> list[np.ndarray]:
        """Points of a component, if it is one on the surface and there."""
        if number >= len(self.components):
            raise DataError(f"{self._path}: a segment names component {number}, which is not there")
        down, xy = self.components[number]
        xy = xy[part[0] : None if part[1] is None else part[1] + 1]
        return [xy] if down and len(xy) else []

    def _add(self, down: bool, text: str, path: Path) -> None:
        width = max(self._columns) + 1
        rows = [line.split() for line in text.splitlines() if line.strip()]
        if not rows:
            return
        try:
            xy = np.array([[float(row[i]) for i in self._columns] for row in rows])
        except (ValueError, IndexError):
            raise DataError(f"{path}: a component has a line without {width} numbers") from None
        self._points += len(xy)
        if self._points > MAX_POINTS:
            raise DataError(f"{path} has more than {MAX_POINTS:,} points")
        # UNIPEN's y goes upwards.
        self.components.append((down, xy * np.array([1.0, -1.0])))

    def _segment(self, text: str, path: Path) -> None:
        try:
            words = shlex.split(text, posix=True)
        except ValueError:
            raise DataError(f"{path}: a segment cannot be read: {text.strip()!r:.80}") from None
        if len(words) >= 4:
            self.segments.append((words[0], words[1], words[2], " ".join(words[3].split())))

    def _included(self, name: str) -> Path:
        relative = PurePosixPath(name)
        if not name or relative.is_absolute() or ".." in relative.parts:
            raise DataError(f"{self._path} includes {name!r}, which leads out of its folder")
        folders = (
            [self._include]
            if self._include
            else [above / "include" for above in self._path.resolve().parents]
        )
        for folder in [*folders, self._path.parent]:
            if (folder / relative).is_file():
                return folder / relative
        raise DataError(f"{self._path} includes {name!r}, which is not there")


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keyword and what follows it up to the next one."""
    parts = re.split(r"^\.([A-Z_0-9]+)[ \t]*", text, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def _delineated(places: str, path: Path) -> Iterator[tuple[int, tuple[int, int | None]]]:
    """The components that ``"3:2-5,7"`` names, each with its first and its last point."""
    for piece in places.split(","):
        found = _PLACES.fullmatch(piece)
        if not found:
            raise DataError(f"{path}: a segment has places that cannot be read: {places!r:.60}")
        first, begin, last, end = (int(g) if g else None for g in found.groups())
        last = first if last is None else last
        assert first is not None
        assert last is not None
        if last - first > MAX_POINTS:
            raise DataError(f"{path}: a segment has too many components: {places!r:.60}")
        for number in range(first, last + 1):
            yield number, (begin or 0 if number == first else 0, end if number == last else None)


def ink_of_any(value: Any) -> list[np.ndarray]:
    """Strokes of what a caller may give: a path, an :class:`Ink`, or strokes.

    Raises:
        UsageError, DataError: as :func:`read_ink` and :func:`~zoo.handwriting.ink.check_strokes`.
    """
    if isinstance(value, Ink):
        return check_strokes(value.strokes)
    if isinstance(value, (str, os.PathLike)):
        return check_strokes(read_ink(Path(value)))
    return check_strokes(value)
