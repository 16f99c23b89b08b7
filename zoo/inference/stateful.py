"""A Keras network of recurrent layers with its state as further inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.errors import ZooError


def with_state(network: keras.Model, *, hidden: bool = False) -> keras.Model:
    """The same layers, with the state of each recurrent one going in and coming out.

    Args:
        network: a functional model from ids ``(batch, time)`` to ``(batch, time, classes)`` whose
            recurrent layers are ``keras.layers.RNN`` that return sequences.
        hidden: give the outputs of the recurrent layers too.

    Returns:
        A model from ``[ids, *state]`` to ``[logits, *state]``, with ``hidden`` to ``[logits,
        *hidden, *state]``. The state is, layer by layer, what the layer carries: ``h`` ``(batch,
        units)``, and ``c`` of an LSTM.

    Raises:
        ZooError: it has no recurrent layer, or one that cannot be read in parts.
    """
    before: list[Any] = []
    after: list[Any] = []
    outputs: list[Any] = []

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(operation, keras.layers.RNN):
            return operation(*args, **kwargs)
        _check(operation, args, kwargs)
        state = _state_inputs(operation)
        x, *ends = _WithState(operation)([args[0], *state])
        before.extend(state)
        after.extend(ends)
        outputs.append(x)
        return [x, *ends] if operation.return_state else x

    ids = keras.Input((None,), dtype="int32", name="ids")
    # What keras.models.clone_model uses; that function itself allows no further inputs.
    logits = network._run_through_graph(ids, operation_fn=lambda operation: operation, call_fn=call)
    if not before:
        raise ZooError(f"{network.name} has no recurrent layer whose state could be carried on")
    results = [logits, *(outputs if hidden else []), *after]
    return keras.Model([ids, *before], results, name=f"{network.name}_with_state")


class _WithState(keras.layers.Layer):
    """A recurrent layer from its input and state to its output and state."""

    def __init__(self, layer: keras.layers.RNN) -> None:
        super().__init__(name=f"{layer.name}_with_state", dtype=layer.dtype_policy)
        self.layer = layer
        self.built = True

    def call(self, inputs: Sequence[Any], training: bool = False) -> Any:
        x, *state = inputs
        asked, self.layer.return_state = self.layer.return_state, True
        try:
            return self.layer(x, initial_state=state, training=training)
        finally:
            self.layer.return_state = asked


def _state_inputs(layer: keras.layers.RNN) -> list[Any]:
    sizes = layer.state_size if isinstance(layer.state_size, (list, tuple)) else [layer.state_size]
    if not all(isinstance(size, int) for size in sizes):
        raise ZooError(f"the state of {layer.name} has parts within parts, which is not supported")
    return [
        keras.Input((size,), dtype=layer.compute_dtype, name=f"{layer.name}_state_{number}")
        for number, size in enumerate(sizes)
    ]


def _check(layer: keras.layers.RNN, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not layer.return_sequences or layer.go_backwards:
        raise ZooError(f"{layer.name} does not give an output for each step, from first to last")
    if len(args) > 1 or kwargs.get("initial_state") is not None:
        raise ZooError(f"{layer.name} has an initial state of its own, which is not supported")
