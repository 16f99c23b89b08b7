"""Handwriting recognisers looked into: the networks on a tape, and the steps of lines and ink."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.ctc.inspection import FeatureNetwork, convolve, label_layer, normalise, recurrent_layers
from zoo.ctc.subsampling import SUBSAMPLING, output_frames
from zoo.handwriting.crnn import CONVOLUTIONS
from zoo.handwriting.ink import InkFeatures
from zoo.handwriting.line_image import LineImage
from zoo.inspection import operations as op
from zoo.inspection.subject import Backdrop, InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape

AXIS = "writing"
_PEN_PADDING = 2
_RATE = 2  # outputs for each step of crnn's recurrent layers


class LineNetwork(FeatureNetwork):
    """``crnn`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.handwriting.crnn.CRNNConfig`.
        weights: arrays by variable path, all in one type.
    """

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, outputs, labels)``; those that count."""
        weights, config = self._weights, self._config
        (x,) = inputs
        width = x.value.shape[1]
        x = op.reshape(tape, x, *x.value.shape[1:], 1)
        for number, layer in enumerate(CONVOLUTIONS, 1):
            name, both = f"convolution_{number}", (layer.size // 2, layer.size // 2)
            x = convolve(tape, x, weights, name, layer.strides, (both, both))
            if layer.normalised:
                x = normalise(tape, x, weights, f"{name}_normalisation", axes=2)
        steps, rows, channels = x.value.shape[1:]
        x = op.reshape(tape, x, steps, rows * channels)
        x = recurrent_layers(tape, x, config, weights, bidirectional_layers=True, axis=AXIS)
        x = op.dense(tape, x, weights["projection/kernel"], weights["projection/bias"])
        x = op.reshape(tape, op.relu(tape, x), _RATE * steps, config.projection)
        logits = label_layer(tape, x, weights)
        return Outputs(op.take(tape, logits, (slice(0, output_frames(width)),)))


class PenNetwork(FeatureNetwork):
    """``pen_bilstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.handwriting.pen_bilstm.PenBiLSTMConfig`.
        weights: arrays by variable path, all in one type.
    """

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, outputs, labels)``."""
        weights = self._weights
        (x,) = inputs
        for number in (1, 2):
            both = (_PEN_PADDING, _PEN_PADDING)
            x = convolve(tape, x, weights, f"convolution_{number}", (2,), (both,))
        x = normalise(tape, x, weights, "normalisation_0")
        x = recurrent_layers(tape, x, self._config, weights, bidirectional_layers=True, axis=AXIS)
        return Outputs(label_layer(tape, x, weights))


def line_subject(grey: np.ndarray, given: LineImage, labels: Sequence[str]) -> InspectedInput:
    """A line's image as an input; a step of the recurrent layers is eight of its columns.

    Args:
        grey: ``(height, width)`` uint8.
        given: what the processor made of it.
        labels: texts of the labels, ``""`` for the blank.
    """
    columns = given.columns
    outputs = int(output_frames(len(columns)))
    steps = -(-outputs // _RATE)

    def places(count: int, width: int) -> np.ndarray:
        return np.array([given.source_x(width * (one + 0.5)) for one in range(count)])

    ink = [columns[_RATE * SUBSAMPLING * n :][: _RATE * SUBSAMPLING].mean() for n in range(steps)]
    return InspectedInput(
        (columns[None], np.ones((1, len(columns)), bool)),
        {AXIS: Steps("pixels", places(steps, _RATE * SUBSAMPLING))},
        AXIS,
        outputs=Steps("pixels", places(outputs, SUBSAMPLING)),
        labels=[one or "(blank)" for one in labels],
        asked=outputs // 2,
        quantities={"ink": np.array(ink), "place in line": np.arange(steps, dtype=np.float64)},
        backdrop=Backdrop(image=grey, extent=(0.0, float(grey.shape[1]))),
        title=f"a line of {grey.shape[1]} x {grey.shape[0]} pixels",
    )


def ink_subject(
    strokes: Sequence[np.ndarray], given: InkFeatures, labels: Sequence[str]
) -> InspectedInput:
    """Pen strokes as an input; a step of the recurrent layers is four resampled points.

    Args:
        strokes: ``(points, 2)`` each, y downwards.
        given: what the processor made of them.
        labels: texts of the labels, ``""`` for the blank.
    """
    features = given.features
    steps = int(output_frames(len(features)))
    air = features[:, -1]
    ends = np.append(np.diff(air) > 0, True).astype(np.float64)

    def per_step(values: np.ndarray, most: bool = False) -> np.ndarray:
        parts = [values[SUBSAMPLING * n :][:SUBSAMPLING] for n in range(steps)]
        return np.array([one.max() if most else one.mean() for one in parts], np.float64)

    when = [_reading_steps(number, len(stroke), given) for number, stroke in enumerate(strokes)]
    return InspectedInput(
        (features[None], np.ones((1, len(features)), bool)),
        {AXIS: Steps("points", SUBSAMPLING * np.arange(steps, dtype=np.float64))},
        AXIS,
        labels=[one or "(blank)" for one in labels],
        asked=steps // 2,
        quantities={
            "pen in the air": per_step(air),
            "stroke end": per_step(ends, most=True),
            "height": per_step(features[:, 2]),
            "way down": per_step(features[:, 1]),
        },
        backdrop=Backdrop(paths=tuple(strokes), path_steps=tuple(when)),
        title=f"{len(strokes)} strokes",
    )


def _reading_steps(number: int, points: int, given: InkFeatures) -> np.ndarray:
    """The recurrent layers' step at which each point of a stroke is read."""
    frames = np.flatnonzero((given.stroke == number) & (given.features[:, -1] == 0))
    if not len(frames):
        return np.zeros(points)
    places = given.point[frames]
    order = np.argsort(places, kind="stable")
    result: np.ndarray = np.interp(np.arange(points), places[order], frames[order] // SUBSAMPLING)
    return result
