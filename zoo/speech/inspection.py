"""Speech recognisers looked into: the networks on a tape, and a recording's steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.ctc.inspection import FeatureNetwork, convolve, label_layer, recurrent_layers
from zoo.ctc.subsampling import SUBSAMPLING, output_frames
from zoo.inspection import operations as op
from zoo.inspection.subject import Backdrop, InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape

AXIS = "time"
_CONTEXT = 2  # frames to the left that a causal convolution of width 3 sees
_QUIET = 0.25  # of the way from the quietest to the loudest step


class SpeechNetwork(FeatureNetwork):
    """``ctc_bilstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.speech.networks.CTCBiLSTMConfig`.
        weights: arrays by variable path, all in one type.
    """

    causal = False

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, outputs, labels)``."""
        (x,) = inputs
        x = op.reshape(tape, x, *x.value.shape[1:], 1)
        time = (_CONTEXT, 0) if self.causal else (1, 1)
        for number in (1, 2):
            x = convolve(tape, x, self._weights, f"convolution_{number}", (2, 2), (time, (1, 1)))
        steps, rows, channels = x.value.shape[1:]
        x = op.reshape(tape, x, steps, rows * channels)
        x = recurrent_layers(
            tape,
            x,
            self._config,
            self._weights,
            bidirectional_layers=not self.causal,
            axis=AXIS,
        )
        return Outputs(label_layer(tape, self._with_context(tape, x), self._weights))

    def _with_context(self, tape: Tape, x: Node) -> Node:
        """What the labels are read from."""
        return x


class StreamingSpeechNetwork(SpeechNetwork):
    """``ctc_lstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.speech.networks.CTCLSTMConfig`.
        weights: arrays by variable path, all in one type.
    """

    causal = True

    def _with_context(self, tape: Tape, x: Node) -> Node:
        """The row convolution over the outputs to come."""
        batch, steps, units = x.value.shape
        ahead = self._config.look_ahead
        zeros = tape.leaf(np.zeros((batch, ahead, units), x.value.dtype))
        padded = op.stack_steps(tape, [x, zeros])
        total = tape.leaf(np.broadcast_to(self._weights["ahead/bias"], x.value.shape))
        for k, tap in enumerate(self._weights["ahead/kernel"][..., 0]):
            part = op.take(tape, padded, (slice(k, k + steps),))
            total = op.add(tape, total, op.scale(tape, part, tap))
        return total


def recording_subject(
    samples: np.ndarray,
    rate: float,
    features: np.ndarray,
    frame_seconds: float,
    labels: Sequence[str],
) -> InspectedInput:
    """A recording as an input.

    Args:
        samples: ``(samples,)``.
        rate: samples a second.
        features: ``(frames, bins)`` as the network gets them.
        frame_seconds: seconds from one frame to the next.
        labels: texts of the labels, ``""`` for the blank.
    """
    steps = int(output_frames(len(features)))
    places = np.arange(steps) * SUBSAMPLING * frame_seconds
    per_step = np.array_split(features.mean(axis=1), steps) if steps else []
    loudness = np.array([float(one.mean()) for one in per_step])
    low, high = (loudness.min(), loudness.max()) if steps else (0.0, 0.0)
    return InspectedInput(
        (features[None], np.ones((1, len(features)), bool)),
        {AXIS: Steps("seconds", places)},
        AXIS,
        labels=[one or "(blank)" for one in labels],
        asked=steps // 2,
        quantities={
            "loudness": loudness,
            "silence": (loudness < low + _QUIET * (high - low)).astype(np.float64),
            "time": places,
        },
        backdrop=Backdrop(curve=samples, extent=(0.0, len(samples) / rate)),
        title=f"{len(samples) / rate:.2f} s of sound",
    )
