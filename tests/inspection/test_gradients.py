"""Gradients against finite differences in float64, operation by operation and whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.inspection.networks import character_network, random_weights, subject
from zoo.cells import cell_shapes, recurrent_shapes
from zoo.errors import UsageError
from zoo.inference.stack import log_softmax
from zoo.inspection import operations as op
from zoo.inspection.attribution import attribute_output
from zoo.inspection.highway import highway_of
from zoo.inspection.recurrence import CellWeights, bidirectional, recurrent
from zoo.inspection.tape import Node, Tape

DRAW = np.random.default_rng(1)


def check_gradients(build: Callable[[Tape, list[Node]], Node], *inputs: np.ndarray) -> None:
    """Compare the gradient of a weighted sum of the output with central differences."""
    tape = Tape()
    leaves = [tape.leaf(one) for one in inputs]
    output = build(tape, leaves)
    factors = np.random.default_rng(2).normal(size=output.value.shape)
    tape.backward(output, factors)

    def value(*changed: np.ndarray) -> float:
        tape = Tape(record=False)
        return float((build(tape, [tape.leaf(one) for one in changed]).value * factors).sum())

    for number, one in enumerate(inputs):
        gradient = leaves[number].gradient
        assert gradient is not None
        for place in list(np.ndindex(one.shape))[:: max(1, one.size // 12)]:
            step = np.zeros_like(one)
            step[place] = 1e-5
            above, below = (
                value(*[a + s * step if n == number else a for n, a in enumerate(inputs)])
                for s in (1, -1)
            )
            assert gradient[place] == pytest.approx((above - below) / 2e-5, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_cells_gradient_is_exact(cell: str, backwards: bool) -> None:
    shapes = cell_shapes(cell, 3, 4)
    weights = CellWeights(cell, *random_weights(shapes).values())
    states = [DRAW.normal(size=(2, 4)) for _ in range(2 if cell == "lstm" else 1)]

    def build(tape: Tape, leaves: list[Node]) -> Node:
        x, *state = leaves
        shown, last = recurrent(tape, "a", x, weights, axis="t", state=state, backwards=backwards)
        ends = [op.reshape(tape, one, 1, 4) for one in last]
        return op.stack_steps(tape, [shown, *ends])

    check_gradients(build, DRAW.normal(size=(2, 6, 3)), *states)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_both_directions_have_an_exact_gradient(cell: str) -> None:
    weights = random_weights(recurrent_shapes("a", cell, 3, 2, bidirectional=True))

    def build(tape: Tape, leaves: list[Node]) -> Node:
        shown, (last, *_) = bidirectional(tape, "a", leaves[0], weights, cell, axis="t")
        return op.stack_steps(tape, [shown, op.reshape(tape, last, 1, 4)])

    check_gradients(build, DRAW.normal(size=(2, 5, 3)))


OPERATIONS: dict[str, tuple[Callable[[Tape, list[Node]], Node], list[tuple[int, ...]]]] = {
    "dense": (lambda t, x: op.dense(t, x[0], DRAW_KERNEL, DRAW_BIAS), [(2, 3, 4)]),
    "add": (lambda t, x: op.add(t, *x), [(2, 3), (2, 3)]),
    "scale": (lambda t, x: op.scale(t, x[0], 3.0), [(2, 3)]),
    "relu": (lambda t, x: op.relu(t, x[0]), [(2, 3)]),
    "tanh": (lambda t, x: op.tanh(t, x[0]), [(2, 3)]),
    "gelu": (lambda t, x: op.gelu(t, x[0]), [(2, 3)]),
    "softmax": (lambda t, x: op.softmax(t, x[0]), [(2, 3, 4)]),
    "matmul": (lambda t, x: op.matmul(t, *x), [(2, 3, 4), (2, 4, 5)]),
    "normalise": (lambda t, x: op.layer_normalisation(t, x[0], *DRAW_NORM), [(2, 3, 4)]),
    "normalise_2": (lambda t, x: op.layer_normalisation(t, x[0], *DRAW_NORM2, 2), [(2, 3, 4)]),
    "concatenate": (lambda t, x: op.concatenate(t, x), [(2, 3), (2, 4)]),
    "take": (lambda t, x: op.take(t, x[0], (slice(0, 3), 1)), [(2, 4, 3)]),
    "repeat": (lambda t, x: op.repeat(t, x[0], 3, 1), [(2, 1, 3)]),
    "transpose": (lambda t, x: op.transpose(t, x[0], (0, 2, 1)), [(2, 4, 3)]),
    "shared": (lambda t, x: op.add(t, op.tanh(t, x[0]), op.scale(t, x[0], 2.0)), [(2, 3)]),
    "convolution": (
        lambda t, x: op.convolution(t, x[0], DRAW_TAPS, DRAW_BIAS, (2, 1), ((2, 0), (1, 1))),
        [(2, 5, 4, 2)],
    ),
}
DRAW_KERNEL, DRAW_BIAS = DRAW.normal(size=(4, 5)), DRAW.normal(size=5)
DRAW_NORM, DRAW_NORM2 = DRAW.normal(size=(2, 4)), DRAW.normal(size=(2, 3, 4))
DRAW_TAPS = DRAW.normal(size=(3, 3, 2, 5))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operations_gradient_is_exact(name: str) -> None:
    build, shapes = OPERATIONS[name]
    check_gradients(build, *[DRAW.normal(size=shape) for shape in shapes])


def _loss_moved(cell: str, layer: int, state: str, back: int, move: np.ndarray) -> float:
    """The loss of the last output with one state moved, by reading on from that state."""
    network, given = character_network(cell), subject()
    copies = 2 if cell == "lstm" else 1
    ids = given.arrays[0]
    cut = ids.shape[1] - back

    def read(arrays: Any, state: Any = None) -> Any:
        tape = Tape(record=False)
        return network.run(tape, [tape.leaf(one) for one in network.inputs([arrays])], state)

    before = read(ids[:, :cut])
    moved = [Node(one.value) for one in before.state]
    number = copies * (layer - 1) + (1 if state == "c" else 0)
    moved[number].value = moved[number].value + move
    logits = read(ids[:, cut:], moved).logits.value[0, -1]
    return float(-log_softmax(logits)[log_softmax(read(ids).logits.value[0, -1]).argmax()])


@pytest.mark.parametrize(
    ("cell", "state"), [("lstm", "c"), ("lstm", "h"), ("gru", "h"), ("rnn", "h")]
)
def test_the_highway_is_the_gradient_by_finite_differences(cell: str, state: str) -> None:
    # The upper layer: what it did at the step is not read again but from its state.
    back, units = 7, 5
    found = highway_of(character_network(cell), subject()).curve(2, state).norms[back]
    gradient = [
        (
            _loss_moved(cell, 2, state, back, 1e-5 * one)
            - _loss_moved(cell, 2, state, back, -1e-5 * one)
        )
        / 2e-5
        for one in np.eye(units)
    ]
    if (cell, state) == ("lstm", "c"):
        # c acts through the next c alone when it is moved after h was made of it.
        np.testing.assert_allclose(gradient, _c_without_h(back), rtol=1e-5, atol=1e-10)
    else:
        assert np.linalg.norm(gradient) == pytest.approx(found, rel=1e-5)


def _c_without_h(back: int) -> np.ndarray:
    """The gradient at c of the upper layer by the path through the next c, from the tape's own."""
    network, given = character_network("lstm"), subject()
    tape = Tape()
    logits = network.run(tape, [tape.leaf(one) for one in network.inputs(given.arrays)]).logits
    log_probs = log_softmax(logits.value[0, -1])
    gradient = np.zeros_like(logits.value)
    gradient[0, -1] = np.exp(log_probs)
    gradient[0, -1, log_probs.argmax()] -= 1
    tape.backward(logits, gradient)
    run = tape.runs["recurrent_2"]
    norms = highway_of(network, given).curve(2, "c").norms
    np.testing.assert_allclose(norms, np.linalg.norm(run.gradients()["c"][0, ::-1], axis=-1))
    at = run.arrays["h"].shape[1] - back
    return np.asarray(run.gradients()["c"][0, at] * run.arrays["f"][0, at])


