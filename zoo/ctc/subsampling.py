"""How many outputs a network trained with CTC gives."""

from __future__ import annotations

from typing import Any

SUBSAMPLING = 4
"""Frames, columns or points for each output of the networks."""


def output_frames(frames: Any) -> Any:
    """How many outputs the networks give for so many frames, a number or an array of them."""
    return (frames + SUBSAMPLING - 1) // SUBSAMPLING
