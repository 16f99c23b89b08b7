"""What machine code for recurrent networks is made of: products, gates, barriers, layouts.

One step of a recurrent network at batch 1 reads every weight once and does two operations with it,
so its time is the time to stream the weights out of the cache. Everything here serves that:

- The weights lie in the order in which they are read. A block is 16 units; inside it come the rows
  of the kernel, each with the block's gates side by side: ``(units / 16, rows, gates, 16)``. A
  thread reads its blocks from front to back and keeps all sums in vector registers.
- Weights that are exact in float16, as the zoo ships them, stay float16 in memory and are widened
  in the register. The arithmetic is float32 either way and the results are the same to the bit;
  only half the bytes are read.
- Up to four rows of a batch share each weight that is loaded.

Numba looks for changes only in the file of a function that it keeps compiled on the disk: after a
change here, touch the modules that use it.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16  # units a block: one AVX-512 register of float32, two of AVX2, four of NEON
ROWS = 4  # rows of a batch that share a loaded weight
SPINS = 2000  # looks at a barrier before the thread offers its core to others
FLAG = 8  # numbers of a cache line, one for each thread's flag
CHECKED = bool(vars(numba.config)["BOUNDSCHECK"])  # by NUMBA_BOUNDSCHECK=1, for tests
NOT_FINITE, INTERRUPTED = 1, 2  # why a run was called off
CODES = {"lstm": 0, "gru": 1, "rnn": 2}  # codes in the kernels

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
def multiply(  # type: ignore[no-untyped-def]
    gates, rows, weights, w, x, i, stride, count, sums, o
):
    """Choose the multiply that was made for this number of gates and of rows (1 or 4)."""
    if CHECKED:
        # Numba checks no pointers: read the last number of each array that will be read.
        last = x[i + (rows - 1) * stride + count - 1] + sums[o + rows * gates * LANES - 1]
        last += weights[w + count * gates * LANES - 1]
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
def update_block(cell, sums, x, s, old, new, memory, h):  # type: ignore[no-untyped-def]
    """One block of a layer for one row: from the sums of its gates to its 16 values of h (and c).

    The input sums begin at ``sums[x]`` and the recurrent ones at ``sums[s]``, each (gates, 16); h
    and c are at ``h`` in old, new and memory. Positions are unsigned, here and in `copy` and
    `add`, because a signed one might be negative and count from the end, and the test for that
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
def copy(target, to, source, start, count):  # type: ignore[no-untyped-def]
    for j in range(np.uint64(count)):
        target[np.uint64(to) + j] = source[np.uint64(start) + j]


@numba.njit(nogil=True, error_model="numpy")
def add(target, to, source, start, count):  # type: ignore[no-untyped-def]
    for j in range(np.uint64(count)):
        target[np.uint64(to) + j] += source[np.uint64(start) + j]


@numba.njit(nogil=True, error_model="numpy")
def meet(flags, thread, threads, meeting):  # type: ignore[no-untyped-def]
    """Wait until every thread has come to this meeting (a barrier).

    Returns whether they have; not if the run was called off while this thread waited, or before.
    ``flags`` are those of :func:`new_flags`.
    """
    _publish(flags, thread * FLAG, meeting)
    for other in range(threads):
        looks = 0
        while _observe(flags, other * FLAG) < meeting:
            if _observe(flags, threads * FLAG):
                return False
            looks += 1
            if looks > SPINS:
                _yield_core()
    return _observe(flags, threads * FLAG) == 0


@numba.njit(nogil=True, error_model="numpy")
def call_off(flags, threads, reason):  # type: ignore[no-untyped-def]
    """Let every thread that comes to a meeting, or waits at one, go home; ``reason`` is not 0."""
    _publish(flags, threads * FLAG, reason)


def new_flags(threads: int) -> np.ndarray:
    """Flags of :func:`meet`: of each thread the meeting it came to, then why it was called off."""
    return np.zeros(FLAG * (threads + 1), np.int64)


def run_together(work: Callable[[int], None], threads: int, flags: np.ndarray) -> bool:
    """Run ``work(0)`` here and ``work(1)``, ``work(2)`` and so on in threads of their own.

    However this ends, also by Ctrl-C, no thread stays behind waiting for another.

    Args:
        work: what a thread does; it meets the others by :func:`meet` with ``flags``.
        threads: how many.
        flags: of :func:`new_flags`.

    Returns:
        Whether the threads could be started; if not, nothing of their work counts.
    """
    failures: list[BaseException] = []

    def help_out(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            flags[FLAG * threads] = INTERRUPTED
            failures.append(error)

    helpers: list[threading.Thread] = []
    try:
        for number in range(1, threads):
            # A daemon: if a second Ctrl-C breaks off the join below, the process can still end.
            helpers.append(threading.Thread(target=help_out, args=(number,), daemon=True))
            try:
                helpers[-1].start()
            except RuntimeError:  # the system allows no more of them
                flags[FLAG * threads] = INTERRUPTED
                return False
        work(0)
    except BaseException:
        # Set without a call, before which another Ctrl-C could be heard.
        flags[FLAG * threads] = INTERRUPTED
        raise
    finally:
        for helper in helpers:
            if helper.is_alive():
                helper.join()
    if failures:
        raise failures[0]
    return True


def pad(array: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Zeros at the end of each axis up to the given size."""
    extra = zip(sizes, array.shape, strict=True)
    return np.pad(array, [(0, size - length) for size, length in extra])


def round_up(size: int) -> int:
    """The next multiple of 16."""
    return -(-size // LANES) * LANES


def aligned(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    """The parts one after another as a flat array that begins at a cache line."""
    count = sum(part.size for part in parts)
    raw = np.empty(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    flat = raw[start : start + count * np.dtype(dtype).itemsize].view(dtype)
    np.concatenate([part.ravel() for part in parts], out=flat, casting="unsafe")
    return flat


def blocked(kernel: np.ndarray, gates: int) -> np.ndarray:
    """(rows, gates * units) in Keras order to (units / 16, rows, gates, 16), zeros where padded."""
    rows, units = kernel.shape[0], kernel.shape[1] // gates
    kernel = pad(kernel.reshape(rows, gates, units), (round_up(rows), gates, round_up(units)))
    return kernel.reshape(round_up(rows), gates, -1, LANES).transpose(2, 0, 1, 3)


def as_float16(weights: np.ndarray, half: bool | None = None) -> np.ndarray:
    """Weights as the bits of float16, if that is wanted or, left open, if it changes no value."""
    with np.errstate(over="ignore"):
        halves = weights.astype(np.float16)
    if half or (half is None and np.array_equal(halves, weights)):
        return aligned([halves.view(np.uint16)], np.uint16)
    return weights
