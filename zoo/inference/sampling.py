"""Sampling from an inference that runs a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo.errors import ZooError
from zoo.inference.generator import check_run, uniforms
from zoo.inference.stack import NOT_FINITE_OUTPUTS, Sampling

State = Sequence[np.ndarray]
Advance = Callable[[np.ndarray, State], tuple[np.ndarray, list[np.ndarray]]]


def sample(
    advance: Advance,
    vocabulary_size: int,
    initial_state: Callable[[int], list[np.ndarray]],
    state: State,
    first: np.ndarray,
    length: int,
    *,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int | Sequence[int],
    position: int,
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Read ``first``, sample an id, read it, and so on.

    Args:
        advance: from ids ``(rows, 1)`` and a state to logits ``(rows, vocabulary)`` and the next
            state.
        vocabulary_size: number of ids.
        initial_state: empty states by the number of rows, to check ``state`` by.
        state: where to begin; not changed.
        first: ``(rows,)`` ids to read first.
        length: number of ids to sample.
        temperature: see :class:`zoo.inference.stack.Sampling`.
        top_k: the same.
        top_p: the same.
        seed: see :meth:`zoo.inference.generator.Generator.run`.
        position: the same.

    Returns:
        As :meth:`zoo.inference.generator.Generator.run`.

    Raises:
        UsageError: an argument is out of its range.
        ZooError: the network gives numbers that are not finite.
    """
    from zoo.inference.loop import choose

    sampling = Sampling(float(temperature), int(top_k), float(top_p))
    current = check_run(vocabulary_size, initial_state, state, first, length, position)
    drawn = uniforms(seed, len(current), position, length)
    ids = np.empty((len(current), length), np.int32)
    log_probs = np.empty((len(current), length), np.float32)
    scratch = np.empty(vocabulary_size, np.float32)
    now = [np.asarray(part, np.float32) for part in state]
    for step in range(length):
        logits, now = advance(current[:, None], now)
        for row, uniform in enumerate(drawn[step]):
            ids[row, step], log_probs[row, step] = choose(
                np.ascontiguousarray(logits[row]),
                uniform,
                sampling.temperature,
                sampling.top_k,
                sampling.top_p,
                scratch,
            )
            if ids[row, step] < 0:
                raise ZooError(NOT_FINITE_OUTPUTS)
        current = ids[:, step]
    return ids, log_probs, now
