"""Reading text files, and atomic writing: a crash or a full disk leaves no partial file."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from zoo.errors import DataError, ZooError

if TYPE_CHECKING:
    from filelock import FileLock

_PLANTED = 5  # times that something is removed to make a file in its place
# As tempfile names them, of the kinds of files that models and runs consist of.
_LEFTOVER = re.compile(r"\..+\.(npz|jsonl?|csv|png|txt|md|model|safetensors|xml)\.[a-z0-9_]{8}")


@contextlib.contextmanager
def readable_os_errors(what: str) -> Iterator[None]:
    """Turn an ``OSError`` in the block into a :class:`ZooError` that says what failed."""
    try:
        yield
    except OSError as error:
        hint = "; free some space and try again" if error.errno == errno.ENOSPC else ""
        reason = reason_of(error)
        if isinstance(error, FileExistsError) and is_file(Path(error.filename or "")):
            reason = f"{error.filename} exists and is a file"
        raise ZooError(f"cannot {what}: {reason}{hint}") from error


def reason_of(error: BaseException | str) -> str:
    """An error's message, without a file's name and number; its class where it has none."""
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


@contextlib.contextmanager
def folder_made(folder: Path) -> Iterator[None]:
    """Make a folder, with its parents, for the block; if that fails, what was made goes again."""
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # something else has come into it
            for each in missing:
                each.rmdir()
        raise


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it if the block succeeds.

    Raises:
        ZooError: the file cannot be written (full disk, no permission); ``path`` is unchanged.
    """
    with readable_os_errors(f"write {path}"), folder_made(path.parent):
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
        except (OSError, ValueError) as error:  # the latter for a name with a null character
            raise DataError(f"cannot read {path}: {reason_of(error)}") from None
        if not data.strip():
            raise DataError(f"{path} is empty")
        parts.append(decoded_text(data, str(path)))
    return "".join(parts)


def decoded_text(data: bytes, name: str) -> str:
    """The text of UTF-8 bytes, without a byte order mark and with line ends converted to ``\\n``.

    Args:
        data: the bytes.
        name: of the file, for messages.

    Raises:
        DataError: it is not UTF-8 text; the message guesses what it is and how to convert it.
    """
    encoding = _utf_16(data)
    if encoding is None and b"\0" in data:
        raise DataError(f"{name} is a binary file, not text")
    try:
        if encoding is None:
            text = data.decode("utf-8-sig")
            return text.replace("\r\n", "\n").replace("\r", "\n")
        problem = "it looks like UTF-16"
    except UnicodeDecodeError as error:
        # Bytes 80 to 9F are control characters in Latin-1, but quotes and dashes in Windows' code.
        windows = any(0x80 <= byte < 0xA0 for byte in data)
        encoding, problem = "cp1252" if windows else "latin1", f"byte {error.start}"
    raise DataError(
        f"{name} is not UTF-8 text ({problem}); convert it first, for example with: "
        f"iconv -f {encoding} -t utf-8 {name}"
    )


def _utf_16(data: bytes) -> str | None:
    """The kind of UTF-16 that bytes seem to be, or ``None``."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = data[:1000]
    half = len(start) // 2
    if half > 1 and start[1::2].count(0) > 0.8 * half and not start[::2].count(0):
        return "utf-16le"
    if half > 1 and start[::2].count(0) > 0.8 * half and not start[1::2].count(0):
        return "utf-16be"
    return None


def open_without_waiting(path: str, flags: int) -> int:
    """An ``opener`` for :func:`open` that does not block on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def own_file(path: Path) -> BinaryIO:
    """Open a file of this user's for reading and appending, unbuffered; it is made if missing.

    What someone else may have planted under that name, such as a link, a named pipe, a second name
    of another file or a file of another user, is not opened; it is removed (not its target) and
    the file made anew.

    Raises:
        OSError: it cannot be opened or removed.
    """
    for _ in range(_PLANTED):
        try:
            # O_EXCL where nothing lies there: what appears meanwhile is not opened.
            found = path.lstat()
            flags = os.O_RDWR | os.O_APPEND
        except FileNotFoundError:
            found, flags = None, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        if found is None or _is_own_file(found, path.parent):
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                opener = _opener_without_links(flags)
                stream = open(path, "a+b", buffering=0, opener=opener)  # noqa: SIM115
                if found is None or _is_own_file(os.fstat(stream.fileno()), path.parent):
                    return stream
                stream.close()
        if found is not None and stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    raise OSError(errno.EBUSY, "something else is put in its place again and again", str(path))


def own_folder(path: Path) -> None:
    """Make a folder of this user's; a link in its place is removed (not its target).

    Raises:
        OSError: it cannot be made, or belongs to another user.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != _user(path):
            raise OSError(errno.EPERM, f"{path} belongs to another user; remove it") from None


def _opener_without_links(flags: int) -> Callable[[str, int], int]:
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    return lambda path, _: os.open(path, flags | safe, 0o666)


def _is_own_file(status: os.stat_result, folder: Path) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1 and status.st_uid == _user(folder)


def _user(folder: Path) -> int:
    """Whose the files are that this process makes in a folder: not its own user's everywhere."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_uid


def acquired_lock(path: Path, busy: str) -> FileLock:
    """A lock file that no other process holds, held by this one until it is released.

    Args:
        path: of the file, in a folder that exists.
        busy: the message if another process holds it.

    Raises:
        ZooError: it does.
        OSError: the file cannot be made.
    """
    import filelock

    lock = filelock.FileLock(path, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise ZooError(busy) from None
    return lock


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of :func:`atomic_path` that a killed process left in a folder.

    Only who holds the folder's lock may call it: those of a running process look alike.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if _LEFTOVER.fullmatch(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def is_file(path: Path) -> bool:
    """Whether a file exists and is accessible; also works for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # the latter where the name has a NUL
        return False


def same_file(first: Path, second: Path) -> bool:
    """Whether two names are those of one file that exists."""
    return is_file(first) and is_file(second) and first.samefile(second)


def is_folder(path: Path) -> bool:
    """Whether a folder exists and is accessible; also works for names that are too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_outside(name: str) -> bool:
    """Whether a file's name in a table leads out of the table's folder."""
    return os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == os.pardir


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
