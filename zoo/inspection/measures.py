"""What gates tell by themselves: how long units keep, and how often gates are shut or open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

SHUT, OPEN = 0.1, 0.9
"""Below and above these a gate counts as shut and as open (Karpathy et al. 2015)."""


@dataclass(frozen=True)
class Lifetimes:
    """How long the units of a layer keep what they have.

    A unit whose keeping gate (f of an LSTM, z of a GRU) were always at its mean m would keep a
    fraction m of its state at each step: half of it is gone after ``log 0.5 / log m`` steps, and
    the weights m, m^2 ... of what it has stored sum up to ``1 / (1 - m)`` steps, which is its
    lifetime here.

    It says what the gate lets through, not what the network uses. A gate that is mostly open and
    shuts once in a while, as one that clears at each line's end, has a shorter memory than its mean
    says; and what is read from h and written again goes on by other ways than the gate. For what
    the loss depends on, see :mod:`zoo.inspection.highway`.

    Args:
        steps: ``(units,)`` lifetime of each unit in steps.
        units: ``(units,)`` their numbers.
    """

    steps: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)

    @property
    def median(self) -> float:
        """Median over the units."""
        return float(np.median(self.steps))

    @property
    def longest(self) -> int:
        """The unit that keeps longest."""
        return int(self.units[self.steps.argmax()])

    def __str__(self) -> str:
        return (
            f"lifetimes of {len(self.steps)} units: median {self.median:.1f} steps, "
            f"longest {self.steps.max():.1f} (unit {self.longest})"
        )


@dataclass(frozen=True)
class Saturation:
    """How often the gates of a layer are nearly shut or nearly open.

    Karpathy, Johnson and Li 2015, "Visualizing and Understanding Recurrent Networks"
    (arXiv:1506.02078), section 4.2.

    Args:
        shut: by gate the fraction of steps ``(units,)`` at which each unit's is below
            :data:`SHUT`.
        open: the same above :data:`OPEN`.
        units: ``(units,)`` their numbers.
    """

    shut: Mapping[str, np.ndarray] = field(repr=False)
    open: Mapping[str, np.ndarray] = field(repr=False)
    units: np.ndarray = field(repr=False)

    def __str__(self) -> str:
        return "; ".join(
            f"{gate}: shut {self.shut[gate].mean():.0%}, open {self.open[gate].mean():.0%} "
            "of unit steps"
            for gate in self.shut
        )


def lifetimes_of(gate: np.ndarray, units: np.ndarray) -> Lifetimes:
    """Lifetimes by the mean of a keeping gate.

    Args:
        gate: ``(steps, units)``, NaN at masked steps.
        units: ``(units,)`` their numbers.
    """
    forgotten = 1.0 - np.nanmean(gate, axis=0, dtype=np.float64)
    return Lifetimes(1.0 / np.maximum(forgotten, np.finfo(np.float32).eps), units)


def saturation_of(gates: Mapping[str, np.ndarray], units: np.ndarray) -> Saturation:
    """Saturation of gates ``(steps, units)``, NaN at masked steps."""
    real = {name: gate[~np.isnan(gate).all(axis=1)] for name, gate in gates.items()}
    return Saturation(
        {name: (gate < SHUT).mean(axis=0) for name, gate in real.items()},
        {name: (gate > OPEN).mean(axis=0) for name, gate in real.items()},
        units,
    )
