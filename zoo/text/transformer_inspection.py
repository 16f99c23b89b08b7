"""``char_transformer`` looked into: the network on a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.inspection import operations as op
from zoo.inspection.subject import Outputs
from zoo.inspection.tape import Node, Tape
from zoo.text.inspection import AXIS
from zoo.text.rotary import frequencies

LONGEST = 1000
"""Number of characters that are looked into at once; attention is between all pairs of them."""
_FAR_BELOW = -1e9


class TransformerNetwork:
    """``char_transformer`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.text.char_transformer.CharTransformerConfig`.
        weights: arrays by variable path, all in one type.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, weights

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The embedded characters ``(1, characters, width)``.

        Raises:
            UsageError: they are more than :data:`LONGEST`.
        """
        (ids,) = arrays
        if ids.shape[1] > LONGEST:
            raise UsageError(
                f"{ids.shape[1]:,} characters are too many to look into a Transformer at once; "
                f"give at most {LONGEST:,}"
            )
        return [self._weights["embedding/embeddings"][ids]]

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, characters, vocabulary)`` of the character after each."""
        (x,) = inputs
        time = x.value.shape[1]
        back = np.arange(time)[:, None] - np.arange(time)
        hidden = np.where((back >= 0) & (back <= self._config.context), 0.0, _FAR_BELOW)
        far = hidden.astype(x.value.dtype)
        for number in range(1, self._config.layers + 1):
            block = f"block_{number}"
            tape.streams[block] = (AXIS, x)
            normal = self._normalise(tape, x, f"{block}_attention_normalisation")
            x = op.add(tape, x, self._attend(tape, block, normal, far))
            normal = self._normalise(tape, x, f"{block}_feed_normalisation")
            wide = op.gelu(tape, self._dense(tape, normal, f"{block}_expand"))
            x = op.add(tape, x, self._dense(tape, wide, f"{block}_contract"))
        x = self._normalise(tape, x, "normalisation")
        return Outputs(op.dense(tape, x, self._weights["embedding/embeddings"].T))

    def _attend(self, tape: Tape, block: str, x: Node, far: np.ndarray) -> Node:
        head = self._config.width // self._config.heads
        query, key, value = (
            self._heads(tape, self._dense(tape, x, f"{block}_{name}"))
            for name in ("query", "key", "value")
        )
        key = op.transpose(tape, self._turned(tape, key), (0, 1, 3, 2))
        scores = op.scale(tape, op.matmul(tape, self._turned(tape, query), key), head**-0.5)
        masked = op.add(tape, scores, tape.leaf(np.broadcast_to(far, scores.value.shape)))
        weights = op.softmax(tape, masked)
        tape.attend(block, weights.value, AXIS, AXIS)
        answer = op.transpose(tape, op.matmul(tape, weights, value), (0, 2, 1, 3))
        joined = op.reshape(tape, answer, answer.value.shape[1], self._config.width)
        return self._dense(tape, joined, f"{block}_output")

    def _heads(self, tape: Tape, x: Node) -> Node:
        heads = self._config.heads
        split = op.reshape(tape, x, x.value.shape[1], heads, self._config.width // heads)
        return op.transpose(tape, split, (0, 2, 1, 3))

    def _turned(self, tape: Tape, x: Node) -> Node:
        """Features turned by their position; see :mod:`zoo.text.rotary`."""
        time, head = x.value.shape[2:]
        angles = np.arange(time)[:, None] * frequencies(head)
        cosine, sine = np.cos(angles), np.sin(angles)
        everything = (slice(None), slice(None))
        first = op.take(tape, x, (*everything, slice(0, head // 2)))
        second = op.take(tape, x, (*everything, slice(head // 2, head)))

        def mixed(a: np.ndarray, b: np.ndarray) -> Node:
            return op.add(tape, op.scale(tape, first, a), op.scale(tape, second, b))

        return op.concatenate(tape, [mixed(cosine, -sine), mixed(sine, cosine)])

    def _dense(self, tape: Tape, x: Node, name: str) -> Node:
        return op.dense(tape, x, self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"])

    def _normalise(self, tape: Tape, x: Node, name: str) -> Node:
        gamma, beta = self._weights[f"{name}/gamma"], self._weights[f"{name}/beta"]
        return op.layer_normalisation(tape, x, gamma, beta)
