"""What a task gives to be looked into: arrays for its network, and names for what they stand for.

The rest of :mod:`zoo.inspection` knows cells and steps. What a step stands for, such as a
character, 40 ms of sound or eight columns of an image, is told by a wing in these values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from zoo.inspection.tape import Node, Tape


@dataclass(frozen=True)
class Steps:
    """The steps that a recurrent layer makes.

    Args:
        unit: what they are counted in, such as ``"characters"`` or ``"seconds"``.
        places: ``(steps,)`` where each lies, in that unit.
        texts: what stands at each, such as a character; empty where nothing can be written.
    """

    unit: str
    places: np.ndarray
    texts: tuple[str, ...] = ()

    def name(self, step: int) -> str:
        """A step as people read it, such as ``"12 'a'"`` or ``"0.48 seconds"``."""
        if self.texts:
            return f"{step} {self.texts[step]!r}"
        return f"{self.places[step]:g} {self.unit}"

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Backdrop:
    """What a picture shows above the gates; one of these.

    Args:
        curve: ``(points,)`` such as a waveform, over the whole axis.
        image: ``(height, width)`` uint8, 0 black.
        paths: ``(points, 2)`` each, x and y downwards, such as pen strokes.
        path_steps: for each path the step ``(points,)`` at which each point was read, which may lie
            between two.
        extent: first and last place of the curve or the image, in the steps' unit.
    """

    curve: np.ndarray | None = None
    image: np.ndarray | None = None
    paths: tuple[np.ndarray, ...] = ()
    path_steps: tuple[np.ndarray, ...] = ()
    extent: tuple[float, float] = (0.0, 1.0)

    def thinned(self, every: int) -> Backdrop:
        """The same over every such step."""
        return replace(self, path_steps=tuple(steps / every for steps in self.path_steps))


@dataclass(frozen=True)
class InspectedInput:
    """One input, ready for the network.

    Args:
        arrays: the network's inputs, a batch of one.
        axes: the steps of each kind that a recurrent layer makes; the first is the main one.
        output_axis: the axis along which there are outputs.
        outputs: the steps of the outputs, where they are others than those of ``output_axis``.
        targets: ``(outputs,)`` the label whose log-probability is asked for at each output, -1 for
            the likeliest; left out, the likeliest everywhere.
        labels: texts of the labels.
        asked: the output that questions are about if they name none, negative from the end.
        quantities: values for each step of the main axis that a unit may follow, by name.
        backdrop: what pictures show.
        title: the input in one line.
        read_axes: the axis of each input of the network; left out, the main one of the first.
        spans: for axes that are not the outputs', ``(outputs, 2)``, the first and the last step
            that each output is made of; left out, all steps of the axis come before each output.
    """

    arrays: tuple[np.ndarray, ...]
    axes: Mapping[str, Steps]
    output_axis: str
    outputs: Steps | None = None
    targets: np.ndarray | None = None
    labels: Sequence[str] = ()
    asked: int = -1
    quantities: Mapping[str, np.ndarray] = field(default_factory=dict)
    backdrop: Backdrop | None = None
    title: str = ""
    read_axes: tuple[str, ...] = ()
    spans: Mapping[str, np.ndarray] = field(default_factory=dict)

    def steps_of_input(self, number: int, count: int) -> Steps | None:
        """The steps of an input of the network, if they are known and as many as ``count``."""
        name = self.read_axes[number] if number < len(self.read_axes) else ""
        known = [self.axes[name]] if name else list(self.axes.values())
        return next((one for one in known if len(one) == count), None)

    @property
    def output_steps(self) -> Steps:
        """The steps of the outputs."""
        return self.outputs or self.axes[self.output_axis]


class Outputs(NamedTuple):
    """What a network on a tape gives.

    Args:
        logits: ``(batch, outputs, labels)``.
        state: ``(batch, units)`` after the last step, where it can be read on from.
    """

    logits: Node
    state: Sequence[Node] = ()


class Network(Protocol):
    """An architecture on a tape: what the field ``inspection`` of its entry makes.

    It is called with the config and the weights, arrays by variable path, all in one type.
    """

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What an attribution is of: ``(batch, steps, features)`` for each input of the network,
        such as embedded ids.

        Args:
            arrays: the network's inputs, a batch of one.
        """

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Run it.

        Args:
            tape: on which its layers are recorded.
            inputs: of :meth:`inputs`.
            state: ``state`` of an earlier call to go on from.
        """


@runtime_checkable
class ReadsOn(Protocol):
    """Optional: a network whose input can be read in parts, with the state carried over.

    Attributes:
        window: steps that are read at once.
    """

    window: int
