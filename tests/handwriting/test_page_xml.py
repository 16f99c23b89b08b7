"""ALTO and PAGE files: read, filled in, and refused where they are damaged or hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.handwriting.toy import write_page
from zoo.errors import DataError
from zoo.handwriting.page_xml import read_layout
from zoo.handwriting.safe_xml import child, children, descendants, read_xml

ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"


def alto(lines: str, unit: str = "pixel", tags: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alto xmlns="{ALTO}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">'
        f"<!-- kept --><Description><MeasurementUnit>{unit}</MeasurementUnit>"
        "<sourceImageInformation><fileName> p.jpg </fileName></sourceImageInformation>"
        f"</Description><Tags>{tags}</Tags><Layout><Page WIDTH='200' HEIGHT='100'><PrintSpace>"
        f"<TextBlock>{lines}</TextBlock></PrintSpace></Page></Layout></alto>"
    ).encode()


def page(lines: str) -> bytes:
    return (
        f'<PcGts xmlns="{PAGE}"><Metadata/><Page imageFilename="p.jpg" imageWidth="200" '
        f'imageHeight="100"><TextRegion id="r"><Coords points="0,0 1,0 1,1"/>{lines}'
        "</TextRegion></Page></PcGts>"
    ).encode()


POLYGON = '<Shape><Polygon POINTS="10 10 90 10 90,30 10,30"/></Shape>'


def test_an_alto_file_gives_its_lines() -> None:
    layout = read_layout(
        alto(
            f'<TextLine ID="a" BASELINE="10 25 90 26" TAGREFS="LT1">{POLYGON}'
            '<String CONTENT="one  two"/><SP/><String CONTENT="three"/></TextLine>'
            '<TextLine HPOS="5" VPOS="40" WIDTH="50" HEIGHT="20"/>',
            tags='<OtherTag ID="LT1" LABEL="Interlinear"/>',
        )
    )
    assert (layout.image, layout.width, layout.height) == ("p.jpg", 200, 100)
    first, second = layout.lines
    assert (first.identity, first.text, first.kind) == ("a", "one two three", "Interlinear")
    assert first.polygon.tolist() == [[10, 10], [90, 10], [90, 30], [10, 30]]
    assert first.baseline.tolist() == [[10, 25], [90, 26]]
    assert second.identity == "line 2"
    assert second.polygon.tolist() == [[5, 40], [55, 40], [55, 60], [5, 60]]
    assert second.baseline.tolist() == [[5, 55], [55, 55]]


def test_the_flat_box_of_a_baseline_is_no_polygon() -> None:
    layout = read_layout(
        alto(
            '<TextLine BASELINE="10 20 90 21" HPOS="10" VPOS="20" WIDTH="80" HEIGHT="1"/>'
            '<TextLine BASELINE="10 60 90 60" HPOS="10" VPOS="60" WIDTH="80" HEIGHT="0"/>'
            '<TextLine HPOS="10" VPOS="100" WIDTH="80" HEIGHT="0"/>'
            '<TextLine BASELINE="140" HPOS="10" VPOS="120" WIDTH="80" HEIGHT="30"/>'
            f'<TextLine BASELINE="180">{POLYGON}</TextLine>'
        )
    )
    # Lines with a baseline alone get a band around it: here lines are about 40 pixels apart.
    for line, base in zip(layout.lines, (20, 60, 100), strict=False):
        assert line.polygon[:, 1].min() == pytest.approx(base - 0.75 * 40, abs=1)
        assert line.polygon[:, 1].max() == pytest.approx(base + 0.35 * 40, abs=2)
    assert layout.lines[2].baseline.tolist() == [[10, 100], [90, 100]]
    assert layout.lines[3].baseline.tolist() == [[10, 140], [90, 140]]
    assert layout.lines[3].polygon.tolist() == [[10, 120], [90, 120], [90, 150], [10, 150]]
    assert layout.lines[4].baseline.tolist() == [[10, 25], [90, 25]]


FLAT = ["0,0 0,0 0,0", "10,60 90,60 90,60 10,60", "10,60 50,70 90,60 50,70", "10,60 90,60 90,61"]


@pytest.mark.parametrize("points", FLAT)
def test_a_polygon_without_area_says_nothing(points: str) -> None:
    line = '<TextLine id="{}">{}<Baseline points="10,{y} 90,{y}"/></TextLine>'
    coords = f'<Coords points="{points}"/>'
    lines = [line.format(name, coords, y=y) for name, y in (("a", 20), ("b", 60))]
    alone = f'<TextLine id="c">{coords}</TextLine>'
    in_page = page("".join(lines) + alone)
    shape = f'<Shape><Polygon POINTS="{points}"/></Shape>'
    line = '<TextLine ID="{}" BASELINE="10 {y} 90 {y}">{}</TextLine>'
    lines = [line.format(name, shape, y=y) for name, y in (("a", 20), ("b", 60))]
    boxed = f'<TextLine ID="d" HPOS="10" VPOS="50" WIDTH="80" HEIGHT="20">{shape}</TextLine>'
    in_alto = alto("".join(lines) + f'<TextLine ID="c">{shape}</TextLine>' + boxed)
    for data in (in_page, in_alto):
        found = read_layout(data)
        for text_line, y in zip(found.lines, (20, 60), strict=False):
            assert text_line.baseline.tolist() == [[10, y], [90, y]]
            heights = text_line.polygon[:, 1]
            assert (heights.min(), heights.max()) == (y - 0.75 * 40, y + 0.35 * 40)
        (problem,) = found.problems
        assert problem == ("c", "it has neither a polygon with an area nor a baseline")
    assert found.lines[2].polygon.tolist() == [[10, 50], [90, 50], [90, 70], [10, 70]]


def test_a_baseline_without_length_says_nothing() -> None:
    layout = read_layout(
        page(
            '<TextLine id="a"><Coords points="10,10 90,10 90,30 10,30"/>'
            '<Baseline points="5,5 5,5"/></TextLine>'
            '<TextLine id="b"><Baseline points="5,5 5,5"/></TextLine>'
        )
    )
    assert [line.baseline.tolist() for line in layout.lines] == [[[10, 25], [90, 25]]]
    assert [identity for identity, _ in layout.problems] == ["b"]


@pytest.mark.parametrize(
    ("degrees", "baseline"),
    [
        ("90", [(75, 90), (75, 10)]),  # upwards, with the letters' heads on the left
        ("-90", [(25, 10), (25, 90)]),
        ("270.0", [(25, 10), (25, 90)]),
        ("180", [(90, 35), (10, 35)]),
        ("0", [(10, 65), (90, 65)]),
        ("no number", [(10, 65), (90, 65)]),
    ],
)
def test_a_line_in_a_turned_region_gets_a_baseline_that_is_turned(
    degrees: str, baseline: list[tuple[float, float]]
) -> None:
    level = baseline[0][1] == baseline[1][1]
    corners = "10,20 90,20 90,80 10,80" if level else "0,10 100,10 100,90 0,90"
    coords = f'<Coords points="{corners}"/>'
    line = f"<TextLine>{coords}</TextLine>"
    own = f'<TextLine>{coords}<Baseline points="5,50 95,50"/></TextLine>'
    inner = f'<TextRegion id="i" orientation="0">{line}</TextRegion>'
    in_page = page(line + own + inner).replace(
        b'id="r"', f'id="r" orientation="{degrees}"'.encode()
    )
    shape = f'<Shape><Polygon POINTS="{corners}"/></Shape>'
    in_alto = alto(f"<TextLine>{shape}</TextLine>").replace(
        b"<TextBlock>", f'<TextBlock ROTATION="{degrees}">'.encode()
    )
    for data in (in_page, in_alto):
        layout = read_layout(data)
        np.testing.assert_allclose(layout.lines[0].baseline, baseline, atol=1e-9)
        if degrees in ("0", "no number"):  # then writing is level on the page as it is shown
            continue
        turned = layout.placed(lambda points: points[:, ::-1] * (1, -1) + (0, 100), 100, 200)
        expected = np.array(baseline)[:, ::-1] * (1, -1) + (0, 100)
        np.testing.assert_allclose(turned.lines[0].baseline, expected, atol=1e-9)
    _, drawn, inside = read_layout(in_page).lines
    assert drawn.baseline.tolist() == [[5, 50], [95, 50]]
    assert inside.baseline[1, 0] > inside.baseline[0, 0]  # the nearest region counts


UPWARDS = [[75, 90], [75, 10]]


@pytest.mark.parametrize(
    "around",
    [
        '<Page ROTATION="90"><PrintSpace><TextBlock>{}</TextBlock></PrintSpace></Page>',
        '<Page><ComposedBlock ROTATION="90"><TextBlock>{}</TextBlock></ComposedBlock></Page>',
        '<Page ROTATION="180"><ComposedBlock ROTATION="90"><ComposedBlock><TextBlock>{}'
        "</TextBlock></ComposedBlock></ComposedBlock></Page>",
    ],
)
@pytest.mark.parametrize("more", ["", 'BASELINE="60"'])
def test_the_rotation_of_all_that_is_around_an_alto_line_is_followed(
    around: str, more: str
) -> None:
    line = f'<TextLine HPOS="0" VPOS="10" WIDTH="100" HEIGHT="80" {more}/>'
    layout = read_layout(f"<alto><Layout>{around.format(line)}</Layout></alto>".encode())
    np.testing.assert_allclose(layout.lines[0].baseline, UPWARDS, atol=1e-9)


@pytest.mark.parametrize(
    "around",
    [
        '<TableRegion orientation="90"><TextRegion>{}</TextRegion></TableRegion>',
        '<TableRegion orientation="90"><TableCell>{}</TableCell></TableRegion>',
        '<TableRegion orientation="0"><TableCell orientation="90">{}</TableCell></TableRegion>',
    ],
)
def test_the_orientation_of_all_that_is_around_a_page_line_is_followed(around: str) -> None:
    line = '<TextLine><Coords points="0,10 100,10 100,90 0,90"/></TextLine>'
    layout = read_layout(f"<PcGts><Page>{around.format(line)}</Page></PcGts>".encode())
    np.testing.assert_allclose(layout.lines[0].baseline, UPWARDS, atol=1e-9)


def test_the_flat_box_of_a_sideways_alto_line_is_its_baseline() -> None:
    line = '<TextLine HPOS="50" VPOS="10" WIDTH="0" HEIGHT="80"/>'
    layout = read_layout(
        alto(line).replace(b"<TextBlock>", b'<TextBlock ROTATION="90">'),
    )
    np.testing.assert_allclose(layout.lines[0].baseline, [[50, 90], [50, 10]], atol=1e-9)


def test_the_hyphen_at_the_end_of_an_alto_line_is_read() -> None:
    strings = '<String CONTENT="le"/><SP/><String CONTENT="Ques"/>'
    layout = read_layout(
        alto(
            "".join(
                f"<TextLine>{POLYGON}{strings}<HYP CONTENT='{hyphen}'/></TextLine>"
                for hyphen in ("-", "\u00ad", "\u2010")
            )
        )
    )
    assert [line.text for line in layout.lines] == ["le Ques-", "le Ques-", "le Ques\u2010"]


def test_the_text_of_a_page_region_becomes_that_of_its_lines() -> None:
    line = (
        '<TextLine id="{0}"><Baseline points="10,{1} 90,{1}"/>'
        "<TextEquiv><Unicode>{2}</Unicode></TextEquiv></TextLine>"
    )
    old = (
        '<TextEquiv index="0" conf="0.1"><PlainText>x</PlainText><Unicode>old\nolder</Unicode>'
        '</TextEquiv><TextEquiv index="1"><Unicode>other</Unicode></TextEquiv>'
    )
    region = f'<TextRegion id="s"><Coords points="0,0 1,0 1,1"/>{{}}{old}</TextRegion>'
    data = page(line.format("a", 20, "old") + line.format("b", 40, "older") + old).replace(
        b"</Page>",
        region.format(line.format("c", 60, "kept")).encode() + b"</Page>",
    )
    layout = read_layout(data)
    root = read_xml(layout.with_texts({1: ("new", 0.5)})).root
    first, second = descendants(root, "TextRegion")
    (equivalent,) = children(first, "TextEquiv")
    assert equivalent.attrib == {}
    assert [(part.tag.rpartition("}")[2], part.text) for part in equivalent] == [
        ("Unicode", "old\nnew")
    ]
    # The other region has no new line.
    kept = [child(one, "Unicode") for one in children(second, "TextEquiv")]
    assert [one.text for one in kept if one is not None] == ["old\nolder", "other"]


def test_regions_around_regions_and_cells_get_the_text_of_all_their_lines() -> None:
    line = (
        '<TextLine id="{0}"><Coords points="0,0 9,0 9,9"/>'
        "<TextEquiv><Unicode>{0}</Unicode></TextEquiv></TextLine>"
    ).format
    old = "<TextEquiv><Unicode>old</Unicode></TextEquiv>"
    order = "".join(
        f'<RegionRefIndexed index="{i}" regionRef="{ref}"/>'
        for i, ref in enumerate(("second", "first"))
    )
    data = (
        f"<PcGts><Page><ReadingOrder><OrderedGroup>{order}</OrderedGroup></ReadingOrder>"
        f'<TextRegion id="outer"><TextRegion id="first">{line("a")}{old}</TextRegion>'
        f'<TextRegion id="second">{line("b")}</TextRegion>{old}</TextRegion>'
        f'<TableRegion><TableCell id="cell">{line("c")}{line("d")}{old}</TableCell>'
        f'<TableCell id="other">{line("e")}{old}</TableCell></TableRegion></Page></PcGts>'
    ).encode()
    layout = read_layout(data)
    places = {text_line.text: place for place, text_line in enumerate(layout.lines)}
    root = read_xml(layout.with_texts({places["a"]: ("A", 0.5), places["d"]: ("D", 0.5)})).root
    texts = {
        element.get("id"): content.text
        for element in root.iter()
        if element.get("id") and (content := child(element, "TextEquiv", "Unicode")) is not None
    }
    assert texts == {
        "outer": "b\nA",
        "first": "A",
        "cell": "c\nD",
        "other": "old",
        "a": "A",
        "b": "b",
        "c": "c",
        "d": "D",
        "e": "e",
    }


def test_comments_do_not_interrupt_a_text() -> None:
    data = page(
        '<TextLine id="a"><Coords points="0,0 9,0 9,9"/><TextEquiv><Unicode>one<!-- ? --> two'
        "<!-- ! --></Unicode></TextEquiv></TextLine>"
        "<TextEquiv><Unicode>one<!-- ? --> two</Unicode></TextEquiv>"
    )
    assert read_layout(data).lines[0].text == "one two"
    new = read_layout(data).with_texts({0: ("three", 0.5)})
    assert [one.text for one in descendants(read_xml(new).root, "Unicode")] == ["three"] * 2
    assert b"two" not in new


def test_sizes_in_pixels_are_whole_numbers() -> None:
    data = alto(f"<TextLine>{POLYGON}</TextLine>").replace(b"WIDTH='200'", b"WIDTH='199.6'")
    assert read_layout(data).width == 200
    assert read_layout(data.replace(b"pixel", b"mm10")).width == 199.6


def test_a_page_file_gives_its_lines() -> None:
    layout = read_layout(
        page(
            '<TextLine id="a" custom="readingOrder {index:0;} structure {type:heading;}">'
            '<Coords points="1,2 30,2 30,9"/><Baseline points="1,8 30,8"/>'
            "<TextEquiv><Unicode>h &amp; i</Unicode></TextEquiv></TextLine>"
            '<TextLine id="b"><Baseline points="10,48 90,48"/></TextLine>'
        )
    )
    first, second = layout.lines
    assert (first.identity, first.text, first.kind) == ("a", "h & i", "heading")
    # A line with a baseline alone gets a band around it: here lines are 40 pixels apart.
    assert second.polygon[:, 1].min() == pytest.approx(48 - 0.75 * 40)
    assert second.polygon[:, 1].max() == pytest.approx(48 + 0.35 * 40)


@pytest.mark.parametrize("kind", ["alto", "page"])
def test_texts_are_put_in_and_all_else_is_kept(kind: str) -> None:
    if kind == "alto":
        source = alto(
            f'<TextLine ID="a" HPOS="1" VPOS="2" WIDTH="3" HEIGHT="4">{POLYGON}'
            '<String CONTENT="old"/><SP/><String CONTENT="er"/></TextLine>'
            f'<TextLine ID="b">{POLYGON}<String CONTENT="stays"/></TextLine>'
        )
    else:
        source = page(
            '<TextLine id="a"><Coords points="1,2 30,2 30,9"/><Baseline points="1,8 30,8"/>'
            '<Word id="w"><Coords points="1,2 3,2 3,9"/></Word>'
            "<TextEquiv><Unicode>old</Unicode></TextEquiv><TextStyle/></TextLine>"
            '<TextLine id="b"><Coords points="1,2 30,2 30,9"/>'
            "<TextEquiv><Unicode>stays</Unicode></TextEquiv></TextLine>"
        )
    layout = read_layout(source)
    written = layout.with_texts({0: ('ſo "<new>" & é', 0.875)})
    again = read_layout(written)
    assert [line.text for line in again.lines] == ['ſo "<new>" & é', "stays"]
    for before, after in zip(layout.lines, again.lines, strict=True):
        np.testing.assert_array_equal(before.polygon, after.polygon)
        np.testing.assert_array_equal(before.baseline, after.baseline)
    text = written.decode("utf-8")
    assert "0.8750" in text
    assert "old" not in text
    assert "ns0:" not in text
    if kind == "alto":
        assert "<!-- kept -->" in text
        assert 'xsi:schemaLocation="a b"' in text
        assert 'HPOS="1" VPOS="2" WIDTH="3" HEIGHT="4" WC="0.8750"' in text
    else:
        order = [text.index(name) for name in ("<Baseline", "<TextEquiv", "<TextStyle")]
        assert order == sorted(order)
        assert "<Word" not in text


def test_lines_of_one_identity_get_each_their_own_text() -> None:
    line = f'<TextLine ID="a">{POLYGON}</TextLine>'
    unnamed = f'<TextLine>{POLYGON}</TextLine><TextLine ID="line 3">{POLYGON}</TextLine>'
    layout = read_layout(alto(line + line + unnamed))
    texts = [f"text {number}" for number in range(4)]
    written = layout.with_texts({place: (text, 1.0) for place, text in enumerate(texts)})
    assert [line.text for line in read_layout(written).lines] == texts


@pytest.mark.parametrize(
    "hostile",
    [
        "<a>" * 200 + "</a>" * 200,
        "<a/>" * 10_001,
        "<!---->" * 10_001,
        "<a " + " ".join(f'a{i}=""' for i in range(100_000)) + "/>",
    ],
    ids=["deep", "many", "comments", "attributes"],
)
def test_trees_that_are_too_deep_or_too_large_are_refused(
    hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.handwriting.safe_xml.MAX_ELEMENTS", 10_000)
    line = f'<TextLine ID="a">{POLYGON}{hostile}</TextLine>'
    with pytest.raises(DataError, match="inside each other"):
        read_layout(alto(line))


def test_files_of_escriptorium_and_transkribus_survive(data_mirror: Path) -> None:
    files = sorted((data_mirror / "raw.githubusercontent.com").glob("*/*/*/**/*.xml"))
    assert len(files) >= 9
    for file in files:
        layout = read_layout(file)
        texts = {place: (line.text, 0.5) for place, line in enumerate(layout.lines)}
        again = read_layout(layout.with_texts(texts))
        assert [line.text for line in again.lines] == [line.text for line in layout.lines]
        assert again.image == file.with_suffix(".jpg").name
        before, after = (
            [one.tag for one in document.root.iter() if "Word" not in str(one.tag)]
            for document in (layout.document, again.document)
        )
        assert before == after


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "well-formed"),
        (b"no xml", "well-formed"),
        (b"<alto", "well-formed"),
        (b"<html/>", "neither ALTO nor PAGE"),
        (b"<alto/>", "no Page"),
        (b"<PcGts/>", "no Page"),
        (alto('<TextLine ID="a"/>'), "no line can be read; a: it has neither"),
        (alto('<TextLine BASELINE="1 2 3"/>'), "cannot be read"),
        (alto('<TextLine BASELINE="1 2 x y"/>'), "cannot be read"),
        (alto('<TextLine BASELINE="1 2 1e300 4"/>'), "outside of any page"),
        (alto('<TextLine BASELINE="1 2 nan 4"/>'), "cannot be read"),
    ],
)
def test_damaged_files_are_data_errors(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_layout(data)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE alto [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE alto [<!ENTITY e SYSTEM "http://localhost/x">]>',
        '<!DOCTYPE alto [<!ENTITY a "lol"><!ENTITY e "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE alto [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    ],
)
def test_no_entity_is_ever_resolved(head: str, tmp_path: Path) -> None:
    line = f"<TextLine>{POLYGON}<String CONTENT='x'/>&e;</TextLine>"
    data = alto(line).replace(b"<alto", head.encode() + b"<alto", 1)
    with pytest.raises(DataError, match="entities"):
        read_layout(data)
    (tmp_path / "a.xml").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.xml declares entities"):
        read_layout(tmp_path / "a.xml")


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_xml(tmp_path / "nowhere.xml")


def test_a_written_page_is_read(tmp_path: Path) -> None:
    path, _ = write_page(tmp_path, ["lol", "zi vi"])
    assert [line.text for line in read_layout(path).lines] == ["lol", "zi vi"]
