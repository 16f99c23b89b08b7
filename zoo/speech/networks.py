"""Recognisers trained with connectionist temporal classification (CTC, Graves et al. 2006).

Both thin out time with two strided 2-D convolutions, go through a stack of recurrent layers with
layer normalisation after each (Ba et al. 2016, arXiv:1607.06450), and give a distribution over
labels and blank for every fourth frame, as Deep Speech 2 does (Amodei et al. 2016,
arXiv:1512.02595). ``ctc_bilstm`` hears the whole utterance in both directions. ``ctc_lstm`` is
causal but for Deep Speech 2's row convolution, whose look-ahead is a value of the model.

Padding never counts, see :mod:`zoo.ctc.network_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.cells import Shapes, convolution_shapes, dense_shapes
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

_CONTEXT = 2  # frames to the left that a causal convolution of width 3 sees


@dataclass(frozen=True)
class CTCBiLSTMConfig(CTCConfig):
    """Values of ``ctc_bilstm``.

    Args:
        labels: number of output labels, the blank included.
        bins: features of a frame.
        channels: filters of each convolution.
        cell: ``"lstm"`` or ``"gru"``.
        layers: number of recurrent layers.
        units: width of each recurrent layer, for each direction.
        dropout: fraction of features dropped after each recurrent layer.
        weight_dropout: fraction of recurrent weights dropped in a training step.
    """

    bins: int = 80
    channels: int = 32
    cell: str = "lstm"
    layers: int = 3
    units: int = 256
    dropout: float = 0.0
    weight_dropout: float = 0.0

    directions = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "bins", int, 4, 512)
        check_range(self, "channels", int, 1, 512)

    def check_processor(self, processor: Any) -> None:
        """Check that labels and bins are those of the processor.

        Raises:
            UsageError: they are not.
        """
        super().check_processor(processor)
        check_same(self, "bins", processor.log_mel.mel_bins, "the features that it is given")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        channels, both = self.channels, self.directions == 2
        return {
            **convolution_shapes("convolution_1", 3, 3, 1, channels),
            **convolution_shapes("convolution_2", 3, 3, channels, channels),
            **recurrent_stack_shapes(
                self, strided_length(strided_length(self.bins)) * channels, bidirectional=both
            ),
            **dense_shapes("logits", self.directions * self.units, self.labels),
        }


@dataclass(frozen=True)
class CTCLSTMConfig(CTCBiLSTMConfig):
    """Values of ``ctc_lstm``: those of :class:`CTCBiLSTMConfig`, and the look-ahead.

    Args:
        look_ahead: outputs of the recurrent layers, each four frames apart, that the row
            convolution sees to the right.
    """

    look_ahead: int = 4

    directions = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "look_ahead", int, 0, 64)

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        ahead: Shapes = {
            "ahead/kernel": (self.look_ahead + 1, self.units, 1),
            "ahead/bias": (self.units,),
        }
        return super().shapes() | ahead


def build_bidirectional(config: CTCBiLSTMConfig, *, dtype: str = "float32") -> keras.Model:
    """Build ``ctc_bilstm``.

    Args:
        config: the values.
        dtype: a Keras dtype policy.

    Returns:
        A model from ``[features (batch, frames, bins) float32, mask (batch, frames) bool]`` to
        logits ``(batch, ceil(frames / 4), labels)``; those of padding mean nothing.
    """
    return _build(config, dtype, causal=False, name="ctc_bilstm")


def build_causal(config: CTCLSTMConfig, *, dtype: str = "float32") -> keras.Model:
    """Build ``ctc_lstm``; inputs and outputs are those of :func:`build_bidirectional`.

    Output ``t`` depends on frames up to ``4 (t + look_ahead)``.
    """
    return _build(config, dtype, causal=True, name="ctc_lstm")


def _build(config: Any, dtype: str, *, causal: bool, name: str) -> keras.Model:
    import keras

    features = keras.Input((None, config.bins), name="features")
    mask = keras.Input((None,), dtype="bool", name="mask")
    inputs = [features, mask]
    x = keras.layers.Reshape((-1, config.bins, 1), name="image")(features)
    x = zero_padding(x, mask)
    for number in (1, 2):
        time_padding = (_CONTEXT, 0) if causal else (1, 1)
        pad = keras.layers.ZeroPadding2D((time_padding, (1, 1)), name=f"pad_{number}")
        x = _convolution(config, number, dtype)(pad(x))
        mask = mask[:, ::2]
        x = zero_padding(x, mask)
    x = keras.layers.Reshape((-1, x.shape[2] * x.shape[3]), name="frames")(x)
    x = recurrent_layers(x, mask, config, dtype, bidirectional=not causal)
    if causal:
        pad = keras.layers.ZeroPadding1D((0, config.look_ahead), name="pad_ahead")
        x = pad(zero_padding(x, mask))
        # Begin as a mean. Keras's own start counts all channels as inputs of each and is so small
        # that nothing comes through and training stays at blanks only.
        mean = keras.initializers.Constant(1.0 / (config.look_ahead + 1))
        x = keras.layers.DepthwiseConv1D(
            config.look_ahead + 1, depthwise_initializer=mean, dtype=dtype, name="ahead"
        )(x)
    logits = keras.layers.Dense(config.labels, dtype=dtype, name="logits")(x)
    return keras.Model(inputs, logits, name=name)


def _convolution(config: Any, number: int, dtype: str) -> keras.layers.Layer:
    import keras

    return keras.layers.Conv2D(
        config.channels, 3, strides=2, activation="relu", dtype=dtype, name=f"convolution_{number}"
    )
