"""Ink of several lines: cut into its lines, read line by line, and reported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.handwriting.toy import write
from zoo.handwriting.ink_lines import cut_ink


def below(strokes: list[np.ndarray], lines: float, to_the_right: float = 0.0) -> list[np.ndarray]:
    """The same writing some lines, of one and a half of its heights, further down."""
    points = np.concatenate(strokes)
    pitch = 1.5 * float(np.ptp(points[:, 1]))
    return [stroke + np.array([to_the_right, lines * pitch]) for stroke in strokes]


def test_a_line_is_one_line(word: list[np.ndarray]) -> None:
    for strokes in (word, write("loiz vol zi lo"), write("v"), [np.array([[3.0, 4.0]])]):
        assert cut_ink(strokes) == [list(range(len(strokes)))]
    assert cut_ink([np.zeros((0, 2))]) == []
    width = np.ptp(np.concatenate(word)[:, 0])
    slanted = [stroke @ np.array([[1.0, 0.3], [0.0, 1.0]]) for stroke in word]
    further = np.array([1.2 * width, 0.36 * width])
    assert len(cut_ink([*slanted, *(stroke + further for stroke in slanted)])) == 1


def test_lines_below_each_other_are_cut(word: list[np.ndarray]) -> None:
    count = len(word)
    three = [*word, *below(word, 1, 30), *below(word, 2, -30)]
    assert cut_ink(three) == [list(range(i * count, (i + 1) * count)) for i in range(3)]
    empty = [word[0], np.zeros((0, 2)), *word[1:], *below(word, 1)]
    first, second = cut_ink(empty)
    assert first == [0, *range(2, count + 1)]
    assert second == list(range(count + 1, 2 * count + 1))


def test_a_late_dot_goes_to_its_line(word: list[np.ndarray]) -> None:
    points = np.concatenate(word)
    dot = np.array([points.mean(axis=0), points.mean(axis=0) + 1])
    strokes = [*word, *below(word, 1), dot]
    first, second = cut_ink(strokes)
    assert first[-1] == len(strokes) - 1
    assert len(second) == len(word)


def test_a_line_under_a_word_is_no_line(word: list[np.ndarray]) -> None:
    points = np.concatenate(word)
    (left, _), (right, bottom) = points.min(axis=0), points.max(axis=0)
    height = np.ptp(points[:, 1])
    rule = np.array([(left, bottom + height), (right, bottom + height)])
    assert len(cut_ink([*word, rule])) == 1


def test_lines_are_read_one_by_one_and_reported(pen: Any, word: list[np.ndarray]) -> None:
    one = pen.read(word)
    assert one.doubts == ()
    two = pen.read([*word, *below(word, 1)])
    assert two.text == f"{one.text}\n{one.text}"
    assert two.doubts == ("it was cut into 2 lines",)
    assert [part.text for part in two.words] == [one.text] * 2
    assert "".join(part.text for part in two.characters) == two.text
    assert two.confidence == pytest.approx(one.confidence)
    first, last = two.characters[0], two.characters[-1]
    assert (first.start, first.end) == (one.characters[0].start, one.characters[0].end)
    assert last.end == (one.characters[-1].end[0] + len(word), one.characters[-1].end[1])
    assert [reading.text for reading in pen.read([word, [*word, *below(word, 1)]])] == [
        one.text,
        two.text,
    ]
