"""What was read of an archive: a report that grows page by page, so that a broken run goes on.

The report ``pages.jsonl`` lies in the folder of the results. Its first row has the settings; each
further one has a page: its name, its file, the lines, the mean confidence and the doubts, or the
error. At the end it is put into the order of the pages, so that a run that was broken off and
continued leaves the same files as one that was not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from zoo.errors import FolderError, UsageError, ZooError
from zoo.files import acquired_lock, is_outside, readable_os_errors, remove_leftovers, write_bytes
from zoo.folder.checks import check_types
from zoo.folder.manifest import parse_json

REPORT = "pages.jsonl"
_NAMED = 5  # pages of a doubt that are named; of more, the number is told
_DOUBTS = 10  # kinds of doubts that are told, the most frequent first


_TYPES = {
    **dict.fromkeys(("page", "file", "error", "scan"), str),
    **dict.fromkeys(("size", "changed", "lines"), int),
    "confidence": float,
    "doubts": list,
}


@dataclass(frozen=True)
class PageOutcome:
    """What became of a page.

    Args:
        page: its name.
        file: the name of its result below the folder, empty if it could not be read.
        size: bytes of the scan, and of its layout file.
        changed: when they were last changed, in nanoseconds.
        lines: how many it has.
        confidence: 0 to 1, the mean of its lines' confidences.
        doubts: what may be wrong.
        error: why it could not be read, or empty.
        scan: the path of its file when it was read.
    """

    page: str
    file: str = ""
    size: int = 0
    changed: int = 0
    lines: int = 0
    confidence: float = 0.0
    doubts: tuple[str, ...] = ()
    error: str = ""
    scan: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Page, result, lines, confidence and doubts, or the error, as plain JSON values."""
        if self.error:
            return {"page": self.page, "error": self.error}
        return {**asdict(self), "doubts": list(self.doubts)} | {"error": None}

    @classmethod
    def from_row(cls, row: Any, where: str) -> PageOutcome:
        """The outcome that a row of the report has.

        Args:
            row: of JSON.
            where: the report, for messages.

        Raises:
            FolderError: it is no such row.
        """
        check_types(row, {"page": str}, where, needed=True)
        values = {key: value for key, value in row.items() if value is not None}
        check_types(values, _TYPES, where)
        if values.keys() - _TYPES.keys() or is_outside(values.get("file", "")):
            raise FolderError(f"{where} has a row that is no page's")
        return cls(**{**values, "doubts": tuple(map(str, values.get("doubts", ())))})


class Report:
    """The report in a folder, which nobody else uses meanwhile.

    Args:
        folder: of the results; it is made if it is missing.
        settings: what the results depend on beside the pages, as plain values.

    Raises:
        UsageError: the folder has results of other settings.
        ZooError: it cannot be written, another process is writing to it, or its report is damaged.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._path = folder / REPORT
        self._settings = json.loads(json.dumps(settings, default=str))
        self.outcomes: dict[str, PageOutcome] = {}

    def __enter__(self) -> Self:
        with readable_os_errors(f"use the folder {self.folder}"):
            if self.folder.exists() and not self.folder.is_dir():
                raise UsageError(f"{self.folder} is a file; give a folder for several pages")
            self.folder.mkdir(parents=True, exist_ok=True)
            busy = f"another process is writing to {self.folder}"
            self._lock = acquired_lock(self.folder / ".lock", busy)
            try:
                if self._path.exists():
                    self._read()
                self.write(self.outcomes.values())
                for folder in {self.folder / Path(o.file).parent for o in self.outcomes.values()}:
                    remove_leftovers(folder)
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def add(self, outcome: PageOutcome) -> None:
        """Append a page.

        Raises:
            ZooError: it cannot be written.
        """
        self.outcomes[outcome.page] = outcome
        with readable_os_errors(f"write {self._path}"), open(self._path, "ab") as stream:
            stream.write(_row(outcome.to_dict()))
            stream.flush()
            os.fsync(stream.fileno())

    def write(self, outcomes: Iterable[PageOutcome]) -> None:
        """Write the report anew.

        Args:
            outcomes: its pages in order.

        Raises:
            ZooError: it cannot be written.
        """
        rows = [_row({"settings": self._settings}), *(_row(each.to_dict()) for each in outcomes)]
        write_bytes(self._path, b"".join(rows))

    def _read(self) -> None:
        rows = self._path.read_bytes().split(b"\n")
        # Without a line break at its end, the last row was not finished.
        try:
            settings, *pages = [parse_json(row, str(self._path)) for row in rows[:-1]]
            check_types(settings, {"settings": dict}, str(self._path), needed=True)
            begun = settings["settings"]
            outcomes = [PageOutcome.from_row(page, str(self._path)) for page in pages]
        except (FolderError, ValueError):
            raise ZooError(f"{self._path} is damaged; remove it to read all pages again") from None
        changed = [key for key in self._settings if begun.get(key) != self._settings[key]]
        if changed:
            raise UsageError(
                f"{self.folder} holds pages read with another {', '.join(changed)}; use the same "
                "again, or choose another folder"
            )
        self.outcomes = {outcome.page: outcome for outcome in outcomes}


def summary(outcomes: Sequence[PageOutcome]) -> list[str]:
    """What an archive's pages came to, in sentences: the counts, then each kind of doubt.

    Args:
        outcomes: of its pages.
    """
    failed = [each for each in outcomes if each.error]
    doubtful = [each for each in outcomes if each.doubts]
    read = len(outcomes) - len(failed)
    said = [f"{read:,} of {len(outcomes):,} pages read, {len(doubtful):,} of them with doubts"]
    pages: dict[str, list[str]] = {}
    for outcome in doubtful:
        for doubt in outcome.doubts:
            pages.setdefault(doubt, []).append(outcome.page)
    kinds = sorted(pages.items(), key=lambda entry: -len(entry[1]))
    for doubt, names in kinds[:_DOUBTS]:
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        said.append(f"unsure: {doubt}: {', '.join(names[:_NAMED])}{more}")
    if len(kinds) > _DOUBTS:
        said.append(f"{len(kinds) - _DOUBTS:,} more kinds of doubts are in {REPORT}")
    return said


def _row(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"
