"""Line recogniser: convolutions, bidirectional LSTM or GRU layers, CTC.

The scheme is that of Shi et al. 2015 (arXiv:1507.05717) for lines of a fixed height and any width:
convolutions make a sequence of columns out of the image, recurrent layers read it in both
directions, and CTC (Graves et al. 2006) gives a distribution over characters and blank.

It is built to be cheap. The first two convolutions are thin and strided; the recurrent layers run
on every eighth column only, and a layer after them makes two outputs of each of their steps, so
that narrow letters still have an output of their own: one for every fourth column.

An image is a sequence of its columns here, ``(width, height)``, as an utterance is one of its
frames. Padding never counts, see :mod:`zoo.ctc.network_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, convolution_shapes, dense_shapes, normalisation_shapes
from zoo.ctc.network_parts import (
    CTCConfig,
    recurrent_layers,
    recurrent_stack_shapes,
    strided_length,
    zero_padding,
)
from zoo.values import check_range, check_same

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class _Convolution:
    """Size, strides along width and height, filters in units of ``channels``."""

    size: int
    strides: tuple[int, int]
    filters: int
    normalised: bool = False


CONVOLUTIONS = (
    _Convolution(5, (2, 2), 1),
    _Convolution(3, (2, 2), 2),
    _Convolution(3, (1, 1), 3),
    _Convolution(3, (1, 2), 4, normalised=True),
    _Convolution(3, (1, 1), 4),
    _Convolution(3, (2, 2), 8, normalised=True),
)
_RATE = 2  # outputs for each step of the recurrent layers


@dataclass(frozen=True)
class CRNNConfig(CTCConfig):
    """Values of ``crnn``.

    Args:
        labels: number of output labels, the blank included.
        height: rows of a line's image.
        channels: filters of the first convolution; the others have up to eight times as many.
        cell: ``"lstm"`` or ``"gru"``.
        layers: number of recurrent layers.
        units: width of each recurrent layer, for each direction.
        projection: features of each output before the last layer.
        dropout: fraction of features dropped after the convolutions, after each recurrent layer and
            before the last layer.
        weight_dropout: fraction of recurrent weights dropped in a training step.
    """

    height: int = 48
    channels: int = 16
    cell: str = "lstm"
    layers: int = 2
    units: int = 208
    projection: int = 128
    dropout: float = 0.0
    weight_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "height", int, 8, 256)
        check_range(self, "channels", int, 1, 256)
        check_range(self, "projection", int, 1, 4096)

    def check_processor(self, processor: Any) -> None:
        """Check that labels and height are those of the processor.

        Raises:
            UsageError: they are not.
        """
        super().check_processor(processor)
        check_same(self, "height", processor.normaliser.height, "the images that it is given")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        shapes: Shapes = {}
        height, before = self.height, 1
        for number, layer in enumerate(CONVOLUTIONS, 1):
            name, filters = f"convolution_{number}", layer.filters * self.channels
            shapes |= convolution_shapes(name, layer.size, layer.size, before, filters)
            height = strided_length(height) if layer.strides[1] == 2 else height
            if layer.normalised:
                shapes |= normalisation_shapes(f"{name}_normalisation", height, filters)
            before = filters
        shapes |= recurrent_stack_shapes(self, height * before, bidirectional=True)
        shapes |= dense_shapes("projection", 2 * self.units, _RATE * self.projection)
        return shapes | dense_shapes("logits", self.projection, self.labels)


def build(config: CRNNConfig, *, dtype: str = "float32") -> keras.Model:
    """Build ``crnn``.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[columns (batch, width, height) float32, mask (batch, width) bool]`` to
        logits ``(batch, 2 * ceil(width / 8), labels)``, of which the first ``ceil(width / 4)``
        count; those of padding mean nothing.
    """
    import keras

    columns = keras.Input((None, config.height), name="columns")
    mask = keras.Input((None,), dtype="bool", name="mask")
    inputs = [columns, mask]
    x = keras.layers.Reshape((-1, config.height, 1), name="image")(columns)
    x = zero_padding(x, mask)
    for number, layer in enumerate(CONVOLUTIONS, 1):
        x, mask = _convolve(x, mask, config, layer, number, dtype)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="frames")(x)
    x = keras.layers.Dropout(config.dropout, dtype=dtype, name="dropout_0")(x)
    x = zero_padding(recurrent_layers(x, mask, config, dtype, bidirectional=True), mask)
    x = keras.layers.Dense(
        _RATE * config.projection, activation="relu", dtype=dtype, name="projection"
    )(x)
    x = keras.layers.Reshape((-1, config.projection), name="outputs")(x)
    x = keras.layers.Dropout(config.dropout, dtype=dtype, name="dropout_outputs")(x)
    logits = keras.layers.Dense(config.labels, dtype=dtype, name="logits")(x)
    return keras.Model(inputs, logits, name="crnn")


def _convolve(
    x: Any, mask: Any, config: CRNNConfig, layer: _Convolution, number: int, dtype: str
) -> tuple[Any, Any]:
    """A convolution with its normalisation, and the mask after it.

    Normalised is each column over its rows and channels: over columns, padding would count.
    """
    import keras

    padding = keras.layers.ZeroPadding2D(layer.size // 2, name=f"pad_{number}")
    convolution = keras.layers.Conv2D(
        layer.filters * config.channels,
        layer.size,
        strides=layer.strides,
        activation="relu",
        kernel_initializer="he_normal",
        dtype=dtype,
        name=f"convolution_{number}",
    )
    x = convolution(padding(x))
    mask = mask[:, ::2] if layer.strides[0] == 2 else mask
    if layer.normalised:
        name = f"convolution_{number}_normalisation"
        x = keras.layers.LayerNormalization(axis=(2, 3), dtype=dtype, name=name)(x)
    return zero_padding(x, mask), mask
