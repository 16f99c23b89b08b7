"""How far back a loss reaches: the norm of its gradient at the states of earlier steps.

That the gradient fades exponentially through tanh units, and that an LSTM's cell state is a way on
which it need not, is Hochreiter 1991 and Hochreiter and Schmidhuber 1997; how to measure it by the
norm of d loss_t / d h_{t-k} is Pascanu, Mikolov and Bengio 2013 (arXiv:1211.5063). Gradients here
are exact, by backpropagation through the whole network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.inference.stack import log_softmax
from zoo.inspection.layer_trace import check_whole
from zoo.inspection.run import Run
from zoo.inspection.subject import InspectedInput, Network, ReadsOn
from zoo.inspection.tape import Node, Tape
from zoo.values import is_whole, shown

DEFAULT_STEPS = 100


@dataclass(frozen=True)
class Curve:
    """How much of a loss reaches one state of one layer.

    Args:
        layer: its name, and ``/forward`` or ``/backward``.
        state: ``"c"`` or ``"h"``; ``"x"`` is what a Transformer's layer reads.
        norms: ``(k + 1,)`` Euclidean norm of the loss's gradient at the state 0, 1 ... k steps
            before, in the order in which the layer reads, by all paths.
        straight: the same by the straight path alone, from c to c through the forget gates (of a
            GRU from h to h through the update gates); ``None`` where there is no such path.
    """

    layer: str
    state: str
    norms: np.ndarray = field(repr=False)
    straight: np.ndarray | None = field(default=None, repr=False)

    @property
    def relative(self) -> np.ndarray:
        """The norms as fractions of that at 0 steps; zeros where that is 0."""
        first = self.norms[0]
        return self.norms / first if first > 0 else np.zeros_like(self.norms)


@dataclass(frozen=True)
class Highway:
    """The gradient of one output's loss at the states before it.

    Args:
        at: the output.
        target: the label whose negative log-probability is the loss, as text or number.
        loss: in nats.
        curves: of each layer, direction and state.
    """

    at: int
    target: str
    loss: float
    curves: tuple[Curve, ...] = field(repr=False)

    def curve(self, layer: str | int | None = None, state: str = "") -> Curve:
        """A curve by its layer (a name, or a number from 1; left out, the last) and its state.

        Raises:
            UsageError: there is none.
        """
        names = list(dict.fromkeys(one.layer for one in self.curves))
        if layer is None:
            layer = names[-1]
        elif isinstance(layer, int) and 1 <= layer <= len(names):
            layer = names[layer - 1]
        for one in self.curves:
            if one.layer == layer and state in ("", one.state):
                return one
        known = ", ".join(f"{one.layer} {one.state}" for one in self.curves)
        raise UsageError(f"there is no curve of {layer!r} {state}; there are {known}")

    def rows(self) -> list[dict[str, Any]]:
        """A row for each layer, state and step, for a table."""
        return [
            {
                "layer": one.layer,
                "state": one.state,
                "steps_back": k,
                "norm": float(one.norms[k]),
                "straight": None if one.straight is None else float(one.straight[k]),
            }
            for one in self.curves
            for k in range(len(one.norms))
        ]

    def __str__(self) -> str:
        lines = [f"loss {self.loss:.4f} nats at output {self.at} (target {self.target!r})"]
        for one in self.curves:
            places = [k for k in (1, 10, 40, 100) if k < len(one.norms)]
            shown = ", ".join(f"{one.relative[k]:.2g} at {k}" for k in places)
            if shown:
                lines.append(f"  {one.layer} {one.state}: of the gradient at 0 steps {shown}")
        return "\n".join(lines)


def highway_of(
    network: Network,
    subject: InspectedInput,
    at: int | None = None,
    steps: int | None = None,
    label: int | None = None,
) -> Highway:
    """The highway of one output.

    Args:
        network: an architecture on a tape.
        subject: the input.
        at: number of the output, negative from the end; left out, the subject's own.
        steps: how many steps back; left out, ``DEFAULT_STEPS`` or as many as there are.
        label: the label whose log-probability counts; left out, the subject's.

    Raises:
        UsageError: there is no such output or label, or there are fewer steps before it.
    """
    at = check_output(subject, at)
    tape, outputs, first = _run_to(network, subject, at, steps)
    log_probs = log_softmax(outputs.value)
    place = at - first
    label = choose_label(subject, log_probs[0], place, at, label)
    gradient = np.zeros_like(outputs.value)
    gradient[0, place] = np.exp(log_probs[0, place])
    gradient[0, place, label] -= 1
    tape.backward(outputs, gradient)
    curves: list[Curve] = []
    per_output = len(subject.output_steps) / max(1, len(subject.axes[subject.output_axis]))
    for name, run in tape.runs.items():
        length = run.arrays["h"].shape[1]
        if run.axis == subject.output_axis:
            first_step = last_step = int(place / per_output)
        else:  # in the order of the input
            whole = (0, length - 1)
            spans = subject.spans.get(run.axis)
            first_step, last_step = whole if spans is None else spans[at]
        start = length - 1 - int(first_step) if run.backwards else int(last_step)
        curves += _curves(name, run, start, steps)
    for name, (_, node) in tape.streams.items():
        curves.append(_stream_curve(name, node, place, steps))
    text = subject.labels[label] if len(subject.labels) else str(label)
    return Highway(at, text, float(-log_probs[0, place, label]), tuple(curves))


def check_output(subject: InspectedInput, at: int | None) -> int:
    """The number of an output from 0.

    Raises:
        UsageError: there is no such output.
    """
    count = len(subject.output_steps)
    if at is None:
        at = subject.asked
    if not is_whole(at) or not -count <= at < count or not count:
        raise UsageError(f"at must be an output's number below {count}, not {shown(at)}")
    return int(at) % count


def choose_label(
    subject: InspectedInput, log_probs: np.ndarray, place: int, at: int, label: int | None
) -> int:
    """The label whose log-probability is asked for.

    Raises:
        UsageError: there is no such label.
    """
    count = log_probs.shape[-1]
    if label is not None:
        if not is_whole(label) or not 0 <= label < count:
            raise UsageError(f"label must be a number from 0 to {count - 1}, not {shown(label)}")
        return int(label)
    own = -1 if subject.targets is None else int(subject.targets[at])
    return own if own >= 0 else int(log_probs[place].argmax())


def _run_to(
    network: Network, subject: InspectedInput, at: int, steps: int | None
) -> tuple[Tape, Node, int]:
    """Run the network, recorded as far back as is asked for; the first output recorded."""
    if steps is not None:
        check_whole("steps", steps, 1)
    before = at if isinstance(network, ReadsOn) else len(subject.axes[subject.output_axis]) - 1
    if steps is not None and steps > before:
        raise UsageError(f"there are only {before} steps before output {at}, not {shown(steps)}")
    if not isinstance(network, ReadsOn):
        tape = Tape()
        inputs = [tape.leaf(one) for one in network.inputs(subject.arrays)]
        return tape, network.run(tape, inputs).logits, 0
    first = max(0, at - (DEFAULT_STEPS if steps is None else steps))
    state: Sequence[Node] | None = None
    for start in range(0, first, network.window):
        unrecorded = Tape(record=False)
        state = _read(
            network, unrecorded, subject, start, min(first, start + network.window), state
        )[1]
    tape = Tape()
    logits, _ = _read(network, tape, subject, first, at + 1, state)
    return tape, logits, first


def _read(
    network: Network,
    tape: Tape,
    subject: InspectedInput,
    start: int,
    stop: int,
    state: Sequence[Node] | None,
) -> Any:
    arrays = [one[:, start:stop] for one in subject.arrays]
    inputs = [tape.leaf(one) for one in network.inputs(arrays)]
    return network.run(tape, inputs, None if state is None else [Node(one.value) for one in state])


def _curves(name: str, run: Run, start: int, steps: int | None) -> list[Curve]:
    """The curves of a layer; ``start`` is the step of the output in the order of reading."""
    reached = run.gradients()
    if not reached:
        return []
    most = min(start, DEFAULT_STEPS if steps is None else steps)
    back = slice(start, start - most - 1 if start > most else None, -1)
    curves = []
    for state in ("c", "h"):
        if state not in reached:
            continue
        gradients = reached[state][0, back].astype(np.float64)
        straight = None
        main = "c" if run.cell == "lstm" else "h"
        if run.keep is not None and state == main:
            kept = run.arrays[run.keep][0, back][:-1].astype(np.float64)
            through = np.cumprod(np.concatenate([np.ones_like(gradients[:1]), kept]), axis=0)
            straight = np.linalg.norm(gradients[0] * through, axis=-1)
        curves.append(Curve(name, state, np.linalg.norm(gradients, axis=-1), straight))
    return curves


def _stream_curve(name: str, node: Node, place: int, steps: int | None) -> Curve:
    gradient = np.zeros_like(node.value) if node.gradient is None else node.gradient
    most = min(place, DEFAULT_STEPS if steps is None else steps)
    back = gradient[0, place - most : place + 1][::-1].astype(np.float64)
    return Curve(name, "x", np.linalg.norm(back, axis=-1))
