"""The linear chain against brute force over all sequences of tags."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zoo.decoding.crf import (
    FORBIDDEN,
    Chain,
    bio_constraints,
    bio_spans,
    bio_tags,
    log_sum_exp,
)
from zoo.errors import UsageError

TAGS = 3


def chain(seed: int = 0, tags: int = TAGS) -> Chain:
    rng = np.random.default_rng(seed)
    return Chain(rng.normal(size=(tags, tags)), rng.normal(size=tags), rng.normal(size=tags))


def emissions(steps: int, seed: int = 1, tags: int = TAGS) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(steps, tags)) * 2


def all_paths(steps: int, tags: int = TAGS) -> list[tuple[int, ...]]:
    return list(itertools.product(range(tags), repeat=steps))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_partition_marginals_and_best_sequence_equal_brute_force(steps: int) -> None:
    model, given = chain(), emissions(steps)
    paths = all_paths(steps)
    scores = np.array([model.score(given, path) for path in paths])
    lattice = model.lattice(given)
    assert lattice.log_partition == pytest.approx(np.log(np.exp(scores).sum()), abs=1e-9)
    probabilities = np.exp(scores - lattice.log_partition)
    expected = np.zeros((steps, TAGS))
    for path, probability in zip(paths, probabilities, strict=True):
        expected[np.arange(steps), path] += probability
    np.testing.assert_allclose(lattice.marginals(), expected, atol=1e-9)
    best, score = model.viterbi(given)
    assert tuple(best) == paths[int(scores.argmax())]
    assert score == pytest.approx(scores.max(), abs=1e-9)


@pytest.mark.parametrize(
    ("start", "tags", "not_after"),
    [(0, [1], [2]), (1, [1, 2], [2]), (2, [1, 2], []), (4, [0], [1])],
)
def test_the_probability_of_a_span_equals_brute_force(
    start: int, tags: list[int], not_after: list[int]
) -> None:
    model, given = chain(), emissions(5)
    lattice = model.lattice(given)
    end = start + len(tags)
    expected = sum(
        np.exp(model.score(given, path) - lattice.log_partition)
        for path in all_paths(5)
        if list(path[start:end]) == tags and (end == 5 or path[end] not in not_after)
    )
    assert lattice.span(start, tags, not_after) == pytest.approx(expected, abs=1e-9)


def test_joined_steps_go_on_with_their_entity_as_brute_force_tells() -> None:
    model, given, steps = chain(tags=5), emissions(4, tags=5), (1, 3)
    goes_on = {(0, 0), (1, 2), (2, 2), (3, 4), (4, 4)}
    paths = [
        path
        for path in all_paths(4, 5)
        if all((path[step - 1], path[step]) in goes_on for step in steps)
    ]
    scores = np.array([model.score(given, path) for path in paths])
    lattice = model.lattice(given, steps)
    assert lattice.log_partition == pytest.approx(np.log(np.exp(scores).sum()), abs=1e-6)
    best, score = model.viterbi(given, steps)
    assert tuple(best) == paths[int(scores.argmax())]
    assert score == pytest.approx(scores.max(), abs=1e-9)
    expected = sum(
        np.exp(score - lattice.log_partition)
        for path, score in zip(paths, scores, strict=True)
        if path[:2] == (1, 2) and path[2] != 2
    )
    assert lattice.span(0, [1, 2], [2]) == pytest.approx(expected, abs=1e-9)


def test_a_higher_temperature_makes_the_best_sequence_less_certain() -> None:
    model, given = chain(), emissions(4)
    best, _ = model.viterbi(given)
    sharp = model.lattice(given).span(0, best)
    flat = model.scaled(3.0).lattice(given / 3.0).span(0, best)
    assert 1 / TAGS**4 < flat < sharp


def test_the_constraints_leave_no_inside_tag_without_its_entity() -> None:
    assert bio_tags(["date", "time"]) == ["O", "B-date", "I-date", "B-time", "I-time"]
    transitions, start = bio_constraints(2)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        model = Chain(
            transitions + rng.normal(size=(5, 5)), start + rng.normal(size=5), np.zeros(5)
        )
        path, score = model.viterbi(emissions(6, seed, 5))
        assert score > FORBIDDEN / 2
        for before, tag in itertools.pairwise([0, *path]):
            assert tag == 0 or tag % 2 or before in (tag, tag - 1)
    assert model.scaled(0.001).transitions[0, 2] == FORBIDDEN


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 2, 2], [(0, 0, 3)]),
        ([1, 1, 0, 3, 4], [(0, 0, 1), (0, 1, 2), (1, 3, 5)]),
        ([1, 4, 0], [(0, 0, 1), (1, 1, 2)]),  # I- of another label begins an entity
        ([2, 2, 0], [(0, 0, 2)]),  # as does one at the beginning
    ],
)
def test_entities_are_cut_as_the_conll_script_cuts_them(
    tags: list[int], spans: list[tuple[int, int, int]]
) -> None:
    assert bio_spans(tags) == spans


def test_long_and_extreme_inputs_stay_finite() -> None:
    model = chain()
    lattice = model.lattice(emissions(3000) * 500)
    assert np.isfinite(lattice.log_partition)
    np.testing.assert_allclose(lattice.marginals().sum(axis=1), 1.0, atol=1e-6)
    assert log_sum_exp(np.full((2, 3), -np.inf), axis=1).tolist() == [-np.inf, -np.inf]
    assert model.viterbi(np.zeros((0, TAGS))) == ([], 0.0)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(UsageError, match=r"not \(2, 3\) and"):
        Chain(np.zeros((2, 3)), np.zeros(2), np.zeros(2))
    with pytest.raises(UsageError, match=r"not \(steps, 3\)"):
        chain().lattice(np.zeros((4, 2)))


def test_the_loss_of_training_equals_the_sums_of_the_chain() -> None:
    import tensorflow as tf

    from zoo.training.crf import negative_log_likelihood

    model, lengths = chain(), [4, 2]
    given = np.stack([emissions(4, seed) for seed in (3, 4)]).astype(np.float32)
    allowed = np.zeros((2, 4, TAGS), bool)
    sets = [[{0}, {1}, {1, 2}, {2}], [{0, 1, 2}, {1}, {0}, {0}]]
    for row, steps in enumerate(sets):
        for step, tags in enumerate(steps):
            allowed[row, step, list(tags)] = True
    arrays = [
        tf.constant(array, tf.float32) for array in (model.transitions, model.start, model.end)
    ]
    found = negative_log_likelihood(given, allowed, tf.constant(lengths), *arrays).numpy()
    for row, length in enumerate(lengths):
        right = [
            np.exp(model.score(given[row, :length], path))
            for path in all_paths(length)
            if all(tag in tags for tag, tags in zip(path, sets[row], strict=False))
        ]
        expected = model.lattice(given[row, :length]).log_partition - np.log(sum(right))
        assert found[row] == pytest.approx(expected, abs=1e-4)
