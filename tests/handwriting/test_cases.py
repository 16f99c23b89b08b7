"""Layouts and ink as other programs write them: each case with its right value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.ctc.alphabet import Alphabet
from zoo.errors import DataError, UsageError, ZooWarning
from zoo.handwriting.image import OrientedImage, read_image, read_oriented
from zoo.handwriting.ink_files import read_ink, read_ink_file
from zoo.handwriting.line_cutter import cut_line
from zoo.handwriting.line_image import LineNormaliser
from zoo.handwriting.page_fitting import fit_layout, fit_page, fitting_pages
from zoo.handwriting.page_xml import PageLayout, read_layout, read_layouts
from zoo.handwriting.processor import Lines
from zoo.handwriting.training.folder import read_folder

CASES = Path(__file__).parent / "cases"
PAGE_IMAGE = Path(__file__).parents[2] / "samples" / "page.png"
BASE = read_layout(CASES / "pages" / "page_base.xml")
TEXTS = [line.text for line in BASE.lines]
WIDTH, HEIGHT = 1275, 541
LINES = Lines(LineNormaliser(), Alphabet(("", "a", "b")))


def layout(name: str, **options: Any) -> PageLayout:
    return read_layout(CASES / "pages" / f"page_{name}.xml", **options)


def test_the_base_has_its_seven_lines() -> None:
    assert len(TEXTS) == 7
    assert TEXTS[0].startswith("Hus-ya est une")
    assert TEXTS[6].startswith("l'affaire Alègre")


def test_the_reading_order_of_page_decides() -> None:
    found = layout("readingorder_regions")
    assert [line.text for line in found.lines] == TEXTS
    # Texts are put into the lines that they belong to, wherever these stand in the file.
    again = read_layout(found.with_texts({4: ("new", 0.5)}))
    assert [line.text for line in again.lines] == [*TEXTS[:4], "new", *TEXTS[5:]]


def test_the_reading_order_of_transkribus_decides_where_there_is_no_other() -> None:
    found = layout("readingorder_transkribus_custom")
    assert [line.identity for line in found.lines] == ["l0", "l1", "l3"]
    assert [line.text for line in found.lines] == [TEXTS[0], TEXTS[1], TEXTS[3]]


def test_the_text_with_the_lowest_index_is_the_text() -> None:
    found = layout("textequiv_index")
    assert [line.text for line in found.lines] == ["corrected text"]
    written = found.with_texts({0: ("read", 1.0)})
    assert read_layout(written).lines[0].text == "read"
    assert b"OLD OCR" not in written


def test_the_text_of_words_is_that_of_their_line() -> None:
    assert [line.text for line in layout("words_only").lines] == ["Hello world"]


@pytest.mark.parametrize(
    ("name", "identity", "reason", "others"),
    [
        ("one_line_empty_coords", "l1", "neither a polygon with an area nor", [0, 2]),
        ("one_line_odd_points", "l1", "its polygon has points that cannot be read", [0, 2]),
        ("alto_pdfalto_e", "p6_t418", "its HEIGHT is not a number: '1.6478e'", [0, 1]),
        ("alto_no_places", "x", "neither a polygon with an area nor", [0, 1]),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(
    name: str, identity: str, reason: str, others: list[int], tmp_path: Path
) -> None:
    found = layout(name)
    assert [line.text for line in found.lines] == [TEXTS[i] for i in others]
    ((problem_identity, problem),) = found.problems
    assert problem_identity == identity
    assert reason in problem
    with pytest.raises(DataError, match=f"{identity}: .*{re.escape(reason)}"):
        layout(name, strict=True)
    # The bad line keeps what it has, and the others get their own texts.
    written = found.with_texts({0: ("one", 1.0), 1: ("two", 1.0)})
    assert [line.text for line in read_layout(written).lines] == ["one", "two"]
    # The same in a folder to learn from.
    (tmp_path / "page.png").write_bytes(PAGE_IMAGE.read_bytes())
    (tmp_path / "page.xml").write_bytes((CASES / "pages" / f"page_{name}.xml").read_bytes())
    with pytest.warns(ZooWarning, match=f"{identity} was left out: .*{re.escape(reason)}"):
        lines = read_folder(tmp_path, LINES)
    assert [line.source.text for line in lines] == [TEXTS[i] for i in others]
    with pytest.raises(DataError, match=identity):
        read_folder(tmp_path, LINES, strict=True)


@pytest.mark.parametrize("pixels", ["raw", "upright"])
def test_a_layout_may_count_stored_pixels_or_those_shown(pixels: str) -> None:
    image = read_oriented(CASES / "pages" / "page_exif3.jpg")
    assert (image.orientation, image.stored_size) == (3, (WIDTH, HEIGHT))
    fitted = fit_page(layout(f"exif3_layout_{pixels}"), image)
    assert fitted.doubts == ()
    for line, base in zip(fitted.layout.lines, BASE.lines, strict=False):
        np.testing.assert_allclose(line.polygon, base.polygon, atol=2)
        np.testing.assert_allclose(line.baseline, base.baseline, atol=2)
    # An option says which.
    other = fit_page(layout(f"exif3_layout_{pixels}"), image, "stored")
    same = np.abs(other.layout.lines[0].polygon - BASE.lines[0].polygon).max() < 2
    assert same == (pixels == "raw")


@pytest.mark.parametrize("pixels", ["raw", "upright"])
@pytest.mark.parametrize("part", ["Coords", "Baseline"])
def test_stored_pixels_are_told_by_the_ink_where_nothing_else_tells(pixels: str, part: str) -> None:
    text = (CASES / "pages" / f"page_exif3_layout_{pixels}.xml").read_text("utf-8")
    text = re.sub(rf'(</?TextLine[^>]*>)<{part} points="[^"]*"/>', r"\1", text)
    text = re.sub(rf'(<Coords points="[^"]*"/>)<{part} points="[^"]*"/>', r"\1", text)
    image = read_oriented(CASES / "pages" / "page_exif3.jpg")
    fitted = fit_page(read_layout(text.encode()), image)
    for line, base in zip(fitted.layout.lines, BASE.lines, strict=False):
        centre = (line.polygon.min(axis=0) + line.polygon.max(axis=0)) / 2
        expected = (base.polygon.min(axis=0) + base.polygon.max(axis=0)) / 2
        np.testing.assert_allclose(centre, expected, atol=25)
        assert line.baseline[0, 0] < line.baseline[-1, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_exif_is_followed(orientation: int) -> None:
    # The page as it is shown, and the layout of what the camera stored.
    turned = [
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ][orientation - 1]
    upright = np.zeros((40, 90), np.uint8)
    upright[8, 12] = 255
    stored = Image.fromarray(upright)
    stored = stored if turned is None else stored.transpose(turned)
    exif = Image.Exif()
    exif[274] = orientation
    stored.info["exif"] = exif.tobytes()
    image = read_oriented(stored)
    np.testing.assert_array_equal(image.grey, upright)
    assert image.orientation == orientation
    (y,), (x,) = np.nonzero(np.asarray(stored))
    width, height = stored.size
    text = (
        f'<PcGts><Page imageWidth="{width}" imageHeight="{height}"><TextLine id="a"><Coords '
        f'points="{x - 2},{y - 2} {x + 3},{y - 2} {x + 3},{y + 3} {x - 2},{y + 3}"/></TextLine>'
        "</Page></PcGts>"
    )
    way = "stored" if orientation in (2, 3, 4) else "auto"  # elsewhere the size decides
    (line,) = fit_page(read_layout(text.encode()), image, way).layout.lines
    np.testing.assert_allclose(line.polygon.mean(axis=0), (12.5, 8.5))


def test_a_layout_of_another_form_is_refused_whatever_it_counts() -> None:
    image = OrientedImage(np.zeros((100, 50), np.uint8), 6)
    assert image.stored_size == (100, 50)
    page = read_layout(b'<PcGts><Page imageWidth="70" imageHeight="70"/></PcGts>')
    for pixels in ("auto", "upright", "stored"):
        with pytest.raises(DataError, match="another page, or turned"):
            fit_page(page, image, pixels)


def test_a_baseline_drawn_backwards_is_its_mirror_image() -> None:
    found = layout("reversed_baselines")
    assert len(found.lines) == 3
    for line, base in zip(found.lines, BASE.lines, strict=False):
        np.testing.assert_array_equal(line.baseline, base.baseline)


@pytest.mark.parametrize(("unit", "count"), [("mm10", 2), ("inch1200", 1)])
def test_other_units_are_scaled_by_the_size_of_the_page(unit: str, count: int) -> None:
    found = fit_layout(layout(f"alto_{unit}"), WIDTH, HEIGHT)
    assert [line.text for line in found.lines] == TEXTS[:count]
    for line, base in zip(found.lines, BASE.lines, strict=False):
        low, high = base.polygon.min(axis=0), base.polygon.max(axis=0)
        np.testing.assert_allclose(line.polygon.min(axis=0), low, atol=1)
        np.testing.assert_allclose(line.polygon.max(axis=0), high, atol=1)


def test_a_unit_without_the_size_of_the_page_is_refused() -> None:
    text = (CASES / "pages" / "page_alto_mm10.xml").read_text("utf-8")
    with pytest.raises(DataError, match="measures in mm10"):
        read_layout(text.replace('WIDTH="2159"', "", 1).encode())


def test_points_of_page_2010_are_read() -> None:
    found = layout("points_2010")
    for line, base in zip(found.lines, BASE.lines, strict=False):
        np.testing.assert_array_equal(line.polygon, base.polygon)


def test_points_in_brackets_are_read() -> None:
    (line,) = layout("alto_brackets").lines
    np.testing.assert_array_equal(line.polygon, BASE.lines[0].polygon)


def test_a_blank_page_is_a_page() -> None:
    found = layout("page_blank")
    assert (found.lines, found.problems, found.width) == ((), (), WIDTH)
    assert not found.regions_only
    assert b"page.png" in found.with_texts({})


PLAIN = read_ink(CASES / "ink" / "ink_plain.inkml")


@pytest.mark.parametrize(
    "name",
    [
        "ink_two_contexts_unnamed_use_first",
        "ink_orientation_two_contexts",
        "ink_traceGroup_contextRef",
        "ink_hex",
        "ink_utf16",
    ],
)
def test_every_way_of_writing_inkml_gives_the_same_ink(name: str) -> None:
    found = read_ink(CASES / "ink" / f"{name}.inkml")
    assert len(found) == len(PLAIN)
    for stroke, plain in zip(found, PLAIN, strict=True):
        np.testing.assert_array_equal(stroke, plain)


def test_unipen_labels_may_be_utf8() -> None:
    (ink,) = read_ink_file(CASES / "ink" / "unipen_label_utf8.dat")
    assert ink.text == "déjà vu"
    (plain,) = read_ink_file(CASES / "ink" / "unipen_plain.dat")
    assert plain.text == "deja vu"
    for stroke, other, inkml in zip(ink.strokes, plain.strokes, PLAIN, strict=True):
        np.testing.assert_array_equal(stroke, other)
        np.testing.assert_array_equal(stroke, inkml)


def test_a_bad_segment_of_unipen_is_named_and_the_others_are_read() -> None:
    path = CASES / "ink" / "unipen_one_segment_oob.dat"
    with pytest.warns(ZooWarning, match=r"segment 1 \('lost'\) was left out: it names component"):
        (ink,) = read_ink_file(path)
    assert ink.text == "deja vu"
    with pytest.raises(DataError, match="names component 900"):
        read_ink_file(path, strict=True)


def test_lines_of_the_sample_are_cut_alike_by_all_its_layouts() -> None:
    grey = read_image(PAGE_IMAGE)
    base = [cut_line(grey, line) for line in BASE.lines]
    for name in ("readingorder_regions", "points_2010", "reversed_baselines"):
        for line in fit_layout(layout(name), WIDTH, HEIGHT).lines:
            cut, expected = cut_line(grey, line), base[TEXTS.index(line.text)]
            assert cut is not None
            assert expected is not None
            if name == "points_2010":  # it has no baselines
                assert cut.image.shape[1] == pytest.approx(expected.image.shape[1], rel=0.2)
            else:
                np.testing.assert_array_equal(cut.image, expected.image)


def test_of_several_pages_the_one_with_the_form_of_the_image_is_meant() -> None:
    page = '<Page WIDTH="{}" HEIGHT="{}"><TextLine ID="{}" HPOS="1" VPOS="1" WIDTH="9" HEIGHT="9"/>'
    pages = "".join(f"{page}</Page>".format(*each) for each in ((20, 40, "a"), (50, 20, "b")))
    data = f"<alto><Layout>{pages}</Layout></alto>".encode()
    found = read_layouts(data)
    assert [one.lines[0].identity for one in found] == ["a", "b"]
    image = OrientedImage(np.zeros((20, 50), np.uint8))
    assert [one.page for one in fitting_pages(found, image)] == [2]
    assert read_layout(data, 2).lines[0].identity == "b"
    with pytest.raises(DataError, match="has 2 pages"):
        read_layout(data)
    with pytest.raises(DataError, match="no page 3"):
        read_layout(data, 3)
    # What is put into the second page stays out of the first.
    texts = [one.lines[0].text for one in read_layouts(found[1].with_texts({0: ("new", 1.0)}))]
    assert texts == ["", "new"]


def test_an_unknown_way_of_counting_pixels_is_a_usage_error() -> None:
    from zoo.handwriting.page_fitting import check_pixels

    with pytest.raises(UsageError, match="auto, upright, stored"):
        check_pixels("raw")
