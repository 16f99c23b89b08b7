"""Models on the Hugging Face Hub, through its own client.

The client stores downloads in its own cache (``HF_HOME``), which other programs share, and
``HF_ENDPOINT``, ``HF_HUB_OFFLINE`` and ``HF_TOKEN`` have their usual meaning. A repository is a
model folder: only the files in its manifest are fetched, all at one commit, and each is verified.
"""

from __future__ import annotations

import contextlib
import errno
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import DownloadError, FolderError, UsageError, ZooError
from zoo.folder.manifest import MANIFEST, MAX_TEXT_BYTES, FileEntry, read_file
from zoo.folder.model_folder import ModelFolder, verify_file
from zoo.store.pace import deadline_seconds, late

PREFIX = "hf://"

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
_TOO_MANY = (
    "the Hub takes no more requests from here for now (429); wait some minutes, or log in with "
    "`hf auth login` or set HF_TOKEN to be allowed more"
)
_NOT_CACHED = (
    "it is not in the Hub client's cache and offline mode is on; fetch it once with a connection "
    "(ZOO_OFFLINE and HF_HUB_OFFLINE unset)"
)

T = TypeVar("T")


def parse_reference(reference: str) -> tuple[str, str | None]:
    """Split ``hf://owner/repo@revision`` into repository and revision (``None`` if it has none).

    Raises:
        UsageError: the reference has another form.
    """
    repo, at, revision = reference.removeprefix(PREFIX).partition("@")
    if not _REPO.fullmatch(repo) or (at and not _REVISION.fullmatch(revision)):
        raise UsageError(f"{reference!r} is not a valid Hub model; write hf://owner/repo@revision")
    return repo, revision or None


def is_repo(name: str) -> bool:
    """Whether a name has the form of a repository, ``owner/repo``."""
    return _REPO.fullmatch(name) is not None


def fetch(
    owner_repo: str,
    revision: str | None = None,
    *,
    offline: bool = False,
    progress: bool = True,
    manifest_sha256: str | None = None,
) -> ModelFolder:
    """Fetch a model repository into the Hub client's cache, or find it there.

    Args:
        owner_repo: such as ``"somebody/char-lstm"``.
        revision: a branch, tag or commit hash; the default branch if ``None``. With a full commit
            hash, a cached model needs no connection.
        offline: open no connection.
        progress: show a progress bar if stderr is a terminal.
        manifest_sha256: expected sha256 of ``manifest.json``, checked before anything else is
            fetched.

    Returns:
        The folder of the fetched commit, opened. Files that were fetched have been checked; others
        are checked as they are read, and fetched again if they are damaged.

    Raises:
        DownloadError: the model cannot be downloaded, is not a zoo model that this version can
            read, or does not match its manifest.
    """
    from tqdm import tqdm

    where = f"{PREFIX}{owner_repo}" + (f"@{revision}" if revision else "")

    def opened(path: Path) -> ModelFolder:
        # The folder's name is the commit: a branch that moves meanwhile does no harm.
        return ModelFolder(
            path.parent, read_file(path), manifest_sha256, reference=where, mend=mend
        )

    def mend(name: str, error: FolderError) -> None:
        if offline:
            raise DownloadError(f"{where}: {error}") from None
        with _plain_errors(where):
            get.again(name, folder.path.name, folder.manifest.files[name].size)

    with _plain_errors(where):
        get = _Getter(owner_repo, offline)
        folder = get.manifest(revision, opened)
        with tqdm(
            total=folder.manifest.total_size,
            desc=owner_repo,
            unit="B",
            unit_scale=True,
            disable=None if progress else True,
        ) as bar:
            for name, entry in folder.manifest.files.items():
                if get(name, folder.path.name, entry, bar).parent != folder.path:
                    raise DownloadError(f"{where}: its files come from different commits")
    return folder


