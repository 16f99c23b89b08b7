"""Pages and lines of ALTO files, versions 1 to 4.

ALTO is what eScriptorium, kraken, Tesseract and ABBYY write. Its schema is kept by the Library of
Congress, https://www.loc.gov/standards/alto/.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from zoo.handwriting.layout_entry import LineEntry, PageFacts
from zoo.handwriting.places import (
    baseline_of,
    box,
    heading,
    is_flat,
    is_short,
    number,
    polygon_of,
    under,
)
from zoo.handwriting.reading_order import alto_refs, lines_in_order
from zoo.handwriting.safe_xml import child, children, descendants, inherited, local_name, text_of

_PIXELS = ("pixel", "pixels", "px")


def page_elements(root: Element) -> list[Element]:
    """The pages of a file; ALTO may have several."""
    return list(descendants(root, "Page"))


def page_facts(root: Element, page: Element, size: Callable[[str | None], float]) -> PageFacts:
    """What the file says of a page.

    Args:
        root: of the file.
        page: one of :func:`page_elements`.
        size: makes a number of a width or a height, 0 of what is none.
    """
    unit_name = text_of(child(root, "Description", "MeasurementUnit")).strip()
    image = child(root, "Description", "sourceImageInformation", "fileName")
    return PageFacts(
        image=text_of(image).strip(),
        width=size(page.get("WIDTH")),
        height=size(page.get("HEIGHT")),
        unit="" if unit_name.lower() in _PIXELS else unit_name,
        lines=lines_in_order(page, alto_refs(root, page)),
        image_number=int(size(page.get("PHYSICAL_IMG_NR"))),
    )


def line_reader(root: Element) -> Callable[[Element], LineEntry]:
    """A function that gives what the file says of a line; it raises ``DataError``."""
    tags = child(root, "Tags")
    kinds = {tag.get("ID", ""): tag.get("LABEL", "") for tag in (tags if tags is not None else ())}

    # Degrees against the clock by which the writing of a page or a block is turned.
    turned = dict(inherited(root, "ROTATION", "TextLine"))

    def read(line: Element) -> LineEntry:
        shape = child(line, "Shape", "Polygon")
        polygon = polygon_of(shape.get("POINTS") if shape is not None else None)
        corners = _box(line)
        towards = heading(turned.get(line))
        baseline = _baseline(line, None if towards is not None else corners)
        if polygon is None and corners is not None:
            # eScriptorium gives a line without a polygon the box of its baseline.
            if np.ptp(corners[:, 1]) > _rise(baseline) + 1 and not is_flat(corners):
                polygon = corners
            elif baseline is None and not is_short(flat := under(corners, towards)):
                baseline = flat
        kind = next((kinds[tag] for tag in line.get("TAGREFS", "").split() if tag in kinds), "")
        return LineEntry(polygon, baseline, line_text(line), kind, towards)

    return read


def line_text(line: Element) -> str:
    """The text of a line, with the hyphen at its end."""
    text = ""
    for part in line:
        if local_name(part) == "String":
            text += " " + (part.get("CONTENT") or _glyphs(part))
        elif local_name(part) == "HYP":
            text += part.get("CONTENT", "").replace("\u00ad", "-")
    return text.strip()


def put_text(line: Element, text: str, confidence: float | None) -> None:
    """Put one ``String`` for the whole line in the place of what it had.

    Args:
        line: a ``TextLine``.
        text: what is written there.
        confidence: 0 to 1, or ``None`` to say nothing of it.
    """
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
    if confidence is not None:
        string.set("WC", f"{confidence:.4f}")
    string.tail = line.text


def _box(line: Element) -> np.ndarray | None:
    if not line.get("WIDTH"):
        return None
    left, top, width, height = (
        number(line.get(key) or "0", key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    )
    return box(left, top, width, height)


def _baseline(line: Element, corners: np.ndarray | None) -> np.ndarray | None:
    """The baseline of a line: points or, as ALTO up to 4.1 has it, how low a level one is.

    Args:
        line: a ``TextLine``.
        corners: of its box; ``None`` if it has none or is not level, so that a number says nothing.
    """
    text = line.get("BASELINE", "").strip()
    if not text or len(text.replace(",", " ").split()) > 1:
        return baseline_of(text)
    level = number(text, "baseline")
    if corners is None:
        return None
    baseline = corners[:2].copy()
    baseline[:, 1] = level
    return None if is_short(baseline) else baseline


def _rise(baseline: np.ndarray | None) -> float:
    """From the highest to the lowest point of a baseline."""
    return 0.0 if baseline is None else float(np.ptp(baseline[:, 1]))


def _glyphs(string: Element) -> str:
    return "".join(glyph.get("CONTENT", "") for glyph in children(string, "Glyph"))
