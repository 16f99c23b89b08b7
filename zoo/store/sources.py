"""The sources of a model's files: a local folder or a web address.

A failure of the source is a :class:`DownloadError`, so that the next source can be tried.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import ssl
import stat
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from zoo.errors import DownloadError, ZooError
from zoo.files import open_without_waiting, reason_of
from zoo.store.pace import Pace, paced_responses

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CHUNK = 2**16

_TRANSIENT = (408, 425, 429)


class Source(Protocol):
    """A source of files."""

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """Open ``file`` for reading from ``offset``.

        Args:
            file: its name in the model folder.
            offset: number of bytes that were already downloaded.
            size: total size of the file in bytes, or ``None`` if unknown.

        Returns:
            The stream, and its actual offset (0 if the source cannot start later).

        Raises:
            DownloadError: the source cannot provide the file.
        """


class BrokenOffError(Exception):
    """A transient failure of the connection.

    Args:
        reason: what happened.
        gained: number of bytes received before the failure.
    """

    def __init__(self, reason: str, gained: int = 0) -> None:
        super().__init__(reason)
        self.gained = gained


class FolderSource:
    """Files in a local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """See :meth:`Source.open`."""
        path = self.folder / file
        try:
            stream = open(path, "rb", opener=open_without_waiting)  # noqa: SIM115
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                stream.close()
                raise DownloadError(f"{path} is not a regular file")
            stream.seek(offset)
        except FileNotFoundError:
            raise DownloadError(f"there is no file {path}") from None
        except OSError as error:
            raise DownloadError(f"cannot read {path}: {reason_of(error)}") from None
        return stream, offset


class WebSource:
    """Files under a web address.

    Args:
        base: the address of the model's folder: ``https://``, or ``http://`` on this machine.

    Raises:
        DownloadError: any other address.
        UsageError: a setting of :mod:`zoo.store.pace` is no whole number.
    """

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        _check_address(self.base)
        self._opener = _make_opener(Pace())

    def open(self, file: str, offset: int, size: int | None) -> tuple[BinaryIO, int]:
        """See :meth:`Source.open`.

        Raises:
            BrokenOffError: a transient failure of the server or the network.
        """
        headers = {"User-Agent": "sequence-zoo", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        request = urllib.request.Request(f"{self.base}/{file}", headers=headers)
        try:
            response = self._opener.open(request, timeout=CONNECT_SECONDS)
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
            raise BrokenOffError(reason_of(cause)) from None
        except ZooError:
            raise
        except Exception as error:  # of many kinds, for redirects and headers that make no sense
            reason = reason_of(error)
            raise DownloadError(f"its answer for {file} makes no sense: {reason}") from None
        start = offset if response.status == 206 else 0
        try:
            _check_answer(response, file, start, size)
        except DownloadError:
            response.close()
            raise
        return response, start


def pieces(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """The content of ``stream`` in pieces, at most ``limit`` bytes."""
    while limit > 0:
        try:
            # What has come, without waiting for more: nothing of a slow answer is lost.
            piece = stream.read1(min(CHUNK, limit))  # type: ignore[attr-defined]
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(reason_of(error)) from None
        except ValueError as error:  # the lengths of its parts are no numbers, or negative
            raise DownloadError(f"its answer makes no sense: {reason_of(error)}") from None
        if not piece:
            if getattr(stream, "length", None):
                raise BrokenOffError("the connection was closed early")
            return
        limit -= len(piece)
        yield piece


def _check_address(address: str) -> None:
    try:
        parts = urllib.parse.urlsplit(address)
        parts.port  # noqa: B018 (which is checked when it is asked for)
    except ValueError as error:
        raise DownloadError(f"{address!r:.200} is not a valid address: {error}") from None
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not parts.hostname:
        raise DownloadError(f"{address} is not a valid https:// address")
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
            raise DownloadError(f"the server sent a different part of {file} than requested")
    elif response.status != 200:
        raise DownloadError(f"the server answers {response.status} for {file}")
    length = response.length  # what http.client made of it, None if that is no number
    if size is not None and length is not None and start + length != size:
        raise DownloadError(f"{file} has {start + length} bytes there, its manifest says {size}")


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
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._connection: Any = type("Connection", (_Connection,), _responses(pace))

    def http_open(self, req: Any) -> Any:
        return self.do_open(self._connection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._connection: Any = type("Connection", (_TLSConnection,), _responses(pace))

    def https_open(self, req: Any) -> Any:
        return self.do_open(self._connection, req, context=ssl.create_default_context())


def _responses(pace: Pace) -> dict[str, Any]:
    return {"response_class": paced_responses(pace)}


def _make_opener(pace: Pace) -> urllib.request.OpenerDirector:
    # Built by hand: build_opener() would add the file:, ftp: and data: handlers.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _HTTPHandler(pace),
        _HTTPSHandler(pace),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
