"""The generation loop compiled by Numba: a whole run in machine code, on one or more threads.

It stands on :mod:`zoo.inference.kernels`. Threads split the units; they meet once a layer at a
barrier that spins, because a step takes microseconds and waking a sleeping thread takes longer.
"""

import math

import numba
import numpy as np

from zoo.cells import CELLS
from zoo.errors import UsageError, ZooError
from zoo.inference.compiling import compiled
from zoo.inference.kernels import (
    CODES,
    FLAG,
    LANES,
    NOT_FINITE,
    ROWS,
    add,
    aligned,
    as_float16,
    blocked,
    call_off,
    copy,
    meet,
    multiply,
    new_flags,
    pad,
    round_up,
    run_together,
    update_block,
)
from zoo.inference.stack import NOT_FINITE_OUTPUTS, RecurrentStack, Sampling
from zoo.memory import check_memory

MIN_BYTES_A_THREAD = 128 * 1024  # below this a barrier costs more than the split saves
_TABLE_ROWS = 1024  # ids whose rows of the table are made at once


@numba.njit(nogil=True, error_model="numpy")
def choose(logits, uniform, temperature, top_k, top_p, weight):  # type: ignore[no-untyped-def]
    """Sample an id from ``(vocabulary,)`` logits; ``weight`` is scratch of the same length.

    Returns the id and its natural log-probability under the unmodified softmax; if a logit is NaN
    or infinite, -1, which must not be used as an id.
    """
    count = weight.shape[0]
    best = 0
    for v in range(count):
        if not abs(logits[v]) < np.inf:
            return -1, 0.0
        if logits[v] > logits[best]:
            best = v
    top = logits[best]
    chosen = best
    total = 0.0
    for v in range(count):
        weight[v] = math.exp(logits[v] - top)
        total += weight[v]
    log_total = math.log(total)
    if temperature > 0:
        if temperature != 1:
            total = 0.0
            for v in range(count):
                weight[v] = math.exp((logits[v] - top) / temperature)
                total += weight[v]
        if top_k == 0 and top_p >= 1:
            target, passed, chosen = uniform * total, 0.0, -1
            for v in range(count):
                passed += weight[v]
                if weight[v] > 0 and (chosen < 0 or passed - weight[v] <= target):
                    chosen = v
        else:
            order = np.argsort(-weight, kind="mergesort")  # stable: of equals, the lower id first
            kept = count if top_k == 0 else min(top_k, count)
            if top_p < 1:
                total = 0.0
                for r in range(kept):
                    total += weight[order[r]]
                limit, passed, within = top_p * total, 0.0, 0
                while within < kept and (within == 0 or passed < limit):
                    passed += weight[order[within]]
                    within += 1
                kept = within
            total = 0.0
            for r in range(kept):
                total += weight[order[r]]
            target, passed, chosen = uniform * total, 0.0, order[0]
            for r in range(kept):
                if weight[order[r]] > 0 and passed <= target:
                    chosen = order[r]
                passed += weight[order[r]]
    return chosen, logits[chosen] - top - log_total


