"""Pen strokes as features: the tablet makes no difference, and places lead back to the points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.handwriting.toy import write
from zoo.errors import DataError, FolderError, UsageError
from zoo.handwriting.ink import FEATURES, MAX_POINTS, InkNormaliser, check_strokes

INK = InkNormaliser()
TEXT = "loiz vol izo"


def features(strokes: list[np.ndarray]) -> np.ndarray:
    return INK.features(check_strokes(strokes)).features


def at_rate(stroke: np.ndarray, share: float) -> np.ndarray:
    """The stroke as a tablet of another rate would give it, faster at its beginning."""
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, round(share * len(stroke)))
    places = along[-1] * np.linspace(0, 1, count) ** 0.8
    return np.stack([np.interp(places, along, column) for column in stroke.T], axis=1)


def alike(a: np.ndarray, b: np.ndarray, tolerance: float = 0.12) -> bool:
    """Whether two walks are of about one length and go the same way."""
    if abs(len(a) - len(b)) > 0.05 * len(b):
        return False
    places = np.linspace(0, 1, 200)
    paths = [
        np.stack([np.interp(places, np.linspace(0, 1, len(f)), p) for p in path.T], axis=1)
        for f in (a, b)
        for path in [np.cumsum(f[:, :2], axis=0)]
    ]
    reach = np.ptp(paths[1], axis=0).max()
    return bool(np.abs(paths[0] - paths[1]).max() < tolerance * reach)


def test_features_have_their_meaning() -> None:
    found = INK.features([np.array([[0.0, 0.0], [0.0, 10.0]]), np.array([[5.0, 0.0], [5.0, 10.0]])])
    assert found.features.shape == (len(found.stroke), FEATURES)
    assert found.features.dtype == np.float32
    air = found.features[:, 4] == 1
    assert 0 < air.sum() < (~air).sum()
    down = found.features[~air][1:]
    np.testing.assert_allclose(np.hypot(down[:, 0], down[:, 1]), 1.0, atol=0.1)
    assert np.all(down[1:, 1] > 0.9)
    assert found.features[0, 2] < -1 < 1 < found.features[-1, 2]
    # The second stroke begins at the right; nothing is behind the rightmost ink but in the air.
    assert found.features[~air, 3].max() < 0.05


@pytest.mark.parametrize("x", [0.0, 41.0, 80.0])
def test_what_is_high_in_one_place_alone_has_no_slope(x: float) -> None:
    upright, level = np.array([[x, 0.0], [x, 10.0]]), np.array([[0.0, 5.0], [80.0, 5.0]])
    found = features([upright, level])
    assert np.isfinite(found).all()
    # The bar stays level.
    bar = found[len(found) // 2 :]
    bar = bar[bar[:, 4] == 0]
    assert np.abs(bar[2:, 1]).max() < 0.2


def test_going_back_for_a_dot_is_seen() -> None:
    found = features([*write("zlzlz"), np.array([[20.0, -50.0]])])
    assert found[-1, 3] > 0.5


@pytest.mark.parametrize("share", [0.5, 2.0, 9.0])
def test_the_tablets_rate_makes_little_difference(share: float) -> None:
    strokes = write(TEXT)
    other = [at_rate(stroke, share) if len(stroke) > 12 else stroke for stroke in strokes]
    assert alike(features(other), features(strokes))


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(2) * 0.01,
        np.eye(2) * 137.0,
        np.array([[1.0, 0.0], [-0.5, 1.0]]),  # slanted
        np.array([[1.0, 0.12], [0.0, 1.0]]),  # falling
    ],
)
def test_size_slant_and_slope_make_little_difference(matrix: np.ndarray) -> None:
    strokes = write("lil voll zil illo lil")
    moved = [stroke @ matrix + (3000.0, -70.0) for stroke in strokes]
    assert alike(features(moved), features(strokes))


def test_jitter_of_a_dense_tablet_does_not_lengthen_the_ink() -> None:
    strokes = [at_rate(stroke, 12.0) if len(stroke) > 12 else stroke for stroke in write(TEXT)]
    rounded = [np.round(stroke) for stroke in strokes]
    assert alike(features(rounded), features(strokes))


def test_every_frame_knows_its_stroke_and_point() -> None:
    strokes = write(TEXT)
    strokes.insert(2, np.zeros((0, 2)))  # an empty one keeps its number
    found = INK.features(check_strokes(strokes))
    assert sorted(set(found.stroke.tolist())) == [0, 1, *range(3, len(strokes))]
    assert np.all(np.diff(found.stroke) >= 0)
    for number in set(found.stroke.tolist()):
        inside = (found.stroke == number) & (found.features[:, 4] == 0)
        points = found.point[inside]
        assert np.all(np.diff(points) >= 0)
        assert points.max() == pytest.approx(len(strokes[number]) - 1, abs=0.01)
    middle = (found.stroke == 0) & (found.features[:, 4] == 0)
    assert found.point[middle].min() < 3


def test_normalised_ink_gives_the_same_features_when_it_is_kept() -> None:
    strokes = write(TEXT)
    kept = INK.normalise(strokes)
    assert sum(map(len, kept)) < 4 * len(features(strokes))
    assert alike(INK.features_of_normal(kept), features(strokes), 0.05)
    assert INK.length(strokes) == pytest.approx(len(features(strokes)), rel=0.25)


@pytest.mark.parametrize(
    "strokes",
    [
        [[(5.0, 5.0)]],
        [[(5, 5)], [(9, 9)]],
        [[(0, 0), (50, 0)]],
        [[(0, 0), (0, 50)]],
        [[(1, 1)] * 30],
        [[(1e-9, 0), (2e-9, 1e-9)]],
        [[(1e11, 0), (1e11 + 5, 9)]],
    ],
)
def test_dots_dashes_and_tiny_ink_have_features(strokes: Any) -> None:
    found = features(strokes)
    assert np.isfinite(found).all()
    assert 1 <= len(found) < 100


def test_a_million_points_are_read_and_a_page_of_ink_refused() -> None:
    angle = np.linspace(0, 40, 1_000_000)
    many = np.stack([angle * 3 + np.sin(angle), np.cos(angle)], axis=1)
    assert 100 < len(features([many])) < 2000
    long = np.linspace(0, 40_000, 500_000)
    with pytest.raises(DataError, match="more than a line"):
        features([np.stack([long, np.cos(long)], axis=1)])


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([], "no ink"),
        ([[], []], "no ink"),
        ([[(0, 0), (np.nan, 1)]], "NaN"),
        ([[(0, 0), (np.inf, 1)]], "NaN, infinite"),
        ([[(0, 1e300)]], "huge"),
        ([[1, 2, 3]], "shape"),
        ([[(1,), (2,)]], "shape"),
        ([[("a", "b")]], "not a list of points"),
        ([[(1, 2), (3,)]], "not a list of points"),
        ("strokes", "list of lists"),
        (7, "list of lists"),
        ([np.broadcast_to(0.0, (MAX_POINTS + 1, 2))], "more than"),
    ],
)
def test_other_things_are_usage_errors(strokes: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_strokes(strokes)


def test_settings_survive_a_model_folder_and_are_checked() -> None:
    own = InkNormaliser(spacing=0.7)
    assert InkNormaliser.from_folder(own.settings()) == own
    for bad in ({"spacing": 0.0}, {"spacing": "x"}, {"rate": 1}):
        with pytest.raises(FolderError):
            InkNormaliser.from_folder(bad)
