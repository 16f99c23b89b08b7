"""New ALTO and PAGE XML files of pages that were read without a layout file.

They have the lines with their words, the confidences and the order of reading: ALTO 4.3
(https://www.loc.gov/standards/alto/) or PAGE 2019-07-15
(https://github.com/PRImA-Research-Lab/PAGE-XML). What a page is written from decides every byte, so
that the same page gives the same file.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from zoo.errors import UsageError
from zoo.version import __version__

LayoutFormat = Literal["alto", "page"]

_ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
_ALTO_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"
_PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_PAGE_SCHEMA = f"{_PAGE}/pagecontent.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SOFTWARE = "sequence-zoo"
# What XML 1.0 cannot hold; a file's name may have it.
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class WrittenWord:
    """A word to write.

    Args:
        text: the word.
        confidence: 0 to 1.
        corners: ``(4, 2)``, where it is on the page.
    """

    text: str
    confidence: float
    corners: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class WrittenLine:
    """A line to write.

    Args:
        text: what is written there; empty if none was read.
        confidence: 0 to 1, or ``None`` if no text was read.
        polygon: ``(points, 2)``, in pixels of the page.
        baseline: ``(points, 2)``.
        words: those of the text.
    """

    text: str
    confidence: float | None
    polygon: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)
    words: tuple[WrittenWord, ...] = ()


@dataclass(frozen=True)
class WrittenPage:
    """A page to write.

    Args:
        image: the name of its image.
        width: in pixels.
        height: in pixels.
        lines: in the order of reading.
        number: which page of its document it is, from 1.
        created: when it was read; PAGE wants a date.
    """

    image: str
    width: int
    height: int
    lines: tuple[WrittenLine, ...]
    number: int
    created: datetime


def check_format(name: str) -> None:
    """Raise :class:`~zoo.UsageError` if it is not the name of a format."""
    if name not in get_args(LayoutFormat):
        known = " or ".join(get_args(LayoutFormat))
        raise UsageError(f"layout_format must be {known}, not {name!r}")


def page_bytes(page: WrittenPage, layout_format: LayoutFormat) -> bytes:
    """A page as a UTF-8 file.

    Args:
        page: the page.
        layout_format: ``"alto"`` or ``"page"``.

    Raises:
        UsageError: the format is neither.
    """
    check_format(layout_format)
    root = _alto(page) if layout_format == "alto" else _page(page)
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _alto(page: WrittenPage) -> Element:
    root = _root("alto", _ALTO, _ALTO_SCHEMA)
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    source = SubElement(description, "sourceImageInformation")
    SubElement(source, "fileName").text = _fit(page.image)
    processing = SubElement(description, "Processing", ID="recognition")
    SubElement(processing, "processingCategory").text = "contentGeneration"
    software = SubElement(processing, "processingSoftware")
    SubElement(software, "softwareName").text = _SOFTWARE
    SubElement(software, "softwareVersion").text = __version__
    if page.lines:
        group = SubElement(SubElement(root, "ReadingOrder"), "OrderedGroup", ID="order")
        for number, _ in enumerate(page.lines, 1):
            SubElement(group, "ElementRef", ID=f"order_{number}", REF=f"line_{number}")
    whole = {"WIDTH": str(page.width), "HEIGHT": str(page.height)}
    facts = {"ID": "page", "PHYSICAL_IMG_NR": str(page.number), **whole}
    sheet = SubElement(SubElement(root, "Layout"), "Page", facts)
    space = SubElement(sheet, "PrintSpace", {"HPOS": "0", "VPOS": "0", **whole})
    if page.lines:
        corners = np.concatenate([line.polygon for line in page.lines])
        block = SubElement(space, "TextBlock", {"ID": "block", **_box(corners, page)})
        for number, line in enumerate(page.lines, 1):
            _alto_line(block, line, number, page)
    return root


def _alto_line(block: Element, line: WrittenLine, number: int, page: WrittenPage) -> None:
    baseline = _points(line.baseline, page, " ")
    places = {"ID": f"line_{number}", "BASELINE": baseline, **_box(line.polygon, page)}
    element = SubElement(block, "TextLine", places)
    shape = SubElement(element, "Shape")
    SubElement(shape, "Polygon", POINTS=_points(line.polygon, page, " "))
    for place, word in enumerate(line.words, 1):
        if place > 1:
            SubElement(element, "SP")
        facts = {"CONTENT": _fit(word.text), "WC": _confidence(word.confidence)}
        name = f"line_{number}_word_{place}"
        SubElement(element, "String", {"ID": name, **facts, **_box(word.corners, page)})
    if not line.words:  # the schema wants a string in each line
        SubElement(element, "String", CONTENT="")


def _page(page: WrittenPage) -> Element:
    root = _root("PcGts", _PAGE, _PAGE_SCHEMA)
    metadata = SubElement(root, "Metadata")
    SubElement(metadata, "Creator").text = f"{_SOFTWARE} {__version__}"
    when = page.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    SubElement(metadata, "Created").text = when
    SubElement(metadata, "LastChange").text = when
    size = {"imageWidth": str(page.width), "imageHeight": str(page.height)}
    sheet = SubElement(root, "Page", {"imageFilename": _fit(page.image), **size})
    if not page.lines:
        return root
    group = SubElement(SubElement(sheet, "ReadingOrder"), "OrderedGroup", id="order")
    SubElement(group, "RegionRefIndexed", index="0", regionRef="region")
    region = SubElement(sheet, "TextRegion", id="region", type="paragraph")
    corners = np.concatenate([line.polygon for line in page.lines])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    around = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    SubElement(region, "Coords", points=_points(around, page, ","))
    for number, line in enumerate(page.lines, 1):
        _page_line(region, line, number, page)
    _equivalent(region, "\n".join(line.text for line in page.lines), None)
    return root


def _page_line(region: Element, line: WrittenLine, number: int, page: WrittenPage) -> None:
    index = str(number - 1)
    custom = f"readingOrder {{index:{index};}}"
    element = SubElement(region, "TextLine", id=f"line_{number}", index=index, custom=custom)
    SubElement(element, "Coords", points=_points(line.polygon, page, ","))
    SubElement(element, "Baseline", points=_points(line.baseline, page, ","))
    for place, word in enumerate(line.words, 1):
        part = SubElement(element, "Word", id=f"line_{number}_word_{place}")
        SubElement(part, "Coords", points=_points(word.corners, page, ","))
        _equivalent(part, word.text, word.confidence)
    if line.confidence is not None:
        _equivalent(element, line.text, line.confidence)


def _equivalent(element: Element, text: str, confidence: float | None) -> None:
    equivalent = SubElement(element, "TextEquiv")
    if confidence is not None:
        equivalent.set("conf", _confidence(confidence))
    SubElement(equivalent, "Unicode").text = _fit(text)


def _root(name: str, namespace: str, schema: str) -> Element:
    facts = {"xmlns": namespace, "xmlns:xsi": _INSTANCE}
    return Element(name, {**facts, "xsi:schemaLocation": f"{namespace} {schema}"})


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def _on_page(points: np.ndarray, page: WrittenPage) -> np.ndarray:
    """Whole pixels of the page, which is all that PAGE allows."""
    return np.clip(np.rint(points), 0, (page.width, page.height)).astype(int)


def _points(points: np.ndarray, page: WrittenPage, between: str) -> str:
    return " ".join(f"{x}{between}{y}" for x, y in _on_page(points, page).tolist())


def _box(points: np.ndarray, page: WrittenPage) -> dict[str, str]:
    on_page = _on_page(points, page)
    (left, top), (right, bottom) = on_page.min(axis=0), on_page.max(axis=0)
    sides = {"HPOS": left, "VPOS": top, "WIDTH": right - left, "HEIGHT": bottom - top}
    return {key: str(value) for key, value in sides.items()}


def _confidence(value: float) -> str:
    return f"{min(max(value, 0.0), 1.0):.4f}"
