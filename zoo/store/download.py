"""Getting a model's files from one source into a partial folder, each checked while it comes.

A source is a web address or a local folder under which ``NAME/FILE`` lies. Whatever it sends is
held against the manifest: no more bytes are taken than it promises, and a file gets its name only
when its sha256 is right. What was fetched before a break stays, and the next attempt asks for the
rest only.

A fault of the source is a :class:`DownloadError`, so that the next source can be tried; a fault of
this machine (a full disk, no permission) is a plain :class:`ZooError`, which no other source cures.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import http.client
import ipaddress
import os
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from tqdm import tqdm

from zoo.errors import DownloadError, FolderError, ZooError
from zoo.files import write_bytes
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

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
TRIES = 3
PAUSE_SECONDS = 0.5

_CHUNK = 2**16
_TRANSIENT = (408, 425, 429)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

T = TypeVar("T")


class Source(Protocol):
    """Where files come from."""

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """Open ``file`` for reading from ``offset``.

        Args:
            file: its name in the model folder.
            offset: bytes that are there already.
            size: bytes it must have as a whole, or ``None`` when that is not known.

        Returns:
            The stream, and the offset it really starts at (0 if the source cannot start later).

        Raises:
            DownloadError: the source cannot give the file.
        """


class BrokenOffError(Exception):
    """The connection failed in a way that may be over in a moment.

    Args:
        reason: what happened.
        gained: bytes that came before it did.
    """

    def __init__(self, reason: str, gained: int = 0) -> None:
        super().__init__(reason)
        self.gained = gained


class FolderSource:
    """The files lie in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """See :meth:`Source.open`."""
        path = self.folder / file
        if not path.is_file():
            raise DownloadError(f"there is no file {path}")
        try:
            stream = path.open("rb")
            stream.seek(offset)
        except OSError as error:
            raise DownloadError(f"cannot read {path}: {error.strerror or error}") from None
        return stream, offset


