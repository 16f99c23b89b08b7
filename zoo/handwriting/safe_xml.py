"""XML from anywhere, read so that it can do no harm, and written back as it was."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from zoo.errors import DataError
from zoo.files import open_without_waiting, reason_of, user_path

MAX_XML_BYTES = 64 * 2**20
"""Bytes of the largest document that is read."""
MAX_ELEMENTS = 1_000_000
"""Elements of the largest document that is read; comments and many attributes count, too."""
MAX_DEPTH = 100
"""Elements inside each other; what goes through a tree by recursion bears many more."""

_ATTRIBUTES = 8  # that take about as much memory as an element
_PREFIXES = threading.Lock()
"""ElementTree has one table of prefixes for all documents."""


@dataclass(frozen=True)
class XmlDocument:
    """A parsed document.

    Args:
        root: its root element; comments are kept.
        prefixes: namespace of each prefix that it declares, ``""`` for the default one.
        name: its name in messages.
    """

    root: Element
    prefixes: dict[str, str]
    name: str

    @property
    def namespace(self) -> str:
        """Namespace of the root, or an empty text."""
        tag = self.root.tag
        return tag[1:].partition("}")[0] if tag.startswith("{") else ""

    @property
    def kind(self) -> str:
        """Name of the root without its namespace."""
        return local_name(self.root)

    def to_bytes(self, root: Element) -> bytes:
        """A changed copy of the root as a UTF-8 file, with this document's prefixes."""
        with _PREFIXES:
            for prefix, namespace in self.prefixes.items():
                if not prefix.startswith("ns"):  # ElementTree keeps these for its own
                    ElementTree.register_namespace(prefix, namespace)
            data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return data + b"\n"


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree within limits, and notes the prefixes."""

    def __init__(self, name: str) -> None:
        super().__init__(insert_comments=True)
        self.prefixes: dict[str, str] = {}
        self._name, self._elements, self._depth = name, 0, 0

    def start(self, tag: Any, attrs: Any) -> Element:
        self._depth += 1
        self._count(1 + len(attrs) // _ATTRIBUTES)
        return super().start(tag, attrs)

    def comment(self, text: str | None) -> Any:
        self._count(1)
        return super().comment(text)

    def _count(self, elements: int) -> None:
        self._elements += elements
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise DataError(
                f"{self._name} has more than {MAX_ELEMENTS:,} elements, or more than {MAX_DEPTH} "
                "inside each other"
            )

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)

    def start_ns(self, prefix: str | None, uri: str) -> None:
        self.prefixes.setdefault(prefix or "", uri)


def read_xml(source: str | Path | bytes, name: str = "the XML") -> XmlDocument:
    """Parse an XML file.

    Entities are never expanded and nothing outside the file is ever asked for: a document that
    declares entities is refused.

    Args:
        source: a path, or the bytes of a file.
        name: of bytes, in messages.

    Raises:
        DataError: the file is missing, larger than :data:`MAX_XML_BYTES`, no well-formed XML,
            declares entities, or has more than :data:`MAX_ELEMENTS` elements or
            :data:`MAX_DEPTH` of them inside each other.
    """
    if isinstance(source, bytes):
        data = source
    else:
        path = user_path(source)
        name = str(path)
        try:
            with open(path, "rb", opener=open_without_waiting) as stream:
                data = stream.read(MAX_XML_BYTES + 1)
        except OSError as error:
            raise DataError(f"cannot read {path}: {reason_of(error)}") from None
        except ValueError as error:  # a name with a null byte
            raise DataError(f"cannot read {name!r}: {error}") from None
    if len(data) > MAX_XML_BYTES:
        raise DataError(f"{name} is larger than {MAX_XML_BYTES:,} bytes")
    builder = _Builder(name)
    parser: Any = DefusedXMLParser(target=builder, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        root = parser.close()
    except DefusedXmlException:
        raise DataError(f"{name} declares entities or refers to other files; remove them") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{name} is not well-formed XML: {error}") from None
    return XmlDocument(root, builder.prefixes, name)


def local_name(element: Element) -> str:
    """Name of an element without its namespace; comments have none."""
    tag: Any = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def text_of(element: Element | None) -> str:
    """The text of an element without that of its elements; comments do not interrupt it."""
    if element is None:
        return ""
    behind = (part.tail or "" for part in element if not local_name(part))
    return "".join([element.text or "", *behind])


def children(element: Element, name: str) -> Iterator[Element]:
    """The element's own children of a name, whatever their namespace."""
    return (child for child in element if local_name(child) == name)


def child(element: Element, *names: str) -> Element | None:
    """The first child of a name, of that the first child of the next name, and so on."""
    found: Element | None = element
    for name in names:
        found = next(children(found, name), None) if found is not None else None
    return found


def descendants(element: Element, name: str) -> Iterator[Element]:
    """All elements of a name below one, whatever their namespace, in document order."""
    return (one for one in element.iter() if local_name(one) == name)


def inherited(
    element: Element, attribute: str, name: str, value: str = ""
) -> Iterator[tuple[Element, str]]:
    """All elements of a name with the attribute of the nearest element around them that has it.

    Args:
        element: what to look through.
        attribute: its name.
        name: of the elements to find.
        value: what counts around ``element``.
    """
    value = element.get(attribute, value)
    if local_name(element) == name:
        yield element, value
    for part in element:
        yield from inherited(part, attribute, name, value)
