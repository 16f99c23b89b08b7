"""The manifest of a model folder: which files there are, how long they are, and their sha256.

Everything that reads a model folder comes through here first. Nothing is opened before its name,
its kind and its size have been checked, so a hostile folder can cost no more than the reading of
the files that its manifest admits to.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import FolderError
from zoo.files import open_without_waiting, reason_of

MANIFEST = "manifest.json"
FORMAT_VERSION = 2
"""The newest format that this version of the zoo reads."""

INT8_VERSION = 2
"""The first format whose weights may be int8; without them the one before it is written."""

MAX_TEXT_BYTES = 4 * 2**20
MAX_PART_BYTES = 64 * 2**20
MAX_FILE_BYTES = 2 * 2**30
MAX_FILES = 64

_MAX_DIGITS = 20  # of a whole number, its sign included
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


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

    def to_bytes(self, version: int = 1) -> bytes:
        """The JSON text, the same bytes for the same files.

        Args:
            version: the folder's format version.
        """
        files = {
            name: {"sha256": entry.sha256, "size": entry.size}
            for name, entry in sorted(self.files.items())
        }
        text = json.dumps({"format_version": version, "files": files}, indent=2)
        return (text + "\n").encode()


def check_file_name(name: Any, where: str) -> str:
    """Return ``name`` if it is a plain file name, with no path in it.

    Raises:
        FolderError: it is absolute, hidden, climbs out of the folder, or holds odd characters.
    """
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        raise FolderError(
            f"{where}: {name!r} is not a plain file name; the folder is not a zoo model"
        )
    return name


def parse_json(data: bytes, where: str) -> Any:
    """Parse JSON from an untrusted file.

    Raises:
        FolderError: it is not UTF-8, not JSON, or nested too deep, or holds what JSON cannot: a
            number that is not finite or has more digits than any real one, half a character (a lone
            surrogate).
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, parse_int=_whole, parse_float=_finite, parse_constant=_refuse_constant
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:
        raise FolderError(f"{where} is not valid JSON: it has half a character") from None
    except (RecursionError, ValueError) as error:
        raise FolderError(f"{where} is not valid JSON: {error}") from None


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text:.40} is not finite")
    return number


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


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
    except (OSError, ValueError) as error:  # the latter for a name with a null character
        raise FolderError(f"cannot read {path}: {reason_of(error)}") from None
    if len(data) > limit:
        raise FolderError(f"{path} is larger than {limit} bytes")
    return data


def sha256_of(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()
