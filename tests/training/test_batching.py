"""Batches of like length: every example has its turn, and little is padding."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from zoo.errors import DataError
from zoo.training.batching import EvenBatches, PlannedBatches, SizedBatches

LENGTHS = np.random.default_rng(0).choice([30.0, 80.0, 85.0, 300.0, 620.0], 400)
SHARES = np.where(np.arange(400) % 4 == 0, 1.0, 0.25)


def test_even_batches_have_every_example_once() -> None:
    made = EvenBatches(LENGTHS, 16, 1)
    groups = made.groups(3)
    assert len(groups) == made.steps == 25
    assert sorted(np.concatenate(groups).tolist()) == list(range(400))


def test_examples_are_in_their_share_of_the_epochs() -> None:
    made = SizedBatches(LENGTHS, 4000, SHARES, seed=1)
    seen: Counter[int] = Counter()
    for epoch in range(16):
        groups = made.groups(epoch)
        assert len(groups) == made.steps
        numbers = np.concatenate(groups).tolist()
        assert sorted(n for n in numbers if n % 4 == 0) == list(range(0, 400, 4))
        seen.update(numbers)
    rare = [seen[i] for i in range(400) if i % 4]
    # Each gets its turn, about as often as the others.
    assert min(rare) >= 3
    assert max(rare) <= 6
    assert np.mean(rare) == pytest.approx(4.0, rel=0.1)


def test_examples_of_a_share_above_one_come_more_than_once() -> None:
    made = SizedBatches(LENGTHS, 4000, np.where(SHARES == 1.0, 1.5, 0.25), seed=1)
    for epochs in (2, 4):
        groups = [group for epoch in range(epochs) for group in made.groups(epoch)]
        seen = Counter(np.concatenate(groups).tolist())
        often = [seen[i] for i in range(0, 400, 4)]
        assert min(often) >= 1.5 * epochs - 1
        assert np.mean(often) == pytest.approx(1.5 * epochs, rel=0.03)


def test_batches_have_one_size_and_little_padding() -> None:
    made = SizedBatches(LENGTHS, 4000, np.ones(400), seed=1)
    for group in made.groups(0):
        longest = LENGTHS[group].max()
        assert longest * len(group) <= 4000
        assert LENGTHS[group].mean() > 0.85 * longest
    many = SizedBatches(np.full(1000, 2.0), 1e6, np.ones(1000), seed=1, most=64)
    assert max(map(len, many.groups(0))) <= 64


def test_an_epoch_is_the_same_at_each_call_and_others_differ() -> None:
    made, again = (SizedBatches(LENGTHS, 4000, SHARES, seed=5) for _ in range(2))
    for a, b in zip(made.groups(7), again.groups(7), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(
        len(a) != len(b) or (a != b).any()
        for a, b in zip(made.groups(7), made.groups(8), strict=True)
    )


def test_a_line_longer_than_the_size_is_a_batch_by_itself() -> None:
    made = SizedBatches([10.0, 9000.0], 100, [1.0, 1.0], seed=0)
    assert sorted(map(list, made.groups(0))) == [[0], [1]]


def changing(epoch: int) -> np.ndarray:
    """Lengths that differ from epoch to epoch, as of utterances between silences."""
    rng = np.random.default_rng([9, epoch])
    return np.round(LENGTHS * rng.uniform(0.9, 1.1, 400) + rng.choice([0.0, 500.0], 400))


def test_planned_batches_have_every_example_once_in_a_constant_number_of_steps() -> None:
    made = PlannedBatches(changing, 4000, seed=1)
    assert made.steps == math.ceil(changing(0).sum() / 4000)
    for epoch in range(8):
        groups = made.groups(epoch)
        assert len(groups) == made.steps
        assert min(map(len, groups)) >= 1
        assert sorted(np.concatenate(groups).tolist()) == list(range(400))


def test_planned_batches_are_near_one_size_with_little_padding() -> None:
    made = PlannedBatches(changing, 4000, seed=1)
    for epoch in range(4):
        lengths = changing(epoch)
        sizes = np.asarray([lengths[group].sum() for group in made.groups(epoch)])
        assert np.abs(sizes - lengths.sum() / made.steps).max() <= lengths.max()
        padded = sum(lengths[group].max() * len(group) for group in made.groups(epoch))
        assert lengths.sum() > 0.9 * padded


def test_the_first_epochs_rise_from_short_to_long_and_later_ones_do_not() -> None:
    made = PlannedBatches(changing, 4000, seed=1, rising=2)
    for epoch in range(4):
        means = np.asarray([changing(epoch)[group].mean() for group in made.groups(epoch)])
        # Lengths are shuffled by 3 % either way before they are sorted.
        rising = (means[1:] > 0.94 * means[:-1]).all()
        assert rising == (epoch < 2)
    assert PlannedBatches(changing, 4000, seed=1).groups(0)[0].tolist() != (
        made.groups(0)[0].tolist()
    )


def test_planned_batches_are_the_same_at_each_call_and_differ_between_epochs() -> None:
    made, again, other = (
        PlannedBatches(lambda epoch: LENGTHS, 4000, seed=seed) for seed in (5, 5, 6)
    )

    def numbers(batches: PlannedBatches, epoch: int) -> list[list[int]]:
        return [group.tolist() for group in batches.groups(epoch)]

    assert numbers(made, 7) == numbers(again, 7)
    assert numbers(made, 7) != numbers(made, 8)
    assert numbers(made, 7) != numbers(other, 7)
    # Not only the order of the batches differs, but what is in them.
    assert set(map(tuple, numbers(made, 7))) != set(map(tuple, numbers(made, 8)))


def test_few_examples_are_a_batch_each_at_most() -> None:
    for count, size, steps in ((1, 10.0, 1), (3, 10.0, 3), (3, 1e6, 1), (3, 150.0, 2)):
        made = PlannedBatches(lambda epoch, count=count: np.full(count, 100.0), size, seed=0)
        assert made.steps == steps
        groups = made.groups(0)
        assert len(groups) == steps
        assert min(map(len, groups)) >= 1
        assert sorted(np.concatenate(groups).tolist()) == list(range(count))


def test_a_giant_example_leaves_something_for_every_batch() -> None:
    lengths = np.asarray([*[10.0] * 30, 9000.0])
    made = PlannedBatches(lambda epoch: lengths, 1000, seed=0)
    assert made.steps == 10
    groups = sorted(made.groups(0), key=lambda group: float(lengths[group].sum()))
    assert min(map(len, groups)) >= 1
    assert groups[-1].tolist() == [30]
    assert sorted(np.concatenate(groups).tolist()) == list(range(31))


def test_no_examples_are_refused() -> None:
    for make in (
        lambda: EvenBatches([], 4, 0),
        lambda: SizedBatches([], 10, [], 0),
        lambda: PlannedBatches(lambda epoch: np.zeros(0), 10, 0),
    ):
        with pytest.raises(DataError):
            make()
