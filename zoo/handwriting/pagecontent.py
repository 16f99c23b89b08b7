"""Pages and lines of PAGE XML files, versions 2009 to 2019.

PAGE is what Transkribus, eScriptorium and OCR-D write. Its schema is kept by PRImA,
https://github.com/PRImA-Research-Lab/PAGE-XML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element, SubElement

from zoo.handwriting.layout_entry import LineEntry, PageFacts
from zoo.handwriting.places import baseline_of, heading, polygon_of
from zoo.handwriting.reading_order import by_index, custom_values, lines_in_order, page_refs
from zoo.handwriting.safe_xml import child, children, descendants, inherited, local_name, text_of

_PARTS = {"TextLine": ("Word", " "), "Word": ("Glyph", "")}
"""What a text is put together from where an element has none of its own, and what is between."""


def page_elements(root: Element) -> list[Element]:
    """The pages of a file; PAGE has one."""
    return list(children(root, "Page"))


def page_facts(root: Element, page: Element, size: Callable[[str | None], float]) -> PageFacts:
    """What the file says of a page.

    Args:
        root: of the file.
        page: one of :func:`page_elements`.
        size: makes a number of a width or a height, 0 of what is none.
    """
    return PageFacts(
        image=page.get("imageFilename", "").strip(),
        width=size(page.get("imageWidth")),
        height=size(page.get("imageHeight")),
        unit="",
        lines=lines_in_order(page, page_refs(page)),
    )


def line_reader(root: Element) -> Callable[[Element], LineEntry]:
    """A function that gives what the file says of a line; it raises ``DataError``."""

    # The angle by which a region must be turned with the clock for its writing to be level.
    turned = dict(inherited(root, "orientation", "TextLine"))

    def read(line: Element) -> LineEntry:
        kind = custom_values(line).get("structure", {}).get("type", "")
        polygon = polygon_of(_points(child(line, "Coords")))
        baseline = baseline_of(_points(child(line, "Baseline")))
        return LineEntry(polygon, baseline, line_text(line), kind, heading(turned.get(line)))

    return read


def line_text(line: Element) -> str:
    """The text of a line or a word: its main ``TextEquiv``, else that of its words and glyphs.

    The main one is that of the lowest ``index``, and the first one where none has an index.
    """
    own = _equivalent(children(line, "TextEquiv"))
    if own.strip() or local_name(line) not in _PARTS:
        return own
    name, between = _PARTS[local_name(line)]
    parts = (line_text(part) for part in by_index(list(children(line, name))))
    return between.join(part for part in parts if part.strip())


def put_text(line: Element, text: str, confidence: float | None) -> None:
    """Put one ``TextEquiv`` in the place of what a line had, words and glyphs included.

    Args:
        line: a ``TextLine``.
        text: what is written there.
        confidence: 0 to 1, or ``None`` to say nothing of it.
    """
    space = line.tag.rpartition("}")[0]
    prefix = f"{space}}}" if space else ""
    for name in ("Word", "TextEquiv"):
        for old in list(children(line, name)):
            line.remove(old)
    equivalent = Element(f"{prefix}TextEquiv")
    if confidence is not None:
        equivalent.set("conf", f"{confidence:.4f}")
    SubElement(equivalent, f"{prefix}Unicode").text = text
    equivalent.tail = line.text
    # The schema has TextStyle and what users define behind the text.
    after = [i for i, one in enumerate(line) if str(one.tag).endswith(("Coords", "Baseline"))]
    line.insert(after[-1] + 1 if after else len(line), equivalent)


def put_regions(page: Element, changed: set[Element]) -> None:
    """Put the texts of their lines in the place of those of regions and cells.

    Args:
        page: a ``Page``.
        changed: the lines whose text is new; what has none of them keeps its text.
    """
    ranks = {line: rank for rank, line in enumerate(lines_in_order(page, page_refs(page)))}
    for region in page.iter():
        if child(region, "TextEquiv") is not None:
            lines = list(descendants(region, "TextLine"))
            if region not in changed and not changed.isdisjoint(lines):
                _put_region(region, sorted(lines, key=ranks.__getitem__))


def _put_region(region: Element, lines: list[Element]) -> None:
    """Put the texts of lines in the place of that of a region, which has one."""
    equivalent = child(region, "TextEquiv")
    assert equivalent is not None
    for other in list(children(region, "TextEquiv"))[1:]:  # further readings of the old text
        region.remove(other)
    for part in list(equivalent):
        if local_name(part) != "Unicode":
            equivalent.remove(part)
    equivalent.attrib.clear()
    content = child(equivalent, "Unicode")
    if content is None:
        content = SubElement(equivalent, f"{equivalent.tag[: -len('TextEquiv')]}Unicode")
    for comment in list(content):
        content.remove(comment)
    content.text = "\n".join(line_text(line) for line in lines)


def _equivalent(equivalents: Iterable[Element]) -> str:
    """The main text among several."""
    best, text = None, ""
    for equivalent in equivalents:
        index = equivalent.get("index", "").strip()
        rank = int(index) if index.isascii() and index.isdecimal() and len(index) < 10 else None
        if best is None or (rank is not None and rank < best[0]):
            best = (10**10 if rank is None else rank, equivalent)
    if best is None:
        return ""
    for name in ("Unicode", "PlainText"):
        text = text or text_of(child(best[1], name))
    return text


def _points(element: Element | None) -> str | None:
    """The points as an attribute has them or, up to PAGE 2010, ``Point`` elements."""
    if element is None:
        return None
    text = element.get("points")
    if text is None:
        text = " ".join(
            f"{point.get('x', '?')},{point.get('y', '?')}" for point in children(element, "Point")
        )
    return text
