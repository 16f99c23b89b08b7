"""In what order lines are read: groups, indices and names of the next block."""

from __future__ import annotations

import pytest

from zoo.handwriting.page_xml import read_layout
from zoo.handwriting.reading_order import custom_values
from zoo.handwriting.safe_xml import read_xml

_COORDS = '<Coords points="0,0 9,0 9,9"/>'


def page(body: str) -> list[str]:
    """The names of the lines of a PAGE file in the order of reading."""
    data = f'<PcGts><Page imageWidth="9" imageHeight="9">{body}</Page></PcGts>'
    return [line.identity for line in read_layout(data.encode()).lines]


def region(name: str, *lines: str, custom: str = "", inside: str = "") -> str:
    shown = "".join(
        f'<TextLine id="{line.split("@")[0]}" '
        + (f'custom="readingOrder {{index:{line.split("@")[1]};}}"' if "@" in line else "")
        + f">{_COORDS}</TextLine>"
        for line in lines
    )
    attribute = f' custom="readingOrder {{index:{custom};}}"' if custom else ""
    return f'<TextRegion id="{name}"{attribute}>{_COORDS}{inside}{shown}</TextRegion>'


def ordered(*refs: str, kind: str = "OrderedGroup", **attributes: str) -> str:
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    entries = "".join(
        ref
        if ref.startswith("<")
        else '<RegionRefIndexed regionRef="{}" index="{}"/>'.format(*ref.split("@"))
        for ref in refs
    )
    return f'<{kind} id="g"{given}>{entries}</{kind}>'


REGIONS = region("r1", "a", "b") + region("r2", "c") + region("r3", "d")


def order(group: str, regions: str = REGIONS) -> str:
    return "".join(page(f"<ReadingOrder>{group}</ReadingOrder>{regions}"))


def test_ordered_groups_go_by_index_and_not_by_their_order_in_the_file() -> None:
    assert order(ordered("r1@2", "r2@0", "r3@1")) == "cdab"
    assert order(ordered("r1@10", "r2@9", "r3@-1")) == "dcab"


def test_groups_are_inside_each_other() -> None:
    inner = ordered("r1@1", "r2@0", kind="OrderedGroupIndexed", index="1")
    assert order(ordered("r3@0", inner)) == "dcab"
    loose = (
        '<UnorderedGroupIndexed id="u" index="0"><RegionRef regionRef="r3"/>'
        '<RegionRef regionRef="r1"/></UnorderedGroupIndexed>'
    )
    assert order(ordered("r2@5", loose)) == "dabc"


def test_an_unordered_group_goes_as_it_stands() -> None:
    group = '<RegionRef regionRef="r2"/>' + ordered("r3@1", "r1@0")
    assert order(f'<UnorderedGroup id="u">{group}</UnorderedGroup>') == "cabd"


def test_regions_that_are_not_named_come_last_and_names_that_are_not_there_are_passed_over() -> (
    None
):
    assert order(ordered("r2@0", "r9@1", "r2@2")) == "cabd"


def test_a_region_inside_another_goes_with_it_unless_it_is_named_itself() -> None:
    nested = region("r1", "a", inside=region("n", "b")) + region("r2", "c")
    assert order(ordered("r2@0", "r1@1"), nested) == "cba"
    assert order(ordered("n@0", "r2@1", "r1@2"), nested) == "bca"
    parent = ordered("n@1", "r2@0", kind="OrderedGroup", regionRef="r1")
    assert order(parent, nested) == "acb"


def test_lines_go_by_their_index_inside_their_region() -> None:
    assert page(region("r", "a@2", "b@0", "c@1")) == ["b", "c", "a"]
    # Also where the regions have an order of their own.
    assert order(ordered("r2@0", "r1@1"), region("r1", "a@1", "b@0") + region("r2", "c")) == "cba"
    # The attribute of PAGE 2019 is worth more; a line without an index keeps its place.
    lines = region("r", "a@1", "x", "b@0").replace('id="a"', 'id="a" index="-5"')
    assert page(lines) == ["a", "x", "b"]


def test_regions_go_by_the_index_of_transkribus() -> None:
    assert page(region("r", "a", custom="1") + region("s", "b", custom="0")) == ["b", "a"]
    assert page(region("r", "a") + region("s", "b", custom="7")) == ["a", "b"]