def test_the_straight_path_is_the_product_of_the_gates() -> None:
    network, given = character_network("lstm", layers=1), subject()
    curve = highway_of(network, given, at=20, steps=10).curve(1, "c")
    tape = Tape()
    network.run(tape, [tape.leaf(one) for one in network.inputs(given.arrays)])
    forget = tape.runs["recurrent_1"].arrays["f"][0]
    assert curve.straight is not None
    ratio = curve.straight[3] / curve.straight[0]
    assert forget[18:21].prod(axis=0).min() <= ratio <= forget[18:21].prod(axis=0).max()
    assert curve.straight[0] == pytest.approx(curve.norms[0])


def test_a_highway_read_in_parts_is_that_of_the_whole() -> None:
    network, given = character_network("gru"), subject()
    whole = highway_of(network, given, at=30, steps=30)
    network.window = 7
    part = highway_of(network, given, at=30, steps=12)
    np.testing.assert_allclose(part.curve().norms, whole.curve().norms[:13], rtol=1e-9)
    assert part.loss == pytest.approx(whole.loss)


def test_the_target_is_the_character_that_follows() -> None:
    given = subject()
    assert highway_of(character_network("rnn"), given, at=3).target == "e"


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_attributions_add_up_to_the_difference(cell: str) -> None:
    found = attribute_output(character_network(cell), subject(), at=-5)
    assert found.error < 1e-9
    total = float(found.steps().sum())
    assert total == pytest.approx(found.log_prob - found.baseline, abs=1e-8)
    assert not found.steps()[-4:].any()  # what comes after the output says nothing for it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"at": 99}, "below 44"),
        ({"at": 1.5}, "below 44"),
        ({"steps": 0}, "from 1"),
        ({"at": 5, "steps": 6}, "only 5 steps before"),
        ({"label": 99}, "label must be"),
    ],
)
def test_a_wrong_highway_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        highway_of(character_network("rnn"), subject(), **arguments)


def test_an_input_of_one_step_has_no_way_back() -> None:
    found = highway_of(character_network("lstm"), subject("T"))
    assert [len(one.norms) for one in found.curves] == [1] * 4
