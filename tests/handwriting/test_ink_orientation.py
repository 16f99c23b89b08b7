"""Ink turned and mirrored: the pen's way, the comparison, and what a reading says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.handwriting.test_ink_lines import below
from zoo import load_model
from zoo.cli import main
from zoo.handwriting.ink_orientation import (
    MIRRORED,
    TURNED_LEFT,
    TURNED_RIGHT,
    direction,
    mirrored,
    other_ways,
    reads_better,
    turned_left,
    turned_right,
    upside_down,
)
from zoo.handwriting.results import UPSIDE_DOWN, Word


def test_the_pens_way_tells_how_writing_is_turned(word: list[np.ndarray]) -> None:
    two = [*word, *below(word, 1)]
    for ink in (word, mirrored(word), [stroke + 1e9 for stroke in word]):
        right, down = direction(ink)
        assert right > abs(down)
        for turn, (x, y) in (
            (upside_down, (-right, -down)),
            (turned_right, (-down, right)),
            (turned_left, (down, -right)),
        ):
            np.testing.assert_allclose(direction(turn(ink)), (x, y), rtol=1e-4)
    assert direction(two)[1] > direction(two)[0] > 0  # lines run down the page
    dot, nothing = np.array([[3.0, 4.0]]), np.zeros((0, 2))
    assert not direction([dot, dot, nothing]).any()
    assert direction([nothing, *upside_down(word), dot - 1000])[0] < 0


def test_only_ways_that_the_ink_may_stand_are_read(word: list[np.ndarray]) -> None:
    def ways(ink: list[np.ndarray], unsure: bool = False) -> list[str]:
        return [doubt for doubt, _ in other_ways(ink, unsure)]

    assert ways(word) == []
    assert ways(word, unsure=True) == [MIRRORED]
    assert ways(upside_down(word), unsure=True) == [UPSIDE_DOWN]
    assert TURNED_LEFT in ways(turned_right(word))
    assert TURNED_RIGHT in ways(turned_left(word))
    for turn in (turned_right, turned_left):
        back = dict(other_ways(turn(word), False))
        (turned,) = (back[doubt] for doubt in (TURNED_LEFT, TURNED_RIGHT) if doubt in back)
        np.testing.assert_array_equal(np.concatenate(turned), np.concatenate(word))


def test_ink_reads_better_if_much_more_letters_are_expected_right() -> None:
    def words(*confidences: tuple[str, float]) -> list[Word]:
        return [Word(text, (0, 0), (0, 1), confidence) for text, confidence in confidences]

    as_it_is = words(("abcde", 0.4))  # two letters
    assert reads_better(words(("ab", 0.9), ("cd", 0.8)), as_it_is, UPSIDE_DOWN)
    assert not reads_better(words(("ab", 0.9), ("cd", 0.69)), as_it_is, UPSIDE_DOWN)
    assert reads_better(words(("an", 0.9)), [], UPSIDE_DOWN)
    assert not reads_better(words(("an", 0.9)), [], MIRRORED)
    assert reads_better(words(("and", 0.9)), [], MIRRORED)
    assert not reads_better([], [], UPSIDE_DOWN)
    assert reads_better(words(("abc", 0.9)), as_it_is, TURNED_LEFT)
    assert not reads_better(words(("abc", 0.79)), as_it_is, TURNED_RIGHT)
    assert not reads_better(words(("an", 0.9)), [], TURNED_LEFT)


@pytest.mark.parametrize("language_model", [None, "own"])
def test_ink_the_other_way_is_noticed(
    pen: Any, word: list[np.ndarray], language_model: str | None
) -> None:
    two = [*word, *below(word, 1)]
    one = [word, upside_down(word), mirrored(word), turned_right(word), turned_left(word)]
    more = [two, upside_down(two), mirrored(two)]
    readings = pen.read([*one, *more], language_model=language_model)
    assert [reading.doubts for reading in readings] == [
        (),
        (UPSIDE_DOWN,),
        (MIRRORED,),
        (TURNED_LEFT,),
        (TURNED_RIGHT,),
        ("it was cut into 2 lines",),
        (UPSIDE_DOWN,),
        (MIRRORED,),
    ]


def test_a_model_without_fitted_confidences_doubts_no_ink(word: list[np.ndarray]) -> None:
    model: Any = load_model("pen_bilstm.unipen")
    model.set_search({"beam_size": 8}, {})
    assert model.read(upside_down(word)).doubts == ()


def test_the_command_line_warns(
    word: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "turned.inkml"
    traces = (
        "<trace>" + ",".join(f"{x:.4f} {y:.4f}" for x, y in stroke) + "</trace>"
        for stroke in upside_down(word)
    )
    path.write_text(f'<ink xmlns="http://www.w3.org/2003/InkML">{"".join(traces)}</ink>')
    main(["run", "pen_bilstm.unipen", str(path)])
    assert capsys.readouterr().err == f"zoo: unsure: {UPSIDE_DOWN}\n"
