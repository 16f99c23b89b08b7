"""The ceiling on memory: what is derived from a small input is counted before it is allocated.

A model folder or an input of a few kilobytes can ask for arrays of many gigabytes: a vocabulary
times the units of a layer, the outputs of a long recording times its labels. Whatever grows as such
a product is counted here first. What stays in proportion to the files that were read is not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence

import numpy as np

from zoo.errors import UsageError, ZooError

VARIABLE = "ZOO_MEMORY_LIMIT_MB"
"""The environment variable that sets the ceiling, in megabytes."""

DEFAULT_MEGABYTES = 1024


def memory_limit() -> int:
    """The ceiling in bytes: that of ``ZOO_MEMORY_LIMIT_MB``, or 1024 MB.

    Raises:
        UsageError: the variable holds something else than a whole number above 0.
    """
    text = os.environ.get(VARIABLE, "").strip() or str(DEFAULT_MEGABYTES)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise UsageError(f"{VARIABLE} must be a whole number of megabytes, not {text!r:.60}")
    return int(text) * 2**20


def activation_bytes(
    variables: Iterable[tuple[int, ...]], inputs: Sequence[np.ndarray | tuple[int, ...]]
) -> int:
    """Bytes of the largest array that a network makes of an input, as float32, or somewhat more.

    Args:
        variables: shapes of its variables.
        inputs: what it reads, or its shapes: ``(batch, steps, ...)``.
    """
    shapes = [np.shape(one) if isinstance(one, np.ndarray) else one for one in inputs]
    steps = max((math.prod(shape[:2]) for shape in shapes), default=0)
    numbers = max(map(math.prod, shapes), default=0)
    # A kernel of more than two axes is a convolution's, which is applied at every number; those
    # of the zoo halve both axes.
    return 4 * max(
        (
            numbers * shape[-1] // 4 if len(shape) > 2 else steps * shape[-1]
            for shape in variables
            if shape
        ),
        default=0,
    )


def check_memory(size: int, what: str) -> None:
    """Check what is about to be allocated.

    Args:
        size: in bytes.
        what: it is, for the message, such as ``"a table of 64,000 ids by 2,048 units"``.

    Raises:
        ZooError: it is above the ceiling.
    """
    limit = memory_limit()
    if size > limit:
        raise ZooError(
            f"{what} would take {size / 2**20:,.0f} MB of memory, more than the limit of "
            f"{limit // 2**20:,} MB; use a smaller model or input, or set {VARIABLE} higher"
        )