@compiled(nogil=True, fastmath={"contract"}, error_model="numpy")
def _work(  # type: ignore[no-untyped-def]
    thread, threads, flags, cell, gates, plan, weights, biases, table, vocabulary,
    hidden, memory, logits, current, uniforms, temperature, top_k, top_p, ids, log_probs,
):  # fmt: skip
    """What one thread does in a run.

    Shapes, where V is the vocabulary and U the units of a layer, both padded to a multiple of 16:

    - plan (layers + 1, 5): units, inputs, offsets into weights, biases and hidden; last the output
    - weights, flat: for each layer (U / 16, inputs + U, gates, 16), then the output (V / 16, U, 16)
    - biases, flat: for each layer (U / 16, 2, gates, 16), input and recurrent; the output (V,)
    - table, flat: (vocabulary, U / 16, gates, 16), embedding times the first layer's kernel
    - hidden (2, n): for each layer h (batch, U), before and after a step; memory (n,): the same, c
    - logits (batch, V); current (batch,) ids; uniforms, ids and log_probs (length, batch)
    """
    length, batch = uniforms.shape
    layers = plan.shape[0] - 1
    sums = np.empty(2 * ROWS * gates * LANES, np.float32)
    second = ROWS * gates * LANES  # where the recurrent sums begin
    width = gates * LANES
    scratch = np.empty(vocabulary, np.float64)
    meeting = 0
    for t in range(length):
        old, new = hidden[t % 2], hidden[1 - t % 2]
        for layer in range(layers):
            units, inputs, at_weight, at_bias, at_hidden = plan[layer]
            blocks = units // LANES
            for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
                w = at_weight + block * (inputs + units) * width
                bias = at_bias + block * 2 * width
                b = 0
                while b < batch:
                    rows = ROWS if batch - b >= ROWS else 1
                    for r in range(rows):
                        x, s = r * width, second + r * width
                        copy(sums, x, biases, bias, width)
                        copy(sums, s, biases, bias + width, width)
                        if layer == 0:
                            row = current[b + r] * blocks + block
                            add(sums, x, table, row * width, width)
                    if layer > 0:
                        below = plan[layer - 1, 4] + b * inputs
                        multiply(gates, rows, weights, w, new, below, inputs, inputs, sums, 0)
                    own = at_hidden + b * units
                    wr = w + inputs * width
                    multiply(gates, rows, weights, wr, old, own, units, units, sums, second)
                    for r in range(rows):
                        x, s = r * width, second + r * width
                        h = own + r * units + block * LANES
                        update_block(cell, sums, x, s, old, new, memory, h)
                    b += rows
            meeting += 1
            if not meet(flags, thread, threads, meeting):
                return
        padded, inputs, at_weight, at_bias, _ = plan[layers]
        top = plan[layers - 1, 4]
        blocks = padded // LANES
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            b = 0
            while b < batch:
                rows = ROWS if batch - b >= ROWS else 1
                for r in range(rows):
                    copy(sums, r * LANES, biases, at_bias + block * LANES, LANES)
                w = at_weight + block * inputs * LANES
                multiply(1, rows, weights, w, new, top + b * inputs, inputs, inputs, sums, 0)
                for r in range(rows):
                    copy(logits[b + r], block * LANES, sums, r * LANES, LANES)
                b += rows
        meeting += 1
        if not meet(flags, thread, threads, meeting):
            return
        for b in range(thread, batch, threads):
            chosen, log_prob = choose(logits[b], uniforms[t, b], temperature, top_k, top_p, scratch)
            if chosen < 0:
                call_off(flags, threads, NOT_FINITE)
                break
            current[b] = chosen
            ids[t, b] = chosen
            log_probs[t, b] = log_prob
        meeting += 1
        if not meet(flags, thread, threads, meeting):
            return


