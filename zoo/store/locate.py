"""From a user's reference to an opened model folder."""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path

from zoo.catalogue import WEIGHTS_FOLDER, registry
from zoo.errors import DownloadError, FolderError, UsageError
from zoo.files import is_file, user_path
from zoo.folder.manifest import MANIFEST
from zoo.folder.model_folder import ModelFolder
from zoo.registry import Weights
from zoo.store import cache, hub

_TRUE = ("1", "ON", "YES", "TRUE")

Reference = str | os.PathLike[str] | ModelFolder
"""A user's reference to a model; see :func:`locate`."""


def is_offline(offline: bool | None = None) -> bool:
    """Whether connections are disabled, by argument or ``ZOO_OFFLINE`` or ``HF_HUB_OFFLINE``."""
    if offline is not None:
        return offline
    names = ("ZOO_OFFLINE", "HF_HUB_OFFLINE")
    return any(os.environ.get(name, "").upper() in _TRUE for name in names)


def locate(
    reference: Reference,
    *,
    revision: str | None = None,
    offline: bool | None = None,
    progress: bool = True,
) -> ModelFolder:
    """Find or fetch a model folder and open it; each of its files is checked as it is read.

    A file that is damaged in a cache is fetched again when it is read.

    Args:
        reference: an opened folder, which is returned as it is, or one of

            * ``"hf://owner/repo@revision"``, a model on the Hub;
            * a registered name such as ``"char_lstm.shakespeare"``, or an architecture's name,
              which means its default weights: from the package, the cache or a source;
            * a folder: any :class:`~pathlib.Path`, and any string that contains a path separator
              or starts with ``.`` or ``~``. Any other string is a folder only if no model of that
              name is registered, so that a folder never shadows a model; write
              ``"./char_lstm.shakespeare"`` for the folder.
        revision: branch, tag or commit hash of a Hub model whose ``reference`` has none.
        offline: open no connection; by default if ``ZOO_OFFLINE`` or ``HF_HUB_OFFLINE`` is set.
        progress: show a progress bar if stderr is a terminal.

    Returns:
        The folder, opened. Do not write to it.

    Raises:
        UsageError: there is no such model, or the model has no weights.
        FolderError: the folder is damaged or not a zoo model.
        DownloadError: no source could provide the model; the message has each source's reason.
        ZooError: the cache cannot be written.
    """
    if isinstance(reference, ModelFolder):
        return reference
    if not isinstance(reference, (str, os.PathLike)):
        raise UsageError(f"a model is a name or a path, not {type(reference).__name__}")
    if isinstance(reference, str) and reference.startswith(hub.PREFIX):
        repo, pinned = hub.parse_reference(reference)
        if pinned and revision and pinned != revision:
            raise UsageError(f"{reference!r} already has a revision; leave out {revision!r}")
        return hub.fetch(repo, pinned or revision, offline=is_offline(offline), progress=progress)
    if revision is not None:
        raise UsageError(
            f"a revision is only valid for a Hub model (hf://owner/repo), not {reference!r}"
        )
    if isinstance(reference, str) and "://" in reference:
        raise UsageError(
            f"{reference!r} is an address, not a model; give a name, a folder or hf://owner/repo, "
            "and set ZOO_SOURCES to the address to fetch named models from there"
        )
    if is_folder(reference):
        if isinstance(reference, str) and hub.is_repo(reference) and not _is_here(reference):
            raise FolderError(
                f"there is no model folder {reference!r}; a model on the Hub is "
                f"{hub.PREFIX}{reference}"
            )
        return ModelFolder.open(user_path(reference), reference=str(reference))
    warn_of_folder(str(reference))
    return _locate_registered(str(reference), is_offline(offline), progress)


def is_folder(reference: str | os.PathLike[str]) -> bool:
    """Whether :func:`locate` treats a reference as a folder rather than a registered name."""
    if not isinstance(reference, str):
        return True
    separators = {"/", os.sep, os.altsep or os.sep}
    if reference.startswith((".", "~")) or any(mark in reference for mark in separators):
        return True
    return _is_here(reference) and not _is_registered(reference)


def warn_of_folder(name: str) -> None:
    """Warn if a folder in the current directory has a model's name and is ignored."""
    if _is_here(name):
        warnings.warn(
            f"{name!r} means the registered model; write {'./' + name!r} for the folder",
            stacklevel=3,
        )


def _is_here(name: str) -> bool:
    return bool(name) and is_file(Path(name, MANIFEST))


def _is_registered(reference: str) -> bool:
    try:
        registry().find(reference)
    except UsageError:
        return False
    return True


