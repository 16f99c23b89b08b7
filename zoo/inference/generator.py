"""`Generator`: sample ids from a recurrent network, with the whole loop compiled."""

from collections.abc import Callable, Sequence

import numpy as np

from zoo.errors import UsageError
from zoo.inference.stack import RecurrentStack, Sampling

MAX_POSITION = 2**62


class Generator:
    """Samples ids from a recurrent network.

    Args:
        stack: the network's weights.
    """

    def __init__(self, stack: RecurrentStack) -> None:
        from zoo.inference.loop import NativeEngine  # importing Numba takes a second

        self.stack = stack
        self._engine = NativeEngine(stack)

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Zeros: a (batch, units) array for each h, and after it c for an LSTM, layer by layer."""
        return self.stack.initial_state(batch)

    def run(
        self,
        state: Sequence[np.ndarray],
        first: np.ndarray,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | Sequence[int],
        position: int = 0,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Feed ``first``, sample an id, feed it, and so on ``length`` times.

        The last id is sampled but not fed. To go on, pass ``ids[:, -1]`` as ``first``, the new
        state, and as ``position`` the number of ids sampled so far: the same ids come as in one
        run.

        Args:
            state: as `initial_state` or an earlier run gives it; not changed.
            first: (batch,) ids, the last of the text so far.
            length: ids to sample for each row.
            temperature: divides the logits; 0 takes the likeliest id.
            top_k: sample among the k likeliest ids only (Fan, Lewis and Dauphin 2018, "Hierarchical
                Neural Story Generation"); 0 is off. Of equals the lower id comes first.
            top_p: and of these among the fewest likeliest whose probabilities reach p together
                (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration"); 1 is off.
            seed: an int, from which each row takes a stream of its own, or an int a row. Row 0 of
                ``seed=s`` draws as any row whose own seed is s.
            position: ids sampled before in this text.

        Returns:
            ids (batch, length) int32; their natural log-probabilities (batch, length) float32 under
            the unmodified softmax; the new state.

        Raises:
            UsageError: an argument is out of its range or has the wrong shape, or the state has
                values that are NaN or infinite.
            ZooError: the network's outputs became NaN or infinite.
        """
        sampling = Sampling(float(temperature), int(top_k), float(top_p))
        vocabulary = len(self.stack.embedding)
        first = check_run(vocabulary, self.initial_state, state, first, length, position)
        drawn = uniforms(seed, len(first), position, length)
        state = [np.asarray(part, np.float32) for part in state]
        ids, log_probs, after = self._engine.run(state, first, drawn, sampling)
        return np.ascontiguousarray(ids.T), np.ascontiguousarray(log_probs.T), after


def check_run(
    vocabulary: int,
    initial_state: Callable[[int], list[np.ndarray]],
    state: Sequence[np.ndarray],
    first: np.ndarray,
    length: int,
    position: int,
) -> np.ndarray:
    """Check what `Generator.run` is given.

    Args:
        vocabulary: number of ids.
        initial_state: gives a state of the right shapes for a number of rows.
        state: as `Generator.run`, and so on.

    Returns:
        ``first`` as an array.

    Raises:
        UsageError: an argument is out of its range or has the wrong shape, or the state has values
            that are NaN or infinite.
    """
    first = np.asarray(first)
    if first.ndim != 1 or not len(first) or first.dtype.kind not in "iu":
        raise UsageError(f"first must be (batch,) ids, not {first.dtype} {first.shape}")
    if first.min() < 0 or first.max() >= vocabulary:
        raise UsageError(f"first has ids outside 0..{vocabulary - 1}: {first}")
    for name, value in {"length": length, "position": position}.items():
        if not isinstance(value, (int, np.integer)) or not 0 <= value <= MAX_POSITION:
            raise UsageError(f"{name} must be a whole number from 0 to 2**62, not {value!r:.60}")
    expected = [part.shape for part in initial_state(len(first))]
    found = [np.shape(part) for part in state]
    if found != expected:
        raise UsageError(f"state has shapes {found}, this network needs {expected}")
    if not all(is_finite(part) for part in state):
        raise UsageError("state has values that are not finite numbers")
    return first


def is_finite(array: np.ndarray) -> bool:
    """Whether an array has finite floating-point numbers alone, also as float32."""
    values = np.asarray(array)
    if values.dtype.kind != "f":
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(values.astype(np.float32)).all())


def uniforms(seed: int | Sequence[int], batch: int, position: int, length: int) -> np.ndarray:
    """(length, batch) float32 in [0, 1), each a function of seed, row and position only.

    Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a function from a
    key and a counter to random bits, so any position of any stream can be had directly.
    """
    if isinstance(seed, (int, np.integer)):
        keys = [(int(seed), row) for row in range(batch)]
    else:
        keys = [(int(own), 0) for own in seed]
        if len(keys) != batch:
            raise UsageError(f"{len(keys)} seeds for {batch} rows")
    drawn = np.empty((length, batch), np.float32)
    for row, (own, stream) in enumerate(keys):
        bits = np.random.Philox(key=np.array([own % 2**64, stream], np.uint64))
        bits.advance(position // 4)  # a count of the counter makes four numbers
        raw = np.asarray(bits.random_raw(position % 4 + length), np.uint64)[position % 4 :]
        drawn[:, row] = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
    return drawn
