"""The rules of ALTO 4.4 and PAGE 2019-07-15 for what the zoo writes, to check its files against.

They say of each element what may stand in it and in what order, which attributes it must and may
have, and what values these take. The sources are the formats' schemas, ``v4/alto-4-4.xsd`` of
altoxml/schema and ``pagecontent.xsd`` of PRImA-Research-Lab/PAGE-XML; elements that the zoo never
writes are not allowed here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, fromstring

_TYPES = {
    "text": r"(?s).*",
    "name": r"[A-Za-z_][\w.-]*",
    "names": r"[A-Za-z_][\w.-]*( [A-Za-z_][\w.-]*)*",
    "int": r"-?\d+",
    "float": r"-?\d+(\.\d+)?",
    "confidence": r"0(\.\d+)?|1(\.0+)?",
    "points": r"(\d+,\d+ )+\d+,\d+",
    "date": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?",
}


@dataclass(frozen=True)
class Rule:
    """What a schema says of an element.

    Args:
        content: a regular expression of its children's names, each with a space behind it.
        must: type of each attribute that it must have.
        may: type of each further attribute.
        text: type of its text; ``None`` if it has elements alone.
    """

    content: str = ""
    must: dict[str, str] = field(default_factory=dict)
    may: dict[str, str] = field(default_factory=dict)
    text: str | None = None


_BOX = dict.fromkeys(("HPOS", "VPOS", "WIDTH", "HEIGHT"), "float")
_ALTO = {
    "alto": Rule("(Description )?(Styles )?(Tags )?(ReadingOrder )?Layout "),
    "Description": Rule("MeasurementUnit (sourceImageInformation )?(Processing )*"),
    "MeasurementUnit": Rule(text="text"),
    "sourceImageInformation": Rule("(fileName )?"),
    "fileName": Rule(text="text"),
    "Processing": Rule("(processingCategory )?(processingSoftware )?", {"ID": "name"}),
    "processingCategory": Rule(text="text"),
    "processingSoftware": Rule("(softwareName )?(softwareVersion )?"),
    "softwareName": Rule(text="text"),
    "softwareVersion": Rule(text="text"),
    "ReadingOrder": Rule("(OrderedGroup )+"),
    "OrderedGroup": Rule("(ElementRef )+", {"ID": "name"}),
    "ElementRef": Rule("", {"ID": "name", "REF": "names"}),
    "Layout": Rule("(Page )+"),
    "Page": Rule(
        "(PrintSpace )?",
        {"ID": "name", "PHYSICAL_IMG_NR": "float"},
        {"WIDTH": "float", "HEIGHT": "float", "PC": "confidence"},
    ),
    "PrintSpace": Rule("(Shape )?(TextBlock )*", {}, {"ID": "name", **_BOX}),
    "TextBlock": Rule("(Shape )?(TextLine )*", {"ID": "name"}, _BOX),
    "TextLine": Rule(
        "(Shape )?(String (SP )?)+(HYP )?", {}, {"ID": "name", "BASELINE": "text", **_BOX}
    ),
    "Shape": Rule("Polygon "),
    "Polygon": Rule("", {"POINTS": "text"}),
    "String": Rule("", {"CONTENT": "text"}, {"ID": "name", "WC": "confidence", **_BOX}),
    "SP": Rule("", {}, {"ID": "name", **_BOX}),
}
_PAGE = {
    "PcGts": Rule("Metadata Page "),
    "Metadata": Rule("Creator Created LastChange "),
    "Creator": Rule(text="text"),
    "Created": Rule(text="date"),
    "LastChange": Rule(text="date"),
    "Page": Rule(
        "(ReadingOrder )?(TextRegion )*",
        {"imageFilename": "text", "imageWidth": "int", "imageHeight": "int"},
        {"custom": "text", "conf": "confidence"},
    ),
    "ReadingOrder": Rule("OrderedGroup "),
    "OrderedGroup": Rule("(RegionRefIndexed )+", {"id": "name"}),
    "RegionRefIndexed": Rule("", {"index": "int", "regionRef": "name"}),
    "TextRegion": Rule(
        "Coords (TextLine )*(TextEquiv )*", {"id": "name"}, {"type": "text", "custom": "text"}
    ),
    "TextLine": Rule(
        "Coords (Baseline )?(Word )*(TextEquiv )*",
        {"id": "name"},
        {"custom": "text", "index": "int"},
    ),
    "Word": Rule("Coords (TextEquiv )*", {"id": "name"}),
    "Coords": Rule("", {"points": "points"}),
    "Baseline": Rule("", {"points": "points"}),
    "TextEquiv": Rule("Unicode ", {}, {"index": "int", "conf": "confidence"}),
    "Unicode": Rule(text="text"),
}
_FORMATS = {
    "alto": ("http://www.loc.gov/standards/alto/ns-v4#", _ALTO),
    "PcGts": ("http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15", _PAGE),
}
_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def check_layout_file(data: bytes) -> Element:
    """The root of an ALTO or PAGE file.

    Raises:
        AssertionError: it breaks a rule of its format.
    """
    root = fromstring(data)
    namespace, _, name = root.tag[1:].partition("}")
    wanted, rules = _FORMATS[name]
    assert namespace == wanted
    names: list[str] = []
    references: list[str] = []
    for element in root.iter():
        space, _, own = element.tag[1:].partition("}")
        assert space == namespace
        rule = rules[own]
        children = "".join(f"{child.tag.partition('}')[2]} " for child in element)
        assert re.fullmatch(rule.content, children), f"{own}: {children}"
        _check_attributes(element, own, rule)
        text = element.text or ""
        assert re.fullmatch(r"\s*" if rule.text is None else _TYPES[rule.text], text), (own, text)
        assert not (element.tail or "").strip()
        names += [element.attrib[key] for key in ("ID", "id") if key in element.attrib]
        for key in ("REF", "regionRef"):
            references += element.get(key, "").split()
    assert len(set(names)) == len(names), "a name is there twice"
    assert set(references) <= set(names), "a reference leads nowhere"
    return root


def _check_attributes(element: Element, own: str, rule: Rule) -> None:
    given = {key: value for key, value in element.attrib.items() if key != _LOCATION}
    assert set(rule.must) <= set(given), f"{own} lacks {set(rule.must) - set(given)}"
    for key, value in given.items():
        kind = {**rule.must, **rule.may}[key]
        assert re.fullmatch(_TYPES[kind], value), f"{own} {key}={value!r}"
