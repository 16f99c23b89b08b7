"""UNIPEN files (Guyon et al. 1994, "UNIPEN project of on-line data exchange and recognizer
benchmarks").

Components, what the pen writes on the surface and its ways through the air, are numbered from 0 in
the order of the file; those without a point do not count. Segments name components and say what is
written there.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from zoo.errors import DataError
from zoo.files import is_file
from zoo.handwriting.ink import MAX_POINTS
from zoo.handwriting.ink_piece import Ink, read_ink_bytes
from zoo.handwriting.left_out import LeftOut

MAX_COMPONENTS = 500_000
"""Components of the largest file that is read."""
MAX_REFERENCES = 1_000_000
"""How many components all segments together may name."""
_MAX_INCLUDES = 64
_RESOLUTIONS = frozenset(f"{axis}_POINTS_PER_{unit}" for axis in "XY" for unit in ("MM", "INCH"))
_MOST_UNEQUAL = 10.0  # times that one resolution is the other; more is no tablet's
_LONGEST = 40  # characters of a number
_LONGEST_SEGMENT = 1 << 16  # characters
_HUGE = 1e12
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
# Letters of Windows-1252 in the place of Latin-1's control characters.
_WINDOWS = {
    code: letter
    for code in range(0x80, 0xA0)
    if (letter := bytes([code]).decode("cp1252", "ignore"))
}
_ENTRY = re.compile(r"^\.([A-Z_0-9]+)[ \t]*", re.MULTILINE | re.ASCII)
_PLACES = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?", re.ASCII)
_WORD = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*+)"|'([^']*+)'|([^\s"']\S*+))""", re.DOTALL)


@dataclass(frozen=True)
class _Component:
    """What lies between two changes of the pen.

    Args:
        down: whether the pen is on the surface.
        xy: ``(points, 2)``, y downwards.
        problem: why it cannot be read, or empty.
    """

    down: bool
    xy: np.ndarray
    problem: str = ""


@dataclass(frozen=True)
class _Segment:
    """What a segment says, still as words."""

    number: int
    level: str
    places: str
    quality: str
    text: str


def is_unipen(data: bytes) -> bool:
    """Whether some bytes are those of a UNIPEN file."""
    return _ENTRY.search(_decoded(data)) is not None


def read_unipen(data: bytes, path: Path, include: Path | None, left_out: LeftOut) -> list[Ink]:
    """The segments of a UNIPEN file, or all its strokes as one piece if it has none.

    Args:
        data: the bytes of the file.
        path: of the file.
        include: where its ``.INCLUDE`` entries are looked up; ``None`` for a folder ``include``
            beside or above it.
        left_out: takes the segments and components that cannot be read.

    Raises:
        DataError: the file is damaged as a whole, or nothing of it can be read.
    """
    state = _Reader(path, include, left_out)
    state.read(data, path)
    if not any(part.down for part in state.components):
        raise DataError(state.failure(f"{path} has no strokes"))
    if not state.segment_count:
        whole = [part.xy for part in state.components if part.down and not part.problem]
        if not whole:
            raise DataError(state.failure(f"{path} has no strokes"))
        return [Ink(whole, writer=state.writer)]
    found, points, references = [], 0, 0
    # Pages and lines are often without a label; they count where nothing has one.
    for segment in state.segments or state.unlabelled:
        strokes: list[np.ndarray] = []
        try:
            for number, part in _delineated(segment.places):
                references += 1
                if references > MAX_REFERENCES:
                    break
                strokes += state.cut(number, part)
        except DataError as error:
            left_out.add(f"{path}, segment {segment.number} ({segment.text!r:.40})", error)
            continue
        points += sum(map(len, strokes))
        if points > MAX_POINTS or references > MAX_REFERENCES:
            raise DataError(
                f"{path}: its segments have more than {MAX_POINTS:,} points or "
                f"{MAX_REFERENCES:,} components"
            )
        if strokes:
            found.append(Ink(strokes, segment.text, segment.level, segment.quality, state.writer))
    if not found:
        raise DataError(state.failure(f"{path}: its segments have no strokes"))
    return found


