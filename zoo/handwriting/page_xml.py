"""Where the lines of a page are: ALTO 4 and PAGE XML, read and written back with text.

ALTO is what eScriptorium and kraken write, PAGE what Transkribus does. Both say of each line its
polygon and its baseline, some only one of the two; what is missing is made from the other. Lines
come in the order of reading (:mod:`zoo.handwriting.reading_order`); one that is damaged is left out
and named.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from zoo.errors import DataError
from zoo.handwriting import alto, pagecontent
from zoo.handwriting.layout_entry import LineEntry
from zoo.handwriting.line_heights import line_heights
from zoo.handwriting.places import LARGEST, above, forwards, number, under
from zoo.handwriting.safe_xml import XmlDocument, descendants, read_xml

MAX_LINES = 20_000
MAX_PAGES = 10_000


@dataclass(frozen=True)
class TextLine:
    """A line of a page.

    Args:
        identity: what the file calls it.
        polygon: ``(points, 2)``, what belongs to the line, in pixels of the page.
        baseline: ``(points, 2)``, in the direction of writing, what the writing stands on.
        text: what is written there, or empty if the file does not say.
        kind: what the file says of it, such as ``"InterlinearLine"``, or empty.
    """

    identity: str
    polygon: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)
    text: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Entry:
    """A line as its file has it.

    Args:
        number: its place among all ``TextLine`` elements of the file, from 0.
        identity: what the file calls it.
        said: what the file says of it.
    """

    number: int
    identity: str
    said: LineEntry

    def placed(self, place: Callable[[np.ndarray], np.ndarray]) -> Entry:
        """The line with its points in other places."""
        said = self.said
        polygon, baseline, heading = (
            None if points is None else place(points)
            for points in (said.polygon, said.baseline, said.heading)
        )
        said = replace(said, polygon=polygon, baseline=baseline, heading=heading)
        return replace(self, said=said)


@dataclass(frozen=True)
class PageLayout:
    """The lines of a page.

    Args:
        image: name of the page's image, or empty.
        width: of the page in pixels, or in the units of the file, which are those of the lines'
            places too; 0 if the file does not say.
        height: likewise.
        lines: in the order of reading; none of a blank page.
        document: the file.
        problems: name and reason of each line that was left out.
        entries: what the file says of each line.
        page: which page of the file it is, from 1.
        unit: what the file measures in, such as ``"mm10"``; empty for pixels.
        image_number: which of its images the page is, from 1, as ALTO has it; 0 if the file does
            not say.
    """

    image: str
    width: float
    height: float
    lines: tuple[TextLine, ...]
    document: XmlDocument = field(repr=False)
    problems: tuple[tuple[str, str], ...] = ()
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    page: int = 1
    unit: str = ""
    image_number: int = 0

    def with_texts(self, texts: Mapping[int, tuple[str, float | None]]) -> bytes:
        """The file with texts put in.

        Everything else is as it was; lines that are not among them keep what they had. Where PAGE
        has a text of a whole region or of a cell, it becomes that of all lines in it, in the order
        of reading.

        Args:
            texts: text and confidence, 0 to 1 or ``None``, by the line's place in ``lines``;
                identities may occur twice.

        Returns:
            The bytes of a UTF-8 file.
        """
        root = copy.deepcopy(self.document.root)
        format_ = _FORMATS[self.document.kind]
        elements = list(descendants(root, "TextLine"))
        changed = set()
        for place, own in texts.items():
            line = elements[self.entries[place].number]
            format_.put_text(line, *own)
            changed.add(line)
        for page in pagecontent.page_elements(root):
            pagecontent.put_regions(page, changed)
        return self.document.to_bytes(root)

    @property
    def regions_only(self) -> bool:
        """Whether regions of text were found on the page, but no lines in them."""
        names = ("TextRegion", "TextBlock")
        return not self.lines and any(
            next(descendants(self.document.root, name), None) is not None for name in names
        )

    def placed(
        self, place: Callable[[np.ndarray], np.ndarray], width: float, height: float
    ) -> PageLayout:
        """The layout with all that the file says in other places.

        What is missing is made from what is there after it was moved, since what is above a line
        depends on how the page is turned.

        Args:
            place: takes points ``(points, 2)`` to where they belong.
            width: of the page in its new units.
            height: likewise.
        """
        entries = tuple(entry.placed(place) for entry in self.entries)
        lines = _completed(entries)
        return replace(self, lines=lines, entries=entries, width=width, height=height)


def read_layout(
    source: str | Path | bytes, page: int | None = None, *, strict: bool = False
) -> PageLayout:
    """Read a page of an ALTO or PAGE file.

    Args:
        source: a path, or the bytes of a file.
        page: which one of the file's pages, from 1; left out, its only one.
        strict: refuse a file with a line that cannot be read.

    Raises:
        DataError: the file is missing, damaged, of another kind, has several pages and none was
            chosen, or has lines and none of them can be read.
    """
    pages = read_layouts(source, strict=strict)
    if page is None and len(pages) > 1:
        raise DataError(
            f"{pages[0].document.name} has {len(pages)} pages; say which one is meant by its number"
        )
    return choose_page(pages, page or 1)


def read_layouts(source: str | Path | bytes, *, strict: bool = False) -> tuple[PageLayout, ...]:
    """Read all pages of an ALTO or PAGE file; PAGE has only one.

    Args:
        source: a path, or the bytes of a file.
        strict: refuse a file with a line that cannot be read.

    Raises:
        DataError: as :func:`read_layout`.
    """
    document = read_xml(source)
    if document.kind not in _FORMATS:
        raise DataError(
            f"{document.name} is neither ALTO nor PAGE XML: its root is <{document.kind}>"
        )
    return _pages(document, strict)


def read_layouts_if_any(path: Path) -> tuple[PageLayout, ...]:
    """Read all pages of an ALTO or PAGE file; another kind of XML, such as METS, has none.

    Raises:
        DataError: as :func:`read_layout`, for any other reason.
    """
    document = read_xml(path)
    return _pages(document, strict=False) if document.kind in _FORMATS else ()


def choose_page(pages: tuple[PageLayout, ...], page: int) -> PageLayout:
    """A page by its number.

    Args:
        pages: as :func:`read_layouts` gives them.
        page: from 1.

    Raises:
        DataError: there is no such page.
    """
    if not 1 <= page <= len(pages):
        raise DataError(f"{pages[0].document.name} has no page {page}, only {len(pages)} from 1 on")
    return pages[page - 1]


def _pages(document: XmlDocument, strict: bool) -> tuple[PageLayout, ...]:
    elements = _FORMATS[document.kind].page_elements(document.root)
    if not elements:
        raise DataError(f"{document.name} has no Page")
    if len(elements) > MAX_PAGES:
        raise DataError(f"{document.name} has more than {MAX_PAGES:,} pages")
    numbers = {line: i for i, line in enumerate(descendants(document.root, "TextLine"))}
    if len(numbers) > MAX_LINES:
        raise DataError(f"{document.name} has more than {MAX_LINES:,} lines")
    return tuple(
        _read_page(document, element, number_, numbers, strict)
        for number_, element in enumerate(elements, 1)
    )


def _read_page(
    document: XmlDocument,
    page: Element,
    page_number: int,
    numbers: dict[Element, int],
    strict: bool,
) -> PageLayout:
    format_ = _FORMATS[document.kind]
    facts = format_.page_facts(document.root, page, _size)
    if facts.unit and facts.lines and not (facts.width and facts.height):
        raise DataError(
            f"{document.name} measures in {facts.unit}, and does not say how many of them the page "
            "is wide and high, so that its pixels are not known"
        )
    read = format_.line_reader(document.root)
    entries: list[Entry] = []
    problems: list[tuple[str, str]] = []
    # Lines without a name are called by their number on the page.
    first = min((numbers[line] for line in facts.lines), default=0)
    for line in facts.lines:
        number_ = numbers[line]
        identity = line.get("ID") or line.get("id") or f"line {number_ - first + 1}"
        try:
            entry = Entry(number_, identity, read(line))
            if entry.said.polygon is None and entry.said.baseline is None:
                raise DataError("it has neither a polygon with an area nor a baseline")
        except DataError as error:
            if strict:
                raise DataError(f"{document.name}: {identity}: {error}") from None
            problems.append((identity, str(error)))
        else:
            entries.append(entry)
    if problems and not entries:
        raise DataError(f"{document.name}: no line can be read; {': '.join(problems[0])}")
    width, height = facts.width, facts.height
    return PageLayout(
        facts.image,
        width if facts.unit else round(width),
        height if facts.unit else round(height),
        _completed(tuple(entries)),
        document,
        tuple(problems),
        tuple(entries),
        page_number,
        facts.unit,
        facts.image_number,
    )


def _size(text: str | None) -> float:
    """A width or a height; 0 of what is none."""
    try:
        value = number(text or "", "size")
    except DataError:
        return 0
    if not 0 < value < LARGEST:
        return 0
    return round(value) if value == round(value) else value


def _completed(entries: tuple[Entry, ...]) -> tuple[TextLine, ...]:
    """The lines, each with both polygon and baseline."""
    baselines = [_baseline(entry.said) for entry in entries]
    missing = any(entry.said.polygon is None for entry in entries)
    heights = line_heights(baselines) if missing else np.zeros(len(entries))
    found = []
    for entry, baseline, height in zip(entries, baselines, heights, strict=True):
        said, polygon = entry.said, entry.said.polygon
        if polygon is None:
            up = above(baseline) * height
            polygon = np.concatenate([baseline + 0.75 * up, (baseline - 0.35 * up)[::-1]])
        text = " ".join(said.text.split())
        found.append(TextLine(entry.identity, polygon, baseline, text, said.kind))
    return tuple(found)


def _baseline(said: LineEntry) -> np.ndarray:
    """A line's baseline in the direction of writing."""
    baseline = said.baseline
    if baseline is None:
        assert said.polygon is not None
        baseline = under(said.polygon, said.heading)
    return forwards(baseline, said.polygon)


_FORMATS: dict[str, types.ModuleType] = {"alto": alto, "PcGts": pagecontent}
