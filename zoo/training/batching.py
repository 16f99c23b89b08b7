"""Which examples make a batch: examples of like length, so that little of it is padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from zoo.errors import DataError

_WIDENING = 1.12  # longest over shortest length of a bucket


class Batching(Protocol):
    """The batches of each epoch, the same at each call.

    Attributes:
        steps: batches of an epoch.
    """

    steps: int

    def groups(self, epoch: int) -> list[np.ndarray]:
        """The numbers of the examples of each batch of an epoch, counted from 0."""
        ...


class EvenBatches:
    """Batches of one number of examples; every example is in every epoch.

    Args:
        lengths: of each example.
        batch: examples in a batch.
        seed: of the order.
        pool: batches that are sorted by length together.

    Raises:
        DataError: there are no examples.
    """

    def __init__(
        self, lengths: Sequence[float] | np.ndarray, batch: int, seed: int, pool: int = 8
    ) -> None:
        if not len(lengths):
            raise DataError("there must be examples to train on")
        self._lengths, self._batch, self._seed = np.asarray(lengths), batch, seed
        self._pool = pool * batch
        self.steps = -(-len(lengths) // batch)

    def groups(self, epoch: int) -> list[np.ndarray]:
        """See :class:`Batching`."""
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(len(self._lengths))
        pools = [order[i : i + self._pool] for i in range(0, len(order), self._pool)]
        sorted_pools = [pool[np.argsort(self._lengths[pool], kind="stable")] for pool in pools]
        groups = [
            pool[i : i + self._batch]
            for pool in sorted_pools
            for i in range(0, len(pool), self._batch)
        ]
        return [groups[i] for i in rng.permutation(len(groups))]


class SizedBatches:
    """Batches of one size, padding included, from examples that are not all in every epoch.

    Examples are put into buckets of like length. Of those with a share below 1 each epoch gets
    others, until all have had their turn.

    Args:
        lengths: of each example.
        size: frames of a batch.
        shares: how often each example is in an epoch, on average; above 0.
        seed: of the order.
        most: examples of a batch at most.

    Raises:
        DataError: there are no examples.
    """

    def __init__(
        self,
        lengths: Sequence[float],
        size: float,
        shares: Sequence[float],
        seed: int,
        most: int = 128,
    ) -> None:
        if not len(lengths):
            raise DataError("there must be examples to train on")
        self._seed = seed
        length = np.maximum(np.asarray(lengths, np.float64), 1.0)
        share = np.asarray(shares, np.float64)
        bucket = np.floor(np.log(length / length.min()) / math.log(_WIDENING)).astype(np.int64)
        self._buckets: list[tuple[list[tuple[np.ndarray, int]], int]] = []
        for number in np.unique(bucket):
            inside = np.flatnonzero(bucket == number)
            parts = []
            for value in np.unique(share[inside]):
                members = inside[share[inside] == value]
                parts.append((members, max(1, round(value * len(members)))))
            batch = int(np.clip(size // length[inside].max(), 1, most))
            drawn = sum(count for _, count in parts)
            self._buckets.append((parts, -(-drawn // batch)))
        self.steps = sum(count for _, count in self._buckets)

    def groups(self, epoch: int) -> list[np.ndarray]:
        """See :class:`Batching`."""
        rng = np.random.default_rng([self._seed, epoch])
        groups: list[np.ndarray] = []
        for number, (parts, batches) in enumerate(self._buckets):
            drawn = [
                self._drawn(members, count, epoch, (number, part))
                for part, (members, count) in enumerate(parts)
            ]
            groups += np.array_split(rng.permutation(np.concatenate(drawn)), batches)
        return [groups[i] for i in rng.permutation(len(groups))]

    def _drawn(
        self, members: np.ndarray, count: int, epoch: int, key: tuple[int, int]
    ) -> np.ndarray:
        """The epoch's part of an endless row of shuffles."""
        drawn = []
        start = epoch * count
        while count:
            turn, first = divmod(start, len(members))
            order = np.random.default_rng([self._seed, *key, turn]).permutation(members)
            part = order[first : first + count]
            drawn.append(part)
            start, count = start + len(part), count - len(part)
        return np.concatenate(drawn)


class PlannedBatches:
    """Batches of about one size, of examples whose lengths differ by epoch.

    The examples of an epoch are ordered by length and cut into a fixed number of batches that
    cost about the same. Padding is a few percent of a batch and not counted in its size.

    Args:
        lengths: gives the lengths of all examples in an epoch.
        size: frames of a batch in the first epoch.
        seed: of the order.
        rising: epochs at the beginning that go from short to long examples, not in random order
            (Amodei et al. 2016, arXiv:1512.02595).

    Raises:
        DataError: there are no examples.
    """

    def __init__(
        self, lengths: Callable[[int], np.ndarray], size: float, seed: int, rising: int = 0
    ) -> None:
        first = lengths(0)
        if not len(first):
            raise DataError("there must be examples to train on")
        self._lengths, self._seed, self._rising = lengths, seed, rising
        self.steps = min(len(first), max(1, math.ceil(float(first.sum()) / size)))

    def groups(self, epoch: int) -> list[np.ndarray]:
        """See :class:`Batching`."""
        rng = np.random.default_rng([self._seed, epoch])
        lengths = self._lengths(epoch)
        order = np.argsort(lengths * rng.uniform(0.97, 1.03, len(lengths)), kind="stable")
        cost = np.cumsum(lengths[order])
        cuts = np.searchsorted(cost, cost[-1] * np.arange(1, self.steps) / self.steps)
        # At least one example each, however long the last ones are.
        cuts = np.minimum(
            np.maximum.accumulate(np.maximum(cuts, 1) - np.arange(len(cuts)))
            + np.arange(len(cuts)),
            len(order) - self.steps + 1 + np.arange(len(cuts)),
        )
        groups = np.split(order, cuts)
        return groups if epoch < self._rising else [groups[i] for i in rng.permutation(len(groups))]


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
