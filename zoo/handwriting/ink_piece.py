"""A piece of ink as a file has it, and the bytes of such a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import DataError
from zoo.files import open_without_waiting, reason_of

MAX_FILE_BYTES = 128 * 2**20
"""Bytes of the largest file that is read; four million points fit into it."""


@dataclass(frozen=True)
class Ink:
    """A piece of ink from a file.

    Args:
        strokes: arrays ``(points, 2)``, x to the right and y downwards.
        text: what is written, or empty if the file does not say.
        level: what UNIPEN calls it, such as ``"WORD"``.
        quality: what UNIPEN says of it, such as ``"GOOD"``.
        writer: who wrote it, or empty.
    """

    strokes: list[np.ndarray]
    text: str = ""
    level: str = ""
    quality: str = ""
    writer: str = ""


def read_ink_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: it is missing, unreadable, empty, or larger than :data:`MAX_FILE_BYTES`.
    """
    try:
        with open(path, "rb", opener=open_without_waiting) as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from None
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
    if not data.strip():
        raise DataError(f"{path} is empty")
    return data
