"""The precision that a network is trained in: the fastest that the machine has."""

from __future__ import annotations

import contextlib
from pathlib import Path

AUTO = "auto"
"""The dtype policy of a plan that leaves it to :func:`training_dtype`."""

_CPU = Path("/proc/cpuinfo")
_INSTRUCTIONS = {"amx_bf16", "avx512_bf16", "bf16"}  # of x86, and last of ARM


def training_dtype(chosen: str = AUTO) -> str:
    """A Keras dtype policy for training.

    Where the processor multiplies in bfloat16, that takes half of the time; where it does not,
    TensorFlow converts back and forth, and a step takes up to 1.6 times as long as in float32.
    The variables are float32 in both, so that a run begun in one can go on in the other.

    Args:
        chosen: a policy, or ``"auto"`` for ``"mixed_bfloat16"`` on a processor or a GPU that
            multiplies in it and ``"float32"`` on others.
    """
    if chosen != AUTO:
        return chosen
    import tensorflow as tf

    known = _INSTRUCTIONS & _processor_flags() or tf.config.list_physical_devices("GPU")
    return "mixed_bfloat16" if known else "float32"


def _processor_flags() -> set[str]:
    """What the processor can do, as Linux names it; nothing elsewhere."""
    with contextlib.suppress(OSError):
        for line in _CPU.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, flags = line.partition(":")
            if name.strip() in ("flags", "Features"):
                return set(flags.split())
    return set()
