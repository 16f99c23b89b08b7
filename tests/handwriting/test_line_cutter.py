"""Lines cut out of pages, against the prepared ones, and found without a layout."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.toy import write_page
from zoo.errors import DataError
from zoo.handwriting.image import read_image
from zoo.handwriting.line_cutter import cut_line
from zoo.handwriting.line_finder import find_lines
from zoo.handwriting.page_fitting import fit_layout
from zoo.handwriting.page_xml import TextLine, read_layout

PAGES = {
    "copiste": ("banq-dcn/*/*/alto/*.xml", 4),
    "poilus": ("HTR-United/*/*/data/*/*.xml", 3),
    "hooker": ("jschaefer738b/*/*/*.xml", 2),
}


def image_of(path: Path) -> Path:
    beside = path.with_suffix(".jpg")
    return beside if beside.exists() else path.parent.parent / "jpg" / beside.name


@pytest.mark.parametrize("corpus", PAGES)
def test_crops_of_the_original_pages_are_the_prepared_lines(data_mirror: Path, corpus: str) -> None:
    pattern, count = PAGES[corpus]
    pages = sorted((data_mirror / "raw.githubusercontent.com").glob(pattern))
    assert len(pages) == count
    prepared = zipfile.ZipFile(data_mirror / f"prepared/handwriting/{corpus}_48.zip")
    table = io.StringIO(prepared.read("lines.tsv").decode())
    rows = {
        row["file"]: row["text"]
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
    }
    likeness, width = [], []
    for path in pages:
        layout, grey = read_layout(path), read_image(image_of(path))
        assert layout.image == image_of(path).name
        for number, line in enumerate(fit_layout(layout, grey.shape[1], grey.shape[0]).lines):
            name = f"{path.stem}_{number:03d}.png"
            wanted = read_image(prepared.read(name))
            cut = cut_line(grey, line)
            assert cut is not None
            # Two lines of Copiste have had their text corrected.
            assert line.text.replace("\u200b", "")[:8] == rows[name].replace("\u200b", "")[:8]
            width.append(cut.image.shape[1] / wanted.shape[1])
            same = np.asarray(Image.fromarray(cut.image).resize(wanted.shape[::-1]))
            likeness.append(np.corrcoef(same.ravel(), wanted.ravel())[0, 1])
    assert np.median(likeness) > 0.93
    assert np.percentile(likeness, 10) > 0.85
    assert min(likeness) > 0.75
    assert np.abs(np.log(width)).max() < 0.07


def square(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def line(polygon: np.ndarray, baseline: list[tuple[float, float]] | None = None) -> TextLine:
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    given = baseline or [(low[0], high[1] - 5), (high[0], high[1] - 5)]
    return TextLine("a", polygon, np.array(given, float))


def test_what_is_outside_the_polygon_is_paper() -> None:
    page = np.full((200, 400), 220, np.uint8)
    page[90:110, 60:300] = 30
    page[20:60, 60:300] = 30  # another line
    cut = cut_line(page, line(square(50, 80, 310, 120)))
    assert cut is not None
    assert cut.image.shape[0] == 48
    assert cut.image.shape[1] == pytest.approx(48 * (260 + 13) / (40 + 13), abs=2)
    dark = (cut.image < 100).any(axis=1)
    assert 10 < dark.sum() < 30
    assert cut.image[0].min() > 200


def test_white_writing_on_a_dark_page_is_cut_as_its_negative(tmp_path: Path) -> None:
    layout, page = write_page(tmp_path, ["loiz vol"])
    (line,) = read_layout(layout).lines
    plain = cut_line(page, line)
    assert plain is not None
    for faint in (1.0, 0.4):  # white chalk, and grey on black
        shown = cut_line((faint * (255 - page.astype(float))).astype(np.uint8), line)
        assert shown is not None
        assert np.abs(shown.image.astype(int) - plain.image).mean() < 1
    grey = page // 2
    grey[::7, ::7] = 255  # specks of light on grey paper are no writing
    cut = cut_line(grey, line)
    assert cut is not None
    assert np.median(cut.image) > 200


def test_a_falling_line_is_turned_level() -> None:
    page = np.full((300, 600), 255, np.uint8)
    x = np.arange(50, 550)
    for thick in range(8):
        page[100 + (x * 0.1).astype(int) + thick, x] = 0
    polygon = np.array([(45, 85), (555, 135), (555, 180), (45, 130)], float)
    cut = cut_line(page, line(polygon, [(45, 112), (555, 163)]))
    assert cut is not None
    rows = [np.flatnonzero(column < 128).mean() for column in cut.image.T[40:-40:20]]
    assert np.ptp(rows) < 4


@pytest.mark.parametrize("degrees", [0, 8, -20, 90])
def test_places_in_a_cut_are_known_on_the_page(degrees: float) -> None:
    level = np.full((700, 700), 255, np.uint8)
    level[330:370, 100:600] = 230
    level[340:360, 200:210] = 0
    page = Image.fromarray(level).rotate(-degrees, fillcolor=255)
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turn = np.array([(cosine, sine), (-sine, cosine)])  # of rows (x, y), about the middle

    def turned(points: np.ndarray) -> np.ndarray:
        return (points - 350) @ turn + 350

    polygon = turned(square(100, 330, 600, 370))
    baseline = turned(np.array([(100, 360), (600, 360)]))
    cut = cut_line(np.asarray(page), TextLine("a", polygon, baseline))
    assert cut is not None
    columns = np.flatnonzero((cut.image < 60).any(axis=0))
    box = cut.box(columns[0], columns[-1] + 1)
    wanted = turned(square(200, 324, 210, 376))  # of the whole height, margins included
    np.testing.assert_allclose(box, wanted, atol=4)


@pytest.mark.parametrize("corner", [(-500, -500), (5000, 10), (10, 5000)])
def test_a_line_outside_the_page_is_none(corner: tuple[int, int]) -> None:
    page = np.full((100, 100), 255, np.uint8)
    x, y = corner
    assert cut_line(page, line(square(x, y, x + 50, y + 20))) is None


def test_a_line_partly_outside_is_cut_at_the_edge() -> None:
    page = np.full((100, 100), 255, np.uint8)
    page[40:60, ::4] = 0
    cut = cut_line(page, line(square(-1000, 35, 5000, 65)))
    assert cut is not None
    assert cut.image.shape == (48, pytest.approx(48 * 100 / 43, abs=2))
    assert cut_line(page, line(square(10, 50, 10, 50))) is not None


def test_a_copy_of_a_page_in_another_size_is_cut_alike(tmp_path: Path) -> None:
    path, page = write_page(tmp_path, ["lol zi", "vi oz lil"])
    layout = read_layout(path)
    half = np.asarray(Image.fromarray(page).resize((page.shape[1] // 2, page.shape[0] // 2)))
    fitted = fit_layout(layout, half.shape[1], half.shape[0])
    np.testing.assert_allclose(fitted.lines[0].polygon * 2, layout.lines[0].polygon, rtol=0.02)
    with pytest.raises(DataError, match="another page, or turned"):
        fit_layout(layout, page.shape[0], page.shape[1])


def test_lines_of_a_clean_page_are_found(tmp_path: Path) -> None:
    texts = ["lol zi vi lo", "vi oz lil loo", "zizi vol", "il lo zi voz", "lil voi zoo"]
    _, page = write_page(tmp_path, texts)
    found = find_lines(page)
    assert found.doubts == ()
    assert len(found.lines) == len(texts)
    wanted = read_layout(tmp_path / "page.xml").lines
    for mine, own in zip(found.lines, wanted, strict=True):
        assert abs(mine.polygon[:, 1].mean() - own.polygon[:, 1].mean()) < 15
        ink = (page[int(own.polygon[0, 1]) : int(own.polygon[2, 1])] < 128).any(axis=0)
        assert mine.polygon[:, 0].min() <= np.flatnonzero(ink)[0] + 3
        assert mine.polygon[:, 0].max() >= np.flatnonzero(ink)[-1] - 3


def test_a_turned_page_is_found_too(tmp_path: Path) -> None:
    _, page = write_page(
        tmp_path, ["lol zi vi lo", "vi oz lil loo", "zizi volo li", "il lo zi voz"]
    )
    turned = Image.fromarray(page).rotate(-2, expand=True, fillcolor=255)
    found = find_lines(np.asarray(turned))
    assert len(found.lines) == 4
    for one in found.lines:
        (x0, y0), (x1, y1) = one.baseline
        assert (y1 - y0) / (x1 - x0) == pytest.approx(np.tan(np.radians(2)), abs=0.01)


def test_pages_of_the_corpora_are_found_nearly_whole(data_mirror: Path) -> None:
    path = next((data_mirror / "raw.githubusercontent.com").glob("banq-dcn/*/*/alto/*0058.xml"))
    found = find_lines(read_image(image_of(path)))
    wanted = read_layout(path).lines
    assert found.doubts == ()
    covered = 0
    for own in wanted:
        x, y = own.baseline.mean(axis=0) - (0, 15)
        for mine in found.lines:
            low, high = mine.polygon.min(axis=0), mine.polygon.max(axis=0)
            if low[0] < x < high[0] and low[1] < y < high[1]:
                covered += 1
                break
    assert covered >= len(wanted) - 1


@pytest.mark.parametrize(
    ("kind", "doubt"),
    [
        ("blank", "no writing"),
        ("one pixel", "no writing"),
        ("columns", "more than one column"),
        ("one line", "only one line"),
        ("noise", ""),
        ("turned", "turned by more than|run into each other|uneven"),
    ],
)
def test_it_says_when_it_is_unsure(tmp_path: Path, kind: str, doubt: str) -> None:
    texts = ["lol zi vi lo", "vi oz lil loo", "zizi volo li", "il lo zi voz", "lil voi zoo"]
    _, page = write_page(tmp_path, texts)
    pages = {
        "blank": np.full((500, 300), 255, np.uint8),
        "one pixel": np.zeros((1, 1), np.uint8),
        "columns": np.concatenate([page, np.full((len(page), 150), 255, np.uint8), page], axis=1),
        "one line": page[: len(page) // 5],
        "noise": np.random.default_rng(0).integers(0, 255, (400, 300), dtype=np.uint8),
        "turned": np.asarray(Image.fromarray(page).rotate(20, expand=True, fillcolor=255)),
    }
    import re

    doubts = find_lines(pages[kind]).doubts
    assert doubts
    assert any(re.search(doubt, one) for one in doubts)


def test_lines_that_cover_the_page_too_often_are_refused(tmp_path: Path) -> None:
    line = '<TextLine ID="a"><Shape><Polygon POINTS="0,0 899,0 899,599 0,599"/></Shape></TextLine>'
    page = "<alto><Layout><Page>{}</Page></Layout></alto>"
    whole = read_layout(page.format(line * 90).encode())
    assert len(fit_layout(whole, 900, 600).lines) == 90
    far = line.replace("0,0", "9000,9000").replace("899", "9899").replace("0,599", "9000,9599")
    assert len(fit_layout(read_layout(page.format(far * 2000).encode()), 900, 600).lines) == 2000
    with pytest.raises(DataError, match="cover the image more than 100 times"):
        fit_layout(read_layout(page.format(line * 120).encode()), 900, 600)
