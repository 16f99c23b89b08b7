"""Weights in eight bits: whole numbers from -127 to 127, and a scale for each channel.

What is multiplied with is stored so, which is nearly all that a network has; biases and norms stay
float16. A kernel has a scale for each output, an embedding one for each of its rows. The error of a
weight is at most half a step, 1/254 of the largest one of its channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.errors import FolderError

SCALE = ".scale"
"""What the name of a variable's scales ends with."""

_STEPS = 127
_KERNELS = ("kernel", "embeddings")  # what the paths of the variables end with


def quantised(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as they are stored in eight bits.

    Args:
        weights: finite arrays by variable path.

    Returns:
        For each kernel and embedding an int8 array, and under its name and :data:`SCALE` the
        float32 scales, of the same number of axes; the other weights as they are.
    """
    stored = {}
    for path, array in weights.items():
        if not path.endswith(_KERNELS) or array.ndim < 2:
            stored[path] = array
            continue
        channel = 0 if path.endswith("embeddings") else array.ndim - 1
        others = tuple(axis for axis in range(array.ndim) if axis != channel)
        values = array.astype(np.float32)
        scale = np.abs(values).max(axis=others, keepdims=True, initial=0.0) / _STEPS
        scale[scale == 0] = 1.0
        stored[path] = np.rint(values / scale).astype(np.int8)
        stored[path + SCALE] = scale
    return stored


def restored(stored: Mapping[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """The weights that :func:`quantised` made, int8 ones as float32.

    Args:
        stored: arrays by name.
        where: the file, for messages.

    Raises:
        FolderError: a scale is missing, belongs to nothing, or does not fit.
    """
    weights = {}
    for path, array in stored.items():
        if path.endswith(SCALE):
            owner = stored.get(path.removesuffix(SCALE))
            if owner is None or owner.dtype != np.int8:
                raise FolderError(f"{where}: {path} is the scale of nothing in int8")
        elif array.dtype != np.int8:
            weights[path] = array
        else:
            weights[path] = array.astype(np.float32) * _scale(stored, path, where)
    return weights


def _scale(stored: Mapping[str, np.ndarray], path: str, where: str) -> np.ndarray:
    scale, array = stored.get(path + SCALE), stored[path]
    if scale is None:
        raise FolderError(f"{where}: {path} is in int8 and has no {path + SCALE}")
    fits = scale.ndim == array.ndim and all(
        size in (1, length) for size, length in zip(scale.shape, array.shape, strict=True)
    )
    if not fits or scale.dtype != np.float32:
        raise FolderError(f"{where}: {path + SCALE} does not fit {path}")
    if not np.isfinite(scale).all():
        raise FolderError(f"{where}: {path + SCALE} holds NaN or infinite values")
    return scale
