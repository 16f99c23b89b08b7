"""Traces of any Keras model: what its recurrent layers read is recorded while it runs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.errors import UsageError, ZooError
from zoo.inspection.layer_trace import LayerTrace, check_whole, layer_trace
from zoo.inspection.recurrence import CellWeights, forward
from zoo.inspection.run import Run
from zoo.inspection.subject import InspectedInput, Steps
from zoo.inspection.traces import Trace, check_layers

_CELLS = {"LSTMCell": "lstm", "GRUCell": "gru", "SimpleRNNCell": "rnn"}
_TOLERANCE = 1e-3  # between a layer's own states and those traced, in its type's precision


def trace(
    model: Any,
    inputs: Any,
    *,
    layers: Collection[str] | None = None,
    units: Sequence[int] | None = None,
    every: int = 1,
) -> Trace:
    """Trace any Keras model with recurrent layers on one example.

    Its ``LSTM``, ``GRU`` and ``SimpleRNN`` layers are traced, those of :mod:`zoo.layers` too, alone
    or in ``Bidirectional``, wherever they are in the model, with masks, initial states and states
    that the layer carries from call to call. The model is called once, not in training; a stateful
    layer's state is put back afterwards. A layer that is called twice has ``#2`` after its name;
    layers that have the same name have those of the models around them before it.

    Args:
        model: a ``keras.Model``, functional, sequential or of a class of its own.
        inputs: what the model takes, a batch of one.
        layers: names of the layers and directions to keep; left out, all.
        units: numbers of the units to keep in each layer; left out, all.
        every: keep every such step.

    Returns:
        The trace. Its steps are numbered; gates of masked steps are NaN.

    Raises:
        UsageError: the model has no such layer, ``inputs`` is not a batch of one, or there is no
            such layer or unit.
        ZooError: a layer cannot be traced, such as one of another cell.

    Example:
        >>> found = zoo.inspection.trace(model, np.array([[5, 3, 8]]))
        >>> found.gate("f", "lstm").shape
        (3, 64)
    """
    check_whole("every", every, 1)
    layers = None if layers is None else list(layers)
    runs = _run(model, inputs, layers)
    check_layers([name.partition("#")[0] for name in runs], layers)
    kept: dict[str, LayerTrace] = {}
    axes: dict[str, Steps] = {}
    for name, run in runs.items():
        if _is_wanted(name, layers):
            kept[name] = layer_trace(name, run, units, slice(None, None, every))
            steps = run.arrays["h"].shape[1]
            axes.setdefault(run.axis, Steps("steps", np.arange(steps, dtype=np.float64)[::every]))
    return Trace(kept, axes, every=every)


def trace_subject(
    model: Any,
    subject: InspectedInput,
    *,
    layers: Collection[str] | None = None,
    units: Sequence[int] | None = None,
    every: int = 1,
) -> Trace:
    """Trace the Keras network of a task on its input; see :func:`trace`.

    Layers with as many steps as one of the subject's axes have that axis's names.
    """
    arrays = list(subject.arrays)
    found = trace(
        model, arrays if len(arrays) > 1 else arrays[0], layers=layers, units=units, every=every
    )
    # The first axis has the name where two are as long.
    names = {_axis_name(len(steps)): name for name, steps in reversed(list(subject.axes.items()))}
    known = {
        name: replace(one, axis=names.get(one.axis, one.axis)) for name, one in found.layers.items()
    }
    axes = {
        name: Steps(steps.unit, steps.places[::every], steps.texts[::every])
        for name, steps in subject.axes.items()
    }
    return Trace(known, {**found.axes, **axes}, subject=subject, every=every)


def _axis_name(steps: int) -> str:
    return f"{steps} steps"


def _is_wanted(name: str, layers: Collection[str] | None) -> bool:
    """Whether a layer, one of its directions or one of its calls is asked for."""
    if layers is None:
        return True
    called = name.partition("#")[0]
    return not {name, called, called.partition("/")[0]}.isdisjoint(layers)


def _run(model: Any, inputs: Any, layers: Collection[str] | None) -> dict[str, Run]:
    """Call a model, with what its recurrent layers read recorded."""
    import keras

    if not isinstance(model, keras.Layer):
        own = ", such as model.network; a model of the zoo has a method trace of its own"
        raise UsageError(f"give a keras.Model{own}, not {type(model).__name__}")
    found = [one for one in _recurrent_layers(model) if _is_wanted(one[0], layers)]
    if not found:
        check_layers([name for name, _ in _recurrent_layers(model)], layers)
        raise UsageError(
            f"{getattr(model, 'name', model)!s} has no recurrent layer: LSTM, GRU or SimpleRNN"
        )
    for part in keras.tree.flatten(inputs):
        if np.shape(part)[:1] != (1,):
            raise UsageError(f"give a batch of one example, not of shape {np.shape(part)}")
    runs: dict[str, Run] = {}
    with contextlib.ExitStack() as hooks:
        for name, layer in found:
            cell = type(layer.cell).__name__
            if cell not in _CELLS:
                raise ZooError(
                    f"layer {name!r} has a cell of the type {cell}, which cannot be traced; "
                    "LSTM, GRU and SimpleRNN can"
                )
            hooks.enter_context(_recorded(layer, name, runs))
        try:
            model(inputs, training=False)
        except ZooError:
            raise
        except Exception as error:  # of many kinds, from Keras and from its backend
            raise UsageError(f"the model does not take these inputs: {error}") from error
    return runs


def _recurrent_layers(model: Any) -> Iterator[tuple[str, Any]]:
    """The recurrent layers of a model and their names, each once."""
    import keras

    found: dict[int, tuple[str, str, Any]] = {}  # name, names of what is around it, layer

    def look(layer: Any, around: tuple[str, ...], direction: str) -> None:
        if isinstance(layer, keras.layers.RNN):
            name = around[-1] if direction else layer.name
            outer = around[:-1] if direction else around
            found.setdefault(id(layer), (name + direction, ".".join((*outer, name)), layer))
            return
        both = isinstance(layer, keras.layers.Bidirectional)
        inside = (*around, layer.name) if both or layer is not model else around
        for part in layer._flatten_layers(include_self=False, recursive=False):
            way = "/forward" if both and part is layer.forward_layer else ""
            way = "/backward" if both and part is layer.backward_layer else way
            look(part, inside, way)

    look(model, (), "")
    counts = Counter(name for name, _, _ in found.values())
    used: Counter[str] = Counter()
    for name, path, layer in found.values():
        if counts[name] > 1:
            _, slash, direction = name.partition("/")
            name = path + slash + direction
            used[name] += 1
            if used[name] > 1:
                name = f"{path}~{used[name]}{slash}{direction}"
        yield name, layer


@contextlib.contextmanager
def _recorded(layer: Any, name: str, runs: dict[str, Run]) -> Iterator[None]:
    """A context in which a layer's calls are recorded, and after which its state is as before."""
    from keras import ops

    loop: Callable[..., Any] = layer.inner_loop
    carried = [np.array(ops.convert_to_numpy(one)) for one in layer.states or ()]
    calls = 0

    def recording(
        sequences: Any, initial_state: Any, mask: Any, training: bool | None = False
    ) -> Any:
        last, outputs, states = loop(
            sequences=sequences, initial_state=initial_state, mask=mask, training=training
        )
        nonlocal calls
        calls += 1
        called = name if calls == 1 else f"{name}#{calls}"
        runs[called] = _traced(layer, called, sequences, initial_state, mask, states)
        return last, outputs, states

    object.__setattr__(layer, "inner_loop", recording)
    try:
        yield
    finally:
        object.__delattr__(layer, "inner_loop")
        for number, variable in enumerate(layer.states or ()):  # built by the call: from zero
            variable.assign(carried[number] if carried else np.zeros(variable.shape))


