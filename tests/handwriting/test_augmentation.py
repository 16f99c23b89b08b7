"""Changes of lines and strokes: the same for the same seed, within bounds, still the same text."""

from __future__ import annotations

import numpy as np
import pytest

from tests.handwriting.toy import draw, write
from zoo.handwriting.ink import InkNormaliser
from zoo.handwriting.line_image import LineNormaliser
from zoo.handwriting.training.image_augmentation import ImageAugmentation, sample, thicken
from zoo.handwriting.training.ink_augmentation import InkAugmentation
from zoo.handwriting.training.ink_rendering import InkRendering, draw_ink, plain_image

LINE = LineNormaliser().normalise(draw("lo zi vol")).columns
STILL = ImageAugmentation(
    stretch=0, size=0, shear=0, turn=0, shift=0, elastic=0, thinner=0, thicker=0, gamma=1.0, fade=0,
    blur_share=0, noise=0, gaps=0,
)  # fmt: skip


def test_a_line_is_changed_the_same_for_the_same_seed() -> None:
    change = ImageAugmentation()
    first, again, other = (change.columns(LINE, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or np.abs(first - other).max() > 0.1
    for one in (first, other):
        assert one.dtype == np.float32
        assert one.shape[1] == LINE.shape[1]
        assert 0.6 < len(one) / len(LINE) < 1.5
        assert 0.0 <= one.min() <= one.max() <= 1.0


def test_without_changes_a_line_stays_as_it_is() -> None:
    found = STILL.columns(LINE, np.random.default_rng(0))
    np.testing.assert_allclose(found, LINE, atol=1e-5)


@pytest.mark.parametrize("name", ["shear", "turn", "shift", "elastic", "thicker", "noise", "gaps"])
def test_each_change_by_itself_changes_something(name: str) -> None:
    from dataclasses import replace

    change = replace(STILL, **{name: getattr(ImageAugmentation(), name) * 9})
    found = change.columns(LINE, np.random.default_rng(3))
    assert found.shape == LINE.shape
    assert np.abs(found - LINE).max() > 0.05


def test_sampling_between_pixels_is_bilinear_and_paper_outside() -> None:
    columns = np.arange(12, dtype=np.float32).reshape(4, 3) / 12
    x, y = (np.array([[v]], np.float32) for v in (1.25, 0.5))
    a, b, c, d = columns[1, 0], columns[1, 1], columns[2, 0], columns[2, 1]
    wanted = 0.75 * (a + b) / 2 + 0.25 * (c + d) / 2
    assert sample(columns, x, y)[0, 0] == pytest.approx(wanted)
    for place in ((-5, 1), (1, 90), (np.float32(-0.5), 0)):
        x, y = (np.array([[v]], np.float32) for v in place)
        assert sample(columns, x, y)[0, 0] == pytest.approx(0.0)


def test_strokes_become_thicker_and_thinner() -> None:
    dark = [float(thicken(LINE, share).sum()) for share in (-0.5, 0.0, 0.5)]
    assert dark[0] < 0.9 * dark[1] < 0.81 * dark[2]


def test_strokes_are_changed_the_same_for_the_same_seed() -> None:
    normal = InkNormaliser().normalise(write("lo zi"))
    change = InkAugmentation()
    first, again, other = (change.strokes(normal, np.random.default_rng(s)) for s in (1, 1, 2))
    assert [len(stroke) for stroke in first] == [len(stroke) for stroke in normal]
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0.01
    features = InkNormaliser().features_of_normal(normal)
    hidden = InkAugmentation(hidden=20.0).features(features, np.random.default_rng(0))
    wiped = (hidden == 0).all(axis=1)
    assert 0.05 < wiped.mean() < 0.95
    np.testing.assert_array_equal(hidden[~wiped], features[~wiped])


def test_ink_is_drawn_where_the_pen_was() -> None:
    strokes = [np.array([[0.0, 0.0], [0.0, 100.0]]), np.array([[50.0, 0.0], [50.0, 100.0]])]
    ink = draw_ink(strokes, pen=0.3)
    rows, columns = np.nonzero(ink > 128)
    # Two strokes, and nothing between them.
    assert len(np.flatnonzero(np.diff(np.unique(columns)) > 5)) == 1
    assert ink.max() == 255
    assert np.ptp(rows) > 15
    broad = draw_ink(strokes, pen=0.3, nib=np.array([0.8, 0.0]))
    assert (broad > 128).sum() > 2 * (ink > 128).sum()
    assert plain_image(strokes).max() == 255


def test_drawing_is_the_same_for_the_same_seed_and_differs_between_seeds() -> None:
    strokes = write("lo zi")
    images = [InkRendering().draw(strokes, np.random.default_rng(s)) for s in (1, 1, 2, 3)]
    np.testing.assert_array_equal(images[0], images[1])
    assert images[0].dtype == np.uint8
    assert len({image.shape for image in images}) > 1
    for image in images:
        assert np.ptp(image) > 40


def test_a_dot_and_very_long_ink_are_drawn() -> None:
    assert draw_ink([np.array([[3.0, 3.0]])]).max() > 128
    long = [np.stack([np.linspace(0, 1e6, 500), np.sin(np.arange(500.0))], axis=1)]
    assert max(draw_ink(long).shape) < 5000
