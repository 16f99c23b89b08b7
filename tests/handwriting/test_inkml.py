"""InkML: contexts, sources, groups, canvases, values, and traces that are damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import DataError, ZooWarning
from zoo.handwriting.ink_files import read_ink, read_ink_file
from zoo.handwriting.inkml import trace_strokes
from zoo.handwriting.inkml_contexts import Context

XY = '<channel name="X"/><channel name="Y"/>'
YX = '<channel name="Y"/><channel name="X"/>'
TXY = '<channel name="T"/><channel name="X"/><channel name="Y"/>'


def strokes(folder: Path, body: str) -> list[list[list[float]]]:
    path = folder / "a.inkml"
    path.write_text(f'<ink xmlns="http://www.w3.org/2003/InkML">{body}</ink>')
    return [stroke.tolist() for stroke in read_ink(path)]


@pytest.mark.parametrize(
    "definition",
    [
        f'<context xml:id="c"><traceFormat>{YX}</traceFormat></context>',
        f'<context xml:id="c"><inkSource><traceFormat>{YX}</traceFormat></inkSource></context>',
        f'<traceFormat xml:id="f">{YX}</traceFormat><context xml:id="c" traceFormatRef="#f"/>',
        f'<inkSource id="s"><traceFormat>{YX}</traceFormat></inkSource>'
        '<context id="c" inkSourceRef="#s"/>',
        f'<traceFormat xml:id="f">{YX}</traceFormat><inkSource xml:id="s" traceFormatRef="#f"/>'
        '<context xml:id="c" inkSourceRef="#s"/>',
        f'<context xml:id="b"><traceFormat>{YX}</traceFormat></context>'
        '<context xml:id="c" contextRef="#b" brushRef="#x"/>',
        # What a context says itself is worth more than its source, and that more than the one
        # that it refers to.
        f'<context xml:id="b"><traceFormat>{TXY}</traceFormat></context>'
        f'<context xml:id="c" contextRef="#b"><inkSource><traceFormat>{TXY}</traceFormat>'
        f"</inkSource><traceFormat>{YX}</traceFormat></context>",
    ],
)
def test_a_context_says_what_numbers_mean_itself_or_by_reference(
    tmp_path: Path, definition: str
) -> None:
    body = f"<definitions><traceFormat>{TXY}</traceFormat>{definition}</definitions>"
    assert strokes(tmp_path, f'{body}<trace contextRef="#c">1 2, 3 4</trace>') == [[[2, 1], [4, 3]]]


def test_a_trace_has_its_own_context_or_its_groups_or_the_one_before_it(tmp_path: Path) -> None:
    definitions = "".join(
        f'<context xml:id="{name}"><traceFormat>{channels}</traceFormat></context>'
        for name, channels in (("xy", XY), ("yx", YX), ("txy", TXY))
    )
    body = (
        f"<definitions>{definitions}</definitions>"
        '<traceGroup contextRef="#txy"><trace>0 1 2</trace><trace contextRef="#yx">1 2</trace>'
        "<traceGroup><trace>0 3 4</trace></traceGroup>"
        '<traceGroup contextRef="#xy"><trace>1 2</trace></traceGroup></traceGroup>'
        f"<context><traceFormat>{YX}</traceFormat></context><trace>5 6</trace>"
        '<context brushRef="#b"/><trace>7 8</trace>'
        f"<traceFormat>{TXY}</traceFormat><trace>0 9 10</trace>"
    )
    expected = [[1, 2], [2, 1], [3, 4], [1, 2], [6, 5], [8, 7], [9, 10]]
    assert strokes(tmp_path, body) == [[point] for point in expected]


def test_a_format_that_no_trace_names_holds_for_all_that_it_fits(tmp_path: Path) -> None:
    source = f"<context><inkSource><traceFormat>{TXY}</traceFormat></inkSource></context>"
    body = f"<definitions>{source}</definitions><trace>0 1 2</trace><trace>1 2</trace>"
    assert strokes(tmp_path, body) == [[[1, 2]], [[1, 2]]]


def test_contexts_that_are_not_there_or_go_in_circles_do_no_harm(tmp_path: Path) -> None:
    body = (
        '<definitions><context xml:id="a" contextRef="#b"/><context xml:id="b" contextRef="#a"/>'
        '</definitions><trace contextRef="#a">1 2</trace><trace contextRef="#none">3 4</trace>'
    )
    with pytest.warns(ZooWarning, match="trace 2 was left out: its context '#none' is not"):
        assert strokes(tmp_path, body) == [[[1, 2]]]


def test_an_affine_transform_takes_ink_to_its_canvas(tmp_path: Path) -> None:
    transform = (
        '<canvasTransform xml:id="t"><mapping type="affine"><affine>0.5 0 1, 0 -2 8</affine>'
        "</mapping></canvasTransform>"
    )
    inside = f'<context xml:id="c">{transform}</context><trace contextRef="#c">2 3</trace>'
    assert strokes(tmp_path, inside) == [[[2, 2]]]
    by_name = (
        f'<definitions>{transform}<canvas xml:id="v"><traceFormat><channel name="X"/>'
        '<channel name="Y" orientation="-ve"/></traceFormat></canvas><context xml:id="c" '
        'canvasRef="#v" canvasTransformRef="#t"/></definitions><trace contextRef="#c">2 3</trace>'
    )
    assert strokes(tmp_path, by_name) == [[[2, -2]]]
    identity = inside.replace("affine", "identity")
    assert strokes(tmp_path, identity) == [[[2, 3]]]


def test_transforms_may_be_named_and_done_one_after_the_other(tmp_path: Path) -> None:
    maps = (
        '<mapping xml:id="m" type="affine"><affine>2 0 1, 0 2 1</affine></mapping>'
        '<mapping xml:id="n" type="affine"><affine>1 0, 0 -1</affine></mapping>'
    )
    by_name = '<mapping mappingRef="#{}"/>'.format
    for mapping, expected in (
        (by_name("m"), [5, 7]),
        (f'<mapping type="product">{maps}</mapping>', [5, -7]),
        (f'<mapping type="product">{by_name("n")}{by_name("m")}</mapping>', [5, -5]),
    ):
        definitions = "" if "xml:id" in mapping else f"<definitions>{maps}</definitions>"
        context = f'<context xml:id="c"><canvasTransform>{mapping}</canvasTransform></context>'
        body = f'{definitions}{context}<trace contextRef="#c">2 3</trace>'
        assert strokes(tmp_path, body) == [[expected]]
    circle = '<mapping xml:id="m" type="product"><mapping mappingRef="#m"/></mapping>'
    context = f'<context xml:id="c"><canvasTransform>{circle}</canvasTransform></context>'
    with pytest.warns(ZooWarning, match="'product' was not followed"):
        assert strokes(tmp_path, f'{context}<trace contextRef="#c">2 3</trace>') == [[[2, 3]]]


def test_a_transform_that_is_not_followed_is_told(tmp_path: Path) -> None:
    body = (
        '<context xml:id="c"><canvasTransform><mapping type="mathml"/></canvasTransform></context>'
        '<trace contextRef="#c">1 2</trace><trace contextRef="#c">3 4</trace>'
    )
    with pytest.warns(ZooWarning, match="'mathml' was not followed") as warned:
        assert strokes(tmp_path, body) == [[[1, 2]], [[3, 4]]]
    assert len(warned) == 1
    with pytest.raises(DataError, match="mathml"):
        read_ink(tmp_path / "a.inkml", strict=True)


def test_units_and_resolutions_bring_axes_and_contexts_to_one_length(tmp_path: Path) -> None:
    resolutions = "".join(
        f'<channelProperty channel="{name}" name="resolution" value="{value}" units="1/{unit}"/>'
        for name, value, unit in (("X", 100, "cm"), ("Y", 20, "mm"), ("F", 0, "dev"))
    )
    source = (
        f"<inkSource><traceFormat>{XY}</traceFormat><channelProperties>{resolutions}"
        "</channelProperties></inkSource>"
    )
    coarse = (
        '<traceFormat><channel name="X" units="cm"/><channel name="Y" units="cm"/></traceFormat>'
    )
    body = (
        f'<definitions><context xml:id="a">{source}</context><context xml:id="b">{coarse}</context>'
        '</definitions><trace contextRef="#a">10 10</trace><trace contextRef="#b">1 2</trace>'
    )
    # 100 a centimetre across and 200 down; a centimetre is 100 of the first context's units.
    np.testing.assert_allclose(strokes(tmp_path, body), [[[10, 5]], [[100, 200]]])
    alone = f'<context xml:id="b">{coarse}</context><trace contextRef="#b">1 2</trace>'
    assert strokes(tmp_path, alone) == [[[1, 2]]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#A #1f, -#A 2", [[10, 31], [-10, 2]]),
        ("1 2, '#A'-#2, 1 1", [[1, 2], [11, 0], [12, 1]]),
        ("1-2,3.5.5,-.5 1e1", [[1, -2], [3.5, 0.5], [-0.5, 10]]),
        ("1 2 , \n 3\t4,", [[1, 2], [3, 4]]),
        ("1 2 T, 3 4 ?", [[1, 2], [3, 4]]),
        ("1 - 2, ? 3, ! 4 *", [[1, -2], [1, 3], [4, 3]]),
        ("1 2:T, 3 4", [[1, 2], [3, 4]]),
    ],
)
def test_values_are_written_in_many_ways(text: str, expected: list[list[float]]) -> None:
    assert [stroke.tolist() for stroke in trace_strokes(text, Context())] == [expected]


TIP = '<channel name="S" type="boolean"/>'
INTERMITTENT = f'<intermittentChannels><channel name="B"/>{TIP}</intermittentChannels>'


@pytest.mark.parametrize(
    ("channels", "trace", "expected"),
    [
        (XY + TIP, "1 2 T, 3 4 T, 5 6 F, 7 8 F, 9 9 T", [[[1, 2], [3, 4]], [[9, 9]]]),
        (XY + TIP, "1 2 F, '1'1 T, 1 1 *, 1 1 F, 1 1 ?, 1 1 T", [[[2, 3], [3, 4]], [[6, 7]]]),
        (TIP + XY, "1 1 2, 0 3 4, 1 5 6", [[[1, 2]], [[5, 6]]]),
        (XY + INTERMITTENT, "1 2, 3 4 7 F, 5 6, 7 8 ? T, 9 9", [[[1, 2]], [[7, 8], [9, 9]]]),
        (XY + INTERMITTENT, "1 2 3 T", [[[1, 2]]]),
    ],
)
@pytest.mark.parametrize("kind", ["", 'type="indeterminate"'])
def test_strokes_end_where_the_tip_switch_leaves_the_paper(
    tmp_path: Path, channels: str, trace: str, expected: list[list[list[float]]], kind: str
) -> None:
    body = f"<traceFormat>{channels}</traceFormat><trace {kind}>{trace}</trace>"
    assert strokes(tmp_path, body) == expected


def test_a_trace_with_the_pen_in_the_air_is_no_ink(tmp_path: Path) -> None:
    body = f"<traceFormat>{XY}{TIP}</traceFormat><trace>1 2 F, 3 4 F</trace><trace>5 6 T</trace>"
    assert strokes(tmp_path, body) == [[[5, 6]]]


def test_a_trace_that_may_be_pen_up_without_a_switch_is_told(tmp_path: Path) -> None:
    body = '<trace type="indeterminate">1 2, 3 4</trace>' * 2
    with pytest.warns(ZooWarning, match="indeterminate has no channel S") as warned:
        assert strokes(tmp_path, body) == [[[1, 2], [3, 4]]] * 2
    assert len(warned) == 1


def test_values_that_no_format_names_may_be_in_every_point(tmp_path: Path) -> None:
    assert strokes(tmp_path, "<trace>1 2 0 9, 3 4 1 9</trace>") == [[[1, 2], [3, 4]]]


def test_comments_are_no_part_of_a_trace(tmp_path: Path) -> None:
    body = "<trace><!-- a -->1 2,<!-- 7 7 -->3<!----> 4</trace>"
    assert strokes(tmp_path, body) == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<traceGroup>{a}</traceGroup><traceGroup>{b}</traceGroup>", "hello you"),
        (
            "<traceGroup><traceGroup>{a}</traceGroup><traceGroup>{b}</traceGroup></traceGroup>",
            "hello you",
        ),
        ("<traceGroup>{a}<traceGroup>{b}</traceGroup></traceGroup>", "hello"),
        ("<traceGroup>{a}</traceGroup><trace>5 6</trace>", ""),
        ('<annotation type="truth">no</annotation><traceGroup>{a}</traceGroup>', "no"),
    ],
)
def test_the_texts_of_groups_are_the_text_where_the_file_has_none(
    tmp_path: Path, body: str, text: str
) -> None:
    words = {
        key: f'<annotation type="truth"> {word} </annotation><trace>1 2</trace>'
        for key, word in (("a", "hello"), ("b", "you"))
    }
    path = tmp_path / "a.inkml"
    path.write_text(f"<ink>{body.format(**words)}</ink>")
    assert read_ink_file(path)[0].text == text


def test_a_stroke_in_several_traces_is_one(tmp_path: Path) -> None:
    body = (
        '<trace xml:id="a" continuation="begin">1 2</trace><trace xml:id="b">9 9</trace>'
        '<trace xml:id="c" continuation="middle" priorRef="#a">3 4</trace>'
        '<trace continuation="end" priorRef="#c">5 6</trace>'
    )
    assert strokes(tmp_path, body) == [[[1, 2], [3, 4], [5, 6]], [[9, 9]]]


@pytest.mark.parametrize(
    ("trace", "reason"),
    [
        ("<trace>1</trace>", "without x or y"),
        ("<trace>1 2, x y</trace>", "cannot be read: 'x y'"),
        ("<trace>1 1e999</trace>", "NaN, infinite or huge"),
        (f"<trace>1 {'9' * 400}</trace>", "cannot be read"),
        ("<trace>#A #GG</trace>", "cannot be read"),
        ("<trace>1 2 3 4 5 6</trace>", "a point of 6 values instead of 2; is a comma missing"),
        ("<trace>1 2, 3 4 5 6, 7 8</trace>", "a point of 4 values instead of 2"),
        ('<trace xml:id="t" contextRef="#c">1 2</trace>', "no channels X and Y"),
    ],
)
def test_a_bad_trace_is_named_and_the_others_are_read(
    tmp_path: Path, trace: str, reason: str
) -> None:
    context = '<definitions><context xml:id="c"><traceFormat/></context></definitions>'
    body = f"{context if '#c' in trace else ''}<trace>1 2</trace>{trace}<trace>3 4</trace>"
    name = "t" if "xml:id" in trace else "2"
    with pytest.warns(ZooWarning, match=rf"a\.inkml, trace {name} was left out: .*{reason}"):
        assert strokes(tmp_path, body) == [[[1, 2]], [[3, 4]]]
    with pytest.raises(DataError, match=reason):
        read_ink_file(tmp_path / "a.inkml", strict=True)
    with pytest.raises(DataError, match=f"no trace can be read; .*{reason}"):
        strokes(tmp_path, f"{context if '#c' in trace else ''}{trace}")


def test_many_bad_traces_are_told_as_a_number(tmp_path: Path) -> None:
    with pytest.warns(ZooWarning) as warned:
        strokes(tmp_path, "<trace>1 2</trace>" + "<trace>x</trace>" * 25)
    assert len(warned) == 21
    assert "5 more were left out" in str(warned[-1].message)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_every_encoding_of_xml_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.inkml"
    text = "\n<ink><annotation type='truth'>é</annotation><trace>1 2</trace></ink>"
    if "-" in encoding.removeprefix("utf-"):
        text = text.lstrip()
    path.write_bytes(text.encode(encoding))
    (ink,) = read_ink_file(path)
    assert (ink.text, ink.strokes[0].tolist()) == ("é", [[1, 2]])


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 500_000,
        " " * 2_000_000,
        "'" * 300_000,
        "1.1." * 20_000 + "x",
        "#" * 300_000,
        "1e" * 300_000,
    ],
)
def test_hostile_traces_take_linear_time(text: str) -> None:
    # A quadratic pattern takes minutes here, and the test's time limit ends it.
    for points in (text, f"1 2,{text}"):
        try:
            found = trace_strokes(points, Context())
        except DataError:
            continue
        assert sum(map(len, found)) <= 2


def test_many_channels_and_traces_take_linear_time(tmp_path: Path) -> None:
    channels = XY + '<channel name="A"/>' * 20_000
    body = f"<traceFormat>{channels}</traceFormat>" + "<trace>1 2</trace>" * 5_000
    assert len(strokes(tmp_path, body)) == 5_000
