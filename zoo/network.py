"""A model's Keras network: building it, its dtype, and its weights as plain arrays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from zoo.errors import UsageError, ZooError, needing_training
from zoo.folder.weights_file import assign_weights
from zoo.forks import check_not_forked, starts_tensorflow
from zoo.quiet import import_tensorflow_quietly
from zoo.registry import Architecture

PLAIN = "float32"
"""The dtype policy that needs no look at Keras to be known as one."""

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_MERGED = ("kernel", "embeddings")  # what Keras's LoRA adds to

Weights = Mapping[str, np.ndarray]


def build_network(
    architecture: Architecture,
    config: Any,
    dtype: str = PLAIN,
    weights: Weights | None = None,
    where: str = "this model",
) -> Any:
    """Build the network of an architecture.

    Args:
        architecture: the registered architecture.
        config: its values.
        dtype: a Keras dtype policy.
        weights: arrays by variable path, or ``None`` for random ones.
        where: what holds the weights, for messages.

    Raises:
        FolderError: the weights are not those of the network.
        ZooError: this process was forked from one that had built a network.
    """
    starts_tensorflow()
    with needing_training():
        if find_spec("tensorflow"):
            import_tensorflow_quietly()
        with _outside_of_functions():
            network = architecture.load("builder")(config, dtype=dtype)
            if weights is not None:
                assign_weights(network, weights, where)
    return network


def _outside_of_functions() -> contextlib.AbstractContextManager[Any]:
    """Build at once even where a ``tf.function`` is being traced, which would only note down what
    is assigned."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    scope: contextlib.AbstractContextManager[Any] = tf.init_scope()
    return scope


def check_dtype(dtype: Any) -> tuple[str, str]:
    """Check a dtype policy.

    Args:
        dtype: what Keras takes: the name of a policy, a policy, or ``None`` for the global one.

    Returns:
        The policy's name, and that of the type which variables have under it.

    Raises:
        UsageError: Keras does not know it, or networks cannot be built in it.
    """
    if isinstance(dtype, str) and dtype == PLAIN:
        return dtype, dtype
    with needing_training():
        import keras

    try:
        policy = keras.dtype_policies.get(dtype)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{dtype!r} is not a valid dtype policy of Keras: {error}") from None
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        raise UsageError("dtype must be one policy for all layers, not a DTypePolicyMap")
    if policy.quantization_mode is not None:
        raise UsageError(
            f"dtype {policy.name!r} quantises: load the model in float32 and call "
            f"model.network.quantize({policy.quantization_mode!r})"
        )
    if policy.variable_dtype == "bfloat16":
        raise UsageError(
            "Keras cannot initialise recurrent weights in dtype 'bfloat16'; use 'mixed_bfloat16'"
        )
    if policy.compute_dtype not in _FLOATS or policy.variable_dtype not in _FLOATS:
        raise UsageError(
            f"dtype {policy.name!r} is not one of floating-point numbers; choose among float16, "
            "float32, float64, mixed_float16 and mixed_bfloat16"
        )
    return str(policy.name), str(policy.variable_dtype)


def rounded(weights: Weights, dtype: str) -> dict[str, np.ndarray]:
    """Weights as variables of this type hold them: float16 rounds what it is given.

    Args:
        weights: float16 or float32 arrays by variable path.
        dtype: of the variables.
    """
    if dtype != "float16":
        return dict(weights)
    return {name: array.astype(np.float16) for name, array in weights.items()}


def check_backend(what: str) -> None:
    """Check that Keras runs on TensorFlow.

    Args:
        what: needs it, for the message.

    Raises:
        ZooError: it runs on another backend.
    """
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        source = "KERAS_BACKEND" if os.environ.get("KERAS_BACKEND") else "Keras's configuration"
        raise ZooError(
            f"{what} needs Keras on TensorFlow, but {source} names {backend!r}; set "
            "KERAS_BACKEND=tensorflow"
        )


def network_shapes(network: Any) -> dict[str, tuple[int, ...]]:
    """Shape of each variable of a network by its path."""
    return {variable.path: tuple(variable.shape) for variable in network.weights}


def network_weights(network: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The weights that a network has now.

    Args:
        network: the ``keras.Model``. What LoRA has added to a kernel is counted in.
        shapes: of the variables that its builder made, by path.

    Returns:
        Arrays by variable path, which later changes of the network do not touch.

    Raises:
        ZooError: the network is quantised, its variables are others than its builder made, or this
            process was forked after it was built.
    """
    check_not_forked()
    from keras import ops

    kept = {variable.path: variable for variable in network.weights}
    for layer in network._flatten_layers(include_self=False, recursive=True):
        mode = getattr(layer, "quantization_mode", None)
        if mode is not None:
            raise ZooError(
                f"model.network was quantised to {mode}, which the model's own methods do not "
                "run; call model.network itself, or load the model again"
            )
        if getattr(layer, "lora_enabled", False):
            for name in _MERGED:
                variable = getattr(layer, f"_{name}", None)
                if variable is not None:
                    kept[variable.path] = getattr(layer, name)
            kept = {
                path: variable for path, variable in kept.items() if not _is_lora(layer, variable)
            }
    current = {path: tuple(variable.shape) for path, variable in kept.items()}
    if current != dict(shapes):
        names = ", ".join(sorted(name for name, _ in current.items() ^ shapes.items())[:5])
        raise ZooError(
            f"the variables of model.network are not those that its builder made ({names}); load "
            "the model again, or call model.network itself"
        )
    return {
        path: np.array(ops.convert_to_numpy(variable), np.float32)
        for path, variable in kept.items()
    }


def _is_lora(layer: Any, variable: Any) -> bool:
    added = [getattr(layer, f"lora_{name}_{side}", None) for name in _MERGED for side in "ab"]
    return any(variable is each for each in added)


def same_weights(first: Weights, second: Weights) -> bool:
    """Whether two sets of weights hold the same numbers."""
    return first.keys() == second.keys() and all(
        array is second[name] or np.array_equal(array, second[name])
        for name, array in first.items()
    )
