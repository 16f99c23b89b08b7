"""Downloading a model's files from one source into a partial folder, with checks on the fly.

A source is a web address or a local folder that contains ``NAME/FILE``. Everything it sends is
checked against the manifest: no more bytes are accepted than the manifest lists, and a file gets
its name only once its sha256 matches. Interrupted downloads are kept, and the next attempt requests
only the rest.

A failure of the source is a :class:`DownloadError`, so that the next source can be tried; a failure
of this machine (a full disk, no permission) is a plain :class:`ZooError`, which no other source can
fix.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tqdm import tqdm

from zoo.errors import DownloadError, FolderError, ZooError
from zoo.files import own_file, reason_of, write_bytes
from zoo.folder.manifest import (
    MANIFEST,
    MAX_TEXT_BYTES,
    FileEntry,
    Manifest,
    parse_manifest,
    read_file,
    sha256_of,
)
from zoo.folder.model_folder import verify_file
from zoo.store.sources import CHUNK, BrokenOffError, Source, pieces

TRIES = 3
PAUSE_SECONDS = 0.5

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

T = TypeVar("T")


def complete(
    folder: Path, name: str, manifest_sha256: str, source: Source, *, progress: bool
) -> None:
    """Download the missing files of a partial folder.

    Args:
        folder: the partial folder; files from earlier attempts are reused.
        name: the model's name, for messages and the progress bar.
        manifest_sha256: the sha256 of ``manifest.json`` in the registry.
        source: the source of the missing files.
        progress: show a progress bar if stderr is a terminal.

    Raises:
        DownloadError: the source fails, or its files do not match the registry.
        FolderError: this version cannot read the manifest.
        ZooError: the files cannot be written on this machine.
    """
    manifest = _fetch_manifest(folder, manifest_sha256, source)
    _check_room(folder, name, manifest)
    with tqdm(
        total=manifest.total_size,
        desc=name,
        unit="B",
        unit_scale=True,
        disable=None if progress else True,
    ) as bar:
        for file, entry in manifest.files.items():
            with _disk_errors(folder, name, manifest.total_size):
                _fetch_file(folder, file, entry, source, bar)
    with _disk_errors(folder, name, manifest.total_size):
        for path in folder.iterdir():
            if path.name not in manifest.files and path.name != MANIFEST:
                remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link (not its target) or a folder with its contents."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fetch_manifest(folder: Path, sha256: str, source: Source) -> Manifest:
    path = folder / MANIFEST
    if path.is_file() and not path.is_symlink():
        with contextlib.suppress(FolderError):
            data = read_file(path)
            if sha256_of(data) == sha256:
                return parse_manifest(data, MANIFEST)

    def attempt() -> bytes:
        stream, _ = source.open(MANIFEST, 0, None)
        with stream:
            return b"".join(pieces(stream, MAX_TEXT_BYTES + 1))

    data = _retrying(attempt)
    if len(data) > MAX_TEXT_BYTES:
        raise DownloadError(f"{MANIFEST} is larger than {MAX_TEXT_BYTES} bytes")
    actual = sha256_of(data)
    if actual != sha256:
        raise DownloadError(
            f"{MANIFEST} has sha256 {actual[:12]}..., the registry says {sha256[:12]}...: "
            "it is another version of the model or was modified"
        )
    manifest = parse_manifest(data, MANIFEST)
    write_bytes(path, data)
    return manifest


def _fetch_file(folder: Path, file: str, entry: FileEntry, source: Source, bar: Any) -> None:
    whole, half = folder / file, folder / f".{file}.part"
    if whole.exists() or whole.is_symlink():
        with contextlib.suppress(FolderError):
            if not whole.is_symlink():
                verify_file(whole, entry)
                bar.update(entry.size)
                return
        remove(whole)
    with own_file(half) as there:
        continued = there.seek(0, os.SEEK_END) > 0
    fetched = _fetch_rest(half, file, entry, source, bar)
    if fetched != entry and continued:
        # The partial file may come from another, faulty source: judge this one by its own bytes.
        half.unlink()
        bar.update(-fetched.size)
        fetched = _fetch_rest(half, file, entry, source, bar)
    if fetched != entry:
        half.unlink()
        raise DownloadError(
            f"{file} has sha256 {fetched.sha256[:12]}..., its manifest says "
            f"{entry.sha256[:12]}...: it was damaged or modified in transit"
        )
    os.replace(half, whole)


def _fetch_rest(half: Path, file: str, entry: FileEntry, source: Source, bar: Any) -> FileEntry:
    shown = 0

    def show(size: int) -> None:
        nonlocal shown
        bar.update(size - shown)
        shown = size

    return _retrying(lambda: _fetch_once(half, file, entry, source, show))


def _fetch_once(
    half: Path, file: str, entry: FileEntry, source: Source, show: Callable[[int], None]
) -> FileEntry:
    # Unbuffered, so that a full disk is met in write() and a kill loses nothing that came.
    with own_file(half) as out:
        have, digest = _resume(out, entry.size)
        show(have)
        if have < entry.size:
            stream, start = source.open(file, have, entry.size)
            with stream:
                if start != have:
                    out.truncate(0)
                    have, digest = 0, hashlib.sha256()
                begun = have
                try:
                    for piece in pieces(stream, entry.size + 1 - have):
                        _write_all(out, piece)
                        digest.update(piece)
                        have += len(piece)
                        show(have)
                except BrokenOffError as error:
                    raise BrokenOffError(str(error), have - begun) from None
            if have > entry.size:
                out.truncate(0)
                raise DownloadError(f"{file} is longer than the {entry.size} bytes of its manifest")
            if have < entry.size:
                raise BrokenOffError(
                    f"the connection ended after {have} of {entry.size} bytes of {file}",
                    have - begun,
                )
        os.fsync(out.fileno())
    return FileEntry(digest.hexdigest(), have)


def _resume(out: BinaryIO, size: int) -> tuple[int, Any]:
    """Length and running sha256 of a partial file; one that is too long is emptied."""
    digest = hashlib.sha256()
    if out.seek(0, os.SEEK_END) > size:
        out.truncate(0)
    out.seek(0)
    while piece := out.read(CHUNK):
        digest.update(piece)
    return out.tell(), digest


def _write_all(out: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _retrying(attempt: Callable[[], T]) -> T:
    """Call ``attempt`` until it succeeds or fails :data:`TRIES` times in a row without progress."""
    failures = 0
    while True:
        try:
            return attempt()
        except BrokenOffError as error:
            failures = 1 if error.gained >= CHUNK else failures + 1
            if failures == TRIES:
                raise DownloadError(str(error)) from None
            time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))


def _check_room(folder: Path, name: str, manifest: Manifest) -> None:
    missing = manifest.total_size - _there(folder)
    if shutil.disk_usage(folder).free < missing:
        raise _no_room(folder, name, missing)


def _there(folder: Path) -> int:
    """Bytes of the model's files in a partial folder, without the manifest."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST]
    return sum(path.stat().st_size for path in files)


@contextlib.contextmanager
def _disk_errors(folder: Path, name: str, total: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise ZooError(f"cannot write {name} to {folder.parent}: {reason_of(error)}") from None
        raise _no_room(folder, name, total - _there(folder)) from None


def _no_room(folder: Path, name: str, missing: int) -> ZooError:
    return ZooError(
        f"no room for {name} in {folder.parent}: {missing} more bytes are needed, "
        f"{shutil.disk_usage(folder).free} are free; free some space, or set ZOO_CACHE to a folder "
        "on another disk; the partial download is kept and will be resumed"
    )
