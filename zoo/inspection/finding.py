"""Units that follow a quantity: chosen on one half of the input, judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.errors import UsageError
from zoo.inspection.layer_trace import LayerTrace

_LEAST = 8
"""Steps of each half that a correlation needs."""


@dataclass(frozen=True)
class FollowingUnit:
    """A unit that follows a quantity.

    Args:
        layer: its layer.
        unit: its number.
        chosen: Pearson's r with the quantity on the first half of the steps, where it was chosen.
        held_out: r on the second half, which had no part in the choice.
        p_value: how likely a unit among all that were tried reaches ``held_out`` there by chance.
    """

    layer: str
    unit: int
    chosen: float
    held_out: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"{self.layer} unit {self.unit}: r {self.held_out:+.2f} on other steps "
            f"({self.chosen:+.2f} where chosen), p {self.p_value:.3g}"
        )


@dataclass(frozen=True)
class Finding:
    """The units that follow a quantity best.

    Args:
        quantity: its name.
        array: the array of the units that was compared.
        units: the best first, by the half on which they were chosen.
        tried: how many units there were to choose from.
        steps: how many steps each half has.
    """

    quantity: str
    array: str
    units: tuple[FollowingUnit, ...]
    tried: int
    steps: tuple[int, int]

    def __str__(self) -> str:
        head = f"{self.quantity}: best of {self.tried} units ({self.array}) on {self.steps[0]} "
        head += f"steps, judged on the {self.steps[1]} after them"
        return "\n".join([head, *(f"  {one}" for one in self.units)])


def find_units(
    name: str, values: np.ndarray, layers: Sequence[LayerTrace], array: str, most: int
) -> Finding:
    """The units whose values correlate best with a quantity.

    They are chosen by the absolute r on the first half of the steps. The best of many units
    correlates with anything, so r is given on the second half too. Its p-value is that of a test by
    circular shifts: the quantity is moved along the second half by every number of steps, which
    keeps what neighbouring steps have in common, and each time the largest absolute r of *all*
    units is taken, which corrects for their number (the max statistic of Nichols and Holmes 2002).
    The p-value is the fraction of shifts, the present place included, whose largest absolute r
    reaches that of the unit.

    Args:
        name: of the quantity.
        values: ``(steps,)``; those of masked steps do not count.
        layers: where to look; each with as many steps.
        array: the name of the array, or empty for c of an LSTM and h of others.
        most: number of units to give.

    Raises:
        UsageError: the quantity is constant on a half, NaN somewhere or of another length, or the
            input is too short.
    """
    if values.ndim != 1 or not np.isfinite(values).all():
        raise UsageError(f"{name}: give one finite number for each step, no NaN")
    if not layers:
        raise UsageError("name at least one layer to look in")
    lengths = {len(one) for one in layers}
    if lengths != {len(values)}:
        counts = " or ".join(map(str, sorted(lengths)))
        raise UsageError(f"{name}: {len(values)} values for layers of {counts} steps")
    real = [
        ~np.isnan(np.stack([a[:, 0] for a in one.arrays.values()])).any(axis=0) for one in layers
    ]
    if not all(np.array_equal(one, real[0]) for one in real):
        raise UsageError(
            f"{name}: the layers have other steps masked; look in one of them at a time"
        )
    values = values[real[0]]
    if len(values) < 2 * _LEAST:
        raise UsageError(f"{len(values)} steps are too few; give at least {2 * _LEAST}")
    middle = len(values) // 2
    first, second = values[:middle], values[middle:]
    for half, where in ((first, "first"), (second, "second")):
        if np.ptp(half) == 0:
            raise UsageError(
                f"{name} is constant on the {where} half of the input; give a longer one"
            )
    names = [array or ("c" if one.cell == "lstm" else "h") for one in layers]
    columns = np.concatenate(
        [one.array(a).astype(np.float64) for one, a in zip(layers, names, strict=True)], axis=1
    )[real[0]]
    places = [(one.name, int(unit)) for one in layers for unit in one.units]
    chosen = _correlation(columns[:middle], first)
    held_out = _correlation(columns[middle:], second)
    largest = _largest_by_shift(columns[middle:], second)
    best = np.argsort(-np.abs(chosen), kind="stable")[:most]
    units = tuple(
        FollowingUnit(
            places[n][0],
            places[n][1],
            float(chosen[n]),
            float(held_out[n]),
            float((largest >= abs(held_out[n]) - 1e-9).mean()),
        )
        for n in best
    )
    return Finding(
        name, "/".join(dict.fromkeys(names)), units, len(places), (middle, len(values) - middle)
    )


def _normal(x: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and length 1; constant ones are 0."""
    x = x - x.mean(axis=0)
    length = np.sqrt(np.square(x).sum(axis=0))
    result: np.ndarray = x / np.where(length > 1e-12, length, np.inf)
    return result


def _correlation(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    result: np.ndarray = _normal(values) @ _normal(columns)
    return result


def _largest_by_shift(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """For each circular shift of the values the largest absolute r of all columns."""
    spectrum = np.fft.rfft(_normal(values))
    largest = np.zeros(len(values))
    for start in range(0, columns.shape[1], 256):  # some at a time, for memory
        part = np.fft.rfft(_normal(columns[:, start : start + 256]), axis=0)
        r = np.fft.irfft(part * spectrum.conj()[:, None], n=len(values), axis=0)
        largest = np.maximum(largest, np.abs(r).max(axis=1))
    return largest
