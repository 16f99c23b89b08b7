"""A model folder opened once: every file is checked in the very read that its user gets.

The manifest is read when the folder is opened and kept. A file is opened once, and what is returned
are the bytes whose size and sha256 were compared with the manifest, so nothing can be put in its
place between the check and the use.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from zoo.errors import FolderError
from zoo.files import open_without_waiting, reason_of
from zoo.folder.manifest import (
    MANIFEST,
    MAX_FILE_BYTES,
    FileEntry,
    parse_manifest,
    read_file,
    sha256_of,
)

T = TypeVar("T")

_PIECE = 2**20
_KEPT = 2**16
"""Bytes of a file that is kept once it was read, such as the config: who asks next need not."""

Mend = Callable[[str, FolderError], None]
"""Called with a damaged file's name and what is wrong with it; brings the file back or raises."""


class ModelFolder:
    """A model folder whose manifest has been read.

    Args:
        path: the folder.
        manifest_bytes: what its ``manifest.json`` holds.
        manifest_sha256: what the registry says of ``manifest.json``, checked if given.
        reference: what the user called it, for messages; the path when empty.
        mend: brings a damaged file back, where its source is known; it is tried once for a file.

    Raises:
        FolderError: the manifest is not valid or not the registered one.

    Example:
        >>> folder = ModelFolder.open(Path("runs/shakespeare"))
        >>> folder.read("config.json")[:1]
        b'{'
    """

    def __init__(
        self,
        path: Path,
        manifest_bytes: bytes,
        manifest_sha256: str | None = None,
        *,
        reference: str = "",
        mend: Mend | None = None,
    ) -> None:
        where, sha256 = str(path / MANIFEST), sha256_of(manifest_bytes)
        if manifest_sha256 is not None and sha256 != manifest_sha256:
            raise FolderError(
                f"{where} has sha256 {sha256[:12]}..., the registry says "
                f"{manifest_sha256[:12]}...: it is another version of the model or was changed"
            )
        self.path = path
        self.manifest = parse_manifest(manifest_bytes, where)
        self.manifest_bytes = manifest_bytes
        self.manifest_sha256 = sha256
        self.reference = reference or str(path)
        self._mend = mend
        self._checked: set[str] = set()
        self._kept: dict[str, bytes] = {}

    @classmethod
    def open(
        cls,
        path: Path,
        manifest_sha256: str | None = None,
        *,
        reference: str = "",
        mend: Mend | None = None,
    ) -> ModelFolder:
        """Read the manifest of a folder; the arguments are those of :class:`ModelFolder`.

        Raises:
            FolderError: there is no such folder, or its manifest is missing, not valid or not the
                registered one.
        """
        where = path / MANIFEST
        try:
            if not path.is_dir():
                raise FolderError(f"there is no model folder {str(path)!r:.200}")
            if not where.exists():
                raise FolderError(f"{path} is not a zoo model: it has no {MANIFEST}")
        except (OSError, ValueError) as error:
            raise FolderError(f"cannot read {str(path)!r:.200}: {reason_of(error)}") from None
        return cls(path, read_file(where), manifest_sha256, reference=reference, mend=mend)

    def __contains__(self, name: str) -> bool:
        return name in self.manifest.files

    def __str__(self) -> str:
        return self.reference

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The bytes of a file, which are those that were checked.

        Args:
            name: one of the manifest's files.
            limit: maximum size in bytes; a larger file is refused before it is opened.

        Raises:
            FolderError: it is missing, too large, not a regular file, or its size or sha256 is not
                that of the manifest.
        """
        entry = self._entry(name)
        if entry.size > limit:
            raise FolderError(f"{self.path / name} is larger than {limit} bytes")
        if name in self._kept:
            return self._kept[name]
        data = self._with_mend(name, lambda: b"".join(_checked_pieces(self.path / name, entry)))
        if entry.size <= _KEPT:
            self._kept[name] = data
        return data

    def verify(self) -> None:
        """Check all files that have not been read, in pieces.

        Raises:
            FolderError: as :meth:`read`.
        """
        for name, entry in self.manifest.files.items():
            if name not in self._checked:
                self._with_mend(name, partial(verify_file, self.path / name, entry))

    def _with_mend(self, name: str, check: Callable[[], T]) -> T:
        try:
            result = check()
        except FolderError as error:
            if self._mend is None:
                raise
            self._mend(name, error)
            result = check()
        self._checked.add(name)
        return result

    def _entry(self, name: str) -> FileEntry:
        try:
            return self.manifest.files[name]
        except KeyError:
            raise FolderError(f"{self.path} has no {name}") from None


def verify_file(path: Path, entry: FileEntry) -> None:
    """Check a file against its manifest entry, in pieces.

    Raises:
        FolderError: it is missing or not a regular file, or its size or sha256 differs.
    """
    for _ in _checked_pieces(path, entry):
        pass


def _checked_pieces(path: Path, entry: FileEntry) -> Iterator[bytes]:
    """The file's bytes; the last piece is followed by an error if they are not those expected."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb", opener=open_without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FolderError(f"{path} is not a regular file")
            size = status.st_size
            if size == entry.size:  # one that is not as long as it should be need not be read
                size = 0
                while piece := stream.read(min(_PIECE, entry.size + 1 - size)):
                    digest.update(piece)
                    size += len(piece)
                    yield piece
    except OSError as error:
        raise FolderError(f"cannot read {path}: {reason_of(error)}") from None
    if size != entry.size:
        raise FolderError(
            f"{path} has {size} bytes, its manifest says {entry.size}: the file is damaged"
        )
    if digest.hexdigest() != entry.sha256:
        raise FolderError(
            f"{path} has sha256 {digest.hexdigest()[:12]}..., its manifest says "
            f"{entry.sha256[:12]}...: the file is damaged or was changed"
        )
