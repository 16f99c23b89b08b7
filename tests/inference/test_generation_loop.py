"""The compiled generation loop against a plain NumPy loop, on one thread and on several."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zoo.cells import CELLS
from zoo.errors import UsageError, ZooError
from zoo.inference import Generator, RecurrentStack
from zoo.inference import loop as native
from zoo.inference.kernels import CHECKED
from zoo.inference.loop import NativeEngine
from zoo.inference.stack import Sampling
from zoo.memory import VARIABLE


def make_stack(
    cell: str, units: list[int], vocabulary: int = 11, half: bool = True
) -> RecurrentStack:
    random = np.random.default_rng(sum(units) + vocabulary)

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        values = random.normal(scale=scale, size=shape).astype(np.float32)
        return values.astype(np.float16).astype(np.float32) if half else values

    layers = []
    inputs = 5
    for size in units:
        wide = CELLS[cell].gates * size
        bias = draw(2, wide) if cell == "gru" else draw(wide)
        scale = 1 / np.sqrt(size)  # more is chaos, which no two orders of summation survive
        layers.append((draw(inputs, wide, scale=0.5), draw(size, wide, scale=scale), bias))
        inputs = size
    return RecurrentStack(
        draw(vocabulary, 5), cell, tuple(layers), draw(inputs, vocabulary), draw(vocabulary)
    )


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def reference_step(
    stack: RecurrentStack, state: list[np.ndarray], ids: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The textbook formulas in float64: log-softmax (batch, vocabulary) and the new state."""
    x = stack.embedding[ids].astype(np.float64)
    old, new = list(state), []
    for kernel, recurrent, bias in stack.layers:
        h = old.pop(0)
        if stack.cell == "lstm":
            c = old.pop(0)
            i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            x = sigmoid(o) * np.tanh(c)
            new += [x, c]
        elif stack.cell == "gru":
            xz, xr, xh = np.split(x @ kernel + bias[0], 3, axis=1)
            hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=1)
            z, r = sigmoid(xz + hz), sigmoid(xr + hr)
            x = z * h + (1 - z) * np.tanh(xh + r * hh)
            new.append(x)
        else:
            x = np.tanh(x @ kernel + h @ recurrent + bias)
            new.append(x)
    logits = x @ stack.output_kernel + stack.output_bias
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), new


def allowed_ids(log_probs: np.ndarray, temperature: float, top_k: int, top_p: float) -> set[int]:
    """The ids that top-k and then top-p leave, for one row."""
    scaled = np.exp(log_probs / temperature)
    order = np.argsort(-scaled, kind="stable")[: top_k or None]
    before = np.cumsum(scaled[order]) - scaled[order]
    return set(order[before < top_p * scaled[order].sum()].tolist())


Make = Callable[[RecurrentStack], Generator]


