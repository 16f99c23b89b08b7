"""The English corpus as a mirror holds it: zips of Ogg/Opus files, and a table about them."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from zoo.errors import DataError

TABLE = "transcripts.tsv"

_TESTS = {
    "ls_test_clean_tenth": "test_clean",
    "ls_test_other100": "test_other",
    "cv_en": "test_common_voice",
}
_DATE = (2026, 1, 1, 0, 0, 0)  # the same files make the same archive


@dataclass(frozen=True)
class Clip:
    """A row of the table.

    Args:
        file: ``ARCHIVE/NAME.opus``; the archive is ``ARCHIVE.zip``.
        speaker: who speaks: ``ls`` (LibriSpeech), ``cv`` (Common Voice) or ``so`` (speechocean762)
            and a number.
        split: ``train``, ``dev`` or ``test``; no speaker is in two.
        text: what is said; a to z in small letters, apostrophe and space.
        set: which part of which corpus, such as ``ls_train5``.
        seconds: length.
        gender: as the corpus names it, or empty.
        age: years (speechocean762), a decade such as ``twenties`` (Common Voice), or empty.
        accent: as the corpus names it, or empty.
        origin: the public place that the clip is from.
    """

    file: str
    speaker: str
    split: str
    text: str
    set: str
    seconds: float
    gender: str
    age: str
    accent: str
    origin: str

    @property
    def identity(self) -> str:
        """Name of the clip, the same in no other corpus."""
        return Path(self.file).stem

    @property
    def tfds_split(self) -> str:
        """The split of the tensorflow-datasets builder, where each test part has its own name."""
        if self.split == "test":
            return _TESTS[self.set]
        return {"dev": "validation"}.get(self.split, self.split)


COLUMNS = tuple(field.name for field in fields(Clip))


def read_clips(path: Path) -> list[Clip]:
    """The rows of the table: tab-separated, no quoting, see :class:`Clip`.

    Raises:
        DataError: its columns are others.
    """
    with open(path, encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {' '.join(COLUMNS)}")
        return [Clip(seconds=float(row.pop("seconds")), **row) for row in rows]


def read_recordings(
    clips: Iterable[Clip], archives: Mapping[str, Path]
) -> Iterator[tuple[Clip, bytes]]:
    """Each clip with its encoded audio.

    Args:
        clips: which ones.
        archives: the zips by name, without ``.zip``.

    Raises:
        DataError: an archive is damaged or lacks a clip.
    """
    opened: dict[str, zipfile.ZipFile] = {}
    try:
        for clip in clips:
            name, _, inside = clip.file.partition("/")
            if name not in opened:
                opened[name] = zipfile.ZipFile(archives[name])
            yield clip, opened[name].read(inside)
    except KeyError as error:
        raise DataError(f"there is no recording {clip.file}: {error}") from None
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise DataError(f"{archives[name]} is a damaged archive: {error}") from None
    finally:
        for archive in opened.values():
            archive.close()


def write_clips(clips: Iterable[tuple[Clip, bytes]], folder: Path) -> None:
    """Write clips and their encoded audio as a mirror holds them; the table comes last.

    Args:
        clips: each clip of the corpus.
        folder: where to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opened: dict[str, zipfile.ZipFile] = {}
    rows = []
    try:
        for clip, encoded in clips:
            name, _, inside = clip.file.partition("/")
            if name not in opened:
                opened[name] = zipfile.ZipFile(folder / f"{name}.zip", "w")
            opened[name].writestr(zipfile.ZipInfo(inside, _DATE), encoded)
            rows.append(clip)
    finally:
        for archive in opened.values():
            archive.close()
    with open(folder / TABLE, "w", encoding="utf-8", newline="\n") as stream:
        stream.write("\t".join(COLUMNS) + "\n")
        for clip in sorted(rows, key=lambda clip: clip.file):
            stream.write("\t".join(str(value) for value in asdict(clip).values()) + "\n")
