"""How slow a server may be: a least rate, a deadline, and a limit on what is no content.

Sockets time out when nothing comes, but a server that sends a byte a second never lets them. Every
byte of an answer is therefore counted where it leaves the socket, its headers included.
"""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING, Any

from zoo.errors import DownloadError, UsageError

if TYPE_CHECKING:
    import http.client

LEAST_RATE = "ZOO_LEAST_RATE"
"""The environment variable with the least bytes a second of a download, 0 for any."""

DEADLINE = "ZOO_DEADLINE"
"""The environment variable with the seconds that one source may take for a model, 0 for any."""

DEFAULT_RATE = 1000
DEFAULT_DEADLINE = 6 * 3600
WINDOW_SECONDS = 20.0
"""So long a server may be slower than the least rate."""

MAX_HEADER_BYTES = 2**20
"""Bytes that an answer may have before its content begins."""


class Pace:
    """Watches what one source sends.

    Raises:
        UsageError: one of the environment variables is no whole number.
    """

    def __init__(self) -> None:
        self.least = _setting(LEAST_RATE, DEFAULT_RATE)
        self.seconds = deadline_seconds()
        self._end = time.monotonic() + self.seconds if self.seconds else float("inf")
        self._begun, self._count = time.monotonic(), 0

    def start(self) -> None:
        """Begin to measure anew, as with each answer."""
        self._begun, self._count = time.monotonic(), 0

    def add(self, count: int) -> None:
        """Count bytes that came.

        Raises:
            TimeoutError: they came slower than the least rate.
            DownloadError: the deadline has passed.
        """
        now = time.monotonic()
        if now > self._end:
            raise late(self.seconds)
        self._count += count
        passed = now - self._begun
        if passed >= WINDOW_SECONDS:
            if self._count < self.least * passed:
                raise TimeoutError(
                    f"it sends less than {self.least} bytes a second; set {LEAST_RATE} lower, or "
                    "to 0, for a slow connection"
                )
            self.start()


def paced_responses(pace: Pace) -> type[http.client.HTTPResponse]:
    """A class of responses whose every byte is counted by ``pace``."""

    import http.client

    class PacedResponse(http.client.HTTPResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            pace.start()
            self._raw = _PacedRaw(self.fp, pace)
            self.fp = io.BufferedReader(self._raw)

        def begin(self) -> None:
            super().begin()
            self._raw.left = None  # what follows is content, which its reader limits

    return PacedResponse


class _PacedRaw(io.RawIOBase):
    """The bytes of a buffered stream, counted as they come."""

    def __init__(self, stream: io.BufferedIOBase, pace: Pace) -> None:
        super().__init__()
        self._stream, self._pace = stream, pace
        self.left: int | None = MAX_HEADER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._stream.readinto1(buffer)
        if self.left is not None:
            self.left -= count
            if self.left < 0:
                raise DownloadError("its answer has headers without end")
        self._pace.add(count)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def deadline_seconds() -> int:
    """Seconds that one source may take, 0 for any number.

    Raises:
        UsageError: the environment variable is no whole number.
    """
    return _setting(DEADLINE, DEFAULT_DEADLINE)


def late(seconds: int) -> DownloadError:
    """The error of a source that took longer."""
    return DownloadError(f"it was not done after {seconds} s; set {DEADLINE} higher, or to 0")


def _setting(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{name} must be a whole number from 0, not {text!r:.60}")
    return int(text)
