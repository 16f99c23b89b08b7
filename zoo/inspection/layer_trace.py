"""The trace of one direction of a recurrent layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import UsageError
from zoo.values import is_whole, shown

if TYPE_CHECKING:
    from zoo.inspection.run import Run


@dataclass(frozen=True)
class LayerTrace:
    """What one direction of a recurrent layer did.

    Args:
        name: of the layer, and ``/forward`` or ``/backward`` of one that reads in both directions.
        cell: ``"lstm"``, ``"gru"``, ``"rnn"``, or ``"attention"`` of a Transformer's layer.
        axis: the kind of its steps.
        backwards: whether it read from the end; its arrays are in the order of the input all the
            same.
        arrays: ``(steps, units)`` float32 by name. LSTM: gates ``i``, ``f``, ``o``, candidate
            ``g``, cell state ``c`` and hidden state ``h``. GRU: gates ``z``, ``r``, candidate ``n``
            and ``h``. RNN: ``h``. Attention: ``h``, what the layer reads. ``x_i`` and so on are the
            inputs' part of each before its activation. NaN at steps that were masked.
        units: the numbers of the units kept.
    """

    name: str
    cell: str
    axis: str
    backwards: bool
    arrays: Mapping[str, np.ndarray] = field(repr=False)
    units: np.ndarray = field(repr=False)

    @property
    def gates(self) -> tuple[str, ...]:
        """The names of its gates, those between 0 and 1."""
        return {"lstm": ("i", "f", "o"), "gru": ("z", "r")}.get(self.cell, ())

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of its arrays without the inputs' parts."""
        return tuple(name for name in self.arrays if not name.startswith("x_"))

    def array(self, name: str) -> np.ndarray:
        """An array by its name.

        Raises:
            UsageError: there is none.
        """
        if name not in self.arrays:
            raise UsageError(
                f"{self.name} ({self.cell}) has no {name!r}; it has {', '.join(self.arrays)}"
            )
        return self.arrays[name]

    def column(self, unit: int) -> int:
        """The column of a unit.

        Raises:
            UsageError: it was not kept, or the layer has fewer.
        """
        found = np.flatnonzero(self.units == unit)
        if not len(found):
            raise UsageError(
                f"{self.name} has no unit {unit} here; the trace has {_ranges(self.units)}"
            )
        return int(found[0])

    def __len__(self) -> int:
        return len(self.arrays["h"])


def layer_trace(
    name: str, run: Run, units: Sequence[int] | None, every: slice = slice(None)
) -> LayerTrace:
    """What a run recorded for its first example, in the order of the input.

    Args:
        name: of the layer and direction.
        run: of it.
        units: numbers of the units to keep, or ``None`` for all.
        every: the steps to keep.

    Raises:
        UsageError: there is no such unit.
    """
    count = run.arrays["h"].shape[-1]
    chosen = np.arange(count) if units is None else check_units(units, count, name)
    columns: Any = slice(None) if units is None else chosen
    order = slice(None, None, -1) if run.backwards else slice(None)
    arrays = {
        key: np.ascontiguousarray(one[0, order][every][:, columns], np.float32)
        for key, one in run.arrays.items()
    }
    return LayerTrace(name, run.cell, run.axis, run.backwards, arrays, chosen)


def check_units(units: Sequence[int], count: int, layer: str) -> np.ndarray:
    """Numbers of units as an array.

    Raises:
        UsageError: they are no list, or one is not a number from 0 below ``count``.
    """
    if not isinstance(units, Iterable):
        raise UsageError(f"units is a list of numbers, not {units!r:.60}")
    units = list(units)
    for unit in units:
        if not is_whole(unit) or not 0 <= unit < count:
            raise UsageError(f"{layer} has no unit {shown(unit)}; its units are 0 to {count - 1}")
    if not len(units):
        raise UsageError("units must name at least one unit")
    return np.asarray(units, np.int64)


def check_whole(name: str, value: Any, least: int) -> None:
    """Check a whole number.

    Raises:
        UsageError: it is none, or below ``least``.
    """
    if not is_whole(value) or value < least:
        raise UsageError(f"{name} must be a whole number from {least}, not {shown(value)}")


def _ranges(units: np.ndarray) -> str:
    if len(units) == units[-1] - units[0] + 1:
        return f"units {units[0]} to {units[-1]}"
    shown = ", ".join(map(str, units[:10]))
    return f"units {shown}" + (" ..." if len(units) > 10 else "")
