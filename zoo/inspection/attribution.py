"""What of the input an output rests on: integrated gradients.

Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks" (arXiv:1703.01365): the
gradient of an output along the straight line from a baseline to the input, integrated and
multiplied by the way. The attributions add up to the difference of the output at both ends; by how
much the sum misses it tells how well the integral was done. The points are those of Gauss and
Legendre, which need far fewer gradients than evenly spaced ones for the same error.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.errors import UsageError, ZooWarning
from zoo.inference.stack import log_softmax
from zoo.inspection.highway import check_output, choose_label
from zoo.inspection.layer_trace import check_whole
from zoo.inspection.subject import InspectedInput, Network
from zoo.inspection.tape import Tape

DEFAULT_POINTS = 32
MAX_POINTS = 1024
_TOLERATED = 0.05  # of the difference that the attributions should add up to
_ROWS = 32  # points of the path in a batch at most
_BATCH_STEPS = 8192  # steps of a batch at most


@dataclass(frozen=True)
class Attribution:
    """How much each part of an input speaks for an output.

    Args:
        at: the output.
        target: the label, as text or number.
        log_prob: natural log-probability of the label given the input.
        baseline: the same given the baseline, where all features are 0: no character, paper,
            the mean of sound.
        values: ``(steps, features)`` for each input; they add up to ``log_prob - baseline``.
        error: what the sum of all values misses of that, in nats.
    """

    at: int
    target: str
    log_prob: float
    baseline: float
    values: tuple[np.ndarray, ...] = field(repr=False)
    error: float

    def steps(self, number: int = 0) -> np.ndarray:
        """The attribution ``(steps,)`` of each step of an input, its features added up."""
        return np.asarray(self.values[number].sum(axis=-1))

    def __str__(self) -> str:
        return (
            f"log-probability of {self.target!r} at output {self.at}: {self.log_prob:.4f} nats, "
            f"{self.baseline:.4f} without the input; completeness error {self.error:.1e} nats"
        )


def attribute_output(
    network: Network,
    subject: InspectedInput,
    at: int | None = None,
    label: int | None = None,
    points: int = DEFAULT_POINTS,
) -> Attribution:
    """Integrated gradients of one output's log-probability.

    Args:
        network: an architecture on a tape.
        subject: the input.
        at: number of the output, negative from the end; left out, the subject's own.
        label: its number; left out, the subject's.
        points: gradients along the path.

    Raises:
        UsageError: there is no such output or label, or ``points`` is out of range.
    """
    check_whole("points", points, 1)
    if points > MAX_POINTS:
        raise UsageError(f"points must be at most {MAX_POINTS}, not {points}")
    at = check_output(subject, at)
    inputs = network.inputs(subject.arrays)
    log_prob, label = _value(network, subject, inputs, at, label)
    baseline, _ = _value(network, subject, [np.zeros_like(one) for one in inputs], at, label)
    places, weights = np.polynomial.legendre.leggauss(points)
    places, weights = (places + 1) / 2, weights / 2
    totals = [np.zeros(one.shape[1:], np.float64) for one in inputs]
    longest = max(one.shape[1] for one in inputs)
    rows = max(1, min(_ROWS, _BATCH_STEPS // longest))
    for start in range(0, points, rows):
        part = slice(start, start + rows)
        for total, gradient in zip(
            totals, _gradients(network, inputs, at, label, places[part], weights[part]), strict=True
        ):
            total += gradient
    values = tuple(total * one[0] for total, one in zip(totals, inputs, strict=True))
    missed = log_prob - baseline - sum(float(one.sum()) for one in values)
    if abs(missed) > _TOLERATED * max(abs(log_prob - baseline), 1.0):
        warnings.warn(
            f"the attributions miss {abs(missed):.2f} of {abs(log_prob - baseline):.2f} nats; "
            f"more points than {points} bring them nearer",
            ZooWarning,
            stacklevel=3,
        )
    text = subject.labels[label] if len(subject.labels) else str(label)
    return Attribution(at, text, log_prob, baseline, values, abs(missed))


def _value(
    network: Network,
    subject: InspectedInput,
    inputs: Sequence[np.ndarray],
    at: int,
    label: int | None,
) -> tuple[float, int]:
    tape = Tape(record=False)
    logits = network.run(tape, [tape.leaf(one) for one in inputs]).logits.value
    log_probs = log_softmax(logits.astype(np.float64))[0]
    label = choose_label(subject, log_probs, at, at, label)
    return float(log_probs[at, label]), label


def _gradients(
    network: Network,
    inputs: Sequence[np.ndarray],
    at: int,
    label: int,
    places: np.ndarray,
    weights: np.ndarray,
) -> list[np.ndarray]:
    """The weighted sum of the gradients at some points of the path, for each input."""
    tape = Tape()
    leaves = []
    for one in inputs:
        shape = (-1, *[1] * (one.ndim - 1))
        leaves.append(tape.leaf(one * places.reshape(shape).astype(one.dtype)))
    logits = network.run(tape, leaves).logits
    gradient = np.zeros_like(logits.value)
    gradient[:, at] = -np.exp(log_softmax(logits.value[:, at]))
    gradient[:, at, label] += 1
    tape.backward(logits, gradient)
    return [
        np.zeros(leaf.value.shape[1:])
        if leaf.gradient is None
        else np.tensordot(weights, leaf.gradient.astype(np.float64), 1)
        for leaf in leaves
    ]