@pytest.fixture(params=[None, 3], ids=["default threads", "3 threads"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a generator that runs on this number of threads."""

    def with_threads(stack: RecurrentStack) -> Generator:
        generator = Generator(stack)
        if request.param:
            # However small the network, so that the split of the units is tested on any machine.
            monkeypatch.setattr(native, "MIN_BYTES_A_THREAD", 1)
            generator._engine = NativeEngine(stack, threads=request.param)
        return generator

    return with_threads


CASES = [
    ("lstm", [16]),
    ("lstm", [20, 33]),
    ("lstm", [48, 64, 40]),
    ("gru", [24]),
    ("gru", [48, 17]),
    ("gru", [16, 64, 32]),
    ("rnn", [24]),
    ("rnn", [48, 20]),
    ("rnn", [64, 48, 16]),
]


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(("cell", "units"), CASES)
def test_greedy_run_equals_a_plain_numpy_loop(
    make: Make, cell: str, units: list[int], batch: int
) -> None:
    stack = make_stack(cell, units)
    generator = make(stack)
    random = np.random.default_rng(7)
    state = [random.uniform(-1, 1, part.shape) for part in generator.initial_state(batch)]
    first = np.arange(batch) % 11
    ids, log_probs, new_state = generator.run(state, first, 25, temperature=0, seed=0)

    current = first
    for t in range(25):
        expected, state = reference_step(stack, state, current)
        current = expected.argmax(axis=1)
        np.testing.assert_array_equal(ids[:, t], current)
        np.testing.assert_allclose(log_probs[:, t], expected.max(axis=1), atol=1e-4)
    for part, expected_part in zip(new_state, state, strict=True):
        np.testing.assert_allclose(part, expected_part, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2, 6])
@pytest.mark.parametrize("options", [{}, {"top_k": 6, "top_p": 0.9, "temperature": 1.3}])
def test_log_probs_are_of_the_unmodified_softmax(
    make: Make, batch: int, options: dict[str, Any]
) -> None:
    stack = make_stack("lstm", [32, 32], half=False)
    generator = make(stack)
    start = generator.initial_state(batch)
    first = np.zeros(batch, np.int32)
    ids, log_probs, _ = generator.run(start, first, 30, seed=3, **options)
    state: list[np.ndarray] = start
    for t in range(30):
        expected, state = reference_step(stack, state, ids[:, t - 1] if t else first)
        np.testing.assert_allclose(log_probs[:, t], expected[range(batch), ids[:, t]], atol=1e-4)


@pytest.mark.parametrize("cuts", [[1, 1, 1, 37], [13, 27], [40]])
def test_a_run_in_chunks_gives_the_same_ids_as_one_run(make: Make, cuts: list[int]) -> None:
    generator = make(make_stack("gru", [32, 24]))
    first = np.array([1, 2, 3])
    whole, whole_scores, whole_state = generator.run(
        generator.initial_state(3), first, 40, seed=11, top_p=0.95
    )
    state, last, parts, scores, position = generator.initial_state(3), first, [], [], 0
    for length in cuts:
        ids, log_probs, state = generator.run(
            state, last, length, seed=11, top_p=0.95, position=position
        )
        parts.append(ids)
        scores.append(log_probs)
        last, position = ids[:, -1], position + length
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    np.testing.assert_array_equal(np.concatenate(scores, axis=1), whole_scores)
    for part, whole_part in zip(state, whole_state, strict=True):
        np.testing.assert_array_equal(part, whole_part)


def test_a_row_draws_by_its_own_seed_whatever_its_neighbours(make: Make) -> None:
    generator = make(make_stack("lstm", [32]))
    together, _, _ = generator.run(
        generator.initial_state(5), np.array([0, 1, 2, 3, 4]), 30, seed=[9, 8, 7, 6, 5]
    )
    for row, seed in enumerate([9, 8, 7, 6, 5]):
        alone, _, _ = generator.run(generator.initial_state(1), np.array([row]), 30, seed=seed)
        np.testing.assert_array_equal(alone[0], together[row])


def test_rows_of_one_seed_differ_and_another_seed_differs(make: Make) -> None:
    generator = make(make_stack("lstm", [32]))
    first = np.zeros(3, np.int32)
    one, _, _ = generator.run(generator.initial_state(3), first, 60, seed=1)
    again, _, _ = generator.run(generator.initial_state(3), first, 60, seed=1)
    other, _, _ = generator.run(generator.initial_state(3), first, 60, seed=2)
    np.testing.assert_array_equal(one, again)
    assert len({tuple(row) for row in (*one.tolist(), *other.tolist())}) == 6


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_samples_follow_the_softmax_at_the_temperature(make: Make, temperature: float) -> None:
    """Pearson's chi-square over 20,000 draws from the same state; 10 degrees of freedom."""
    stack = make_stack("rnn", [8])
    generator = make(stack)
    rows = 20_000
    ids, _, _ = generator.run(
        generator.initial_state(rows), np.zeros(rows, np.int32), 1, temperature=temperature, seed=5
    )
    log_probs, _ = reference_step(stack, generator.initial_state(1), np.zeros(1, np.int32))
    probabilities = np.exp(log_probs[0] / temperature)
    expected = rows * probabilities / probabilities.sum()
    common = expected >= 5
    found = np.bincount(ids[:, 0], minlength=11)
    groups = np.append(found[common], found[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    statistic = ((groups - wanted) ** 2 / np.maximum(wanted, 1e-9))[wanted > 0].sum()
    assert statistic < 29.6  # exceeded once in a thousand by a correct sampler of 11 ids


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 3, 1.0), (1.0, 0, 0.7), (1.5, 5, 0.8), (0.8, 1, 1.0), (2.0, 100, 0.01)],
)
def test_truncated_sampling_yields_all_allowed_ids_and_no_other(
    make: Make, temperature: float, top_k: int, top_p: float
) -> None:
    stack = make_stack("gru", [16])
    generator = make(stack)
    rows = 4000
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    start = generator.initial_state(rows)
    ids, _, _ = generator.run(start, np.full(rows, 2), 1, seed=8, **options)
    log_probs, _ = reference_step(stack, generator.initial_state(1), np.array([2]))
    allowed = allowed_ids(log_probs[0], temperature, top_k, top_p)
    likely = {
        i
        for i in allowed
        if np.exp(log_probs[0, i] / temperature) > 0.005 * np.exp(log_probs[0] / temperature).sum()
    }
    assert likely <= set(ids[:, 0].tolist()) <= allowed


def test_of_equal_logits_top_k_keeps_the_lower_ids(make: Make) -> None:
    stack = make_stack("rnn", [8])
    flat = RecurrentStack(
        stack.embedding, "rnn", stack.layers, 0 * stack.output_kernel, 0 * stack.output_bias
    )
    generator = make(flat)
    start = generator.initial_state(200)
    ids, log_probs, _ = generator.run(start, np.zeros(200, np.int32), 3, top_k=4, seed=1)
    assert set(ids.ravel().tolist()) == {0, 1, 2, 3}
    np.testing.assert_allclose(log_probs, -np.log(11), atol=1e-6)


def test_a_very_low_temperature_is_greedy(make: Make) -> None:
    generator = make(make_stack("lstm", [16]))
    first = np.array([3])
    greedy, _, _ = generator.run(generator.initial_state(1), first, 30, temperature=0, seed=1)
    cold, _, _ = generator.run(generator.initial_state(1), first, 30, temperature=1e-6, seed=1)
    np.testing.assert_array_equal(greedy, cold)


def test_the_given_state_is_not_changed(make: Make) -> None:
    generator = make(make_stack("lstm", [16]))
    state = generator.initial_state(2)
    generator.run(state, np.array([1, 2]), 5, seed=1)
    assert all(not part.any() for part in state)


def test_no_steps_give_no_ids_and_the_same_state(make: Make) -> None:
    generator = make(make_stack("lstm", [16]))
    start = [part + 0.25 for part in generator.initial_state(2)]
    ids, log_probs, state = generator.run(start, np.array([1, 2]), 0, seed=1)
    assert ids.shape == log_probs.shape == (2, 0)
    for part, given in zip(state, start, strict=True):
        np.testing.assert_array_equal(part, given)


def test_weights_stored_as_float16_give_the_same_bits_as_float32() -> None:
    stack = make_stack("lstm", [40, 32])
    halves, floats = NativeEngine(stack), NativeEngine(stack, half=False)
    assert halves._weights.nbytes * 2 == floats._weights.nbytes
    state = Generator(stack).initial_state(5)
    uniforms = np.random.default_rng(0).random((50, 5)).astype(np.float32)
    first = np.zeros(5, np.int32)
    for a, b in zip(
        halves.run(state, first, uniforms, Sampling())[:2],
        floats.run(state, first, uniforms, Sampling())[:2],
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_weights_that_float16_would_change_stay_float32() -> None:
    assert NativeEngine(make_stack("gru", [16], half=False))._weights.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"first": np.array([11])}, "outside 0..10"),
        ({"first": np.array([-1])}, "outside 0..10"),
        ({"first": np.zeros((1, 1), np.int32)}, "first must be"),
        ({"length": -1}, "length"),
        ({"position": -1}, "position"),
        ({"state": [np.zeros((1, 16), np.float32)]}, "state has shapes"),
        ({"position": 10**30}, "position"),
        ({"position": 1.5}, "position"),
        ({"state": [np.full((1, 16), np.nan, np.float32)] * 2}, "not finite"),
        ({"state": [np.full((1, 16), 1e300)] * 2}, "not finite"),
        ({"state": [np.full((1, 16), "a")] * 2}, "not finite"),
        ({"seed": [1, 2]}, "2 seeds for 1 rows"),
    ],
)
def test_a_wrong_argument_is_named(changes: dict[str, Any], message: str) -> None:
    generator = Generator(make_stack("lstm", [16]))
    values = {"state": generator.initial_state(1), "first": np.array([0]), "length": 1, "seed": 0}
    values |= changes
    with pytest.raises(UsageError, match=message):
        generator.run(**values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"top_k": 3, "top_p": 0.5}])
