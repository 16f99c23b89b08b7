"""Pen recogniser: strided convolutions, bidirectional LSTM or GRU layers, CTC.

Pen strokes as a sequence of points, read in both directions, as Graves et al. 2009 ("A Novel
Connectionist System for Unconstrained Handwriting Recognition") and Carbune et al. 2020
(arXiv:1902.10525) do. Two strided convolutions over the points leave one output for every fourth.

Padding never counts, see :mod:`zoo.ctc.network_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, convolution_shapes, dense_shapes, normalisation_shapes
from zoo.ctc.network_parts import (
    CTCConfig,
    recurrent_layers,
    recurrent_stack_shapes,
    zero_padding,
)
from zoo.handwriting.ink import FEATURES
from zoo.values import check_range, check_same

if TYPE_CHECKING:
    import keras

POINTS_SEEN = 5
"""Points that a convolution sees."""
_WIDENING = 2  # filters of the second convolution for each of the first


@dataclass(frozen=True)
class PenBiLSTMConfig(CTCConfig):
    """Values of ``pen_bilstm``.

    Args:
        labels: number of output labels, the blank included.
        features: features of a point.
        channels: filters of the first convolution; the second has twice as many.
        cell: ``"lstm"`` or ``"gru"``.
        layers: number of recurrent layers.
        units: width of each recurrent layer, for each direction.
        dropout: fraction of features dropped after each recurrent layer.
        weight_dropout: fraction of recurrent weights dropped in a training step.
    """

    features: int = 5
    channels: int = 64
    cell: str = "lstm"
    layers: int = 3
    units: int = 160
    dropout: float = 0.0
    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "features", int, 1, 64)
        check_range(self, "channels", int, 1, 1024)

    def check_processor(self, processor: Any) -> None:
        """Check that labels and features are those of the processor.

        Raises:
            UsageError: they are not.
        """
        super().check_processor(processor)
        check_same(self, "features", FEATURES, "the features of a point")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        wide = _WIDENING * self.channels
        return {
            **convolution_shapes("convolution_1", POINTS_SEEN, self.features, self.channels),
            **convolution_shapes("convolution_2", POINTS_SEEN, self.channels, wide),
            **normalisation_shapes("normalisation_0", wide),
            **recurrent_stack_shapes(self, wide, bidirectional=True),
            **dense_shapes("logits", 2 * self.units, self.labels),
        }


def build(config: PenBiLSTMConfig, *, dtype: str = "float32") -> keras.Model:
    """Build ``pen_bilstm``.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[points (batch, points, features) float32, mask (batch, points) bool]`` to
        logits ``(batch, ceil(points / 4), labels)``; those of padding mean nothing.
    """
    import keras

    points = keras.Input((None, config.features), name="points")
    mask = keras.Input((None,), dtype="bool", name="mask")
    inputs = [points, mask]
    x = zero_padding(points, mask)
    for number, filters in ((1, config.channels), (2, _WIDENING * config.channels)):
        x = keras.layers.ZeroPadding1D(POINTS_SEEN // 2, name=f"pad_{number}")(x)
        x = keras.layers.Conv1D(
            filters,
            POINTS_SEEN,
            strides=2,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"convolution_{number}",
        )(x)
        mask = mask[:, ::2]
        x = zero_padding(x, mask)
    x = keras.layers.LayerNormalization(dtype=dtype, name="normalisation_0")(x)
    x = recurrent_layers(x, mask, config, dtype, bidirectional=True)
    logits = keras.layers.Dense(config.labels, dtype=dtype, name="logits")(x)
    return keras.Model(inputs, logits, name="pen_bilstm")
