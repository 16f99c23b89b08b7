"""How high lines are that have baselines alone: by their neighbours across the writing."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.handwriting.line_heights import line_heights
from zoo.handwriting.page_xml import read_layout


def column(
    left: float, top: float, step: float, count: int = 6, width: float = 400
) -> list[np.ndarray]:
    """Level lines that are a step apart."""
    ys = top + step * np.arange(count)
    return [np.array([(left, y), (left + width / 2, y + 1), (left + width, y)]) for y in ys]


def turned(lines: list[np.ndarray], degrees: float) -> list[np.ndarray]:
    angle = np.deg2rad(degrees)
    matrix = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    return [line @ matrix.T + 1000 for line in lines]


@pytest.mark.parametrize("degrees", [0, 3, 90, 180, -90])
def test_columns_do_not_mix_however_the_page_is_turned(degrees: float) -> None:
    lines = turned([*column(0, 0, 60), *column(500, 7, 60), *column(1000, 30, 90)], degrees)
    np.testing.assert_allclose(line_heights(lines), [60] * 12 + [90] * 6)


def test_what_is_written_sideways_does_not_count() -> None:
    beside = turned(column(-300, 0, 20, 3, 300), 90)
    lines = [*column(1000, 800, 60), *beside]
    np.testing.assert_allclose(line_heights(lines), [60] * 6 + [20] * 3)


def test_a_line_between_two_and_a_line_twice_do_not_make_the_others_lower() -> None:
    lines = [*column(0, 0, 60, 12), *column(100, 330, 1, 1, 50), *column(0, 2, 1, 1)]
    np.testing.assert_allclose(line_heights(lines), [60] * 14, atol=3)


def test_a_line_without_neighbours_is_as_high_as_those_of_the_page() -> None:
    lines = [*column(0, 0, 60), *column(2000, 0, 1, 1, 50)]
    np.testing.assert_allclose(line_heights(lines), [60] * 7)
    assert line_heights(column(0, 0, 1, 1, 2000)).tolist() == [100]
    assert line_heights(column(0, 0, 1, 1, 200)).tolist() == [40]
    assert line_heights([]).tolist() == []


def test_facing_pages_give_each_line_the_band_of_its_own_page() -> None:
    rows = "".join(
        f'<TextLine ID="c{c}l{i}" BASELINE="{c * 900} {60 * i + 7 * c} {c * 900 + 700} '
        f'{60 * i + 7 * c}"/>'
        for c in (0, 1)
        for i in range(7)
    )
    layout = read_layout(f"<alto><Layout><Page>{rows}</Page></Layout></alto>".encode())
    for line in layout.lines:
        assert np.ptp(line.polygon[:, 1]) == pytest.approx(1.1 * 60)