class WebSource:
    """The files lie under a web address.

    Args:
        base: the address of the model's folder, ``https://``, or ``http://`` on this machine.

    Raises:
        DownloadError: the address is of another kind.
    """

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        _check_address(self.base)

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """See :meth:`Source.open`.

        Raises:
            BrokenOffError: the server or the network failed for the moment.
        """
        headers = {"User-Agent": "sequence-zoo", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        request = urllib.request.Request(f"{self.base}/{file}", headers=headers)
        try:
            response = _opener().open(request, timeout=CONNECT_SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server answers {error.code} {error.reason} for {file}"
            if error.code >= 500 or error.code in _TRANSIENT:
                raise BrokenOffError(reason) from None
            raise DownloadError(reason) from None
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", None) or error
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise DownloadError(f"its certificate is not valid: {cause}") from None
            raise BrokenOffError(_say(cause)) from None
        start = offset if response.status == 206 else 0
        try:
            _check_answer(response, file, start, size)
        except DownloadError:
            response.close()
            raise
        return response, start


def complete(
    folder: Path, name: str, manifest_sha256: str, source: Source, *, progress: bool
) -> None:
    """Bring a partial folder up to the whole model.

    Args:
        folder: the partial folder; what earlier attempts left in it is used.
        name: the model's name, for messages and the progress bar.
        manifest_sha256: what the registry says of ``manifest.json``.
        source: where the rest comes from.
        progress: draw a bar on stderr if that is a terminal.

    Raises:
        DownloadError: the source fails, or sends something else than the registry promises.
        FolderError: the manifest is none that this version can read.
        ZooError: this machine cannot take the files.
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
    """Remove a file, a link (not what it points to) or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fetch_manifest(folder: Path, sha256: str, source: Source) -> Manifest:
    path = folder / MANIFEST
    if path.exists():
        with contextlib.suppress(FolderError):
            data = read_file(path)
            if sha256_of(data) == sha256:
                return parse_manifest(data, MANIFEST)

    def attempt() -> bytes:
        stream, _ = source.open(MANIFEST, 0, None)
        with stream:
            return b"".join(_pieces(stream, MAX_TEXT_BYTES + 1))

    data = _retrying(attempt)
    if len(data) > MAX_TEXT_BYTES:
        raise DownloadError(f"{MANIFEST} is larger than {MAX_TEXT_BYTES} bytes")
    found = sha256_of(data)
    if found != sha256:
        raise DownloadError(
            f"{MANIFEST} has sha256 {found[:12]}..., the registry says {sha256[:12]}...: "
            "it is another version of the model or was changed"
        )
    manifest = parse_manifest(data, MANIFEST)
    write_bytes(path, data)
    return manifest


def _fetch_file(folder: Path, file: str, entry: FileEntry, source: Source, bar: Any) -> None:
    whole, half = folder / file, folder / f".{file}.part"
    if whole.exists() or whole.is_symlink():
        try:
            verify_file(whole, entry)
            bar.update(entry.size)
            return
        except FolderError:
            remove(whole)
    continued = half.exists() and half.stat().st_size > 0
    found = _fetch_rest(half, file, entry, source, bar)
    if found != entry and continued:
        # The half file may have come from another, faulty source: judge this one by its own bytes.
        half.unlink()
        bar.update(-found.size)
        found = _fetch_rest(half, file, entry, source, bar)
    if found != entry:
        half.unlink()
        raise DownloadError(
            f"{file} comes with sha256 {found.sha256[:12]}..., its manifest says "
            f"{entry.sha256[:12]}...: it was damaged or changed on the way"
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
    with open(half, "ab", buffering=0) as out:
        have, digest = _resume(half, out, entry.size)
        show(have)
        if have < entry.size:
            stream, start = source.open(file, have, entry.size)
            with stream:
                if start != have:
                    out.truncate(0)
                    have, digest = 0, hashlib.sha256()
                begun = have
                try:
                    for piece in _pieces(stream, entry.size + 1 - have):
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


def _resume(half: Path, out: BinaryIO, size: int) -> tuple[int, Any]:
    """Length and running sha256 of a half file; one that is too long is emptied."""
    digest = hashlib.sha256()
    if half.stat().st_size > size:
        out.truncate(0)
    with open(half, "rb") as earlier:
        while piece := earlier.read(_CHUNK):
            digest.update(piece)
        return earlier.tell(), digest


def _pieces(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """What ``stream`` gives, at most ``limit`` bytes of it."""
    while limit > 0:
        try:
            piece = stream.read(min(_CHUNK, limit))
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(_say(error)) from None
        if not piece:
            if getattr(stream, "length", None):
                raise BrokenOffError("the connection ended too soon")
            return
        limit -= len(piece)
        yield piece


def _write_all(out: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _retrying(attempt: Callable[[], T]) -> T:
    """Call ``attempt`` until it works, or fails :data:`TRIES` times in a row and gains nothing."""
    failures = 0
    while True:
        try:
            return attempt()
        except BrokenOffError as error:
            failures = 1 if error.gained >= _CHUNK else failures + 1
            if failures == TRIES:
                raise DownloadError(str(error)) from None
            time.sleep(PAUSE_SECONDS * 2 ** (failures - 1))


def _check_room(folder: Path, name: str, manifest: Manifest) -> None:
    missing = manifest.total_size - _there(folder)
    if shutil.disk_usage(folder).free < missing:
        raise _no_room(folder, name, missing)


def _there(folder: Path) -> int:
    """Bytes of the model's files that a partial folder holds, without the manifest."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST]
    return sum(path.stat().st_size for path in files)


@contextlib.contextmanager
def _disk_errors(folder: Path, name: str, total: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise ZooError(
                f"cannot write {name} to {folder.parent}: {error.strerror or error}"
            ) from None
        raise _no_room(folder, name, total - _there(folder)) from None


def _no_room(folder: Path, name: str, missing: int) -> ZooError:
    return ZooError(
        f"no room for {name} in {folder.parent}: {missing} more bytes are needed, "
        f"{shutil.disk_usage(folder).free} are free; free some space, or set ZOO_CACHE to a folder "
        "on another disk; what is there already is kept and continued"
    )


def _check_address(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not parts.hostname:
        raise DownloadError(f"{address} is no https:// address")
    if not _is_loopback(parts.hostname):
        raise DownloadError("http:// is for this machine only; use https://")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_answer(
    response: http.client.HTTPResponse, file: str, start: int, size: int | None
) -> None:
    if response.status == 206:
        span = response.headers.get("Content-Range", "")
        if not span.startswith(f"bytes {start}-"):
            raise DownloadError(f"the server sends another part of {file} than it was asked for")
    elif response.status != 200:
        raise DownloadError(f"the server answers {response.status} for {file}")
    length = response.headers.get("Content-Length", "")
    if size is not None and length.isdigit() and start + int(length) != size:
        raise DownloadError(
            f"{file} has {start + int(length)} bytes there, its manifest says {size}"
        )


def _say(error: BaseException | str) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to ``https://``, and from this machine to itself."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        try:
            _check_address(newurl)
            if newurl.startswith("http:"):
                # A server elsewhere has no business with what listens on this machine.
                _check_address(f"http://{urllib.parse.urlsplit(req.full_url).netloc}")
        except DownloadError as error:
            raise DownloadError(f"it redirects to {newurl}: {error}") from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _TLSConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: Any) -> Any:
        return self.do_open(_Connection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: Any) -> Any:
        return self.do_open(_TLSConnection, req, context=ssl.create_default_context())


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    # Built by hand: build_opener() would add the file:, ftp: and data: handlers.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _HTTPHandler(),
        _HTTPSHandler(),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