def test_outputs_that_are_not_finite_end_the_run_on_all_threads(
    make: Make, value: float, options: dict[str, Any]
) -> None:
    stack = make_stack("lstm", [48])
    bias = stack.output_bias.copy()
    bias[7] = value
    generator = make(
        RecurrentStack(stack.embedding, "lstm", stack.layers, stack.output_kernel, bias)
    )
    before = threading.active_count()
    with pytest.raises(ZooError, match="NaN or infinite"):
        generator.run(generator.initial_state(5), np.zeros(5, np.int32), 40, seed=1, **options)
    assert threading.active_count() == before


def test_ids_that_would_lead_out_of_the_table_do_not_reach_machine_code() -> None:
    engine = NativeEngine(make_stack("lstm", [16]))
    state = [np.zeros((1, 16), np.float32)] * 2
    drawn = np.zeros((3, 1), np.float32)
    for first in (np.array([-1]), np.array([11]), np.array([0.5])):
        with pytest.raises(UsageError, match=r"outside 0\.\.10"):
            engine.run(state, first, drawn, Sampling())
    for wrong in (state[:1], [np.zeros((2, 16), np.float32)] * 2):
        with pytest.raises(UsageError, match="of one batch"):
            engine.run(wrong, np.array([0]), drawn, Sampling())


