"""Batches of examples of like lengths, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def length_batches(
    lengths: np.ndarray, batch: int, rng: np.random.Generator, pool: int = 8
) -> list[np.ndarray]:
    """Put examples of like lengths together, in an order that differs from epoch to epoch.

    Args:
        lengths: ``(examples,)``, what to sort by.
        batch: examples in a batch.
        rng: of the order.
        pool: batches that are sorted by length together.

    Returns:
        For each batch the numbers of its examples; every example is in one.
    """
    order = rng.permutation(len(lengths))
    pools = [order[i : i + pool * batch] for i in range(0, len(order), pool * batch)]
    sorted_pools = [each[np.argsort(lengths[each], kind="stable")] for each in pools]
    groups = [each[i : i + batch] for each in sorted_pools for i in range(0, len(each), batch)]
    return [groups[i] for i in rng.permutation(len(groups))]


class LazyBatches(Sequence[tuple[np.ndarray, ...]]):
    """Batches that are made when they are asked for.

    Args:
        groups: the numbers of each batch's examples.
        make: makes the batch of a group in an epoch.
        epoch: handed to ``make``.
    """

    def __init__(self, groups: list[np.ndarray], make: Callable[..., Any], epoch: int) -> None:
        self._groups, self._make, self._epoch = groups, make, epoch

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, index: Any) -> Any:
        return self._make(self._groups[index], self._epoch)
