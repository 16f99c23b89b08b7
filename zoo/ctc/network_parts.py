"""What the networks trained with CTC share: masking, and the recurrent stack on top.

Padding never counts in them: convolutions carry explicit padding, the mask is applied before every
layer that could carry the padding's content on, and so an example gives the same outputs alone and
beside a longer one in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from zoo.cells import GATED, Shapes, count, normalisation_shapes, recurrent_shapes
from zoo.values import check_choice, check_range, check_same


@dataclass(frozen=True)
class CTCConfig:
    """What the configurations of these networks share.

    Each of them has ``cell``, ``layers``, ``units``, ``dropout`` and ``weight_dropout`` besides,
    with defaults of its own, which ``__post_init__`` checks.

    Args:
        labels: number of output labels, the blank included.
    """

    labels: int

    def __post_init__(self) -> None:
        check_range(self, "labels", int, 2, 100_000)
        check_choice(self, "cell", GATED)
        check_range(self, "layers", int, 1, 16)
        check_range(self, "units", int, 1, 4096)
        check_range(self, "dropout", float, 0.0, 0.95)
        check_range(self, "weight_dropout", float, 0.0, 0.95)

    def with_vocabulary(self, size: int) -> Self:
        """The same values for another number of labels."""
        return replace(self, labels=size)

    def check_processor(self, processor: Any) -> None:
        """Check that the network's labels are those of the alphabet.

        Raises:
            UsageError: there are more or fewer.
        """
        check_same(self, "labels", len(processor.alphabet), "the alphabet with its blank")

    def shapes(self) -> Shapes:
        """Shape of each variable of the network by its path."""
        raise NotImplementedError

    def parameters(self) -> int:
        """Number of weights of the network, without building it."""
        return count(self.shapes())

    def vocabulary_axes(self) -> dict[str, int]:
        """Which axis of which variable counts labels, for a change of the alphabet."""
        return {"logits/kernel": 1, "logits/bias": 0}


def zero_padding(x: Any, mask: Any) -> Any:
    """Zero the padded positions.

    Args:
        x: ``(batch, time, ...)``.
        mask: ``(batch, time)``, true or 1 where there is no padding.
    """
    import keras

    mask = keras.ops.cast(mask, x.dtype)
    while len(mask.shape) < len(x.shape):
        mask = keras.ops.expand_dims(mask, -1)
    return x * mask


def strided_length(length: Any) -> Any:
    """Output length of a convolution of stride 2 with explicit padding."""
    return (length + 1) // 2


def recurrent_layers(x: Any, mask: Any, config: Any, dtype: str, *, bidirectional: bool) -> Any:
    """A stack of recurrent layers with layer normalisation (Ba et al. 2016) and dropout after each.

    Args:
        x: ``(batch, time, features)``.
        mask: ``(batch, time)``, true where there is no padding.
        config: has ``cell``, ``layers``, ``units``, ``dropout`` and ``weight_dropout``.
        dtype: a Keras dtype policy.
        bidirectional: read in both directions and join the outputs.

    Returns:
        ``(batch, time, units)``, twice as wide if bidirectional.
    """
    import keras

    from zoo.layers import recurrent_layer

    for number in range(1, config.layers + 1):
        layer = recurrent_layer(
            config.cell,
            config.units,
            return_sequences=True,
            return_state=not bidirectional,
            weight_dropout=config.weight_dropout,
            dtype=dtype,
            name=f"recurrent_{number}",
        )
        if bidirectional:
            layer = keras.layers.Bidirectional(layer, dtype=dtype, name=f"recurrent_{number}")
        x = layer(x, mask=mask)
        x = x if bidirectional else x[0]
        x = keras.layers.LayerNormalization(dtype=dtype, name=f"normalisation_{number}")(x)
        x = keras.layers.Dropout(config.dropout, dtype=dtype, name=f"dropout_{number}")(x)
    return x


def recurrent_stack_shapes(config: Any, width: int, *, bidirectional: bool) -> Shapes:
    """The variables of :func:`recurrent_layers` on ``width`` features, by path."""
    shapes: Shapes = {}
    for number in range(1, config.layers + 1):
        name = f"recurrent_{number}"
        shapes |= recurrent_shapes(
            name, config.cell, width, config.units, bidirectional=bidirectional
        )
        width = (2 if bidirectional else 1) * config.units
        shapes |= normalisation_shapes(f"normalisation_{number}", width)
    return shapes
