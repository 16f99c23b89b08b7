"""What the training loop asks of a task: an objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from zoo.folder.figures import Measure
from zoo.training.batching import Batching, LazyBatches


class Objective(Protocol):
    """What is trained: a network, its batches and its loss.

    Attributes:
        network: the ``keras.Model``.
        steps_per_epoch: number of batches of an epoch.
        validation_figure: what :meth:`validate` measures.
    """

    network: Any
    steps_per_epoch: int
    validation_figure: Measure

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """The batches of an epoch (counted from 0), the same at each call; sliceable."""

    def initial_carry(self) -> list[np.ndarray]:
        """What is carried from batch to batch, as it stands at the start of an epoch."""

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean loss of a batch (tensor) and the carry after it (list of tensors).

        It is traced into a graph as it is, without AutoGraph: a branch on a tensor is a
        ``tf.cond``.
        """

    def validate(self) -> float:
        """What is measured on held-out data, see ``validation_figure``."""


class BatchedObjective(ABC):
    """An :class:`Objective` without a carry, whose batches are made when they are asked for.

    Args:
        network: the ``keras.Model``.
        batching: which examples make a batch.
    """

    def __init__(self, network: Any, batching: Batching) -> None:
        self.network, self._batching = network, batching
        self.steps_per_epoch = batching.steps

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """See :class:`Objective`."""
        return LazyBatches(self._batching.groups(epoch), self.make_batch, epoch)

    @abstractmethod
    def make_batch(self, group: np.ndarray, epoch: int) -> tuple[np.ndarray, ...]:
        """The arrays of a batch.

        Args:
            group: the numbers of its examples.
            epoch: counted from 0.
        """

    def initial_carry(self) -> list[np.ndarray]:
        """See :class:`Objective`; nothing is carried from batch to batch."""
        return []
