"""The manifest of a model folder: which files there are, how long they are, and their sha256.

Everything that reads a model folder comes through here first. Nothing is opened before its name,
its kind and its size have been checked, so a hostile folder can cost no more than the reading of
the files that its manifest admits to.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import FolderError
from zoo.files import open_without_waiting

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
MAX_TEXT_BYTES = 4 * 2**20
MAX_PART_BYTES = 64 * 2**20
MAX_FILE_BYTES = 2 * 2**30
MAX_FILES = 64

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 2**20


@dataclass(frozen=True)
class FileEntry:
    """One file of a model folder: ``size`` in bytes and ``sha256`` in hex."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The files of a model folder by name, ``manifest.json`` itself left out."""

    files: dict[str, FileEntry]

    @property
    def total_size(self) -> int:
        """Bytes of all listed files."""
        return sum(entry.size for entry in self.files.values())

    def to_bytes(self) -> bytes:
        """The JSON text, the same bytes for the same files."""
        files = {
            name: {"sha256": entry.sha256, "size": entry.size}
            for name, entry in sorted(self.files.items())
        }
        text = json.dumps({"format_version": FORMAT_VERSION, "files": files}, indent=2)
        return (text + "\n").encode()


def check_file_name(name: Any, where: str) -> str:
    """Return ``name`` if it is a plain file name, with no path in it.

    Raises:
        FolderError: it is absolute, hidden, climbs out of the folder, or holds odd characters.
    """
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        raise FolderError(f"{where}: {name!r} is no plain file name; the folder is not a zoo model")
    return name


def parse_json(data: bytes, where: str) -> Any:
    """Parse JSON from an untrusted file.

    Raises:
        FolderError: it is not UTF-8, not JSON, or nested too deep.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError) as error:
        raise FolderError(f"{where} is not valid JSON: {error}") from None


def parse_manifest(data: bytes, where: str = MANIFEST) -> Manifest:
    """Read the text of a ``manifest.json``.

    Raises:
        FolderError: it is not a manifest this version can read.
    """
    content = parse_json(data, where)
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise FolderError(f"{where}: not a zoo manifest (no 'files' table)")
    check_format_version(content.get("format_version"), where)
    if len(content["files"]) > MAX_FILES:
        raise FolderError(f"{where}: {len(content['files'])} files, more than {MAX_FILES}")
    files = {}
    for name, entry in content["files"].items():
        check_file_name(name, where)
        sha256 = entry.get("sha256") if isinstance(entry, dict) else None
        size = entry.get("size") if isinstance(entry, dict) else None
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise FolderError(f"{where}: {name} has no valid sha256")
        if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            raise FolderError(f"{where}: {name} has no valid size (0 to {MAX_FILE_BYTES} bytes)")
        files[name] = FileEntry(sha256, size)
    if MANIFEST in files:
        raise FolderError(f"{where}: a manifest cannot list itself")
    return Manifest(files)


def check_format_version(version: Any, where: str) -> None:
    """Refuse a format that is newer than this version of the zoo, or no version at all.

    Raises:
        FolderError: ``version`` is not an integer from 1 to :data:`FORMAT_VERSION`.
    """
    if type(version) is not int or version < 1:
        raise FolderError(f"{where}: format_version is {version!r}, not a positive integer")
    if version > FORMAT_VERSION:
        raise FolderError(
            f"{where}: format_version {version} is newer than this zoo reads ({FORMAT_VERSION}); "
            "upgrade with: pip install -U sequence-zoo"
        )


def read_file(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises:
        FolderError: it is missing, not a regular file, unreadable or too large.
    """
    try:
        with open(path, "rb", opener=open_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FolderError(f"{path} is not a regular file")
            data = stream.read(limit + 1)
    except OSError as error:
        raise FolderError(f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > limit:
        raise FolderError(f"{path} is larger than {limit} bytes")
    return data


def sha256_of(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> FileEntry:
    """Size and sha256 of a file, read in pieces.

    Raises:
        FolderError: it is missing, not a regular file or unreadable.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb", opener=open_without_waiting) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FolderError(f"{path} is not a regular file")
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise FolderError(f"cannot read {path}: {error.strerror or error}") from None
    return FileEntry(digest.hexdigest(), size)


def verify_file(path: Path, entry: FileEntry) -> None:
    """Check one file against its manifest entry.

    Raises:
        FolderError: it is missing, or its size or sha256 differs.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FolderError(f"cannot read {path}: {error.strerror or error}") from None
    if size != entry.size:
        raise FolderError(
            f"{path} has {size} bytes, its manifest says {entry.size}: the file is damaged"
        )
    found = hash_file(path)
    if found.sha256 != entry.sha256:
        raise FolderError(
            f"{path} has sha256 {found.sha256[:12]}..., its manifest says "
            f"{entry.sha256[:12]}...: the file is damaged or was changed"
        )


def read_manifest(folder: Path) -> Manifest:
    """Read ``folder/manifest.json``.

    Raises:
        FolderError: the folder or the manifest is missing or not valid.
    """
    path = folder / MANIFEST
    try:
        if not folder.is_dir():
            raise FolderError(f"there is no model folder {str(folder)!r:.200}")
        if not path.exists():
            raise FolderError(f"{folder} is not a zoo model: it has no {MANIFEST}")
    except OSError as error:
        raise FolderError(f"cannot read {str(folder)!r:.200}: {error.strerror}") from None
    return parse_manifest(read_file(path), str(path))


def verify_folder(folder: Path, manifest_sha256: str | None = None) -> Manifest:
    """Check every listed file of a model folder; return its manifest.

    Args:
        folder: the model folder.
        manifest_sha256: what the registry says of ``manifest.json``, checked too when given.

    Raises:
        FolderError: the manifest or a file does not match.
    """
    manifest = read_manifest(folder)
    if manifest_sha256 is not None:
        found = sha256_of(read_file(folder / MANIFEST))
        if found != manifest_sha256:
            raise FolderError(
                f"{folder / MANIFEST} has sha256 {found[:12]}..., the registry says "
                f"{manifest_sha256[:12]}...: it is another version of the model or was changed"
            )
    for name, entry in manifest.files.items():
        verify_file(folder / name, entry)
    return manifest
