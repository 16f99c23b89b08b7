"""Weights: reading them within bounds, checking them, putting them into a network.

The header of a safetensors file is looked at before anything is made of it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.errors import FolderError, ZooError
from zoo.folder.int8 import SCALE, restored
from zoo.folder.layout import CONFIG, GOLDEN, WEIGHTS
from zoo.folder.manifest import INT8_VERSION, MAX_FILE_BYTES, parse_json
from zoo.folder.model_folder import ModelFolder

_WEIGHT_TYPES = {"F16": np.float16, "F32": np.float32}
_STORED_TYPES = {**_WEIGHT_TYPES, "I8": np.int8}
_GOLDEN_TYPES = {**_WEIGHT_TYPES, "I32": np.int32, "BOOL": np.bool_}
LARGEST_WEIGHT = 1e15
"""Largest weight that is read. The product of two such weights, summed over a layer, still fits in
float32; no trained network has a weight near it."""
_LARGEST_HALF = float(np.finfo(np.float16).max)
_MAX_AXES = 8
_MAX_HEADER = 4 * 2**20
_START = 8
"""Bytes before the header, which tell its length."""


def read_weights(folder: ModelFolder, parameters: int, version: int = 1) -> dict[str, np.ndarray]:
    """The weights of a model folder.

    Args:
        folder: the model folder.
        parameters: how many numbers the network has; a file that is larger than so many float32
            values and the longest header is not read.
        version: the folder's format version; from 2 on weights may be int8, see
            :mod:`zoo.folder.int8`.

    Returns:
        Float16 or float32 arrays by variable path.

    Raises:
        FolderError: the file is damaged, has another type, or holds more or fewer numbers.
    """
    limit = min(MAX_FILE_BYTES, _START + _MAX_HEADER + 4 * parameters)
    where = str(folder.path / WEIGHTS)
    data = folder.read(WEIGHTS, limit)
    if version < INT8_VERSION:
        return parse_safetensors(data, _WEIGHT_TYPES, where, parameters)
    return restored(parse_safetensors(data, _STORED_TYPES, where, parameters, SCALE), where)


def read_golden(folder: ModelFolder) -> dict[str, np.ndarray]:
    """The golden arrays of a model folder, none if it has no such file.

    Raises:
        FolderError: the file is damaged or has another type.
    """
    if GOLDEN not in folder:
        return {}
    return parse_safetensors(folder.read(GOLDEN), _GOLDEN_TYPES, str(folder.path / GOLDEN))


def parse_safetensors(
    data: bytes,
    types: Mapping[str, type],
    where: str,
    expected_values: int | None = None,
    uncounted: str = "",
) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file.

    Args:
        data: its bytes.
        types: the tensor types that are allowed.
        where: the file, for messages.
        expected_values: how many numbers all tensors must hold together.
        uncounted: ending of the names of tensors that do not count; empty if all do.

    Raises:
        FolderError: it is damaged, has another type, or holds more or fewer numbers.
    """
    import safetensors.numpy

    total = 0
    for name, entry in _header(data, where).items():
        kind, shape = (
            entry.get(k) if isinstance(entry, dict) else None for k in ("dtype", "shape")
        )
        if not isinstance(kind, str) or kind not in types:
            raise FolderError(f"{where}: {name} is not of type {' or '.join(types)}")
        if (
            not isinstance(shape, list)
            or len(shape) > _MAX_AXES
            or any(type(n) is not int or not 0 <= n <= MAX_FILE_BYTES for n in shape)
        ):
            raise FolderError(f"{where}: {name} has no valid shape")
        if not uncounted or not name.endswith(uncounted):
            total += math.prod(shape)
    if expected_values is not None and total != expected_values:
        raise FolderError(
            f"{where} holds {total:,} weights, but the network that {CONFIG} describes has "
            f"{expected_values:,}"
        )
    try:
        return safetensors.numpy.load(data)
    except Exception as error:  # the parser's error class, and NumPy's for odd shapes
        raise FolderError(f"{where} is damaged: {error}") from None


def check_weights(
    weights: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], where: str
) -> None:
    """Check that weights are those of a network, by variable path, every one and no other.

    Args:
        weights: arrays by variable path.
        shapes: of the network's variables.
        where: what holds the weights, for the message.

    Raises:
        FolderError: a name or a shape differs (the difference is listed), or a number is NaN,
            infinite or above :data:`LARGEST_WEIGHT`.
    """
    lines = [f"  missing: {name} {shapes[name]}" for name in shapes.keys() - weights.keys()]
    lines += [f"  unknown: {name} {weights[name].shape}" for name in weights.keys() - shapes.keys()]
    lines += [
        f"  {name}: the file has {weights[name].shape}, the network {shapes[name]}"
        for name in shapes.keys() & weights.keys()
        if weights[name].shape != shapes[name]
    ]
    if lines:
        raise FolderError(
            f"the weights in {where} do not fit the network:\n" + "\n".join(sorted(lines)[:20])
        )
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise FolderError(f"the weights in {where} hold NaN or infinite values in {name}")
        largest = float(np.abs(array).max(initial=0))
        if largest > LARGEST_WEIGHT:
            raise FolderError(
                f"the weights in {where} hold {largest:.1g} in {name}; sums with values above "
                f"{LARGEST_WEIGHT:.0g} overflow"
            )


def assign_weights(network: Any, weights: Mapping[str, np.ndarray], where: str) -> None:
    """Put weights into a network, by variable path, every one and no other.

    Raises:
        FolderError: as :func:`check_weights`.
    """
    wanted = {variable.path: variable for variable in network.weights}
    check_weights(weights, {name: tuple(array.shape) for name, array in wanted.items()}, where)
    for name, variable in wanted.items():
        variable.assign(weights[name].astype(np.float32))


def half_precision(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as float16, by variable path.

    Raises:
        ZooError: a weight is NaN, infinite or too large for float16.
    """
    halves = {}
    for name, array in weights.items():
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > _LARGEST_HALF:
            raise ZooError(f"{name} has values that float16 cannot hold")
        halves[name] = array.astype(np.float16)
    return halves


def _header(data: bytes, where: str) -> dict[str, Any]:
    if len(data) < _START:
        raise FolderError(f"{where} is too short for a safetensors file")
    (length,) = struct.unpack("<Q", data[:_START])
    if length > _MAX_HEADER:
        raise FolderError(
            f"{where} is not a valid safetensors file: its header claims {length} bytes"
        )
    if len(data) < _START + length:
        raise FolderError(f"{where} is cut off inside its header")
    header = parse_json(data[_START : _START + length], f"the header of {where}")
    if not isinstance(header, dict):
        raise FolderError(f"the header of {where} is not a table")
    header.pop("__metadata__", None)
    return header
