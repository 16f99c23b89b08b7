"""The interface of one step of a recurrent cell, for the loop over time and its gradient."""

from __future__ import annotations

from typing import Any, Protocol

Tensor = Any
Tensors = tuple[Any, ...]


class Step(Protocol):
    """The arithmetic of one step, between the matrix products.

    Shapes are (batch, units) for a state and (batch, gates x units) for inputs and product.
    """

    gates: int
    """Number of blocks of `units` columns in the kernels."""

    adds: bool
    """Whether the gates depend only on `inputs + product`, so that both have the same gradient."""

    def forward(
        self, inputs: Tensor, product: Tensor, states: Tensors
    ) -> tuple[Tensors, list[Tensor]]:
        """Returns the new states, and a list of (batch, units) values to keep for `backward`."""

    def backward(
        self, d_states: Tensors, gates: list[Tensor], states: Tensors
    ) -> tuple[tuple[list[Tensor], ...], Tensors]:
        """Returns the gradients of inputs (and product, unless `adds`) and of the old states.

        Those of inputs and product are lists with one (batch, units) gradient for each gate.

        The gradient of the old hidden state excludes the part that comes through the product,
        which the loop adds.
        """
