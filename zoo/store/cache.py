"""The cache of downloaded models, complete or partial.

::

    <cache>/models/NAME/<first 16 digits of the manifest's sha256>/   a complete model
    <cache>/models/NAME/.partial-<the same 16 digits>/                a download to resume
    <cache>/locks/NAME.lock                                           held while one is written

A model's folder gets its final name by a rename, after all its files have been checked. Reading it
needs neither the lock nor write permission.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.catalogue import registry
from zoo.errors import FolderError, UsageError, ZooError, did_you_mean
from zoo.files import own_folder, reason_of, user_path, write_bytes
from zoo.folder.manifest import MANIFEST, read_file
from zoo.folder.model_folder import ModelFolder
from zoo.registry import Weights

_PREFIX_DIGITS = 16
_PARTIAL = ".partial-"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]*\.[a-z0-9][a-z0-9_]*")
_HOLDER = re.compile(r"[0-9]{1,10} [A-Za-z0-9._-]{0,100}")
_ENTRY = re.compile(rf"({re.escape(_PARTIAL)})?([0-9a-f]{{{_PREFIX_DIGITS}}})")


@dataclass(frozen=True)
class CachedModel:
    """A model in the cache.

    Args:
        name: ``"architecture.weights"``.
        manifest: the first 16 hex digits of its manifest's sha256.
        path: its folder.
        size: its size in bytes.
        partial: whether it is an unfinished download.
    """

    name: str
    manifest: str
    path: Path
    size: int
    partial: bool


def cache_dir() -> Path:
    """The cache folder: ``ZOO_CACHE``, or the system's cache location. It need not exist.

    Raises:
        UsageError: ``ZOO_CACHE`` is not set and the user has no home.
    """
    if chosen := os.environ.get("ZOO_CACHE"):
        return user_path(chosen).absolute()
    import platformdirs

    try:
        folder = Path(platformdirs.user_cache_dir("sequence-zoo", appauthor=False))
    except (RuntimeError, KeyError):
        folder = Path()
    if not folder.is_absolute():
        raise UsageError("this user has no home folder; set ZOO_CACHE to a folder for the cache")
    return folder


def cached() -> list[CachedModel]:
    """The models in the cache by name, partial downloads included."""
    models = []
    for holder in _entries(_models_folder()):
        if not _NAME.fullmatch(holder.name):
            continue
        for entry in _entries(holder):
            if match := _ENTRY.fullmatch(entry.name):
                size = _size(entry)
                models.append(
                    CachedModel(holder.name, match[2], entry, size, partial=bool(match[1]))
                )
    return models


def verify_cache() -> list[tuple[CachedModel, str | None]]:
    """Check every file of every cached model.

    Returns:
        Each model with its problem, or ``None``. A partial download is never used as a model, so it
        is never reported as damaged.
    """
    return [(model, None if model.partial else _problem(model)) for model in cached()]


def clear_cache(name: str | None = None) -> int:
    """Remove a model, or all models, from the cache.

    Only entries listed by :func:`cached` are removed, and no symbolic link is followed.

    Args:
        name: a model's name, or ``None`` for all.

    Returns:
        The number of bytes freed.

    Raises:
        UsageError: ``name`` is neither cached nor registered.
        ZooError: a model is being downloaded or cannot be removed.
    """
    models = cached()
    if name is not None:
        names = {model.name for model in models}
        if name not in names:
            name = _registered_name(name, names)
        models = [model for model in models if model.name == name]
    freed = 0
    for name in dict.fromkeys(model.name for model in models):
        with lock(name, wait=False), cache_errors():
            for model in models:
                if model.name == name and model.path.is_dir() and not model.path.is_symlink():
                    shutil.rmtree(model.path)
                    freed += model.size
            with contextlib.suppress(OSError):
                # Fails if it contains other files, which are not ours to remove.
                (_models_folder() / name).rmdir()
    return freed


def partial_of(folder: Path) -> Path:
    """The partial folder in which a model's download is assembled."""
    return folder.with_name(_PARTIAL + folder.name)


