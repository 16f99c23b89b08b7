"""In what order the lines of a page are read, as ALTO and PAGE files say it.

PAGE orders regions in ``ReadingOrder``, by groups inside each other, and lines by their ``index``.
Transkribus writes ``custom="readingOrder {index:3;}"`` into regions and lines besides. ALTO 4.3 has
``ReadingOrder`` for whatever has a name, and from its first version on blocks that name the block
that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

from zoo.handwriting.safe_xml import child, local_name

_LONGEST_CUSTOM = 1 << 16  # characters of the attribute; longer ones say nothing of lines


def custom_values(element: Element) -> dict[str, dict[str, str]]:
    """What Transkribus' ``custom`` attribute says, by name and key.

    Args:
        element: such as a ``TextLine`` with ``custom="structure {type:heading; score:1;}"``.

    Returns:
        Such as ``{"structure": {"type": "heading", "score": "1"}}``; of entries of one name the
        first.
    """
    text = element.get("custom", "")
    found: dict[str, dict[str, str]] = {}
    if len(text) > _LONGEST_CUSTOM:
        return found
    for part in text.split("}"):
        head, brace, body = part.rpartition("{")
        if brace:
            pairs = (entry.partition(":") for entry in body.split(";"))
            values = {key.strip(): value.strip() for key, colon, value in pairs if colon}
            found.setdefault(head.rpartition("{")[2].strip(), values)
    return found


def by_index(elements: list[Element]) -> list[Element]:
    """Siblings in the order of their ``index``, or of the one in ``custom``.

    Lines and regions are each ordered for themselves; those without an index keep their places.
    """
    lines = _sorted(elements, lambda each: _index(each) if _is_line(each) else None)
    return _sorted(lines, lambda each: None if _is_line(each) else _index(each))


def lines_in_order(page: Element, refs: Iterator[str]) -> list[Element]:
    """The ``TextLine`` elements of a page in the order of reading.

    Args:
        page: the ``Page`` element of an ALTO or a PAGE file.
        refs: names of elements in the order of reading, from :func:`page_refs` or
            :func:`alto_refs`. A line is read where the smallest element around it that is named
            is; what is not named at all comes last.
    """
    ranks: dict[str, int] = {}
    for ref in refs:
        ranks.setdefault(ref, len(ranks))
    found: list[tuple[int, Element]] = []
    # Of the names around a line the innermost one counts.
    stack = [(page, len(ranks))]
    while stack:
        element, rank = stack.pop()
        rank = ranks.get(_name(element), rank)
        if _is_line(element):
            if ranks and rank == len(ranks):  # words may be named instead
                rank = min((ranks.get(_name(part), rank) for part in element.iter()), default=rank)
            found.append((rank, element))
            continue
        inner = list(element)
        if not ranks or local_name(element) != "Page":  # regions are ordered already
            inner = by_index(inner)
        stack.extend((part, rank) for part in reversed(inner))
    return [line for _, line in sorted(found, key=lambda entry: entry[0])]


def page_refs(page: Element) -> Iterator[str]:
    """Names of regions in the order of a PAGE file's ``ReadingOrder``.

    Elements of ordered groups come by their index, those of unordered ones as they stand.
    """
    order = child(page, "ReadingOrder")
    return iter(()) if order is None else _refs(order)


def alto_refs(root: Element, page: Element) -> Iterator[str]:
    """Names in the order of an ALTO file's ``ReadingOrder``, else of its blocks' ``IDNEXT``."""
    order = child(root, "ReadingOrder")
    if order is not None:
        for element in order.iter():
            if local_name(element) == "ElementRef":
                yield from element.get("REF", "").split()
        return
    follow = {
        element.get("ID", ""): element.get("IDNEXT", "")
        for element in page.iter()
        if element.get("IDNEXT")
    }
    yield from _chains(follow)


def _refs(group: Element) -> Iterator[str]:
    if group.get("regionRef"):
        yield group.get("regionRef", "")
    inner = list(group)
    if local_name(group).startswith("Ordered"):
        inner = _sorted(inner, lambda element: _whole(element.get("index")))
    for element in inner:
        yield from _refs(element)


def _chains(follow: Mapping[str, str]) -> Iterator[str]:
    """The names of each chain, from the one that no other names on; circles are left out."""
    seen: set[str] = set()
    followers = set(follow.values())
    for start in (name for name in follow if name not in followers):
        name: str | None = start
        while name and name not in seen:
            seen.add(name)
            yield name
            name = follow.get(name)


def _is_line(element: Element) -> bool:
    return local_name(element) == "TextLine"


def _index(element: Element) -> int | None:
    own = _whole(element.get("index"))
    if own is not None:
        return own
    return _whole(custom_values(element).get("readingOrder", {}).get("index"))


def _sorted(elements: list[Element], key: Callable[[Element], int | None]) -> list[Element]:
    """Those with a key in its order, in the places that they had among the others."""
    keys = {place: value for place, each in enumerate(elements) if (value := key(each)) is not None}
    ordered = iter(sorted(keys, key=keys.__getitem__))
    return [elements[next(ordered)] if i in keys else each for i, each in enumerate(elements)]


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    digits = text.removeprefix("-")
    return int(text) if len(digits) < 10 and digits.isascii() and digits.isdecimal() else None


def _name(element: Element) -> str:
    return element.get("id") or element.get("ID") or ""
