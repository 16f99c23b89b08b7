"""Lines brought to one look: paper, light, slant and size make little difference."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.toy import draw, write
from zoo.errors import DataError, FolderError
from zoo.handwriting.line_image import LineNormaliser, ink_of
from zoo.handwriting.slant import estimate_slant
from zoo.handwriting.training.ink_rendering import plain_image

LINE = LineNormaliser()
TEXT = "lizo vol zoi"


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two normalised lines, brought to one width."""
    width = min(len(a), len(b))
    assert abs(len(a) - len(b)) < 0.08 * width
    images = [np.asarray(Image.fromarray(one).resize((48, width))) for one in (a, b)]
    return float(np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1])


def test_ink_is_one_and_paper_zero_with_a_margin() -> None:
    columns = LINE.normalise(draw(TEXT)).columns
    assert columns.shape[1] == 48
    assert columns.dtype == np.float32
    assert columns.min() == 0.0
    assert columns.max() > 0.9
    for edge in (columns, columns[::-1]):
        assert edge[: LINE.margin].max() <= 0.35
        assert edge[LINE.margin].max() > 0.35


@pytest.mark.parametrize(
    "change",
    [
        lambda page: 255 - page,  # white on black
        lambda page: (90 + page / 255 * 60).astype(np.uint8),  # pale
        lambda page: (page * np.linspace(0.4, 1.0, page.shape[1])).astype(np.uint8),  # shaded
        lambda page: np.pad(page, ((40, 15), (30, 70)), constant_values=255),
        lambda page: np.asarray(Image.fromarray(page).resize((page.shape[1] * 3, len(page) * 3))),
        lambda page: np.asarray(Image.fromarray(page).resize((page.shape[1] // 2, len(page) // 2))),
    ],
)
def test_paper_light_margins_and_resolution_make_little_difference(change: object) -> None:
    page = draw(TEXT)
    found = LINE.normalise(change(page)).columns  # type: ignore[operator]
    assert likeness(found, LINE.normalise(page).columns) > 0.85


@pytest.mark.parametrize("slant", [-0.4, 0.3, 0.8])
def test_slant_is_taken_out(slant: float) -> None:
    upright = write("lil lollil illo lil")
    slanted = [stroke @ np.array([[1.0, 0.0], [-slant, 1.0]]) for stroke in upright]
    found, wanted = (LINE.normalise(plain_image(strokes)).columns for strokes in (slanted, upright))
    assert likeness(found, wanted) > 0.8
    rows, columns = np.nonzero(plain_image(slanted) < 128)
    assert estimate_slant(columns, rows.mean() - rows) == pytest.approx(slant, abs=0.1)


def test_a_ruled_line_does_not_change_the_size() -> None:
    page = draw(TEXT)
    ruled = page.copy()
    ruled[-9:-7] = 60
    plain, found = LINE.normalise(page), LINE.normalise(ruled)
    assert found.scale == pytest.approx(plain.scale, rel=0.1)


def test_columns_lead_back_to_the_image() -> None:
    page = np.full((70, 500), 255, np.uint8)
    page[20:50, 100:104] = 0
    page[20:50, 300:304] = 0
    line = LINE.normalise(page)
    dark = np.flatnonzero(line.columns.max(axis=1) > 0.5)
    assert line.source_x(dark[0]) == pytest.approx(100, abs=1.5)
    assert line.source_x(dark[-1] + 1) == pytest.approx(304, abs=1.5)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (30, 200), (1, 50), (300, 2)])
def test_without_contrast_there_is_no_ink(shape: tuple[int, int], value: int) -> None:
    blank = np.full(shape, value, np.uint8)
    assert ink_of(blank).max() == 0.0
    assert LINE.normalise(blank).columns.shape == (0, 48)


def test_specks_and_single_strokes_are_lines_too() -> None:
    for box in ((10, 11, 10, 11), (10, 12, 5, 50), (5, 25, 20, 22)):
        page = np.full((30, 60), 255, np.uint8)
        page[box[0] : box[1], box[2] : box[3]] = 0
        columns = LINE.normalise(page).columns
        assert np.isfinite(columns).all()
        assert len(columns) < 2000


def test_a_line_of_20000_pixels_is_read_and_a_far_longer_one_refused() -> None:
    page = np.full((48, 20_000), 255, np.uint8)
    page[10:40, ::25] = 0
    assert 15_000 < len(LINE.normalise(page).columns) < 32_768
    with pytest.raises(DataError, match="columns wide"):
        LINE.normalise(np.tile(page, (1, 4)))


def test_settings_survive_a_model_folder_and_are_checked() -> None:
    own = LineNormaliser(height=64, spread=9.5, margin=3)
    assert LineNormaliser.from_folder(own.settings()) == own
    for bad in ({"height": 4}, {"spread": "x"}, {"colour": 1}):
        with pytest.raises(FolderError):
            LineNormaliser.from_folder(bad)
