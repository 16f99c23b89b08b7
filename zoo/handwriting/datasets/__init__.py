"""The corpora of handwriting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.datasets import prepared

if TYPE_CHECKING:
    from zoo.handwriting.ink_files import Ink
    from zoo.handwriting.processor import Line


def load_lines(name: str) -> dict[str, Sequence[Line]]:
    """A corpus of handwritten lines, read from the disk a line at a time.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    from zoo.handwriting.datasets.builders import PreparedLines

    with prepared(name) as made:
        return {split: PreparedLines(made, split) for split in made.info.splits}


def load_ink(name: str) -> dict[str, Sequence[Ink]]:
    """A corpus of pen strokes, read from the disk a piece at a time.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    from zoo.handwriting.datasets.builders import PreparedInks

    with prepared(name) as made:
        return {split: PreparedInks(made, split) for split in made.info.splits}
