"""Small networks on a tape, without Keras."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from zoo.cells import dense_shapes, recurrent_shapes
from zoo.text.inspection import CharacterNetwork, text_subject

TEXT = "To be, or not to be: that\nis (the) question."
LETTERS = sorted(set(TEXT))


def random_weights(shapes: Any, dtype: type = np.float64, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of a spread at which gates move and gradients neither vanish nor explode."""
    draw = np.random.default_rng(seed)
    return {path: draw.normal(0, 0.4, shape).astype(dtype) for path, shape in shapes.items()}


def character_weights(
    cell: str, layers: int = 2, units: int = 5, dtype: type = np.float64
) -> tuple[Any, dict[str, np.ndarray]]:
    """Config and weights of a character model."""
    size, width = len(LETTERS), 4
    config = SimpleNamespace(
        cell=cell, layers=layers, units=units, embedding=width, tie_weights=False
    )
    shapes = {"embedding/embeddings": (size, width)}
    for number in range(1, layers + 1):
        shapes |= recurrent_shapes(f"recurrent_{number}", cell, width, units)
        width = units
    return config, random_weights(shapes | dense_shapes("logits", units, size), dtype)


def character_network(cell: str, **values: Any) -> CharacterNetwork:
    """A character model on a tape."""
    return CharacterNetwork(*character_weights(cell, **values))


def subject(text: str = TEXT) -> Any:
    """A text as an input of :func:`character_network`."""
    return text_subject(text, np.array([LETTERS.index(one) for one in text]), LETTERS)
