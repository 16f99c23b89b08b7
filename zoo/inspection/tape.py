"""A tape of array operations in NumPy, played backwards for exact gradients.

Gradients are of activations alone: weights are constants here. Reverse accumulation is as in
Griewank and Walther 2008, "Evaluating Derivatives", chapter 3. All is done in the type of the
arrays that it is given, so that float64 can be checked against finite differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoo.inspection.run import Run

Pull = Callable[[np.ndarray], Sequence[np.ndarray | None]]
"""From the gradient of a result to those of what it was made of."""


class Node:
    """An array on a tape.

    Attributes:
        value: the array, with the batch as its first axis.
        gradient: of what was differentiated, ``None`` before and where it does not depend on this.
    """

    __slots__ = ("gradient", "parents", "pull", "value")

    def __init__(self, value: np.ndarray, parents: Sequence[Node] = (), pull: Pull | None = None):
        self.value = value
        self.gradient: np.ndarray | None = None
        self.parents = parents
        self.pull = pull


class Tape:
    """Operations in the order in which they were done.

    Args:
        record: keep what a gradient needs. Without it intermediate arrays are freed at once.

    Attributes:
        runs: what was recorded of each recurrent layer and direction, by name.
        attention: attention weights ``(batch, heads, queries, keys)`` by layer.
        attended: the axes of the queries and of the keys by layer; empty where they are no steps.
        streams: of layers without a recurrent state, such as a Transformer's, the axis and the node
            ``(batch, steps, width)`` that they read, by layer.
    """

    def __init__(self, record: bool = True) -> None:
        self.runs: dict[str, Run] = {}
        self.attention: dict[str, np.ndarray] = {}
        self.attended: dict[str, tuple[str, str]] = {}
        self.streams: dict[str, tuple[str, Node]] = {}
        self._record = record
        self._nodes: list[Node] = []

    def leaf(self, value: np.ndarray) -> Node:
        """A node that nothing on the tape made."""
        return Node(value)

    def attend(self, name: str, weights: np.ndarray, queries: str, keys: str) -> None:
        """Keep attention weights of a layer.

        Args:
            name: of the layer.
            weights: ``(batch, heads, queries, keys)``.
            queries: the axis of the queries; empty if they are no steps.
            keys: the axis of the keys.
        """
        self.attention[name], self.attended[name] = weights, (queries, keys)

    def add(self, value: np.ndarray, parents: Sequence[Node], pull: Pull) -> Node:
        """A node made of others.

        Args:
            value: the result.
            parents: what it was made of.
            pull: from its gradient to those of ``parents``, in their order.
        """
        if not self._record:
            return Node(value)
        node = Node(value, tuple(parents), pull)
        self._nodes.append(node)
        return node

    def backward(self, node: Node, gradient: np.ndarray) -> None:
        """Set the gradients of all nodes that ``node`` was made of; earlier ones are dropped.

        Args:
            node: on this tape.
            gradient: of what is differentiated with respect to ``node``.
        """
        for one in self._nodes:
            one.gradient = None
            for parent in one.parents:
                parent.gradient = None
        node.gradient = gradient
        for one in reversed(self._nodes):
            if one.gradient is None or one.pull is None:
                continue
            for parent, part in zip(one.parents, one.pull(one.gradient), strict=True):
                if part is not None:
                    parent.gradient = part if parent.gradient is None else parent.gradient + part