def finish(partial: Path, folder: Path) -> None:
    """Give a completed partial folder its final name."""
    with cache_errors():
        _sync(partial)
        os.rename(partial, folder)
        _sync(folder.parent)


def set_aside(folder: Path, partial: Path) -> None:
    """Make the partial folder; a damaged model becomes one, so that only bad files are fetched.

    No link is followed: one in the place of a folder is removed.
    """
    for inner in (_models_folder(), folder.parent):
        _real_folder(inner)
    if folder.is_symlink():
        folder.unlink()
    if folder.is_dir():
        if partial.is_symlink():
            partial.unlink()
        elif partial.is_dir():
            shutil.rmtree(partial)
        os.rename(folder, partial)
    own_folder(partial)


def folder_of(weights: Weights) -> Path:
    """The folder of a complete model in the cache."""
    return _models_folder() / weights.name / weights.manifest_sha256[:_PREFIX_DIGITS]


def _models_folder() -> Path:
    return cache_dir() / "models"


def _real_folder(path: Path) -> None:
    """Make a folder that others may share; a link in its place is refused."""
    path.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path} is a link, which a cache must not hold; remove it")


def _entries(folder: Path) -> list[Path]:
    """The real subfolders of ``folder`` by name; none if it is missing or a symbolic link."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    with cache_errors():
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a download may be going on
            status = path.lstat()
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def _problem(model: CachedModel) -> str | None:
    known = registry().weights.get(model.name)
    try:
        same = known is not None and known.manifest_sha256.startswith(model.manifest)
        folder = ModelFolder.open(model.path, known.manifest_sha256 if known and same else None)
        sha256 = folder.manifest_sha256
        if not sha256.startswith(model.manifest):
            return f"{MANIFEST} has sha256 {sha256[:12]}..., its folder is named {model.manifest}"
        folder.verify()
    except FolderError as error:
        return str(error)
    return None


def _registered_name(name: str, cached_names: set[str]) -> str:
    """The weights meant by a name that is not in the cache as it is."""
    try:
        architecture, weights = registry().find(name)
    except UsageError as error:
        hint = did_you_mean(name, cached_names)
        raise UsageError(f"{name!r} is not in the cache{hint}") if hint else error from None
    return weights.name if weights else architecture.name


@contextlib.contextmanager
def lock(name: str, *, wait: bool, tell: bool = False) -> Iterator[None]:
    """Hold the lock for writing a model's cache entry.

    Lock files are never removed: removing one that another process waits for would admit both.
    """
    import filelock

    path = cache_dir() / "locks" / f"{name}.lock"
    holder = path.with_suffix(".holder")
    with cache_errors():
        _real_folder(path.parent)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.unlink()  # planted: a lock of this name is a regular file
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=1 if wait else 0)
        except filelock.Timeout:
            if not wait:
                raise ZooError(
                    f"{name} is being downloaded by {_holder(holder)}; try again when it is done"
                ) from None
            if tell and sys.stderr is not None:
                print(
                    f"waiting for {_holder(holder)} to finish downloading {name}", file=sys.stderr
                )
            lock.acquire()
    try:
        with contextlib.suppress(ZooError):  # it only tells
            write_bytes(holder, f"{os.getpid()} {platform.node()}".encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    """Who holds a lock, as far as that is known."""
    with contextlib.suppress(FolderError, UnicodeDecodeError):
        process, _, host = read_file(path, 300).decode().partition(" ")
        if _HOLDER.fullmatch(f"{process} {host}"):
            where = f" on {host}" if host not in ("", platform.node()) else ""
            return f"process {process}{where}"
    return "another process"


@contextlib.contextmanager
def cache_errors() -> Iterator[None]:
    """Turn an ``OSError`` in the block into an error that names the cache."""
    try:
        yield
    except OSError as error:
        raise ZooError(
            f"cannot write to the cache {cache_dir()}: {reason_of(error)}; set ZOO_CACHE to "
            "a folder that you may write"
        ) from None


def _sync(folder: Path) -> None:
    """Flush a folder's directory entries to disk, if the system supports it."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