def test_a_table_above_the_memory_ceiling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make_stack("lstm", [64], vocabulary=5000)  # 5000 * 4 * 64 * 4 bytes: 4.9 MB
    monkeypatch.setenv(VARIABLE, "4")
    with pytest.raises(ZooError, match=r"5,000 ids .* would take 5 MB"):
        NativeEngine(stack)
    monkeypatch.setenv(VARIABLE, "5")
    NativeEngine(stack)


@pytest.mark.parametrize("moment", ["own share", "helper's share"])
def test_an_interrupt_leaves_no_thread_waiting(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As Ctrl-C between the start of the helpers and the main thread's own share of the work."""
    monkeypatch.setattr(native, "MIN_BYTES_A_THREAD", 1)
    stack = make_stack("lstm", [64])
    generator = Generator(stack)
    generator._engine = NativeEngine(stack, threads=3)
    arguments = (generator.initial_state(1), np.array([0]), 50)
    whole, _, _ = generator.run(*arguments, seed=1)
    real = native._work

    def work(thread: int, *rest: Any) -> None:
        if thread == (0 if moment == "own share" else 1):
            raise KeyboardInterrupt
        real(thread, *rest)

    before = threading.active_count()
    with monkeypatch.context() as patched:
        patched.setattr(native, "_work", work)
        with pytest.raises(KeyboardInterrupt):
            generator.run(*arguments, seed=1)
    assert threading.active_count() == before
    np.testing.assert_array_equal(generator.run(*arguments, seed=1)[0], whole)


def test_a_thread_that_cannot_be_started_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "MIN_BYTES_A_THREAD", 1)
    stack = make_stack("gru", [64])
    generator = Generator(stack)
    whole, _, _ = generator.run(generator.initial_state(2), np.array([0, 3]), 50, seed=1)
    generator._engine = NativeEngine(stack, threads=4)
    assert generator._engine.threads == 4
    real, before = threading.Thread.start, threading.active_count()

    def start(thread: threading.Thread) -> None:
        if threading.active_count() > before:
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    ids, _, _ = generator.run(generator.initial_state(2), np.array([0, 3]), 50, seed=1)
    np.testing.assert_array_equal(ids, whole)
    assert threading.active_count() == before


def test_a_stack_of_shapes_that_do_not_fit_is_refused() -> None:
    good = make_stack("lstm", [16])
    with pytest.raises(UsageError, match="layer 0"):
        RecurrentStack(good.embedding, "gru", good.layers, good.output_kernel, good.output_bias)
    with pytest.raises(UsageError, match="did you mean 'lstm'"):
        RecurrentStack(good.embedding, "lstn", good.layers, good.output_kernel, good.output_bias)


def test_importing_the_package_imports_neither_tensorflow_nor_numba() -> None:
    import subprocess
    import sys

    code = "import sys, zoo.inference; sys.exit(bool({'tensorflow', 'numba'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not CHECKED, reason="needs NUMBA_BOUNDSCHECK=1, as scripts/test sets it")
@pytest.mark.parametrize("array", ["_table", "_weights", "_biases"])
def test_the_checker_sees_a_read_beyond_an_array(array: str) -> None:
    """What the other tests of a checked run prove: with less than this they would fail."""
    engine = NativeEngine(make_stack("lstm", [16]), threads=1)
    setattr(engine, array, getattr(engine, array)[:-17].copy())
    state = [np.zeros((1, 16), np.float32)] * 2
    with pytest.raises(IndexError, match="out of bounds"):
        engine.run(state, np.array([10]), np.zeros((30, 1), np.float32), Sampling(temperature=0))
