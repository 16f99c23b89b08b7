"""ONNX graphs: what a network calculates, as a value that runs, and is exported, without Keras.

A graph is written node by node with :class:`GraphBuilder`, whose weights are the arrays of a model
folder by variable path. :mod:`zoo.inference.graph_layers` has the layers.

    builder = GraphBuilder("double")
    x = builder.input("x", np.float32, ("batch", 3))
    builder.output("y", builder.node("Add", x, x), np.float32, ("batch", 3))
    graph = builder.build()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

OPSET = 17
"""Version of ONNX's operators, the first with LayerNormalization."""

IR_VERSION = 8
"""Version of ONNX's file format that came with :data:`OPSET`."""


@dataclass(frozen=True)
class Tensor:
    """An input or an output of a graph.

    Args:
        name: its name.
        dtype: type of its elements.
        shape: of each axis its length, or a name where that is free.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]

    def zeros(self, **lengths: int) -> np.ndarray:
        """An array of zeros.

        Args:
            **lengths: of the free axes by their name.
        """
        sizes = [lengths[size] if isinstance(size, str) else size for size in self.shape]
        return np.zeros(sizes, self.dtype)


@dataclass(frozen=True)
class Graph:
    """A finished graph.

    Args:
        name: what it is, such as ``"ctc_lstm_chunk"``.
        inputs: in order, state included.
        outputs: in order, state included.
        states: for each input that carries a state its output after the call. A state begins as
            zeros unless the graph of another part gives it.
        nodes: the operations in order, as ``onnx.NodeProto``.
        constants: arrays by name: the weights and what else does not change.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    states: Mapping[str, str]
    nodes: tuple[Any, ...] = field(repr=False)
    constants: Mapping[str, np.ndarray] = field(repr=False)

    def model(self) -> Any:
        """The graph as an ``onnx.ModelProto``."""
        from onnx import helper, numpy_helper

        graph = helper.make_graph(
            self.nodes,
            self.name,
            [_value_info(tensor) for tensor in self.inputs],
            [_value_info(tensor) for tensor in self.outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="zoo",
        )

    def initial_states(self, **lengths: int) -> list[np.ndarray]:
        """Zeros for each input that carries a state, in the order of ``states``.

        Args:
            **lengths: of the free axes by their name, such as ``batch=1``.
        """
        tensors = {tensor.name: tensor for tensor in self.inputs}
        return [tensors[name].zeros(**lengths) for name in self.states]


class GraphBuilder:
    """A graph in the making. Values are known by their names.

    Args:
        name: of the graph.
        weights: arrays by variable path, float16 or float32; the graph calculates in float32.
    """

    def __init__(self, name: str, weights: Mapping[str, np.ndarray] | None = None) -> None:
        self._name = name
        self._weights = weights or {}
        self._inputs: list[Tensor] = []
        self._outputs: list[Tensor] = []
        self._states: dict[str, str] = {}
        self._nodes: list[Any] = []
        self._constants: dict[str, np.ndarray] = {}
        self._renamed: dict[str, str] = {}

    def input(self, name: str, dtype: Any, shape: Sequence[int | str]) -> str:
        """Declare an input; see :class:`Tensor`."""
        self._inputs.append(Tensor(name, np.dtype(dtype), tuple(shape)))
        return name

    def output(self, name: str, value: str, dtype: Any, shape: Sequence[int | str]) -> None:
        """Give a value out under a name; see :class:`Tensor`."""
        value = self._renamed.get(value, value)
        given = {tensor.name for tensor in (*self._inputs, *self._outputs)}
        if value in given or value in self._constants:
            self.node("Identity", value, output=name)
        else:  # under its new name, which spares a copy of it
            for node in self._nodes:
                for names in (node.input, node.output):
                    names[:] = [name if each == value else each for each in names]
            self._renamed[value] = name
        self._outputs.append(Tensor(name, np.dtype(dtype), tuple(shape)))

    def state(self, name: str, shape: Sequence[int | str]) -> str:
        """Declare a float32 input that carries a state; :meth:`carry` gives it out again."""
        return self.input(name, np.float32, shape)

    def carry(self, name: str, value: str) -> None:
        """Give out the state ``name`` after the call, as ``next_NAME``."""
        (declared,) = (tensor for tensor in self._inputs if tensor.name == name)
        self._states[name] = f"next_{name}"
        self.output(f"next_{name}", value, declared.dtype, declared.shape)

    def weight(self, path: str) -> np.ndarray:
        """The array of a variable in float32."""
        return np.asarray(self._weights[path], np.float32)

    def has_weight(self, path: str) -> bool:
        """Whether there is such a variable."""
        return path in self._weights

    def constant(self, value: Any, name: str = "", dtype: Any = None) -> str:
        """A constant.

        Args:
            value: an array or a number.
            name: under which it is known; left out, equal ones share a name.
            dtype: of its elements; left out, whole numbers are int64 and others float32.
        """
        array = np.asarray(value)
        if dtype is None:
            dtype = np.int64 if array.dtype.kind in "iu" else np.float32
        array = np.ascontiguousarray(array, dtype).reshape(array.shape)
        if not name:
            text = "_".join(map(str, array.ravel().tolist())) or "none"
            name = f"constant_{array.dtype}_{text}_{'x'.join(map(str, array.shape))}"
        self._constants.setdefault(name, array)
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """An operation with one output.

        Args:
            operator: ONNX's name of it.
            *inputs: its inputs in order, ``""`` for one that is left out.
            output: name of the output; left out, it gets one.
            **attributes: of the operation.
        """
        return self.nodes(operator, *inputs, outputs=(output,), **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, outputs: int | Sequence[str], **attributes: Any
    ) -> list[str]:
        """An operation with several outputs: their number, or their names (``""`` for any)."""
        from onnx import helper

        number = len(self._nodes)
        names = [""] * outputs if isinstance(outputs, int) else list(outputs)
        names = [
            name or f"{operator.lower()}_{number}" + (f"_{place}" if len(names) > 1 else "")
            for place, name in enumerate(names)
        ]
        label = f"{operator.lower()}_{number}"
        known = [self._renamed.get(value, value) for value in inputs]
        self._nodes.append(helper.make_node(operator, known, names, label, **attributes))
        return names

    def reshape(self, x: str, *shape: int) -> str:
        """Another shape: 0 keeps a length, -1 is what is left."""
        return self.node("Reshape", x, self.constant(np.array(shape)))

    def transpose(self, x: str, *order: int) -> str:
        """The axes in another order."""
        return self.node("Transpose", x, perm=list(order))

    def unsqueeze(self, x: str, *axes: int) -> str:
        """New axes of length 1."""
        return self.node("Unsqueeze", x, self.constant(np.array(axes)))

    def squeeze(self, x: str, *axes: int) -> str:
        """Without axes of length 1."""
        return self.node("Squeeze", x, self.constant(np.array(axes)))

    def concatenate(self, values: Sequence[str], axis: int) -> str:
        """Values one after the other."""
        return values[0] if len(values) == 1 else self.node("Concat", *values, axis=axis)

    def slice(self, x: str, axis: int, start: int, end: int | None = None) -> str:
        """From ``start`` up to ``end`` along an axis; negative ones count from the end."""
        last = np.iinfo(np.int64).max if end is None else end
        bounds = [self.constant(np.array([value])) for value in (start, last, axis)]
        return self.node("Slice", x, *bounds)

    def length(self, x: str, axis: int) -> str:
        """Length of an axis, an int64 ``(1,)``."""
        return self.slice(self.node("Shape", x), 0, axis, axis + 1)

    def build(self) -> Graph:
        """The finished graph."""
        return Graph(
            self._name,
            tuple(self._inputs),
            tuple(self._outputs),
            dict(self._states),
            tuple(self._nodes),
            dict(self._constants),
        )


def _value_info(tensor: Tensor) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    return helper.make_tensor_value_info(tensor.name, kind, list(tensor.shape))
