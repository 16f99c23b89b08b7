"""Recurrent layers by the name of their cell."""

from __future__ import annotations

from typing import Any

import keras

from zoo.errors import UsageError, did_you_mean
from zoo.layers.gru import GRU
from zoo.layers.lstm import LSTM
from zoo.layers.simple_rnn import SimpleRNN

_LAYERS: dict[str, type[keras.layers.Layer]] = {"lstm": LSTM, "gru": GRU, "rnn": SimpleRNN}


def recurrent_layer(cell: str, units: int, **kwargs: Any) -> keras.layers.Layer:
    """Creates a recurrent layer.

    Args:
        cell: "lstm", "gru" or "rnn".
        units: size of the hidden state.
        **kwargs: further arguments of the layer.

    Returns:
        A `zoo.layers.LSTM`, `GRU` or `SimpleRNN`.

    Raises:
        UsageError: the name of the cell is unknown.
    """
    if cell not in _LAYERS:
        raise UsageError(
            f"unknown cell {cell!r}{did_you_mean(cell, _LAYERS)}; it is one of {', '.join(_LAYERS)}"
        )
    return _LAYERS[cell](units, **kwargs)
