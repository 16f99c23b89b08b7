"""Networks trained with CTC as ONNX graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from zoo.contracts import State
from zoo.ctc.graph_parts import FEATURES, FRAMES, LOG_PROBS, LOGITS
from zoo.ctc.subsampling import SUBSAMPLING
from zoo.inference.graph import Graph
from zoo.inference.session import Session

MakeGraph = Callable[[Any, Mapping[str, np.ndarray]], Graph]


class MakeWholeGraph(Protocol):
    """Makes the graph of whole sequences."""

    def __call__(
        self, config: Any, weights: Mapping[str, np.ndarray], *, padded: bool = True
    ) -> Graph:
        """The graph; unless ``padded``, all sequences of a batch have the same length."""


class GraphCTC:
    """A :class:`~zoo.contracts.CTCInference` that runs a graph of whole sequences.

    Args:
        config: the architecture's values, which have ``labels``.
        weights: arrays by variable path.
        whole: makes the graph; its inputs are those of :func:`zoo.ctc.graph_parts.whole_inputs`,
            its outputs those of :func:`zoo.ctc.graph_parts.give_labels`.
    """

    def __init__(
        self, config: Any, weights: Mapping[str, np.ndarray], whole: MakeWholeGraph
    ) -> None:
        self.config = config
        self._whole = Session(lambda: whole(config, weights))
        # The same numbers without the work for padding, which a sequence alone does not have.
        self._even = Session(lambda: whole(config, weights, padded=False))

    def log_probs(self, features: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Log-probabilities of the labels; see :meth:`zoo.contracts.CTCInference.log_probs`."""
        return self._run(features, frames, LOG_PROBS)

    def sessions(self) -> dict[str, Session]:
        """The part ``whole``; see :meth:`zoo.contracts.GraphInference.sessions`."""
        return {"whole": self._whole}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        features, mask = inputs
        return [self._run(features, np.asarray(mask).sum(axis=1), LOGITS)]

    def _run(self, features: np.ndarray, frames: np.ndarray, output: str) -> np.ndarray:
        if not features.shape[0] or not features.shape[1]:
            return np.zeros((features.shape[0], 0, self.config.labels), np.float32)
        # A sequence of no frames has an output of its own, which means nothing.
        lengths = np.clip(np.asarray(frames), 1, features.shape[1])
        inputs = {FEATURES: np.asarray(features, np.float32)}
        if lengths.min() == features.shape[1] and not self._whole.replaced:
            return self._even.run(inputs, [output])[0]
        return self._whole.run({**inputs, FRAMES: lengths.astype(np.int32)}, [output])[0]


class StreamingGraphCTC(GraphCTC):
    """A :class:`~zoo.contracts.StreamingCTCInference` with a graph of a few frames beside it.

    Args:
        config: the architecture's values, which have ``labels`` and ``look_ahead``.
        weights: arrays by variable path.
        whole: as :class:`GraphCTC`.
        chunk: makes the graph of some frames: its inputs are ``features`` ``(batch, 4 * outputs,
            width)``, ``real`` ``(batch, outputs)`` and the state; its outputs ``log_probs``
            ``(batch, outputs, labels)`` and the state.
    """

    def __init__(
        self,
        config: Any,
        weights: Mapping[str, np.ndarray],
        whole: MakeWholeGraph,
        chunk: MakeGraph,
    ) -> None:
        super().__init__(config, weights, whole)
        self.look_ahead: int = config.look_ahead
        # A step is too small to be shared out among threads.
        self._chunk = Session(lambda: chunk(config, weights), threads=1)
        graph = chunk(config, weights)
        self._states = dict(graph.states)
        self._start = tuple(graph.initial_states(batch=1))

    def sessions(self) -> dict[str, Session]:
        """The parts ``whole`` and ``chunk``."""
        return {**super().sessions(), "chunk": self._chunk}

    def start(self) -> State:
        """The state of a stream at its beginning."""
        return self._start

    def step(self, frames: np.ndarray, real: float, state: State) -> tuple[np.ndarray, State]:
        """Advance a stream; see :meth:`zoo.contracts.StreamingCTCInference.step`."""
        inputs = dict(zip(self._states, state, strict=True))
        inputs[FEATURES] = np.asarray(frames, np.float32).reshape(1, SUBSAMPLING, -1)
        inputs["real"] = np.full((1, 1), real, np.float32)
        log_probs, *after = self._chunk.run(inputs, [LOG_PROBS, *self._states.values()])
        return log_probs[0], tuple(after)
