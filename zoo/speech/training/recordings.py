"""A folder of recordings with their transcripts, as fine-tuning takes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo.files import is_file, is_outside, read_text
from zoo.folder.manifest import sha256_of
from zoo.speech.processor import Speech, Utterance

TRANSCRIPTS = "transcripts.tsv"

Row = tuple[str, str]
"""File name below the folder, and what is said in it."""


class Recordings(Sequence[Utterance]):
    """Recordings in a folder, each read when it is asked for.

    Args:
        folder: where they are.
        rows: which ones.
        processor: gives the sample rate.
    """

    def __init__(self, folder: Path, rows: Sequence[Row], processor: Speech) -> None:
        self._folder, self._rows, self._processor = folder, rows, processor

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        name, text = self._rows[index]
        samples = self._processor.read(self._folder / name)
        return Utterance(samples, text, speaker="", identity=name)


def read_transcripts(folder: Path, least: int = 2) -> list[Row]:
    """What ``transcripts.tsv`` in a folder of recordings says.

    It has a line for each recording: its file name below the folder, a tab, and what is said, white
    space squeezed.

    Args:
        folder: with the recordings and the file.
        least: 1 for what is scored alone, 2 for what one is held out of.

    Raises:
        DataError: the file is missing or malformed, names a recording twice, one that is not there
            or one outside the folder, or names too few.
    """
    path = folder / TRANSCRIPTS
    rows: dict[str, str] = {}
    for number, line in enumerate(read_text([path]).splitlines(), 1):
        if not line.strip():
            continue
        name, _, text = line.partition("\t")
        text = " ".join(text.split())
        if not name or not text:
            raise DataError(f"{path}, line {number}: expected FILE, a tab and what is said in it")
        if name in rows:
            raise DataError(f"{path}, line {number}: {name} was there before")
        if is_outside(name):
            raise DataError(f"{path}, line {number}: {name} is outside the folder")
        if not is_file(folder / name):
            raise DataError(f"{path}, line {number}: there is no recording {folder / name}")
        rows[name] = text
    if not rows:
        raise DataError(f"{path} names no recordings")
    if len(rows) < least:
        raise DataError(f"{path} must name at least two recordings; one is held out for validation")
    return list(rows.items())


def split_by_hash(rows: Sequence[Row], fraction: float) -> tuple[list[Row], list[Row]]:
    """A fraction of the rows and the others, by the rank of their names' sha256."""
    ordered = sorted(rows, key=lambda row: sha256_of(row[0].encode()))
    count = min(max(1, round(fraction * len(rows))), len(rows) - 1)
    return ordered[:count], ordered[count:]