def _traced(
    layer: Any, name: str, sequences: Any, initial_state: Any, mask: Any, states: Any
) -> Run:
    """What a layer did with what it was given; it must come to the layer's own last state."""
    import keras
    from keras import ops

    def array(x: Any) -> np.ndarray:
        return np.asarray(ops.convert_to_numpy(x)).astype(np.float32)

    if sequences.shape[0] != 1:
        raise ZooError(
            f"layer {name!r} reads {sequences.shape[0]} sequences of one example at once, of which "
            "a trace has one; trace it with inputs that are one"
        )
    cell = layer.cell
    kind = _CELLS[type(cell).__name__]
    kernel = array(cell.kernel)
    bias = array(cell.bias) if cell.use_bias else np.zeros(kernel.shape[1], np.float32)
    if not cell.use_bias and kind == "gru" and cell.reset_after:
        bias = np.zeros((2, kernel.shape[1]), np.float32)

    def function(given: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda x: array(given(ops.convert_to_tensor(x)))

    weights = CellWeights(
        kind,
        kernel,
        array(cell.recurrent_kernel),
        bias,
        function(cell.activation),
        function(getattr(cell, "recurrent_activation", keras.activations.sigmoid)),
    )
    order = slice(None, None, -1) if layer.go_backwards else slice(None)
    given = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
    shown = mask[0] if isinstance(mask, (list, tuple)) else mask
    real = None
    if shown is not None:
        real = np.asarray(ops.convert_to_numpy(shown)).reshape(1, -1).astype(bool)[:, order]
    arrays, _ = forward(weights, array(sequences)[:, order], [array(one) for one in given], real)
    run = Run(kind, _axis_name(arrays["h"].shape[1]), bool(layer.go_backwards), arrays)
    for key, own in zip(("h", "c"), states, strict=False):
        difference = np.abs(arrays[key][:, -1] - array(own)).max()
        if not difference <= _tolerance(cell) * max(1.0, float(np.abs(array(own)).max())):
            raise ZooError(
                f"layer {name!r} comes to another state than a {kind} of its weights would "
                f"(by {difference:.1g}); it cannot be traced"
            )
    return run


def _tolerance(cell: Any) -> float:
    return _TOLERANCE if cell.compute_dtype in ("float32", "float64") else 0.1
