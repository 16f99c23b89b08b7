"""What every engine of the generation loop takes: the network and how to sample from it."""

from dataclasses import dataclass

import numpy as np

from zoo.cells import CELLS, cell_shapes
from zoo.errors import UsageError, did_you_mean

NOT_FINITE_OUTPUTS = (
    "the network's outputs became NaN or infinite: its weights are too large to calculate with, or "
    "were damaged in training; load the model again, or take another one"
)
"""What an error says of logits that are no numbers."""


@dataclass(frozen=True)
class RecurrentStack:
    """An embedding, recurrent layers and a dense output, as plain float32 arrays in Keras layout.

    Attributes:
        embedding: (vocabulary, embedding size).
        cell: "lstm" (gates i, f, c, o), "gru" (gates z, r, h; ``reset_after=True``) or "rnn"
        (tanh).
        layers: for each layer (kernel (inputs, gates * units), recurrent_kernel (units, gates *
            units), bias (gates * units,), for a GRU (2, gates * units)).
        output_kernel: (units of the last layer, vocabulary).
        output_bias: (vocabulary,).
    """

    embedding: np.ndarray
    cell: str
    layers: tuple[tuple[np.ndarray, ...], ...]
    output_kernel: np.ndarray
    output_bias: np.ndarray

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise UsageError(f"unknown cell {self.cell!r}{did_you_mean(self.cell, CELLS)}")
        if not self.layers:
            raise UsageError("a recurrent stack needs at least one layer")
        inputs = self.embedding.shape[1]
        for number, (kernel, recurrent, bias) in enumerate(self.layers):
            units = recurrent.shape[0]
            expected = tuple(cell_shapes(self.cell, inputs, units).values())
            found = (kernel.shape, recurrent.shape, bias.shape)
            if found != expected:
                raise UsageError(
                    f"layer {number}: kernel, recurrent kernel and bias have shapes {found}; "
                    f"a {self.cell} of {units} units on {inputs} inputs needs {expected}"
                )
            inputs = units
        vocabulary = self.embedding.shape[0]
        if self.output_kernel.shape != (inputs, vocabulary):
            raise UsageError(
                f"output kernel has shape {self.output_kernel.shape}, not {(inputs, vocabulary)}"
            )
        if self.output_bias.shape != (vocabulary,):
            raise UsageError(f"output bias has shape {self.output_bias.shape}, not {(vocabulary,)}")

    @property
    def units(self) -> list[int]:
        """Units of each layer."""
        return [layer[1].shape[0] for layer in self.layers]

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""
        return len(self.embedding)

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """Zeros: a (batch, units) array for each h, and after it c for an LSTM, layer by layer."""
        copies = CELLS[self.cell].states
        return [np.zeros((batch, units), np.float32) for units in self.units for _ in range(copies)]


@dataclass(frozen=True)
class Sampling:
    """How the next id is drawn; see `Generator.run`."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise UsageError(f"temperature must be 0 (greedy) or more, not {self.temperature}")
        if self.top_k < 0:
            raise UsageError(f"top_k must be 0 (off) or more, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1 (off), not {self.top_p}")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Natural log-probabilities of logits ``(..., classes)``, in the same type."""
    shifted: np.ndarray = logits - logits.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted
