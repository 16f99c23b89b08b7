"""Reading text, and writing so that a kill, a full disk or a second process leaves no half file."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.errors import DataError, ZooError


@contextlib.contextmanager
def readable_os_errors(what: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`ZooError` that says what failed."""
    try:
        yield
    except OSError as error:
        hint = "; free some space and try again" if error.errno == errno.ENOSPC else ""
        raise ZooError(f"cannot {what}: {error.strerror or error}{hint}") from error


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    Raises:
        ZooError: the file cannot be written (full disk, no permission); ``path`` is as it was.
    """
    with readable_os_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, or leave what was there.

    Raises:
        ZooError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` at its beginning replaced by the home folder, where there is one.

    A name that merely begins with ``~`` stays as it is.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def read_text(paths: Sequence[Path]) -> str:
    """The text of UTF-8 files, one after the other, with line ends as ``\\n``.

    Raises:
        DataError: a file is missing, unreadable, empty, or not UTF-8 text.
    """
    parts = []
    for path in paths:
        try:
            data = user_path(path).read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from None
        if not data.strip():
            raise DataError(f"{path} is empty")
        if b"\0" in data:
            raise DataError(f"{path} is a binary file, not text")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} is not UTF-8 text (byte {error.start}); convert it first, for example "
                f"with: iconv -f latin1 -t utf-8 {path}"
            ) from None
        parts.append(text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(parts)


def open_without_waiting(path: str, flags: int) -> int:
    """An ``opener`` for :func:`open` that a named pipe cannot block for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_file(path: Path) -> bool:
    """Whether there is a file, as far as one may know; no name is too long to ask."""
    try:
        return path.is_file()
    except OSError:
        return False


_MASK_LOCK = threading.Lock()


def _umask() -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    # Elsewhere the mask can only be read by setting it, by one thread at a time.
    with _MASK_LOCK:
        mask = os.umask(0)
        os.umask(mask)
    return mask
