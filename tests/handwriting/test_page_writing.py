"""New ALTO and PAGE files: by the formats' rules, with text, confidences and order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from tests.handwriting.layout_schemas import check_layout_file
from zoo.ctc.results import Alternative
from zoo.errors import UsageError
from zoo.handwriting.page_xml import TextLine, read_layout, read_layouts
from zoo.handwriting.results import Character, PageLine, PageReading, Reading

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def page_line(text: str, top: float, unread: str = "") -> PageLine:
    """A line of which each character is 10 pixels wide and 20 high."""
    edges = 10.0 * np.arange(len(text) + 1)
    right = edges[-1] + 30.4  # beyond the page, where a margin leads
    polygon = np.array([(-3.0, top), (right, top), (right, top + 20), (-3.0, top + 20)])
    baseline = np.array([(0.0, top + 15.2), (right, top + 15.2)])
    characters = tuple(
        Character(each, edges[i], edges[i + 1], 0.5 if each == "i" else 0.75)
        for i, each in enumerate(text)
    )
    boxes = [
        [(a, top), (b, top), (b, top + 20), (a, top + 20)] for a, b in itertools.pairwise(edges)
    ]
    reading = Reading(text, characters, 0.625, (Alternative(text, -1.0, 0.625),))
    line = TextLine("any", polygon, baseline)
    return PageLine(line, reading, np.array(boxes).reshape(-1, 4, 2), unread)


def reading(*lines: PageLine) -> PageReading:
    return PageReading(lines, width=100, height=200)


PAGE = reading(page_line('a & "<b', 10), page_line("", 50, "lies outside"), page_line("é vi", 90))


@pytest.mark.parametrize("layout_format", ["alto", "page"])
@pytest.mark.parametrize("page", [PAGE, reading(), reading(page_line("", 10))])
def test_a_new_file_follows_its_schema_and_reads_as_it_was_written(
    page: PageReading, layout_format: str, tmp_path: Path
) -> None:
    path = page.save(tmp_path / "a.xml", layout_format, image="ä b.png", created=WHEN)  # type: ignore[arg-type]
    check_layout_file(path.read_bytes())
    found = read_layout(path)
    assert (found.image, found.width, found.height) == ("ä b.png", 100, 200)
    assert [line.text for line in found.lines] == [line.reading.text for line in page.lines]
    for line, wanted in zip(found.lines, page.lines, strict=True):
        inside = np.clip(wanted.line.polygon, 0, (100, 200)).round()
        assert np.array_equal(line.polygon, inside)
        assert np.array_equal(line.baseline, np.clip(wanted.line.baseline, 0, (100, 200)).round())


def test_words_have_their_places_and_confidences(tmp_path: Path) -> None:
    root = check_layout_file(PAGE.save(tmp_path / "a.xml", image="a").read_bytes())
    strings = [each for each in root.iter() if each.tag.endswith("}String")]
    facts = [(each.get("CONTENT"), each.get("WC"), each.get("HPOS")) for each in strings]
    assert facts[:3] == [("a", "0.7500", "0"), ("&", "0.7500", "20"), ('"<b', "0.7500", "40")]
    assert facts[3:] == [("", None, None), ("é", "0.7500", "0"), ("vi", "0.5000", "20")]
    assert strings[2].get("WIDTH") == "30"
    root = check_layout_file(PAGE.save(tmp_path / "a.xml", "page", image="a").read_bytes())
    confidences = [
        [each.get("conf") for each in line if each.tag.endswith("TextEquiv")]
        for line in root.iter()
        if line.tag.endswith("TextLine")
    ]
    assert confidences == [["0.6250"], [], ["0.6250"]]


@pytest.mark.parametrize("kind", ["alto", "page"])
def test_no_confidence_is_claimed_of_a_line_without_text(kind: str, tmp_path: Path) -> None:
    empty = page_line("", 50)
    empty = replace(empty, reading=replace(empty.reading, confidence=1.0))
    found = reading(page_line("vi", 10), empty)
    assert found.confidence == pytest.approx(0.625 / 2)
    assert reading(empty).confidence == 0
    old = PAGE.save(tmp_path / "old.xml", kind, image="a")  # type: ignore[arg-type]
    filled = replace(found, layout=read_layout(old))
    for path in (
        filled.save(tmp_path / "filled.xml"),
        found.save(tmp_path / "new.xml", kind, image="a"),  # type: ignore[arg-type]
    ):
        check_layout_file(path.read_bytes())
        assert b"1.0000" not in path.read_bytes()
        assert [line.text for line in read_layout(path).lines][:2] == ["vi", ""]


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    for layout_format in ("alto", "page"):
        path = reading(page_line("a\x01b", 10)).save(
            tmp_path / "a.xml",
            layout_format,  # type: ignore[arg-type]
            image="\udc80.png",
        )
        check_layout_file(path.read_bytes())
        found = read_layout(path)
        assert (found.image, found.lines[0].text) == ("\ufffd.png", "a\ufffdb")


def test_a_layout_file_is_filled_in_or_a_new_one_made_of_it(tmp_path: Path) -> None:
    old = PAGE.save(tmp_path / "old.xml", "page", image="a.png", created=WHEN)
    known = PageReading(PAGE.lines, (), read_layout(old), 100, 200)
    assert b"PcGts" in known.save(tmp_path / "b.xml").read_bytes()
    new = known.save(tmp_path / "b.xml", "alto")
    check_layout_file(new.read_bytes())
    assert b"<fileName>a.png</fileName>" in new.read_bytes()
    with pytest.raises(UsageError, match="must be alto or page, not 'hocr'"):
        known.save(tmp_path / "b.xml", "hocr")  # type: ignore[arg-type]


HERE = Path(__file__).parent
VALID = [HERE.parents[1] / "samples" / "page.xml"] + [
    HERE / "cases" / "pages" / f"page_{name}.xml"
    for name in ("base", "readingorder_regions", "textequiv_index", "words_only", "page_blank")
]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_file_of_others_that_is_filled_in_still_follows_its_schema(path: Path) -> None:
    check_layout_file(path.read_bytes())
    for layout in read_layouts(path):
        texts = {place: (f"new & {place}", 0.5) for place in range(len(layout.lines))}
        new = layout.with_texts(texts)
        check_layout_file(new)
        assert [line.text for line in read_layout(new).lines] == [
            text for text, _ in texts.values()
        ]


@pytest.mark.parametrize(
    ("layout_format", "extra", "kept"),
    [
        ("alto", b"<HYP CONTENT='-'/>", {"HYP": 0}),  # the hyphen of the old text
        (
            "page",
            b"<TextStyle bold='true'/><UserDefined><UserAttribute value='1'/></UserDefined>",
            {"TextStyle": 3, "UserAttribute": 3},
        ),
    ],
)
def test_new_text_replaces_hyphens_and_keeps_styles_and_attributes(
    layout_format: str, extra: bytes, kept: dict[str, int], tmp_path: Path
) -> None:
    data = PAGE.save(tmp_path / "a.xml", layout_format, image="a").read_bytes()  # type: ignore[arg-type]
    old = data.replace(b"</TextLine>", extra + b"</TextLine>")
    assert counts(check_layout_file(old), kept) == dict.fromkeys(kept, 3)
    new = read_layout(old).with_texts(dict.fromkeys(range(3), ("new", 0.5)))
    assert counts(check_layout_file(new), kept) == kept


def counts(root: Element, names: Iterable[str]) -> dict[str, int]:
    """How many elements of each name there are."""
    return {name: sum(each.tag.endswith(f"}}{name}") for each in root.iter()) for name in names}


@pytest.mark.parametrize(
    "change",
    [
        (b'ID="line_1"', b'ID="line_2"'),
        (b'REF="line_1"', b'REF="line_9"'),
        (b'WC="0.7500"', b'WC="1.7500"'),
        (b"<SP />", b"<SP /><SP />"),
        (b'CONTENT="vi"', b"STYLE=''"),
    ],
)
def test_the_rules_catch_what_is_wrong(change: tuple[bytes, bytes], tmp_path: Path) -> None:
    data = PAGE.save(tmp_path / "a.xml", image="a").read_bytes()
    assert change[0] in data
    with pytest.raises(AssertionError):
        check_layout_file(data.replace(*change, 1))
