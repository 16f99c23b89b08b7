"""Layouts and ink that are damaged or hostile: an error or a warning, and soon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import DataError, ZooWarning
from zoo.handwriting.ink_files import read_ink_file
from zoo.handwriting.line_cutter import _widened
from zoo.handwriting.line_image import LineNormaliser, small_copy
from zoo.handwriting.page_fitting import fit_layout
from zoo.handwriting.page_xml import read_layout
from zoo.handwriting.slant import estimate_slant

LONG = "9" * 400


def alto(attributes: str) -> bytes:
    line = f'<TextLine ID="a" HPOS="1" VPOS="2" WIDTH="9" HEIGHT="9" {attributes}/>'
    good = '<TextLine ID="b" HPOS="1" VPOS="2" WIDTH="9" HEIGHT="9"/>'
    return f"<alto><Layout><Page>{line}{good}</Page></Layout></alto>".encode()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('BASELINE="1e999"', "larger than any page"),
        (f'BASELINE="{LONG}"', "not a number"),
        ('BASELINE="inf"', "not a number"),
        ('BASELINE="1_0"', "not a number"),
        ('BASELINE="１"', "not a number"),
        (f'BASELINE="1 {LONG}"', "cannot be read"),
        (f'BASELINE="{"1" * 20_000}x"', "not a number"),
        (f'BASELINE="{"1" * 200_000} x"', "cannot be read"),
        (f'BASELINE="{"1 2 " * 300_000}"', "too many points"),
    ],
)
def test_numbers_that_are_none_cost_their_line_alone(attributes: str, reason: str) -> None:
    layout = read_layout(alto(attributes))
    assert [line.identity for line in layout.lines] == ["b"]
    ((identity, problem),) = layout.problems
    assert identity == "a"
    assert reason in problem
    assert len(problem) < 200


def test_a_place_with_several_numbers_costs_its_line_alone() -> None:
    for value in ("1,2,3", LONG, "1e99", "1 2", "0x10", "²"):
        layout = read_layout(alto("").replace(b'VPOS="2"', f'VPOS="{value}"'.encode(), 1))
        assert [line.identity for line in layout.lines] == ["b"], value


def test_sizes_that_are_none_are_not_known() -> None:
    for value in (LONG, "1e999", "nan", "-5", "0", "1,5", ""):
        page = f'<PcGts><Page imageWidth="{value}" imageHeight="9"/></PcGts>'
        assert read_layout(page.encode()).width == 0, value


@pytest.mark.parametrize(
    "text",
    [
        "structure{" * 100_000,
        "readingOrder {index:" + "1" * 100_000 + ";}",
        "readingOrder {index:²;}",
        "}" * 1_000_000,
    ],
)
def test_hostile_custom_attributes_are_no_order(text: str) -> None:
    coords = '<Coords points="1,1 9,1 9,9"/>'
    lines = (
        f'<TextLine id="a" custom="{text}">{coords}</TextLine><TextLine id="b">{coords}</TextLine>'
    )
    layout = read_layout(f"<PcGts><Page>{lines}</Page></PcGts>".encode())
    assert [line.identity for line in layout.lines] == ["a", "b"]


def test_very_many_references_and_groups_end_soon() -> None:
    refs = "".join(f'<RegionRefIndexed regionRef="r{i}" index="{i}"/>' for i in range(20_000))
    order = f'<ReadingOrder><OrderedGroup id="g">{refs}</OrderedGroup></ReadingOrder>'
    line = '<TextLine id="a"><Coords points="1,1 9,1 9,9"/></TextLine>'
    data = f"<PcGts><Page>{order}{line}</Page></PcGts>"
    assert len(read_layout(data.encode()).lines) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f".PEN_DOWN\n1 {LONG}\n", "numbers"),
        (".PEN_DOWN\n1 1e999\n", "NaN, infinite or huge"),
        (".PEN_DOWN\n1_0 2\n", "numbers"),
        (".INCLUDE " + "a" * 300 + "\n", "is not there"),
        (".INCLUDE a\0b\n", "leads out"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD 0 ? "' + "a\\" * 40_000 + '"\n', "too long"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD ² ? "a"\n', "places"),
    ],
)
def test_hostile_unipen_is_a_data_error(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.dat"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=reason):
        read_ink_file(path)


def test_a_damaged_component_costs_its_segments_and_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text(
        ".PEN_DOWN\n1 2\n.PEN_DOWN\nx\n.PEN_DOWN\n3 4\n"
        '.SEGMENT WORD 0-1 ? "a"\n.SEGMENT WORD 2 ? "b"\n.SEGMENT WORD x ? "c"\n'
    )
    with pytest.warns(ZooWarning) as warned:
        (ink,) = read_ink_file(path)
    assert (ink.text, ink.strokes[0].tolist()) == ("b", [[3, -4]])
    told = "\n".join(str(one.message) for one in warned)
    for part in ("component 1 was", r"segment 0 ('a') was", r"segment 2 ('c') was"):
        assert f"{part} left out" in told
    path.write_text(".PEN_DOWN\n1 2\n.PEN_DOWN\nx\n")
    with pytest.warns(ZooWarning, match="component 1 was left out"):
        assert len(read_ink_file(path)[0].strokes) == 1


def test_a_quoted_label_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text(
        '.PEN_DOWN\n1 2\n.SEGMENT WORD 0 ? "it\'s \\"so\\"\n  \\\\ far"\n'
        ".SEGMENT WORD 0 ? 'two words'\n.SEGMENT WORD 0 OK bare\\ word\n.SEGMENT WORD 0\n"
    )
    assert [ink.text for ink in read_ink_file(path)] == ['it\'s "so" \\ far', "two words", "bare\\"]


def test_lines_that_cover_a_large_page_many_times_are_refused() -> None:
    line = '<TextLine HPOS="0" VPOS="0" WIDTH="12000" HEIGHT="12000"/>'
    page = f"<alto><Layout><Page WIDTH='12000' HEIGHT='12000'>{line * 8}</Page></Layout></alto>"
    with pytest.raises(DataError, match="cover the image more than 7 times"):
        fit_layout(read_layout(page.encode()), 12_000, 12_000)
    assert len(fit_layout(read_layout(page.encode()), 120, 120).lines) == 8


def test_polygons_of_very_many_points_are_refused() -> None:
    points = " ".join(f"{x % 90},{x * 7 % 1000}" for x in range(20_000))
    line = f'<TextLine><Coords points="{points}"/></TextLine>'
    page = f'<PcGts><Page imageWidth="100" imageHeight="1000">{line * 11}</Page></PcGts>'
    with pytest.raises(DataError, match="so many points"):
        fit_layout(read_layout(page.encode()), 100, 1000)
    assert len(fit_layout(read_layout(page.encode()), 10, 100).lines) == 11


def test_very_large_images_are_looked_at_in_a_smaller_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.handwriting.line_image.MAX_WORKING_PIXELS", 400_000)
    grey = np.full((100, 10_000), 255, np.uint8)
    grey[40:60, 5_000:5_200] = 0
    small, scale = small_copy(grey, grey.shape[1])
    assert small.shape == (63, 6325)
    assert scale == pytest.approx(0.632, abs=0.001)
    line = LineNormaliser().normalise(grey)
    assert line.source_x(8) == pytest.approx(5_000, abs=20)  # the margin is 8 columns
    tall, scale = small_copy(np.zeros((1_000_000, 1), np.uint8), 1000)
    assert tall.shape == (round(1_000_000 * scale), 1)
    same, scale = small_copy(grey[:, :500], 500)
    assert (same.shape, scale) == ((100, 500), 1.0)


@pytest.mark.parametrize("margin", [0, 1, 2, 5, 6, 7, 13])
def test_a_mask_is_widened_by_its_margin_in_all_directions(margin: int) -> None:
    shown = np.zeros((30, 40), bool)
    shown[[3, 20], [5, 39]] = True
    expected = np.zeros_like(shown)
    for y, x in ((3, 5), (20, 39)):
        expected[max(0, y - margin) : y + margin + 1, max(0, x - margin) : x + margin + 1] = True
    np.testing.assert_array_equal(_widened(shown, margin), expected)
    assert _widened(np.ones((1, 2), bool), margin).all()


def test_the_slant_of_ink_that_is_far_apart_is_found_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    above = rng.uniform(-10, 10, 3000)
    x = rng.integers(0, 60, 3000) * 15 + 0.4 * above + rng.normal(0, 0.3, 3000)
    whole = estimate_slant(x, above)
    assert whole == pytest.approx(0.4, abs=0.06)
    monkeypatch.setattr("zoo.handwriting.slant._LONGEST", 10)
    assert estimate_slant(x, above) == whole
    assert estimate_slant(x + 1e9 * (x > 400), above) == pytest.approx(whole, abs=0.06)
