"""Where the lines of a page are: ALTO 4 and PAGE XML, read and written back with text.

ALTO is what eScriptorium and kraken write, PAGE what Transkribus does. Both say of each line its
polygon and its baseline, some only one of the two; what is missing is made from the other.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from zoo.errors import DataError
from zoo.handwriting.safe_xml import (
    XmlDocument,
    child,
    children,
    descendants,
    local_name,
    read_xml,
)

MAX_LINES = 20_000
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_KIND = re.compile(r"structure\s*\{[^}]*type:\s*([^;}\s]+)")
_LARGEST = 1e6  # of a place, in pixels


@dataclass(frozen=True)
class TextLine:
    """A line of a page.

    Args:
        identity: what the file calls it.
        polygon: ``(points, 2)``, what belongs to the line, in pixels of the page.
        baseline: ``(points, 2)``, left to right, what the writing stands on.
        text: what is written there, or empty if the file does not say.
        kind: what the file says of it, such as ``"InterlinearLine"``, or empty.
    """

    identity: str
    polygon: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)
    text: str = ""
    kind: str = ""


@dataclass(frozen=True)
class PageLayout:
    """The lines of a page.

    Args:
        image: name of the page's image, or empty.
        width: of the page in pixels; 0 if the file does not say.
        height: of the page in pixels; 0 if the file does not say.
        lines: in the order of the file.
        document: the file.
    """

    image: str
    width: int
    height: int
    lines: tuple[TextLine, ...]
    document: XmlDocument = field(repr=False)

    def with_texts(self, texts: Mapping[int, tuple[str, float]]) -> bytes:
        """The file with texts put in.

        Everything else is as it was; lines that are not among them keep what they had. Where PAGE
        has a text of a whole region, it becomes that of the region's lines.

        Args:
            texts: text and confidence, 0 to 1, by the line's place in ``lines``; identities may
                occur twice.

        Returns:
            The bytes of a UTF-8 file.
        """
        root = copy.deepcopy(self.document.root)
        put = _put_alto if self.document.kind == "alto" else _put_page
        changed = set()
        for place, line in enumerate(descendants(root, "TextLine")):
            own = texts.get(place)
            if own is not None:
                put(line, *own)
                changed.add(line)
        for region in descendants(root, "TextRegion"):
            _put_region(region, changed)
        return self.document.to_bytes(root)


def read_layout(source: str | Path | bytes) -> PageLayout:
    """Read an ALTO or PAGE file.

    Args:
        source: a path, or the bytes of a file.

    Raises:
        DataError: the file is missing, damaged, of another kind or in other units than pixels, it
            has no lines, or one of them has no place.
    """
    document = read_xml(source)
    if document.kind not in _READERS:
        raise DataError(
            f"{document.name} is neither ALTO nor PAGE XML: its root is <{document.kind}>"
        )
    layout = _READERS[document.kind](document)
    if not layout.lines:
        raise DataError(f"{document.name} has no text lines")
    return layout


def read_layout_if_any(path: Path) -> PageLayout | None:
    """Read an ALTO or PAGE file; of another kind of XML, or without lines, it is ``None``.

    Exports of pages hold such files too: METS, and the layouts of blank pages.

    Raises:
        DataError: as :func:`read_layout`, for any other reason.
    """
    document = read_xml(path)
    layout = _READERS[document.kind](document) if document.kind in _READERS else None
    return layout if layout and layout.lines else None


def _read_alto(document: XmlDocument) -> PageLayout:
    root, name = document.root, document.name
    description = child(root, "Description")
    unit = child(root, "Description", "MeasurementUnit")
    if unit is not None and (unit.text or "").strip() not in ("pixel", ""):
        raise DataError(f"{name} measures in {unit.text!r}; only pixels are read")
    image = child(description, "sourceImageInformation", "fileName") if description else None
    page = next(descendants(root, "Page"), None)
    if page is None:
        raise DataError(f"{name} has no Page")
    kinds = {tag.get("ID", ""): tag.get("LABEL", "") for tag in _tags(root)}
    lines = []
    for number, entry in enumerate(_limited(page, name), 1):
        identity = _identity(entry, number)
        shape = child(entry, "Shape", "Polygon")
        polygon = _points(shape.get("POINTS") if shape is not None else None, identity, name)
        box = _box(entry, identity, name) if entry.get("WIDTH") else None
        baseline = _alto_baseline(entry, box, identity, name)
        if polygon is None and box is not None:
            # eScriptorium gives a line without a polygon the box of its baseline.
            if np.ptp(box[:, 1]) > _rise(baseline) + 1:
                polygon = box
            elif baseline is None:
                baseline = box[:2]
        text = _alto_text(entry)
        kind = next((kinds[t] for t in entry.get("TAGREFS", "").split() if t in kinds), "")
        lines.append((identity, polygon, baseline, text, kind))
    return PageLayout(
        ((image.text if image is not None else "") or "").strip(),
        _size(page.get("WIDTH")),
        _size(page.get("HEIGHT")),
        _completed(lines, name),
        document,
    )


def _alto_baseline(
    entry: Element, box: np.ndarray | None, identity: str, name: str
) -> np.ndarray | None:
    """The baseline of a line: points or, as ALTO 4.0 and 4.1 have it, how low a level one is."""
    text = entry.get("BASELINE", "").strip()
    if not _NUMBER.fullmatch(text):
        return _points(text, identity, name)
    if box is None:
        return None
    baseline = box[:2].copy()
    baseline[:, 1] = float(text)
    return baseline


def _rise(baseline: np.ndarray | None) -> float:
    """From the highest to the lowest point of a baseline."""
    return 0.0 if baseline is None else float(np.ptp(baseline[:, 1]))


def _alto_text(entry: Element) -> str:
    """The text of a line, with the hyphen at its end."""
    text = ""
    for part in entry:
        if local_name(part) == "String":
            text += " " + part.get("CONTENT", "")
        elif local_name(part) == "HYP":
            text += part.get("CONTENT", "").replace("\u00ad", "-")
    return text.strip()


def _tags(root: Element) -> Iterator[Element]:
    tags = child(root, "Tags")
    return iter(tags if tags is not None else ())


def _read_page(document: XmlDocument) -> PageLayout:
    root, name = document.root, document.name
    page = child(root, "Page")
    if page is None:
        raise DataError(f"{name} has no Page")
    lines = []
    for number, entry in enumerate(_limited(page, name), 1):
        identity = _identity(entry, number)
        coords, base = child(entry, "Coords"), child(entry, "Baseline")
        polygon = _points(coords.get("points") if coords is not None else None, identity, name)
        baseline = _points(base.get("points") if base is not None else None, identity, name)
        text = _page_text(entry)
        kind = _KIND.search(entry.get("custom", ""))
        lines.append((identity, polygon, baseline, text, kind[1] if kind else ""))
    return PageLayout(
        page.get("imageFilename", ""),
        _size(page.get("imageWidth")),
        _size(page.get("imageHeight")),
        _completed(lines, name),
        document,
    )


def _limited(page: Element, name: str) -> Iterator[Element]:
    for number, entry in enumerate(descendants(page, "TextLine"), 1):
        if number > MAX_LINES:
            raise DataError(f"{name} has more than {MAX_LINES} lines")
        yield entry


def _identity(entry: Element, number: int) -> str:
    return entry.get("ID") or entry.get("id") or f"line {number}"


def _size(text: str | None) -> int:
    try:
        value = float(text or 0)
    except ValueError:
        return 0
    return round(value) if 0 < value < _LARGEST else 0


def _points(text: str | None, identity: str, name: str) -> np.ndarray | None:
    """Points ``(points, 2)`` of ``"1,2 3,4"`` or ``"1 2 3 4"``; none of an empty text."""
    if not text or not text.strip():
        return None
    numbers = _NUMBER.findall(text)
    if len(numbers) % 2 or _NUMBER.sub("", text).strip(" ,\t\r\n"):
        raise DataError(f"{name}: {identity} has points that cannot be read: {text.strip()!r:.60}")
    points = np.array(numbers, np.float64).reshape(-1, 2)
    if not np.abs(points).max() < _LARGEST:
        raise DataError(f"{name}: {identity} has a point outside of any page: {text!r:.60}")
    return points


def _box(entry: Element, identity: str, name: str) -> np.ndarray:
    numbers = " ".join(entry.get(key, "0") for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    points = _points(numbers, identity, name)
    assert points is not None
    (left, top), (width, height) = points
    return np.array(
        [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    )


Found = tuple[str, np.ndarray | None, np.ndarray | None, str, str]


def _completed(lines: list[Found], name: str) -> tuple[TextLine, ...]:
    """The lines, each with both polygon and baseline."""
    height = _typical_height(lines)
    found = []
    for identity, polygon, baseline, text, kind in lines:
        if baseline is not None and len(baseline) < 2:
            baseline = None
        if polygon is not None and len(polygon) < 3:
            polygon = None
        if polygon is None and baseline is None:
            raise DataError(f"{name}: {identity} has neither a polygon nor a baseline")
        if baseline is None:
            assert polygon is not None
            (left, top), (right, bottom) = polygon.min(axis=0), polygon.max(axis=0)
            y = bottom - 0.25 * (bottom - top)
            baseline = np.array([(left, y), (right, y)])
        if polygon is None:
            up, down = (0.0, -0.75 * height), (0.0, 0.35 * height)
            polygon = np.concatenate([baseline + up, (baseline + down)[::-1]])
        text = " ".join(text.split())
        found.append(TextLine(identity, polygon, baseline, text, kind))
    return tuple(found)


def _typical_height(lines: list[Found]) -> float:
    """Distance of neighbouring baselines, for lines that have no polygon."""
    heights = sorted(float(base[:, 1].mean()) for _, _, base, _, _ in lines if base is not None)
    steps = [step for step in np.diff(heights) if step > 5]
    if steps:
        return float(np.median(steps))
    longest = max(
        (math.dist(base[0], base[-1]) for _, _, base, _, _ in lines if base is not None),
        default=0.0,
    )
    return max(40.0, longest / 20)


def _put_alto(line: Element, text: str, confidence: float) -> None:
    """Put one ``String`` for the whole line in the place of what it had."""
    space = line.tag.rpartition("}")[0]
    qualified = f"{space}}}String" if space else "String"
    for name in ("String", "SP", "HYP"):
        for old in list(children(line, name)):
            line.remove(old)
    string = SubElement(line, qualified)
    string.set("CONTENT", text)
    for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"):
        if line.get(key):
            string.set(key, line.get(key, ""))
    string.set("WC", f"{confidence:.4f}")
    string.tail = line.text


def _put_page(line: Element, text: str, confidence: float) -> None:
    """Put one ``TextEquiv`` in the place of what the line had, words and glyphs included."""
    space = line.tag.rpartition("}")[0]
    prefix = f"{space}}}" if space else ""
    for name in ("Word", "TextEquiv"):
        for old in list(children(line, name)):
            line.remove(old)
    equivalent = Element(f"{prefix}TextEquiv")
    equivalent.set("conf", f"{confidence:.4f}")
    SubElement(equivalent, f"{prefix}Unicode").text = text
    equivalent.tail = line.text
    # The schema has TextStyle and what users define behind the text.
    after = [i for i, one in enumerate(line) if str(one.tag).endswith(("Coords", "Baseline"))]
    line.insert(after[-1] + 1 if after else len(line), equivalent)


def _put_region(region: Element, changed: set[Element]) -> None:
    """Put the texts of a region's lines in the place of its own, if some of them are new."""
    lines = list(children(region, "TextLine"))
    equivalent = child(region, "TextEquiv")
    if equivalent is None or changed.isdisjoint(lines):
        return
    for other in list(children(region, "TextEquiv"))[1:]:  # further readings of the old text
        region.remove(other)
    for part in list(equivalent):
        if local_name(part) != "Unicode":
            equivalent.remove(part)
    equivalent.attrib.clear()
    content = child(equivalent, "Unicode")
    if content is None:
        content = SubElement(equivalent, f"{equivalent.tag[: -len('TextEquiv')]}Unicode")
    content.text = "\n".join(_page_text(line) for line in lines)


def _page_text(entry: Element) -> str:
    content = child(entry, "TextEquiv", "Unicode")
    return (content.text or "") if content is not None else ""


_READERS = {"alto": _read_alto, "PcGts": _read_page}