def test_words_go_by_their_index_too() -> None:
    words = "".join(
        f'<Word custom="readingOrder {{index:{index};}}"><Glyph><TextEquiv><Unicode>{text[0]}'
        f"</Unicode></TextEquiv></Glyph><Glyph><TextEquiv><Unicode>{text[1:]}</Unicode></TextEquiv>"
        "</Glyph></Word>"
        for index, text in ((1, "two"), (0, "one"))
    )
    data = f"<PcGts><Page><TextLine>{_COORDS}{words}<TextEquiv/></TextLine></Page></PcGts>"
    assert read_layout(data.encode()).lines[0].text == "one two"


@pytest.mark.parametrize(
    ("equivalents", "text"),
    [
        (("", "a"), "a"),
        (('index="2"', "a", 'index="1"', "b"), "b"),
        (("", "a", "", "b"), "a"),
        (("", "a", 'index="3"', "b"), "b"),
        (('index="x"', "a", 'index="10"', "b", 'index="9"', "c"), "c"),
    ],
)
def test_the_lowest_index_is_the_main_text(equivalents: tuple[str, ...], text: str) -> None:
    given = "".join(
        f"<TextEquiv {index}><Unicode>{each}</Unicode></TextEquiv>"
        for index, each in zip(equivalents[::2], equivalents[1::2], strict=True)
    )
    data = f"<PcGts><Page><TextLine>{_COORDS}{given}</TextLine></Page></PcGts>"
    assert read_layout(data.encode()).lines[0].text == text


def alto(order: str, blocks: str) -> str:
    data = (
        f"<alto><ReadingOrder>{order}</ReadingOrder><Layout><Page>{blocks}</Page></Layout></alto>"
    )
    if not order:
        data = data.replace("<ReadingOrder></ReadingOrder>", "")
    return "".join(line.identity for line in read_layout(data.encode()).lines)


def block(name: str, *lines: str, following: str = "") -> str:
    shown = "".join(
        f'<TextLine ID="{line}" HPOS="0" VPOS="0" WIDTH="9" HEIGHT="9">'
        f'<String ID="{line}1" CONTENT="x"/></TextLine>'
        for line in lines
    )
    attribute = f' IDNEXT="{following}"' if following else ""
    return f'<TextBlock ID="{name}"{attribute}>{shown}</TextBlock>'


def refs(*names: str, kind: str = "OrderedGroup") -> str:
    inner = "".join(
        name if name.startswith("<") else f'<ElementRef ID="e" REF="{name}"/>' for name in names
    )
    return f"<{kind}>{inner}</{kind}>"


BLOCKS = block("x", "a", "b") + block("y", "c") + block("z", "d")


def test_the_reading_order_of_alto_may_name_blocks_lines_and_words() -> None:
    assert alto(refs("z", "x", "y"), BLOCKS) == "dabc"
    assert alto(refs("b", refs("z", "a"), "y", kind="UnorderedGroup"), BLOCKS) == "bdac"
    assert alto(refs("d1 c1", "a1"), BLOCKS) == "dcab"
    # Of several orders the first one counts.
    assert alto(refs("y", "x", "z") + refs("z", "y", "x"), BLOCKS) == "cabd"


def test_blocks_of_alto_may_name_the_one_that_follows() -> None:
    chain = block("x", "a", following="y") + block("z", "d", following="x") + block("y", "c")
    assert alto("", chain) == "dac"
    assert alto(refs("y", "z", "x"), chain) == "cda"
    circle = block("x", "a", following="y") + block("y", "b", following="x")
    assert alto("", circle) == "ab"


def test_custom_attributes_are_read_in_linear_time() -> None:
    line = read_xml(b'<a custom="structure {type:heading; n : 2 ;} x{} structure {type:other;}"/>')
    assert custom_values(line.root) == {"structure": {"type": "heading", "n": "2"}, "x": {}}
    for hostile in ("structure{" * 100_000, "a" * 1_000_000, "{;:" * 300_000, "}{" * 500_000):
        for length in (len(hostile), 60_000):
            root = read_xml(f'<a custom="{hostile[:length]}"/>'.encode()).root
            assert "type" not in custom_values(root).get("structure", {})
