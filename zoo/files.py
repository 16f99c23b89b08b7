"""Reading text files, and atomic writing: a crash or a full disk leaves no partial file."""

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
    """Turn an ``OSError`` in the block into a :class:`ZooError` that says what failed."""
    try:
        yield
    except OSError as error:
        hint = "; free some space and try again" if error.errno == errno.ENOSPC else ""
        raise ZooError(f"cannot {what}: {error.strerror or error}{hint}") from error


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it if the block succeeds.

    Raises:
        ZooError: the file cannot be written (full disk, no permission); ``path`` is unchanged.
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
    """Write a file atomically: on failure, the previous content remains.

    Raises:
        ZooError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path with a leading ``~`` replaced by the home folder, if there is one.

    A file name that merely starts with ``~`` is returned unchanged.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def read_text(paths: Sequence[Path]) -> str:
    """The concatenated text of UTF-8 files, with line ends converted to ``\\n``.

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
    """An ``opener`` for :func:`open` that does not block on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_file(path: Path) -> bool:
    """Whether a file exists and is accessible; also works for names that are too long."""
    try:
        return path.is_file()
    except OSError:
        return False


_MASK_LOCK = threading.Lock()


def _umask() -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    # On other systems, reading the mask requires setting it, by one thread at a time.
    with _MASK_LOCK:
        mask = os.umask(0)
        os.umask(mask)
    return mask