class NativeEngine:
    """Runs a `RecurrentStack` by the Numba kernel.

    Args:
        stack: the network.
        threads: how many threads at most; by default Numba's own number (``NUMBA_NUM_THREADS``, or
            the cores this process may use). Small networks use fewer.
        half: keep the weights as float16 in memory. By default if and only if that changes no
        value.
    """

    def __init__(
        self, stack: RecurrentStack, threads: int | None = None, half: bool | None = None
    ) -> None:
        code, gates = CODES[stack.cell], CELLS[stack.cell].gates
        self.units = stack.units
        self._vocabulary = len(stack.embedding)
        self._cell, self._gates = code, gates
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        plan = []
        at_weight = at_bias = 0
        for number, (kernel, recurrent, bias) in enumerate(stack.layers):
            units = round_up(recurrent.shape[0])
            inputs = 0 if number == 0 else round_up(kernel.shape[0])
            first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
            plan.append((units, inputs, at_weight, at_bias))
            rows = [blocked(recurrent, gates)]
            if number == 0:
                self._table = _make_table(stack.embedding, kernel, gates)
            else:
                rows.insert(0, blocked(kernel, gates))
            weights.append(np.concatenate(rows, axis=1))
            both = [blocked(part[None], gates)[:, 0] for part in (first, second)]
            biases.append(np.stack(both, axis=1))
            at_weight += weights[-1].size
            at_bias += biases[-1].size
        weights.append(blocked(stack.output_kernel, 1))
        biases.append(pad(stack.output_bias, (round_up(len(stack.output_bias)),)))
        plan.append((biases[-1].size, weights[-1].shape[1], at_weight, at_bias))
        self._plan = np.array(plan, np.int64)
        self._weights = as_float16(aligned(weights, np.float32), half)
        self._biases = aligned(biases, np.float32)
        available = vars(numba.config)["NUMBA_NUM_THREADS"] if threads is None else threads
        useful = self._weights.nbytes // MIN_BYTES_A_THREAD
        self.threads = max(1, min(available, useful, int(self._plan[:-1, 0].min()) // LANES))

    def run(
        self,
        state: list[np.ndarray],
        first: np.ndarray,
        uniforms: np.ndarray,
        sampling: Sampling,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """As `Generator.run`, with the random numbers and the sampling as arguments.

        Args:
            state: as `Generator.initial_state` gives it; not changed.
            first: (batch,) ids.
            uniforms: (length, batch) float32 in [0, 1), the source of randomness.
            sampling: how the next id is drawn.

        Returns:
            ids (length, batch) int32, log_probs (length, batch) float32, and the new state.

        Raises:
            UsageError: an id, a shape or a type is wrong.
            ZooError: the outputs became NaN or infinite.
        """
        self._check(state, first, uniforms)
        found = self._run(state, first, uniforms, sampling, self.threads)
        if found is None:  # the system allows no more threads; one always is
            found = self._run(state, first, uniforms, sampling, 1)
            assert found is not None
        return found

    def _check(self, state: list[np.ndarray], first: np.ndarray, uniforms: np.ndarray) -> None:
        """Refuse what would lead machine code out of its arrays."""
        batch = len(first)
        copies = len(state) // len(self.units)
        shapes = [(batch, units) for units in self.units for _ in range(copies)]
        if (
            uniforms.shape != (len(uniforms), batch)
            or uniforms.dtype != np.float32
            or copies != (2 if self._cell == 0 else 1)
            or [part.shape for part in state] != shapes
        ):
            raise UsageError("the state, the ids and the random numbers are not of one batch")
        if first.dtype.kind not in "iu" or first.min() < 0 or first.max() >= self._vocabulary:
            raise UsageError(f"first has ids outside 0..{self._vocabulary - 1}")

    def _run(
        self,
        state: list[np.ndarray],
        first: np.ndarray,
        uniforms: np.ndarray,
        sampling: Sampling,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]] | None:
        """:meth:`run` on so many threads, ``None`` if they cannot be started."""
        length, batch = uniforms.shape
        padded = self._plan[:-1, 0]
        starts = np.concatenate([[0], np.cumsum(padded * batch)])
        plan = np.column_stack([self._plan, starts])
        hidden = aligned([np.zeros(2 * starts[-1])], np.float32).reshape(2, -1)
        memory = aligned([np.zeros(starts[-1])], np.float32)
        lstm = self._cell == 0
        for layer in range(len(self.units)):
            span, shape = slice(starts[layer], starts[layer + 1]), (batch, padded[layer])
            h = state[2 * layer] if lstm else state[layer]
            hidden[0, span] = pad(h, shape).ravel()
            if lstm:
                memory[span] = pad(state[2 * layer + 1], shape).ravel()
        logits = np.empty((batch, self._plan[-1, 0]), np.float32)
        current = first.astype(np.int64)
        ids = np.empty((length, batch), np.int32)
        log_probs = np.empty((length, batch), np.float32)
        flags = new_flags(threads)

        def work(thread: int) -> None:
            _work(
                thread, threads, flags, self._cell, self._gates, plan, self._weights,
                self._biases, self._table, self._vocabulary, hidden, memory, logits, current,
                uniforms, sampling.temperature, sampling.top_k, sampling.top_p, ids, log_probs,
            )  # fmt: skip

        if not run_together(work, threads, flags):
            return None
        if flags[-FLAG] == NOT_FINITE:
            raise ZooError(NOT_FINITE_OUTPUTS)

        new_state = []
        for layer, units in enumerate(self.units):
            span, shape = slice(starts[layer], starts[layer + 1]), (batch, padded[layer])
            new_state.append(hidden[length % 2, span].reshape(shape)[:, :units].copy())
            if lstm:
                new_state.append(memory[span].reshape(shape)[:, :units].copy())
        return ids, log_probs, new_state


def _make_table(embedding: np.ndarray, kernel: np.ndarray, gates: int) -> np.ndarray:
    """Embedding times the first layer's kernel, as :func:`_work` reads it.

    Raises:
        ZooError: it would take too much memory.
    """
    vocabulary, units = len(embedding), kernel.shape[1] // gates
    width = gates * round_up(units)
    check_memory(4 * vocabulary * width, f"a table of {vocabulary:,} ids by {units:,} units")
    table = np.empty((vocabulary, width), np.float32)
    for start in range(0, vocabulary, _TABLE_ROWS):
        rows = embedding[start : start + _TABLE_ROWS]
        part = blocked(rows @ kernel, gates)[:, : len(rows)].transpose(1, 0, 2, 3)
        table[start : start + len(rows)] = part.reshape(len(rows), width)
    return table.ravel()
