"""What the corpus builders share: pinned files, and the local mirror that is tried first."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from zoo.errors import DataError
from zoo.files import user_path
from zoo.folder.manifest import sha256_of

MIRROR_VARIABLE = "ZOO_DATA_MIRROR"


@dataclass(frozen=True)
class Resource:
    """A public file: where it is and what its bytes are.

    Args:
        url: ``https://`` address, pinned by commit.
        sha256: of its bytes, in hex.
    """

    url: str
    sha256: str

    def in_mirror(self, mirror: Path) -> Path:
        """Where a mirror folder keeps this file."""
        return mirror / self.url.removeprefix("https://")

    def check(self, path: Path) -> None:
        """Compare a file with what is pinned.

        Raises:
            DataError: its bytes are others.
        """
        with open(path, "rb") as stream:  # some have gigabytes
            actual = hashlib.file_digest(stream, "sha256").hexdigest()
        if actual != self.sha256:
            raise DataError(f"{path} is not the file that {self.url} pins: its sha256 differs")


@dataclass(frozen=True)
class ZipResource(Resource):
    """A public archive of which only some files matter.

    An archive that is made on request, or cut down for a mirror, differs in its bytes while its
    files are the same, so it is the files that are pinned.

    Args:
        url: ``https://`` address, pinned by commit.
        sha256: of the lines ``SHA256  NAME`` of the files that matter, sorted by name.
        wanted: shell patterns of the files that matter, below the archive's top folder.
    """

    wanted: tuple[str, ...] = ()

    def check(self, path: Path) -> None:
        """Compare the files that matter with what is pinned.

        Raises:
            DataError: one is missing, added or changed, or the file is no archive.
        """
        lines = [f"{sha256_of(data)}  {name}" for name, data in self.files(path)]
        actual = sha256_of("\n".join(sorted(lines, key=lambda line: line[66:])).encode())
        if actual != self.sha256:
            raise DataError(f"{path} does not hold the files that {self.url} pins")

    def files(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Name and content of each file that matters; nothing is written to the disk.

        Raises:
            DataError: the file is no archive or is damaged.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    name = entry.filename.partition("/")[2]
                    if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.wanted):
                        yield name, archive.read(entry)
        except (zipfile.BadZipFile, OSError, zlib.error) as error:
            raise DataError(f"{path} is a damaged archive: {error}") from None


@dataclass(frozen=True)
class CommitArchive(Resource):
    """A public archive that nothing but the commit in its URL pins.

    Args:
        url: ``https://`` address, pinned by commit.
        sha256: not used; the archive is made on request.
    """

    sha256: str = ""

    def check(self, path: Path) -> None:
        """See that it is an archive.

        Raises:
            DataError: it is none.
        """
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path} is not a valid zip archive, which {self.url} should be")


def fetch(resource: Resource, downloads: tfds.download.DownloadManager) -> Path:
    """Path of a resource's file, from the mirror or downloaded, checked.

    Raises:
        DataError: it cannot be had, or its bytes are not those that the builder pins.
    """
    local = in_mirror(resource)
    if local is not None:
        return local
    try:
        path = Path(downloads.download(resource.url))
    except Exception as error:  # the download manager raises many kinds
        raise DataError(
            f"cannot download {resource.url}: {error}; "
            f"set {MIRROR_VARIABLE} to a folder that has it"
        ) from error
    resource.check(path)
    return path


def in_mirror(resource: Resource) -> Path | None:
    """A resource's file in the mirror, checked, or ``None`` if there is none.

    Raises:
        DataError: its bytes are not those that the builder pins.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    path = resource.in_mirror(user_path(mirror)) if mirror else None
    if path is None or not path.is_file():
        return None
    resource.check(path)
    return path


class Corpus(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """What TFDS is told about a corpus.

    A subclass sets ``SUMMARY``, ``HOMEPAGE``, ``CITATION``, ``LICENSE`` and :meth:`features`.
    ``ORDERED`` says whether the examples stay in the order in which they are read.
    """

    VERSION = tfds.core.Version("1.0.0")
    ORDERED = True
    SUMMARY: str
    HOMEPAGE: str
    CITATION: str
    LICENSE: str

    def features(self) -> dict[str, Any]:
        """What an example has, as TFDS features by name."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.SUMMARY,
            features=tfds.features.FeaturesDict(self.features()),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENSE,
            disable_shuffling=self.ORDERED,
        )


class RowCorpus(Corpus, skip_registration=True):  # type: ignore[call-arg]
    """A corpus with one example for each of its rows, in the order in which they are read.

    A subclass of :class:`Corpus` that also has the methods that raise here.
    """

    def read_splits(self, downloads: Any) -> dict[str, list[Any]]:
        """The rows of each split."""
        raise NotImplementedError

    def example(self, row: Any) -> dict[str, Any]:
        """The values of :meth:`~Corpus.features` for a row."""
        raise NotImplementedError

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        splits = self.read_splits(dl_manager)
        return {name: self._generate_examples(rows) for name, rows in splits.items()}

    def _generate_examples(self, rows: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, row in enumerate(rows):
            yield number, self.example(row)


class TextCorpus(Corpus, skip_registration=True):  # type: ignore[call-arg]
    """A corpus of running text with one example a split, as ``tiny_shakespeare`` of TFDS has it.

    A subclass of :class:`Corpus` that sets ``RESOURCE`` and :meth:`split_text`.
    """

    ORDERED = False
    RESOURCE: Resource

    def features(self) -> dict[str, Any]:
        """See :class:`Corpus`."""
        return {"text": tfds.features.Text()}

    def split_text(self, text: str) -> dict[str, str]:
        """The splits of the whole file's text."""
        raise NotImplementedError

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        path = fetch(self.RESOURCE, dl_manager)
        with open(path, encoding="utf-8-sig", newline=None) as stream:
            splits = self.split_text(stream.read())
        return {name: self._generate_examples(text) for name, text in splits.items()}

    def _generate_examples(self, text: str) -> Any:
        yield 0, {"text": text}