class _Reader:
    """What has been read of a UNIPEN file and the files that it includes."""

    def __init__(self, path: Path, include: Path | None, left_out: LeftOut) -> None:
        self.components: list[_Component] = []
        self.segments: list[_Segment] = []
        self.unlabelled: list[_Segment] = []
        self.writer = ""
        self._columns = (0, 1)
        self._resolution: dict[str, float] = {}
        self._path, self._include, self._left_out = path, include, left_out
        self._before = left_out.count
        self._included_files = self._points = self.segment_count = 0

    def failure(self, message: str) -> str:
        """A message for the whole file, with the first thing that was left out."""
        return (
            f"{message}; {self._left_out.first}" if self._left_out.count > self._before else message
        )

    def read(self, data: bytes, path: Path) -> None:
        """Read a file; its entries follow what was read before."""
        self._included_files += 1
        if self._included_files > _MAX_INCLUDES:
            raise DataError(f"{self._path} includes more than {_MAX_INCLUDES} files")
        for keyword, rest in _entries(_decoded(data)):
            first, _, numbers = rest.partition("\n")
            if keyword == "INCLUDE":
                included = self._included(first.strip())
                self.read(read_ink_bytes(included), included)
            elif keyword == "COORD":
                names = first.split()
                if "X" not in names or "Y" not in names:
                    raise DataError(f"{path}: .COORD names no X and Y")
                self._columns = (names.index("X"), names.index("Y"))
            elif keyword in _RESOLUTIONS:
                self._resolution[keyword] = _positive(first)
            elif keyword in ("PEN_DOWN", "PEN_UP"):
                self._add(keyword == "PEN_DOWN", f"{first}\n{numbers}", path)
            elif keyword == "SEGMENT":
                self._segment(rest, path)
            elif keyword == "WRITER_ID":
                self.writer = first.strip()

    def cut(self, number: int, part: tuple[int, int | None]) -> list[np.ndarray]:
        """Points of a component, if it is one on the surface and there."""
        if number >= len(self.components):
            raise DataError(
                f"it names component {number}, but the last one is {len(self.components) - 1}"
            )
        component = self.components[number]
        if component.problem:
            raise DataError(f"its component {number} {component.problem}")
        xy = component.xy[part[0] : None if part[1] is None else part[1] + 1]
        return [xy] if component.down and len(xy) else []

    def _add(self, down: bool, text: str, path: Path) -> None:
        try:
            xy, problem = self._coordinates(text), ""
        except ValueError as error:
            xy, problem = np.zeros((0, 2)), str(error)
        if not len(xy) and not problem:
            return
        if len(self.components) >= MAX_COMPONENTS:
            raise DataError(f"{path} has more than {MAX_COMPONENTS:,} components")
        self._points += len(xy)
        if self._points > MAX_POINTS:
            raise DataError(f"{path} has more than {MAX_POINTS:,} points")
        if problem and down:
            self._left_out.add(f"{path}, component {len(self.components)}", f"it {problem}")
        # UNIPEN's y goes upwards, and may have units of another length than x.
        self.components.append(_Component(down, xy * np.array([1.0, -self._y_unit()]), problem))

    def _y_unit(self) -> float:
        """The length of y's unit in those of x; 1 if the file does not say."""
        for unit in ("MM", "INCH"):
            x, y = (self._resolution.get(f"{axis}_POINTS_PER_{unit}", 0.0) for axis in "XY")
            if x and y:
                return x / y if 1 / _MOST_UNEQUAL <= x / y <= _MOST_UNEQUAL else 1.0
        return 1.0

    def _coordinates(self, text: str) -> np.ndarray:
        width = max(self._columns) + 1
        values = array("d")
        for row in text.splitlines():
            fields = row.split(None, width)
            if not fields:
                continue
            try:
                chosen = [fields[column] for column in self._columns]
                if max(map(len, chosen)) > _LONGEST or any("_" in field for field in chosen):
                    raise ValueError
                values.extend(map(float, chosen))
            except (ValueError, IndexError):
                raise ValueError(
                    f"has a line without {width} numbers: {row.strip()!r:.40}"
                ) from None
        xy = np.array(values).reshape(-1, 2)
        if not (np.abs(xy) < _HUGE).all():
            raise ValueError("has NaN, infinite or huge places")
        return xy

    def _segment(self, text: str, path: Path) -> None:
        number, self.segment_count = self.segment_count, self.segment_count + 1
        if len(text) > _LONGEST_SEGMENT:
            self._left_out.add(f"{path}, segment {number}", "it is too long")
            return
        try:
            words = _words(text)
        except DataError as error:
            self._left_out.add(f"{path}, segment {number}", error)
            return
        if len(words) < 2:
            self._left_out.add(f"{path}, segment {number}", "it names no components")
            return
        level, places, quality, label = (*words, "", "")[:4]
        segment = _Segment(number, level, places, quality, " ".join(label.split()))
        (self.segments if len(words) > 3 else self.unlabelled).append(segment)

    def _included(self, name: str) -> Path:
        relative = PurePosixPath(name)
        if not name or "\0" in name or relative.is_absolute() or ".." in relative.parts:
            raise DataError(f"{self._path} includes {name!r:.80}, which leads out of its folder")
        folders = (
            [self._include]
            if self._include
            else [above / "include" for above in self._path.resolve().parents]
        )
        for folder in [*folders, self._path.parent]:
            if is_file(folder / relative):
                return folder / relative
        raise DataError(f"{self._path} includes {name!r:.80}, which is not there")


