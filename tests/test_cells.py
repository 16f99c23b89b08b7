"""The table of the cells agrees with Keras's layers and with the codes of the compiled kernels."""

from __future__ import annotations

import pytest

from zoo.cells import CELLS, cell_shapes, count
from zoo.inference.kernels import CODES
from zoo.layers import recurrent_layer


@pytest.mark.parametrize("name", CELLS)
def test_gates_states_and_weights_are_those_of_the_layer(name: str) -> None:
    layer = recurrent_layer(name, 5)
    layer.build((None, None, 3))
    shapes = cell_shapes(name, 3, 5)
    assert {weight.name: tuple(weight.shape) for weight in layer.weights} == shapes
    assert {weight.path.split("/")[-2] for weight in layer.weights} == {CELLS[name].name}
    assert count(shapes) == layer.count_params()
    sizes = layer.cell.state_size
    assert CELLS[name].states == (len(sizes) if isinstance(sizes, (list, tuple)) else 1)


def test_the_kernels_know_every_cell() -> None:
    assert CODES.keys() == CELLS.keys()
