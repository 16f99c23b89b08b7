"""The generation loop compiled by Numba: a whole run in machine code, on one or more threads.

One step of a recurrent network at batch 1 reads every weight once and does two operations with it,
so its time is the time to stream the weights out of the cache. Everything here serves that:

- The weights lie in the order in which they are read. A block is 16 units; inside it come the rows
  of the kernel, each with the block's gates side by side: ``(units / 16, rows, gates, 16)``. A
  thread reads its blocks from front to back and keeps all sums in vector registers.
- Weights that are exact in float16, as the zoo ships them, stay float16 in memory and are widened
  in the register. The arithmetic is float32 either way and the results are the same to the bit;
  only half the bytes are read.
- Threads split the units. They meet once a layer at a barrier that spins, because a step takes
  microseconds and waking a sleeping thread takes longer.
- Up to four rows of a batch share each weight that is loaded.
"""

import math
import sys
import threading
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from zoo.generation.stack import GATES, RecurrentStack, Sampling

LANES = 16  # units a block: one AVX-512 register of float32, two of AVX2, four of NEON
ROWS = 4  # rows of a batch that share a loaded weight
SPINS = 2000  # looks at a barrier before the thread offers its core to others
MIN_BYTES_A_THREAD = 128 * 1024  # below this a barrier costs more than the split saves
CELLS = {"lstm": 0, "gru": 1, "rnn": 2}  # codes in the kernel

