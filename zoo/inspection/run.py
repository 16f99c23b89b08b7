"""What is recorded of a recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Run:
    """What happened in one direction of a recurrent layer, in the order in which it read.

    Args:
        cell: a name of ``CELLS``.
        axis: the kind of steps that it reads, such as ``"source"``.
        backwards: whether it read from the end.
        arrays: ``(batch, steps, units)`` by name: the gates, the states ``h`` and ``c``, and
            ``x_...``, the inputs' part of each gate before its activation, biases included.
        reached: what :meth:`gradients` gives.
    """

    cell: str
    axis: str
    backwards: bool
    arrays: dict[str, np.ndarray]
    reached: dict[str, np.ndarray] = field(default_factory=dict)

    def gradients(self) -> Mapping[str, np.ndarray]:
        """Gradients ``(batch, steps, units)`` at ``h`` and ``c`` after
        :meth:`zoo.inspection.tape.Tape.backward`, by all paths on which the result depends on them;
        empty where it does not.
        """
        return self.reached

    @property
    def keep(self) -> str | None:
        """The gate by which a state is kept as it is, f, z, or none of a plain RNN."""
        return {"lstm": "f", "gru": "z"}.get(self.cell)


class JoinedRun(Run):
    """A run whose steps were made in several parts, since something outside the layer stands
    between.

    Args:
        parts: the runs, in the order of the input.
        apart: whether each part began from an empty state, so that nothing is kept from one to the
            next.
    """

    def __init__(self, parts: Sequence[Run], apart: bool = False) -> None:
        self._parts = list(reversed(parts)) if parts[0].backwards else list(parts)
        arrays = {
            name: np.concatenate([one.arrays[name] for one in self._parts], axis=1)
            for name in parts[0].arrays
        }
        super().__init__(parts[0].cell, parts[0].axis, parts[0].backwards, arrays)
        self._apart = apart

    def gradients(self) -> Mapping[str, np.ndarray]:
        """See :meth:`Run.gradients`."""
        names = {name for one in self._parts for name in one.reached}
        return {
            name: np.concatenate(
                [one.reached.get(name, np.zeros_like(one.arrays["h"])) for one in self._parts],
                axis=1,
            )
            for name in names
        }

    @property
    def keep(self) -> str | None:
        """The gate by which a state is kept; none where the parts stand apart."""
        return None if self._apart else super().keep
