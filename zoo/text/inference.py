"""``char_lstm`` in NumPy and machine code, for use without Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.cells import CELLS
from zoo.contracts import CharacterReading
from zoo.errors import UsageError
from zoo.inference.stack import RecurrentStack, log_softmax

if TYPE_CHECKING:
    from zoo.inference.generator import Generator
    from zoo.inference.recurrent import NativeRecurrent

_PARTS = ("kernel", "recurrent_kernel", "bias")


def make(config: Any, weights: Mapping[str, np.ndarray]) -> StackInference:
    """The inference of ``char_lstm``.

    Args:
        config: a :class:`zoo.text.char_lstm.CharLSTMConfig`.
        weights: arrays by variable path.
    """
    return StackInference(recurrent_stack(config, weights))


def recurrent_stack(config: Any, weights: Mapping[str, np.ndarray]) -> RecurrentStack:
    """The weights of ``char_lstm`` in the order in which they are used; see :func:`make`."""
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


class StackInference:
    """An embedding, recurrent layers and a dense output: a
    :class:`~zoo.contracts.CharacterInference`.

    Args:
        stack: the network's weights.
    """

    def __init__(self, stack: RecurrentStack) -> None:
        self.stack = stack

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""
        return self.stack.vocabulary_size

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Zeros: a ``(batch, units)`` array for each h, and after it c for an LSTM."""
        return self.stack.initial_state(batch)

    def read(self, ids: np.ndarray, state: Sequence[np.ndarray]) -> CharacterReading:
        """Read a window; see :meth:`zoo.contracts.CharacterInference.read`."""
        ids = np.asarray(ids)
        if ids.size and not 0 <= ids.min() <= ids.max() < self.vocabulary_size:
            raise UsageError(f"there are ids outside 0..{self.vocabulary_size - 1}")
        lengths = np.full(len(ids), ids.shape[1], np.int64)
        before, after, hidden = list(state), [], []
        x = self.stack.embedding[ids]
        copies = CELLS[self.stack.cell].states
        for layer in self._layers:
            states, before = before[:copies], before[copies:]
            h, c = layer.padded(states[0]), layer.padded(states[-1])  # only an LSTM reads c
            x, ends = layer.run(x, lengths, (h, c))
            after += [end[:, : layer.units] for end in ends[:copies]]
            hidden.append(x)
        log_probs = log_softmax(x @ self.stack.output_kernel + self.stack.output_bias)
        return CharacterReading(log_probs, hidden, after)

    def step(
        self, state: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read one id in each row; see :meth:`zoo.contracts.CharacterInference.step`."""
        return self.stack.step(state, ids)

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
        """Sample ids; see :meth:`zoo.inference.generator.Generator.run`."""
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

        return Generator(self.stack)

    @cached_property
    def _layers(self) -> tuple[NativeRecurrent, ...]:
        from zoo.inference.recurrent import NativeRecurrent  # importing Numba takes a second

        return tuple(
            NativeRecurrent(self.stack.cell, kernel, recurrent, bias)
            for kernel, recurrent, bias in self.stack.layers
        )
