"""What every engine of the generation loop takes: the network and how to sample from it."""

from dataclasses import dataclass

import numpy as np

from zoo.errors import UsageError, did_you_mean

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


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
        if self.cell not in GATES:
            raise UsageError(f"unknown cell {self.cell!r}{did_you_mean(self.cell, GATES)}")
        if not self.layers:
            raise UsageError("a recurrent stack needs at least one layer")
        gates = GATES[self.cell]
        inputs = self.embedding.shape[1]
        for number, (kernel, recurrent, bias) in enumerate(self.layers):
            units = recurrent.shape[0]
            wide = (gates * units,)
            expected = ((inputs, *wide), (units, *wide), (2, *wide) if self.cell == "gru" else wide)
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