def _decoded(data: bytes) -> str:
    """The text of a file: Unicode if it is that, else Windows-1252, as files of the nineties are.

    Bytes that Windows-1252 lacks are those of Latin-1.
    """
    marked = (encoding for mark, encoding in _MARKS.items() if data.startswith(mark))
    try:
        text = data.decode(next(marked, "utf-8"))
    except UnicodeDecodeError:
        text = data.decode("latin-1").translate(_WINDOWS)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _positive(text: str) -> float:
    """A positive number at the start of a text, 0 if there is none."""
    word = text.split(None, 1)[0] if text.strip() else ""
    try:
        value = float(word) if len(word) <= _LONGEST and "_" not in word else 0.0
    except ValueError:
        return 0.0
    return value if 0 < value < _HUGE else 0.0


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keyword and what follows it up to the next one."""
    parts = _ENTRY.split(text)
    return zip(parts[1::2], parts[2::2], strict=True)


def _words(text: str) -> list[str]:
    """The words of an entry; quoted ones may have white space, and quotes behind a backslash."""
    words, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _WORD.match(text, at)
        if not found:
            raise DataError(f"it cannot be read: {text.strip()!r:.80}")
        double, single, bare = found.groups()
        if double is not None:
            words.append(re.sub(r'\\(["\\])', r"\1", double))
        else:
            words.append(single if bare is None else re.sub(r"\\(.)", r"\1", bare))
        at = found.end()
    return words


def _delineated(places: str) -> Iterator[tuple[int, tuple[int, int | None]]]:
    """The components that ``"3:2-5,7"`` names, each with its first and its last point."""
    for piece in places.split(","):
        found = _PLACES.fullmatch(piece)
        if not found:
            raise DataError(f"it has places that cannot be read: {places!r:.60}")
        first, begin, last, end = (int(group) if group else None for group in found.groups())
        last = first if last is None else last
        assert first is not None
        assert last is not None
        if last < first:
            raise DataError(f"its components end before they begin: {places!r:.60}")
        if last - first > MAX_COMPONENTS:
            raise DataError(f"it has too many components: {places!r:.60}")
        for number in range(first, last + 1):
            yield number, (begin or 0 if number == first else 0, end if number == last else None)
