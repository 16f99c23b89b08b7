"""Traces: every gate and state of every recurrent layer while a model reads one input."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.errors import UsageError, did_you_mean
from zoo.files import atomic_path, user_path
from zoo.inference.stack import log_softmax
from zoo.inspection.finding import Finding, find_units
from zoo.inspection.layer_trace import LayerTrace, check_whole, layer_trace
from zoo.inspection.measures import Lifetimes, Saturation, lifetimes_of, saturation_of
from zoo.inspection.run import Run
from zoo.inspection.subject import Backdrop, InspectedInput, Network, ReadsOn, Steps
from zoo.inspection.tape import Node, Tape
from zoo.values import is_whole, shown

MAX_BYTES = 1 << 30
"""Bytes that a trace may hold."""

ATTENTION = "attention"
"""The cell of a layer that attends instead; its ``h`` is what it reads."""

KEEP = {"lstm": "f", "gru": "z"}
"""The gate by which each cell keeps its state."""


@dataclass(frozen=True)
class Trace:
    """The recurrent layers of a model while it read one input.

    Args:
        layers: by name, in the order in which the network has them.
        axes: the steps of each kind, as kept.
        attention: ``(heads, queries, keys)`` float32 by layer, where the network attends; of all
            steps, also where the trace keeps some.
        attended: the axes of the queries and of the keys by layer; empty where they are no steps.
        log_probs: ``(outputs, labels)`` float32 natural log-probabilities that the model gave.
        subject: the input, where it is known.
        every: the trace keeps every such step.
    """

    layers: Mapping[str, LayerTrace]
    axes: Mapping[str, Steps]
    attention: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    log_probs: np.ndarray | None = field(default=None, repr=False)
    subject: InspectedInput | None = field(default=None, repr=False)
    every: int = 1
    attended: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @property
    def backdrop(self) -> Backdrop | None:
        """What pictures show beside the steps that are kept."""
        whole = None if self.subject is None else self.subject.backdrop
        return None if whole is None else whole.thinned(self.every)

    def axis_of_all(self, name: str) -> Steps | None:
        """All steps of an axis, kept or not, if they are known."""
        if self.subject is not None and name in self.subject.axes:
            return self.subject.axes[name]
        return self.axes.get(name) if self.every == 1 else None

    def layer(self, name: str | int | None = None) -> LayerTrace:
        """A layer by its name or its number from 1; left out, the last one.

        Raises:
            UsageError: there is none.
        """
        names = list(self.layers)
        if not names:
            raise UsageError(
                "the model has no recurrent layer; its attention is in trace.attention"
            )
        if name is None:
            return self.layers[names[-1]]
        number = int(name) if isinstance(name, str) and name.isdecimal() else name
        if is_whole(number) and 1 <= number <= len(names):
            return self.layers[names[number - 1]]
        if name not in self.layers:
            hint = did_you_mean(str(name), names) or f"; the layers are {', '.join(names)}"
            raise UsageError(f"the trace has no layer {name!r}{hint}")
        return self.layers[str(name)]

    def steps(self, layer: str | int | None = None) -> Steps:
        """The steps that a layer made."""
        return self.axes[self.layer(layer).axis]

    def gate(self, name: str, layer: str | int | None = None) -> np.ndarray:
        """A gate or state ``(steps, units)`` float32 of a layer.

        Args:
            name: such as ``"f"`` or ``"c"``; see ``LayerTrace``.
            layer: as in :meth:`layer`.

        Raises:
            UsageError: there is none.
        """
        return self.layer(layer).array(name)

    def unit(self, unit: int, layer: str | int | None = None, name: str = "h") -> np.ndarray:
        """One unit's values ``(steps,)``.

        Raises:
            UsageError: there is no such unit, layer or array.
        """
        found = self.layer(layer)
        return found.array(name)[:, found.column(unit)]

    def lifetimes(self, layer: str | int | None = None) -> Lifetimes:
        """How long the units of a layer keep what they have; see ``Lifetimes``.

        Raises:
            UsageError: the layer's cell has no gate that keeps.
        """
        found = self.layer(layer)
        if found.cell not in KEEP:
            raise UsageError(f"{found.name} ({found.cell}) has no gate that keeps its state")
        return lifetimes_of(found.array(KEEP[found.cell]), found.units)

    def saturation(self, layer: str | int | None = None) -> Saturation:
        """How often the gates of a layer are nearly shut or open; see ``Saturation``.

        Raises:
            UsageError: the layer's cell has no gates.
        """
        found = self.layer(layer)
        if not found.gates:
            raise UsageError(f"{found.name} ({found.cell}) has no gates")
        return saturation_of({name: found.array(name) for name in found.gates}, found.units)

    def find(
        self,
        name: str,
        values: Sequence[float] | np.ndarray | None = None,
        *,
        array: str = "",
        layers: Collection[str] | None = None,
        most: int = 5,
    ) -> Finding:
        """The units that follow a quantity; see :func:`zoo.inspection.finding.find_units`.

        Args:
            name: of the quantity. One that the task knows, such as ``"position in line"``, needs no
                values.
            values: ``(steps,)`` the quantity at each step of the layers.
            array: which array of the units; left out, c of an LSTM and h of others.
            layers: names of the layers to look in; left out, those along the axis of a quantity
                that the task knows, and with as many steps as there are values.
            most: number of units to give.

        Raises:
            UsageError: the quantity is unknown, constant, NaN somewhere, or has another length.
        """
        check_whole("most", most, 1)
        candidates = list(self.layers.values())
        if values is None:
            known = {} if self.subject is None else self.subject.quantities
            if name not in known:
                hint = did_you_mean(name, known) or f"; it knows {', '.join(known) or 'none'}"
                raise UsageError(f"give values for {name!r}: the task does not know it{hint}")
            values = known[name][:: self.every]
            main = next(iter(self.subject.axes)) if self.subject else ""
            candidates = [one for one in candidates if one.axis == main] or candidates
        try:
            numbers = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise UsageError(f"{name}: give one number for each step") from None
        if layers is not None:
            candidates = [self.layer(one) for one in layers]
        else:
            candidates = [one for one in candidates if len(one) == len(numbers)] or candidates
        return find_units(name, numbers, candidates, array, most)

    def save(self, path: str | Path) -> Path:
        """Write all arrays as one ``.npz`` file, which ``numpy.load`` opens.

        Its arrays are named ``layer:array``, ``layer:units``, ``axis:places``, ``log_probs`` and
        ``attention:layer``; ``facts`` is JSON with the cells, the axes and the steps' texts.

        Raises:
            UsageError: the file's name does not end in ``.npz``.
            ZooError: it cannot be written.
        """
        target = user_path(path)
        if target.suffix != ".npz":
            raise UsageError(f"{target}: the file's name must end in .npz")
        arrays = {f"{n}:{k}": a for n, one in self.layers.items() for k, a in one.arrays.items()}
        arrays |= {f"{name}:units": one.units for name, one in self.layers.items()}
        arrays |= {f"attention:{name}": one for name, one in self.attention.items()}
        arrays |= {f"{name}:places": steps.places for name, steps in self.axes.items()}
        if self.log_probs is not None:
            arrays["log_probs"] = self.log_probs
        facts = {
            "layers": {
                name: {"cell": one.cell, "axis": one.axis, "backwards": one.backwards}
                for name, one in self.layers.items()
            },
            "axes": {
                name: {"unit": steps.unit, "texts": steps.texts}
                for name, steps in self.axes.items()
            },
            "every": self.every,
        }
        with atomic_path(target) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]
        return target


def trace_network(
    network: Network,
    subject: InspectedInput,
    *,
    layers: Collection[str] | None = None,
    units: Sequence[int] | None = None,
    every: int = 1,
) -> Trace:
    """Trace a network on one input.

    An input that can be read in parts is read so, and only what is asked for is kept of each.

    Args:
        network: an architecture on a tape, with weights in float32.
        subject: the input.
        layers: names of the layers and directions to keep; left out, all. A layer's name alone
            means both of its directions.
        units: numbers of the units to keep in each layer; left out, all.
        every: keep every such step.

    Raises:
        UsageError: there is no such layer or unit, or there is too much to keep.
    """
    check_whole("every", every, 1)
    main = subject.axes[subject.output_axis]
    if not len(main):
        raise UsageError("the input has no steps to trace")
    parts: dict[str, list[LayerTrace]] = {}
    log_probs, attention, attended = [], {}, {}
    state: Sequence[Node] | None = None
    start = 0
    for arrays, count in _windows(network, subject):
        tape = Tape(record=False)
        inputs = [tape.leaf(one) for one in network.inputs(arrays)]
        logits, state = network.run(tape, inputs, state)
        kept = list(_kept(tape, layers, units, slice(-start % every, None, every)))
        if not parts:
            _check_size(kept, count, len(main), every)
        for one in kept:
            parts.setdefault(one.name, []).append(one)
        log_probs.append(log_softmax(logits.value[0])[-start % every :: every])
        attention = {name: one[0].astype(np.float32) for name, one in tape.attention.items()}
        attended = dict(tape.attended)
        start += count
    axes = {
        name: Steps(steps.unit, steps.places[::every], steps.texts[::every])
        for name, steps in subject.axes.items()
    }
    return Trace(
        {name: _join(found) for name, found in parts.items()},
        axes,
        attention,
        np.concatenate(log_probs),
        subject,
        every,
        attended,
    )


def check_layers(known: Collection[str], wanted: Collection[str] | None) -> None:
    """Check names of layers, or of layers with their direction.

    Raises:
        UsageError: one is not known.
    """
    groups = {name.partition("/")[0] for name in known}
    if isinstance(wanted, str) or not isinstance(wanted, Collection | None):
        raise UsageError(f"layers must be a list of names, not {shown(wanted)}")
    for one in wanted or ():
        if one not in groups and one not in known:
            hint = did_you_mean(str(one), known) or f"; the layers are {', '.join(known)}"
            raise UsageError(f"the model has no recurrent layer {one!r}{hint}")


def _windows(
    network: Network, subject: InspectedInput
) -> Iterator[tuple[Sequence[np.ndarray], int]]:
    """The input in parts: arrays and their number of steps."""
    steps = len(subject.axes[subject.output_axis])
    if not isinstance(network, ReadsOn):
        yield subject.arrays, steps
        return
    for start in range(0, steps, network.window):
        stop = min(steps, start + network.window)
        yield [one[:, start:stop] for one in subject.arrays], stop - start


def _kept(
    tape: Tape, layers: Collection[str] | None, units: Sequence[int] | None, every: slice
) -> Iterator[LayerTrace]:
    runs = dict(tape.runs)
    for name, (axis, node) in tape.streams.items():
        runs[name] = Run(ATTENTION, axis, False, {"h": node.value})
    check_layers(runs, layers)
    for name, run in runs.items():
        if layers is None or name in layers or name.partition("/")[0] in layers:
            yield layer_trace(name, run, units, every)


def _check_size(kept: Sequence[LayerTrace], count: int, steps: int, every: int) -> None:
    each = sum(a.itemsize * a.shape[1] for one in kept for a in one.arrays.values())
    whole = each * (steps // every + 1)
    if whole > MAX_BYTES:
        fewer = -(-whole // MAX_BYTES) * every
        raise UsageError(
            f"a trace of {steps:,} steps would hold {whole / 1e9:.1f} GB; keep fewer steps "
            f"(every={fewer}), fewer layers (layers=...) or some units (units=...)"
        )


def _join(parts: Sequence[LayerTrace]) -> LayerTrace:
    first = parts[0]
    if len(parts) == 1:
        return first
    arrays = {name: np.concatenate([one.arrays[name] for one in parts]) for name in first.arrays}
    return LayerTrace(first.name, first.cell, first.axis, first.backwards, arrays, first.units)
