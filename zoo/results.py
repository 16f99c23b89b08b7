"""What the results of all tasks have in common."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Result(Protocol):
    """What a verb returns for one input: a frozen dataclass that prints as its text."""

    def __str__(self) -> str:
        """The result as ``zoo run`` prints it."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values, as ``zoo run --json`` prints it."""
        ...


def rounded(array: np.ndarray, decimals: int) -> Any:
    """An array as nested lists of numbers with few decimals, for ``to_dict``.

    Args:
        array: of any shape.
        decimals: digits after the point.
    """
    # float32 values would print with all the digits of their nearest float64.
    return np.asarray(array, np.float64).round(decimals).tolist()
