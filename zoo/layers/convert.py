"""Conversion of models with the zoo's layers to Keras layers, for use without the zoo."""

from __future__ import annotations

from typing import Any

import keras

from zoo.layers.gru import GRU
from zoo.layers.lstm import LSTM
from zoo.layers.simple_rnn import SimpleRNN

_KERAS_NAMES = {
    keras.saving.get_registered_name(layer): layer.keras_class.__name__
    for layer in (LSTM, GRU, SimpleRNN)
}


def to_keras_layers(model: keras.Model) -> keras.Model:
    """Rebuilds a model with Keras's recurrent layers in place of the zoo's.

    The copy has the same weights and outputs, and a `.keras` file of it loads without the zoo.
    Weight dropout, which only acts in training, is dropped.

    Args:
        model: a functional or sequential model; models and layers inside it (`Bidirectional`,
            `TimeDistributed`) are converted too.

    Returns:
        A new, uncompiled model.
    """
    # Via the configuration, not `clone_model`, which would rename the inputs and ignores layers
    # inside wrappers.
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    copy = keras.saving.deserialize_keras_object(_with_keras_names(config))
    copy.set_weights(model.get_weights())
    return copy


def _with_keras_names(config: Any) -> Any:
    """Renames the zoo's layers in a serialised model at any depth."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_keras_names(value) for value in config)
    if not isinstance(config, dict):
        return config
    config = {key: _with_keras_names(value) for key, value in config.items()}
    name = _KERAS_NAMES.get(config.get("registered_name"))
    if name is None:
        return config
    arguments = {k: v for k, v in config["config"].items() if k != "weight_dropout"}
    plain = {"module": "keras.layers", "class_name": name, "registered_name": None}
    return {**config, **plain, "config": arguments}
