"""The folder of a training run: checked before it is used, locked while it is used.

The run writes its checkpoint, history, pictures and samples into ``training/``; when it has ended,
the model folder's own files are written beside that, so that the same path can be given to
``load_model``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from zoo.errors import UsageError, ZooError
from zoo.files import (
    acquired_lock,
    atomic_path,
    readable_os_errors,
    remove_leftovers,
    user_path,
    write_bytes,
)
from zoo.folder.manifest import MANIFEST, parse_json, read_file

_VALUES = "run.json"
_CHECKPOINT = "checkpoint.npz"
SAMPLES = "samples.txt"
"""What the model writes after each epoch, in a run's ``training/``."""


class RunDirectory:
    """A training run's folder, used as a context manager.

    Args:
        path: the folder; it is made when missing.
        values: everything that the result depends on, as plain values and dataclasses of these; a
            folder begun with other values is refused.

    Raises:
        UsageError: the folder holds something else, a finished model, or a run of other values.
        ZooError: the folder cannot be written, or another process is training in it.
    """

    def __init__(self, path: str | Path, values: Mapping[str, Any]) -> None:
        self.path = user_path(path)
        self.training = self.path / "training"
        self._values = values

    def __enter__(self) -> RunDirectory:
        with readable_os_errors(f"use {str(self.path)!r:.100}"):
            self._check()
        with readable_os_errors(f"make {self.training}"):
            self.training.mkdir(parents=True, exist_ok=True)
        with readable_os_errors(f"lock {self.training}"):
            busy = f"another process is training in {self.path}"
            self._lock = acquired_lock(self.training / ".lock", busy)
        with readable_os_errors(f"remove what a killed run left in {self.path}"):
            remove_leftovers(self.training)
            remove_leftovers(self.path)
        if not self._begun():
            text = json.dumps(_plain(self._values), indent=2, ensure_ascii=False)
            write_bytes(self.training / _VALUES, (text + "\n").encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    @property
    def finished(self) -> bool:
        """Whether the model has been written, and all that is left to do is to :meth:`finish`."""
        return (self.path / MANIFEST).exists()

    @property
    def has_checkpoint(self) -> bool:
        """Whether a broken run can be continued."""
        return (self.training / _CHECKPOINT).exists()

    def save_checkpoint(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Write a checkpoint in place of the last one.

        Raises:
            ZooError: the disk is full or read-only; the last checkpoint is kept.
        """
        content = {**arrays, "facts": np.asarray(json.dumps(facts))}
        with (
            atomic_path(self.training / _CHECKPOINT) as temporary,
            open(temporary, "wb") as stream,
        ):
            np.savez(stream, allow_pickle=False, **content)

    def load_checkpoint(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The last checkpoint, or ``None`` if there is none.

        Raises:
            ZooError: it is damaged.
        """
        path = self.training / _CHECKPOINT
        if not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            facts = json.loads(str(arrays.pop("facts")))
            if not isinstance(facts, dict):
                raise ValueError("its facts are no table")
            return arrays, facts
        except Exception as error:  # of a dozen kinds, from NumPy, zipfile, zlib and json
            raise damaged_checkpoint(path, error) from None

    def finish(self) -> None:
        """Remove the checkpoint of a run whose model has been written."""
        (self.training / _CHECKPOINT).unlink(missing_ok=True)

    def _check(self) -> None:
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; give a folder to write to")
        values = self.training / _VALUES
        changed = []
        if self._begun():
            changed = differences(parse_json(read_file(values), str(values)), self._values)
        # With the checkpoint still there, a run of the same values was killed at its very end.
        if self.finished and (changed or not self._begun()):
            raise UsageError(f"{self.path} already holds a finished model; choose another --out")
        if self._begun():
            if changed:
                raise UsageError(
                    f"{self.path} holds a run begun with other values: {', '.join(changed)}; "
                    "use them again or choose another --out"
                )
        elif any(entry.name != "training" for entry in self.path.iterdir()):
            raise UsageError(f"{self.path} is not empty; choose another --out")

    def _begun(self) -> bool:
        """Whether there is a run to go on with; one that failed before its first checkpoint, as
        with a learning rate that is far too high, may be begun again with other values."""
        return (self.training / _VALUES).exists() and self.has_checkpoint


def damaged_checkpoint(path: Path, error: Exception) -> ZooError:
    """The error about a checkpoint that cannot be read."""
    return ZooError(
        f"{path} is damaged ({error or type(error).__name__}); delete it to start again"
    )


def differences(before: Any, now: Any) -> list[str]:
    """How the stored values of a run differ from those that it is continued with.

    A field of a dataclass that the stored values lack is newer than they are, and counts as if it
    had been stored with its default.

    Args:
        before: values as JSON gives them.
        now: the same as plain values and dataclasses.

    Returns:
        A text for each difference.
    """
    return list(_differences(_with_new_fields(before, now), _plain(now)))


def _differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            inner = f"{name}.{key}" if name else key
            yield from _differences(before.get(key), now.get(key), inner)
    elif before != now:
        yield f"{name} (was {before!r}, now {now!r})"


def _with_new_fields(before: Any, now: Any) -> Any:
    if not isinstance(before, dict):
        return before
    if is_dataclass(now):
        defaults = {}
        for field in fields(now):
            if field.default is not MISSING:
                defaults[field.name] = field.default
            elif field.default_factory is not MISSING:
                defaults[field.name] = field.default_factory()
        before = {**_plain(defaults), **before}
        now = {field.name: getattr(now, field.name) for field in fields(now)}
    if not isinstance(now, Mapping):
        return before
    return {key: _with_new_fields(value, now.get(key)) for key, value in before.items()}


def _plain(values: Any) -> Any:
    """Values as JSON gives them back: dataclasses are tables, tuples are lists."""
    return json.loads(json.dumps(values, default=asdict))