def local_folder(name: str) -> ModelFolder | None:
    """The folder of a registered model in the package or the cache; ``None`` if it is in neither.

    Raises:
        UsageError: there is no such model.
        FolderError: the folder is damaged.
    """
    _, weights = registry().find(name)
    if weights is None:
        return None
    folders = (_embedded(weights), cache.folder_of(weights))
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        return None
    return ModelFolder.open(found, weights.manifest_sha256, reference=name)


def _embedded(weights: Weights) -> Path:
    return Path(weights.folder) if weights.folder else WEIGHTS_FOLDER / weights.name


def _locate_registered(name: str, offline: bool, progress: bool) -> ModelFolder:
    architecture, weights = registry().find(name)
    if weights is None:
        others = registry().select(f"{architecture.name}.*") or registry().select(
            task=architecture.task, pretrained=True
        )
        hint = f"; there are {', '.join(others)}" if others else ""
        raise UsageError(f"{name!r} has no {'default' if hint else 'pretrained'} weights{hint}")
    embedded = _embedded(weights)
    sha256 = weights.manifest_sha256
    if embedded.is_dir():
        return ModelFolder.open(embedded, sha256, reference=name)
    folder = cache.folder_of(weights)

    def mend(_: str, error: FolderError) -> None:
        if offline:
            raise FolderError(
                f"{error}; it is in the cache and offline mode is on: unset ZOO_OFFLINE and "
                f"HF_HUB_OFFLINE to fetch it again, or run: zoo cache clear {weights.name}"
            ) from None
        _download(weights, folder, offline, progress)

    if not folder.is_dir():
        _download(weights, folder, offline, progress)
    try:
        return ModelFolder.open(folder, sha256, reference=name, mend=mend)
    except FolderError as error:
        mend(MANIFEST, error)
    return ModelFolder.open(folder, sha256, reference=name, mend=mend)


def _download(weights: Weights, folder: Path, offline: bool, progress: bool) -> None:
    """Download a model into the cache from the first source that provides every file correctly."""
    chosen = [text.strip() for text in os.environ.get("ZOO_SOURCES", "").split(",")]
    sources = [text for text in [*chosen, *weights.sources] if text]
    if offline:
        # A mirror folder and the Hub client's own cache need no connection.
        sources = [text for text in sources if "://" not in text or text.startswith(hub.PREFIX)]
    if not sources:
        raise _not_found(weights, offline, [])
    with cache.lock(weights.name, wait=True, tell=progress):
        if folder.is_dir():
            with contextlib.suppress(FolderError):
                ModelFolder.open(folder, weights.manifest_sha256).verify()
                return  # another process was faster
        partial = cache.partial_of(folder)
        with cache.cache_errors():
            cache.set_aside(folder, partial)
        reasons = []
        for text in sources:
            try:
                _fetch(weights, partial, text, offline, progress)
                break
            except (DownloadError, FolderError, UsageError) as error:
                reasons.append(f"{text}: {str(error).removeprefix(f'{text}: ')}")
        else:
            with contextlib.suppress(OSError):
                partial.rmdir()  # only if no byte came
            raise _not_found(weights, offline, reasons)
        cache.finish(partial, folder)


def _fetch(weights: Weights, partial: Path, text: str, offline: bool, progress: bool) -> None:
    """Complete a partial folder from the source named by ``text``."""
    from zoo.store import download, sources

    source: sources.Source
    if text.startswith(hub.PREFIX):
        repo, revision = hub.parse_reference(text)
        sha256 = weights.manifest_sha256
        source = sources.FolderSource(
            hub.fetch(
                repo, revision, offline=offline, progress=progress, manifest_sha256=sha256
            ).path
        )
        progress = False
    elif "://" in text:
        source = sources.WebSource(f"{text.rstrip('/')}/{weights.name}")
    else:
        source = sources.FolderSource(user_path(text) / weights.name)
    download.complete(partial, weights.name, weights.manifest_sha256, source, progress=progress)


def _not_found(weights: Weights, offline: bool, reasons: list[str]) -> DownloadError:
    told = "".join(f"\n  {reason}" for reason in reasons)
    if offline:
        return DownloadError(
            f"{weights.name} is not in the cache ({cache.cache_dir()}) and offline mode is "
            f"on{told}\n"
            f"fetch it once with a connection (zoo download {weights.name}, with ZOO_OFFLINE and "
            "HF_HUB_OFFLINE unset), or set ZOO_SOURCES to a folder that holds it"
        )
    if not reasons:
        return DownloadError(
            f"{weights.name} is neither embedded nor cached and no source is known for it; set "
            "ZOO_SOURCES to an https:// address, a folder or hf://owner/repo that holds it"
        )
    return DownloadError(
        f"cannot fetch {weights.name} ({weights.size} bytes):{told}\n"
        "check the connection and try again, or set ZOO_SOURCES to another source"
    )