def push(
    folder: Path | str,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Upload a model folder to the Hub as one commit; create the repository if needed.

    Exactly the files in the manifest and ``manifest.json`` are uploaded. Other files in the
    repository are unchanged.

    Args:
        folder: the model folder; it is verified first.
        repo_id: such as ``"somebody/char-lstm"``.
        private: make a new repository private.
        revision: the branch to commit to, created if needed; the default branch if ``None``.
        token: an access token; by default ``HF_TOKEN`` or the one stored by ``hf auth login``.
        message: the commit message.

    Returns:
        The URL of the commit, which ends in its hash.

    Raises:
        FolderError: the folder is damaged or not a zoo model; nothing was uploaded.
        UsageError: ``repo_id`` is not a valid repository name.
        DownloadError: the Hub refuses or cannot be reached.
    """
    repo_id, _ = parse_reference(repo_id)
    opened = ModelFolder.open(Path(folder))
    # What goes up are the bytes that were checked.
    files = {name: opened.read(name) for name in sorted(opened.manifest.files)}
    files[MANIFEST] = opened.manifest_bytes
    with _plain_errors(f"{PREFIX}{repo_id}"):
        from huggingface_hub import CommitOperationAdd, HfApi

        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        commit = api.create_commit(
            repo_id,
            [
                CommitOperationAdd(path_in_repo=name, path_or_fileobj=data)
                for name, data in files.items()
            ],
            commit_message=message or f"Upload {opened.path.resolve().name} with the zoo",
            revision=revision,
        )
    return str(commit.commit_url)


class _Getter:
    """Downloads files of one repository."""

    def __init__(self, repo: str, offline: bool) -> None:
        self.repo = repo
        self.offline = offline
        seconds = deadline_seconds()
        self._end = time.monotonic() + seconds if seconds else None

    def manifest(self, revision: str | None, opened: Callable[[Path], ModelFolder]) -> ModelFolder:
        """The folder that ``opened`` makes of the manifest, fetched again if it is damaged."""
        meter = _meter(MAX_TEXT_BYTES, None)
        path = self._cached(MANIFEST, revision) or self._download(MANIFEST, revision, meter)
        try:
            try:
                return opened(path)
            except FolderError:
                if self.offline:
                    raise
                # The client never looks again at what its cache holds.
                return opened(self._download(MANIFEST, revision, meter, again=True))
        except FolderError as error:
            raise DownloadError(str(error)) from None

    def __call__(self, name: str, commit: str, entry: FileEntry, bar: Any) -> Path:
        """A file's path in the client's cache; it is checked if it had to be fetched."""
        meter = _meter(entry.size, bar)
        path = self._cached(name, commit)
        if path is None:
            path = self._download(name, commit, meter)
            try:
                try:
                    verify_file(path, entry)
                except FolderError:
                    verify_file(self._download(name, commit, meter, again=True), entry)
            except FolderError as error:
                raise DownloadError(str(error)) from None
        bar.update(entry.size - meter.shown)
        return path

    def again(self, name: str, commit: str, size: int) -> None:
        """Fetch a file that is damaged in the client's cache, which never looks at it again."""
        self._download(name, commit, _meter(size, None), again=True)

    def _cached(self, name: str, revision: str | None) -> Path | None:
        """The file in the client's cache, where that can be said without a connection.

        Looked up here because hf_hub_download(), even with local_files_only, may first ask its Hub
        for a list of known programs to name in its headers.
        """
        from huggingface_hub import try_to_load_from_cache

        if not self.offline and not _COMMIT.fullmatch(revision or ""):
            return None  # only the Hub knows where a branch is now
        cached = try_to_load_from_cache(self.repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
        if self.offline:
            raise DownloadError(_NOT_CACHED)
        return None

    def _download(self, name: str, revision: str | None, meter: Any, again: bool = False) -> Path:
        from huggingface_hub import constants, hf_hub_download

        path = Path(
            _before_deadline(
                lambda: hf_hub_download(
                    self.repo,
                    name,
                    revision=revision,
                    force_download=again,
                    tqdm_class=meter,
                    library_name="sequence-zoo",
                ),
                self._end,
            )
        )
        # The client makes a path of what the Hub calls the file's ETag.
        if not path.resolve().is_relative_to(Path(constants.HF_HUB_CACHE).resolve()):
            raise DownloadError(
                f"its answer for {name} led out of the Hub's cache, to {path.resolve()}; do not "
                f"trust {constants.ENDPOINT}, and look at that file"
            )
        return path


def _before_deadline(call: Callable[[], T], end: float | None) -> T:
    """What a call gives, in a thread of its own: the client has no limit on time as a whole.

    Raises:
        DownloadError: it takes longer; the thread does not keep the process alive.
    """
    outcome: list[tuple[bool, Any]] = []

    def run() -> None:
        try:
            outcome.append((True, call()))
        except BaseException as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(None if end is None else max(0.0, end - time.monotonic()))
    if not outcome:
        raise late(deadline_seconds())
    good, value = outcome[0]
    if not good:
        raise value
    result: T = value
    return result


def _meter(limit: int, bar: Any) -> Any:
    """A class for the client's ``tqdm_class`` that moves our bar and stops oversized files."""
    from tqdm import tqdm

    class Meter(tqdm):
        shown = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(disable=True)
            self.seen = 0

        def update(self, n: float | None = 1) -> bool | None:
            self.seen += int(n or 0)
            if self.seen > limit:
                raise DownloadError(f"a file is longer than the {limit} bytes allowed")
            if bar is not None:
                bar.update(self.seen - Meter.shown)
                Meter.shown = self.seen
            return None

        # The client counts transferred and written bytes separately; one of them is enough.
        def update_transfer(self, n: float | None = 1) -> None:
            pass

        def set_transfer_postfix_str(self, postfix: str, refresh: bool = False) -> None:
            pass

    return Meter


@contextlib.contextmanager
def _plain_errors(where: str) -> Iterator[None]:
    """Turn errors of the Hub client into errors that say what to do next."""
    from huggingface_hub import errors

    try:
        yield
    except ZooError as error:
        if str(error).startswith(where):
            raise
        raise type(error)(f"{where}: {error}") from None
    except errors.GatedRepoError:
        raise DownloadError(
            f"{where} is gated: ask for access on its page, then log in with `hf auth login` or "
            "set HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        raise DownloadError(
            f"{where}: there is no such revision; name a branch, a tag or a full commit hash"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DownloadError(
            f"{where}: there is no such repository, or it is private; check the name, or log in "
            "with `hf auth login` or set HF_TOKEN"
        ) from None
    except errors.RemoteEntryNotFoundError as error:
        missing = str(error.response.url).rpartition("/")[2]
        raise DownloadError(f"{where} is not a zoo model: it has no {missing}") from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        cause = error.__cause__
        if isinstance(cause or error, errors.OfflineModeIsEnabled):
            raise DownloadError(f"{where}: {_NOT_CACHED}") from None
        if getattr(getattr(cause, "response", None), "status_code", None) == 429:
            raise DownloadError(f"{where}: {_TOO_MANY}") from None
        raise DownloadError(
            f"{where}: the Hub cannot be reached ({_first_line(cause or error)}); check the "
            "connection and HF_ENDPOINT"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise DownloadError(
                f"{where}: the Hub refuses access ({status}); log in with `hf auth login` or set "
                "HF_TOKEN to a token that may do this"
            ) from None
        if status == 429:
            raise DownloadError(f"{where}: {_TOO_MANY}") from None
        raise DownloadError(f"{where}: {_first_line(error)}") from None
    except errors.HFValidationError as error:
        raise UsageError(f"{where}: {_first_line(error)}") from None
    except Exception as error:
        # Other errors differ between versions of the client (those of its HTTP library, plain
        # ValueError): none of them may reach the user as a traceback.
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ZooError(
                f"{where}: no room in the Hub's cache; free some space or set HF_HOME"
            ) from None
        if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
            raise ZooError(
                f"{where}: cannot write to the Hub's cache ({error.strerror}: {error.filename}); "
                "set HF_HOME to a folder that you may write"
            ) from None
        raise DownloadError(f"{where}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
