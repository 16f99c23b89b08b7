"""``char_lstm`` without Keras: an ONNX graph that reads, and a compiled loop that writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.cells import CELLS
from zoo.contracts import CharacterReading
from zoo.errors import UsageError
from zoo.inference.graph import Graph, GraphBuilder
from zoo.inference.graph_layers import dense, embedding, recurrent, recurrent_paths
from zoo.inference.session import Session
from zoo.inference.stack import RecurrentStack

if TYPE_CHECKING:
    from zoo.inference.generator import Generator

_PARTS = ("kernel", "recurrent_kernel", "bias")


def character_graph(config: Any, weights: Mapping[str, np.ndarray]) -> Graph:
    """``char_lstm``: ids and state to ``logits``, ``log_probs`` and state.

    Its inputs are ``ids`` ``(batch, time)`` int32 and what each recurrent layer carries, ``(batch,
    units)``; ``hidden_1`` and so on are the recurrent layers' outputs ``(batch, time, units)``.

    Args:
        config: a :class:`zoo.text.char_lstm.CharLSTMConfig`.
        weights: arrays by variable path.
    """
    graph = GraphBuilder("char_lstm", weights)
    ids = graph.input("ids", np.int32, ("batch", "time"))
    names = state_names(config)
    states = [graph.state(name, ("batch", config.units)) for name in names]
    copies = CELLS[config.cell].states
    x = embedding(graph, graph.transpose(ids, 1, 0), "embedding")
    after: list[str] = []
    hidden = []
    for number in range(1, config.layers + 1):
        paths = recurrent_paths(f"recurrent_{number}", config.cell)
        own = states[copies * (number - 1) : copies * number]
        x, ends = recurrent(graph, x, paths, config.cell, states=own)
        hidden.append(graph.transpose(x, 1, 0, 2))
        after += ends
    x = hidden[-1]
    if not config.tie_weights:
        x = dense(graph, x, "logits")
    else:
        if graph.has_weight("projection/kernel"):
            x = dense(graph, x, "projection")
        x = graph.node("MatMul", x, graph.transpose("embedding/embeddings", 1, 0))
    shape = ("batch", "time", config.vocabulary_size)
    graph.output("logits", x, np.float32, shape)
    graph.output("log_probs", graph.node("LogSoftmax", x, axis=-1), np.float32, shape)
    for number, value in enumerate(hidden, 1):
        graph.output(f"hidden_{number}", value, np.float32, ("batch", "time", config.units))
    for name, value in zip(names, after, strict=True):
        graph.carry(name, graph.squeeze(value, 0))
    return graph.build()


def state_names(config: Any) -> list[str]:
    """What the recurrent layers carry, in order: ``h_1``, and ``c_1`` of an LSTM, and so on."""
    parts = ("h", "c")[: CELLS[config.cell].states]
    return [f"{part}_{number}" for number in range(1, config.layers + 1) for part in parts]


def recurrent_stack(config: Any, weights: Mapping[str, np.ndarray]) -> RecurrentStack:
    """The weights of ``char_lstm`` in the order in which they are used."""
    arrays = {path: np.asarray(array, np.float32) for path, array in weights.items()}
    embedding = arrays["embedding/embeddings"]
    if config.tie_weights:
        output, bias = embedding.T, np.zeros(config.vocabulary_size, np.float32)
        if "projection/kernel" in arrays:
            output = arrays["projection/kernel"] @ output
            bias = arrays["projection/bias"] @ embedding.T
    else:
        output, bias = arrays["logits/kernel"], arrays["logits/bias"]
    name = CELLS[config.cell].name
    layers = tuple(
        tuple(arrays[f"recurrent_{number}/{name}/{part}"] for part in _PARTS)
        for number in range(1, config.layers + 1)
    )
    return RecurrentStack(embedding, config.cell, layers, np.ascontiguousarray(output), bias)


def check_ids(ids: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """Ids as int32.

    Raises:
        UsageError: one is outside the vocabulary.
    """
    ids = np.asarray(ids)
    if ids.size and not 0 <= ids.min() <= ids.max() < vocabulary_size:
        raise UsageError(f"there are ids outside 0..{vocabulary_size - 1}")
    return ids.astype(np.int32)


class GraphCharacters(ABC):
    """The part of a :class:`~zoo.contracts.CharacterInference` that reads, by an ONNX graph.

    The graph has the inputs ``ids`` and the state, and the outputs ``logits``, ``log_probs``,
    ``hidden_1`` and so on for each layer, and ``next_`` before the name of each part of the state.

    Args:
        config: of the architecture: it has ``vocabulary_size`` and ``layers``.
        states: names of the parts of the state.
        graph: makes the graph, when it is first run.

    Attributes:
        config: as given.
        vocabulary_size: number of ids.
    """

    def __init__(self, config: Any, states: Sequence[str], graph: Callable[[], Graph]) -> None:
        self.config = config
        self.vocabulary_size: int = config.vocabulary_size
        self._states = list(states)
        self._next_states = [f"next_{name}" for name in states]
        self._hidden = [f"hidden_{number}" for number in range(1, config.layers + 1)]
        self._session = Session(graph)

    @abstractmethod
    def initial_state(self, batch: int) -> list[np.ndarray]:
        """The state before the first character of each text."""

    def read(self, ids: np.ndarray, state: Sequence[np.ndarray]) -> CharacterReading:
        """Read a window; see :meth:`zoo.contracts.CharacterInference.read`."""
        log_probs, *rest = self._run(ids, state, ["log_probs", *self._hidden, *self._next_states])
        return CharacterReading(log_probs, rest[: len(self._hidden)], rest[len(self._hidden) :])

    def step(
        self, state: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read one id in each row; see :meth:`zoo.contracts.CharacterInference.step`."""
        log_probs, *after = self._run(
            np.asarray(ids)[:, None], state, ["log_probs", *self._next_states]
        )
        return after, log_probs[:, 0]

    def sessions(self) -> dict[str, Session]:
        """The part ``step``; see :meth:`zoo.contracts.GraphInference.sessions`."""
        return {"step": self._session}

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the network gives; see :meth:`zoo.contracts.GraphInference.network_outputs`."""
        (ids,) = inputs
        return self._run(ids, self.initial_state(len(ids)), ["logits"])

    def _run(
        self, ids: np.ndarray, state: Sequence[np.ndarray], outputs: Sequence[str]
    ) -> list[np.ndarray]:
        ids = check_ids(ids, self.vocabulary_size)
        inputs = {
            name: np.asarray(part, np.float32)
            for name, part in zip(self._states, state, strict=True)
        }
        return self._session.run({"ids": ids, **inputs}, outputs)


class CharacterGraph(GraphCharacters):
    """A :class:`~zoo.contracts.CharacterInference` of recurrent layers.

    Args:
        config: a :class:`zoo.text.char_lstm.CharLSTMConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__(config, state_names(config), lambda: character_graph(config, weights))
        self._weights = weights

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Zeros: a ``(batch, units)`` array for each h, and after it c for an LSTM."""
        return [np.zeros((batch, self.config.units), np.float32) for _ in self._states]

    def generate(
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
        """Sample ids; see ``zoo.inference.generator.Generator.run``."""
        return self._generator.run(
            state,
            first,
            length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            position=position,
        )

    @cached_property
    def _generator(self) -> Generator:
        from zoo.inference.generator import Generator

        return Generator(recurrent_stack(self.config, self._weights))