_yield_core = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Pointer to the first element of a Numba array."""
    return context.make_array(kind)(context, builder, value).data


@intrinsic
def _publish(typingctx, flags, index, value):  # type: ignore[no-untyped-def]
    """``flags[index] = value``, visible to other threads after everything written before it."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = builder.gep(_data(context, builder, signature.args[0], args[0]), [args[1]])
        builder.store_atomic(args[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(types.Array(types.int64, 1, "C"), types.int64, types.int64), codegen


@intrinsic
def _observe(typingctx, flags, index):  # type: ignore[no-untyped-def]
    """``flags[index]`` as another thread last published it."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = builder.gep(_data(context, builder, signature.args[0], args[0]), [args[1]])
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.Array(types.int64, 1, "C"), types.int64), codegen


def _make_multiply(gates: int, rows: int) -> Any:
    """Make ``multiply(weights, w, x, i, stride, count, sums, o)``.

    It adds to ``sums[o:]``, a ``(rows, gates, 16)`` block, the product of ``rows`` vectors of
    ``count`` values, the first at ``x[i]`` and each ``stride`` after the one before, with the block
    of weights at ``weights[w]``, ``(count, gates, 16)``. ``count`` is a multiple of 16. Weights are
    float32, or the bits of float16 as uint16.

    Written as LLVM vector code because the sums must stay in registers over the whole loop, which
    neither the loop nor the SLP vectoriser does for a plain Python loop.
    """
    vector = ir.VectorType(ir.FloatType(), LANES)
    half_vector = ir.VectorType(ir.HalfType(), LANES)
    wide = ir.IntType(64)
    # A multiply-add takes four cycles and one or two start each cycle: eight sums hide that.
    unroll = max(1, 8 // (gates * rows))

    @intrinsic
    def multiply(  # type: ignore[no-untyped-def]
        typingctx, weights, w, x, i, stride, count, sums, o
    ):
        half = weights.dtype == types.uint16

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            base, start, inputs, first, step, total, out, to = args
            base = _data(context, builder, signature.args[0], base)
            base = builder.gep(base, [start])
            inputs = builder.gep(_data(context, builder, signature.args[2], inputs), [first])
            out = builder.gep(_data(context, builder, signature.args[6], out), [to])
            fused = ("contract",)  # a multiply and an add may become one instruction
            const = lambda value: ir.Constant(wide, value)  # noqa: E731

            def vector_at(pointer: Any, index: Any, kind: Any, align: int) -> Any:
                pointer = builder.gep(pointer, [index])
                return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=align)

            before = builder.block
            loop = builder.append_basic_block("rows")
            after = builder.append_basic_block("rows_done")
            zero = ir.Constant(vector, [0.0] * LANES)
            initial = [
                vector_at(out, const((r * gates + g) * LANES), vector, 4)
                for r in range(rows)
                for g in range(gates)
            ] + [zero] * (rows * gates * (unroll - 1))
            builder.branch(loop)

            builder.position_at_end(loop)
            k = builder.phi(wide)
            k.add_incoming(const(0), before)
            accumulators = [builder.phi(vector) for _ in initial]
            updated = []
            for phi, value in zip(accumulators, initial, strict=True):
                phi.add_incoming(value, before)
            for u in range(unroll):
                row = builder.add(k, const(u))
                at = builder.mul(row, const(gates * LANES))
                loaded = []
                for g in range(gates):
                    index = builder.add(at, const(g * LANES))
                    if half:
                        bits = vector_at(base, index, half_vector, 2 * LANES)
                        loaded.append(builder.fpext(bits, vector))
                    else:
                        loaded.append(vector_at(base, index, vector, 4 * LANES))
                for r in range(rows):
                    index = builder.add(row, builder.mul(step, const(r)))
                    scalar = builder.load(builder.gep(inputs, [index]))
                    one = builder.insert_element(
                        ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
                    )
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                    splat = builder.shuffle_vector(one, one, mask)
                    for g in range(gates):
                        phi = accumulators[(u * rows + r) * gates + g]
                        product = builder.fmul(splat, loaded[g], flags=fused)
                        updated.append(builder.fadd(phi, product, flags=fused))
            following = builder.add(k, const(unroll))
            k.add_incoming(following, builder.block)
            for phi, value in zip(accumulators, updated, strict=True):
                phi.add_incoming(value, builder.block)
            builder.cbranch(builder.icmp_signed("<", following, total), loop, after)

            builder.position_at_end(after)
            for n in range(rows * gates):
                value = updated[n]
                for u in range(1, unroll):
                    value = builder.fadd(value, updated[u * rows * gates + n])
                pointer = builder.gep(out, [const(n * LANES)])
                builder.store(value, builder.bitcast(pointer, vector.as_pointer()), align=4)
            return context.get_dummy_value()

        number, floats = types.int64, types.Array(types.float32, 1, "C")
        kinds = (weights, number, floats, number, number, number, floats, number)
        return types.void(*kinds), codegen

    return multiply


_multiply_4x1, _multiply_4x4 = _make_multiply(4, 1), _make_multiply(4, ROWS)
_multiply_3x1, _multiply_3x4 = _make_multiply(3, 1), _make_multiply(3, ROWS)
_multiply_1x1, _multiply_1x4 = _make_multiply(1, 1), _make_multiply(1, ROWS)


@numba.njit(nogil=True, inline="never")
def _multiply(  # type: ignore[no-untyped-def]
    gates, rows, weights, w, x, i, stride, count, sums, o
):
    """Choose the multiply that was made for this number of gates and of rows (1 or 4)."""
    if gates == 4:
        if rows == 1:
            _multiply_4x1(weights, w, x, i, stride, count, sums, o)
        else:
            _multiply_4x4(weights, w, x, i, stride, count, sums, o)
    elif gates == 3:
        if rows == 1:
            _multiply_3x1(weights, w, x, i, stride, count, sums, o)
        else:
            _multiply_3x4(weights, w, x, i, stride, count, sums, o)
    elif rows == 1:
        _multiply_1x1(weights, w, x, i, stride, count, sums, o)
    else:
        _multiply_1x4(weights, w, x, i, stride, count, sums, o)


@numba.njit(nogil=True, inline="always", fastmath={"contract"}, error_model="numpy")
def _tanh(x):  # type: ignore[no-untyped-def]
    """tanh as the ratio of two polynomials that Eigen and XLA use, within 3e-7 of tanh everywhere.

    Plain arithmetic, unlike a call of the C library, so it vectorises.
    """
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    s = x * x
    p = np.float32(-2.76076847742355e-16) * s + np.float32(2.00018790482477e-13)
    p = p * s + np.float32(-8.60467152213735e-11)
    p = p * s + np.float32(5.12229709037114e-08)
    p = p * s + np.float32(1.48572235717979e-05)
    p = p * s + np.float32(6.37261928875436e-04)
    p = p * s + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06) * s + np.float32(1.18534705686654e-04)
    q = q * s + np.float32(2.26843463243900e-03)
    q = q * s + np.float32(4.89352518554385e-03)
    return x * p / q


@numba.njit(nogil=True, inline="always", fastmath={"contract"}, error_model="numpy")
def _sigmoid(x):  # type: ignore[no-untyped-def]
    return np.float32(0.5) * _tanh(np.float32(0.5) * x) + np.float32(0.5)


@numba.njit(nogil=True, fastmath={"contract"}, error_model="numpy")
def _update(cell, sums, x, s, old, new, memory, h):  # type: ignore[no-untyped-def]
    """One block of a layer for one row: from the sums of its gates to its 16 values of h (and c).

    The input sums begin at ``sums[x]`` and the recurrent ones at ``sums[s]``, each (gates, 16); h
    and c are at ``h`` in old, new and memory. Positions are unsigned, here and in `_copy` and
    `_add`, because a signed one might be negative and count from the end, and the test for that
    stops vectorising.
    """
    x, s, h = np.uint64(x), np.uint64(s), np.uint64(h)
    one, two, three = np.uint64(LANES), np.uint64(2 * LANES), np.uint64(3 * LANES)
    if cell == 0:
        for j in range(one):
            i_gate = _sigmoid(sums[x + j] + sums[s + j])
            f_gate = _sigmoid(sums[x + one + j] + sums[s + one + j])
            value = _tanh(sums[x + two + j] + sums[s + two + j])
            o_gate = _sigmoid(sums[x + three + j] + sums[s + three + j])
            c = f_gate * memory[h + j] + i_gate * value
            memory[h + j] = c
            new[h + j] = o_gate * _tanh(c)
    elif cell == 1:
        for j in range(one):
            z_gate = _sigmoid(sums[x + j] + sums[s + j])
            r_gate = _sigmoid(sums[x + one + j] + sums[s + one + j])
            value = _tanh(sums[x + two + j] + r_gate * sums[s + two + j])
            new[h + j] = z_gate * old[h + j] + (np.float32(1) - z_gate) * value
    else:
        for j in range(one):
            new[h + j] = _tanh(sums[x + j] + sums[s + j])


@numba.njit(nogil=True, error_model="numpy")
def _copy(target, to, source, start, count):  # type: ignore[no-untyped-def]
    for j in range(np.uint64(count)):
        target[np.uint64(to) + j] = source[np.uint64(start) + j]


@numba.njit(nogil=True, error_model="numpy")
def _add(target, to, source, start, count):  # type: ignore[no-untyped-def]
    for j in range(np.uint64(count)):
        target[np.uint64(to) + j] += source[np.uint64(start) + j]


@numba.njit(nogil=True, error_model="numpy")
def _meet(flags, thread, threads, meeting):  # type: ignore[no-untyped-def]
    """Wait until every thread has come to this meeting (a barrier)."""
    _publish(flags, thread * 8, meeting)  # 8: a cache line for each thread's flag
    for other in range(threads):
        looks = 0
        while _observe(flags, other * 8) < meeting:
            looks += 1
            if looks > SPINS:
                _yield_core()


@numba.njit(nogil=True, error_model="numpy")
def _choose(logits, uniform, temperature, top_k, top_p, weight):  # type: ignore[no-untyped-def]
    """Sample an id from ``(vocabulary,)`` logits; ``weight`` is scratch of the same length.

    Returns the id and its natural log-probability under the unmodified softmax.
    """
    count = weight.shape[0]
    best = 0
    for v in range(1, count):
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


@numba.njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
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
                        _copy(sums, x, biases, bias, width)
                        _copy(sums, s, biases, bias + width, width)
                        if layer == 0:
                            row = current[b + r] * blocks + block
                            _add(sums, x, table, row * width, width)
                    if layer > 0:
                        below = plan[layer - 1, 4] + b * inputs
                        _multiply(gates, rows, weights, w, new, below, inputs, inputs, sums, 0)
                    own = at_hidden + b * units
                    wr = w + inputs * width
                    _multiply(gates, rows, weights, wr, old, own, units, units, sums, second)
                    for r in range(rows):
                        x, s = r * width, second + r * width
                        h = own + r * units + block * LANES
                        _update(cell, sums, x, s, old, new, memory, h)
                    b += rows
            meeting += 1
            _meet(flags, thread, threads, meeting)
        padded, inputs, at_weight, at_bias, _ = plan[layers]
        top = plan[layers - 1, 4]
        blocks = padded // LANES
        for block in range(thread * blocks // threads, (thread + 1) * blocks // threads):
            b = 0
            while b < batch:
                rows = ROWS if batch - b >= ROWS else 1
                for r in range(rows):
                    _copy(sums, r * LANES, biases, at_bias + block * LANES, LANES)
                w = at_weight + block * inputs * LANES
                _multiply(1, rows, weights, w, new, top + b * inputs, inputs, inputs, sums, 0)
                for r in range(rows):
                    _copy(logits[b + r], block * LANES, sums, r * LANES, LANES)
                b += rows
        meeting += 1
        _meet(flags, thread, threads, meeting)
        for b in range(thread, batch, threads):
            chosen, log_prob = _choose(
                logits[b], uniforms[t, b], temperature, top_k, top_p, scratch
            )
            current[b] = chosen
            ids[t, b] = chosen
            log_probs[t, b] = log_prob
        meeting += 1
        _meet(flags, thread, threads, meeting)


def _pad(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Zeros at the end of each axis up to the given size."""
    extra = zip(sizes, array.shape, strict=True)
    return np.pad(array, [(0, size - length) for size, length in extra])


def _up(size: int) -> int:
    """The next multiple of 16."""
    return -(-size // LANES) * LANES


def _aligned(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    """The parts one after another as a flat array that begins at a cache line."""
    count = sum(part.size for part in parts)
    raw = np.empty(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    flat = raw[start : start + count * np.dtype(dtype).itemsize].view(dtype)
    np.concatenate([part.ravel() for part in parts], out=flat, casting="unsafe")
    return flat


def _blocked(kernel: np.ndarray, gates: int) -> np.ndarray:
    """(rows, gates * units) in Keras order to (units / 16, rows, gates, 16), zeros where padded."""
    rows, units = kernel.shape[0], kernel.shape[1] // gates
    kernel = _pad(kernel.reshape(rows, gates, units), (_up(rows), gates, _up(units)))
    return kernel.reshape(_up(rows), gates, -1, LANES).transpose(2, 0, 1, 3)


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
        code, gates = CELLS[stack.cell], GATES[stack.cell]
        self.units = stack.units
        self._vocabulary = len(stack.embedding)
        self._cell, self._gates = code, gates
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        plan = []
        at_weight = at_bias = 0
        for number, (kernel, recurrent, bias) in enumerate(stack.layers):
            units = _up(recurrent.shape[0])
            inputs = 0 if number == 0 else _up(kernel.shape[0])
            first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
            plan.append((units, inputs, at_weight, at_bias))
            rows = [_blocked(recurrent, gates)]
            if number == 0:
                self._table = np.ascontiguousarray(
                    _blocked(stack.embedding @ kernel, gates)[:, : len(stack.embedding)]
                    .transpose(1, 0, 2, 3)
                    .ravel()
                )
            else:
                rows.insert(0, _blocked(kernel, gates))
            weights.append(np.concatenate(rows, axis=1))
            both = [_blocked(part[None], gates)[:, 0] for part in (first, second)]
            biases.append(np.stack(both, axis=1))
            at_weight += weights[-1].size
            at_bias += biases[-1].size
        weights.append(_blocked(stack.output_kernel, 1))
        biases.append(_pad(stack.output_bias, (_up(len(stack.output_bias)),)))
        plan.append((biases[-1].size, weights[-1].shape[1], at_weight, at_bias))
        self._plan = np.array(plan, np.int64)
        self._weights = _aligned(weights, np.float32)
        self._biases = _aligned(biases, np.float32)
        with np.errstate(over="ignore"):
            halves = self._weights.astype(np.float16)
        if half or (half is None and np.array_equal(halves, self._weights)):
            self._weights = _aligned([halves.view(np.uint16)], np.uint16)
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
        """See `Engine.run` in `zoo.generation.generator`."""
        length, batch = uniforms.shape
        padded = self._plan[:-1, 0]
        starts = np.concatenate([[0], np.cumsum(padded * batch)])
        plan = np.column_stack([self._plan, starts])
        hidden = _aligned([np.zeros(2 * starts[-1])], np.float32).reshape(2, -1)
        memory = _aligned([np.zeros(starts[-1])], np.float32)
        lstm = self._cell == 0
        for layer in range(len(self.units)):
            span, shape = slice(starts[layer], starts[layer + 1]), (batch, padded[layer])
            h = state[2 * layer] if lstm else state[layer]
            hidden[0, span] = _pad(h, shape).ravel()
            if lstm:
                memory[span] = _pad(state[2 * layer + 1], shape).ravel()
        logits = np.empty((batch, self._plan[-1, 0]), np.float32)
        current = first.astype(np.int64)
        ids = np.empty((length, batch), np.int32)
        log_probs = np.empty((length, batch), np.float32)
        flags = np.zeros(8 * self.threads, np.int64)

        def work(thread: int) -> None:
            _work(
                thread, self.threads, flags, self._cell, self._gates, plan, self._weights,
                self._biases, self._table, self._vocabulary, hidden, memory, logits, current,
                uniforms, sampling.temperature, sampling.top_k, sampling.top_p, ids, log_probs,
            )  # fmt: skip

        helpers = [threading.Thread(target=work, args=(n,)) for n in range(1, self.threads)]
        for helper in helpers:
            helper.start()
        work(0)
        for helper in helpers:
            helper.join()

        new_state = []
        for layer, units in enumerate(self.units):
            span, shape = slice(starts[layer], starts[layer + 1]), (batch, padded[layer])
            new_state.append(hidden[length % 2, span].reshape(shape)[:, :units].copy())
            if lstm:
                new_state.append(memory[span].reshape(shape)[:, :units].copy())
        return ids, log_probs, new_state
