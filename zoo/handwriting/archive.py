"""Reading many pages at once, page by page into a folder of layout files with text."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError, UsageError, ZooError
from zoo.files import is_file, same_file, user_path
from zoo.handwriting.archive_pages import ArchivePage, find_pages
from zoo.handwriting.archive_report import PageOutcome, Report
from zoo.handwriting.page_writing import LayoutFormat
from zoo.handwriting.page_xml import PageLayout, read_layouts
from zoo.handwriting.results import PageReading
from zoo.handwriting.scans import ScanFile, open_scans

if TYPE_CHECKING:
    from zoo.handwriting.line_reading import LineRecognition

_PIECE = 1 << 20


def read_archive(
    model: LineRecognition,
    inputs: Sequence[Path],
    out: Path,
    layout_format: LayoutFormat | None = None,
    *,
    on_start: Callable[[int, int], object] | None = None,
    on_progress: Callable[[int], object] | None = None,
    **options: Any,
) -> list[PageOutcome]:
    """Read many pages into a folder of layout files with text.

    A run that was broken off goes on where it stopped if it is called again, and leaves the same
    files as one that was not. A page that cannot be read does not stop the others; it is tried
    again by the next call.

    Args:
        model: a recogniser of lines.
        inputs: images, TIFF files of several pages, PDF, folders of these, and patterns.
        out: a folder for the results. Each page gets an XML file there, with the name of its image;
            ``pages.jsonl`` says what became of each.
        layout_format: ``"alto"`` or ``"page"`` writes new files; left out, a page's layout file is
            filled in, and a page without one gets a new ALTO file.
        on_start: called with the number of all pages, and of those that are there already.
        on_progress: called with the number of pages read since the last call.
        **options: of :meth:`~zoo.handwriting.line_reading.LineRecognition.read_page`.

    Returns:
        What became of each page, in order.

    Raises:
        UsageError: there is nothing to read, or the folder is that of the pages, or holds results
            of another model, of other options, or of other files of the same names.
        ZooError: the folder cannot be written.

    Example:
        >>> read_archive(zoo.load_model("crnn.latin"), [Path("scans")], Path("texts"))
    """
    out = user_path(out)
    pages = find_pages(inputs, out, options.get("page_number"))
    check_targets(pages, out)
    settings = {"model": identity(model), "format": layout_format, "options": options}
    with Report(out, settings) as report:
        done = {page.name for page in pages if _is_done(report.outcomes.get(page.name), page, out)}
        _check_scans([page for page in pages if page.name not in done], report)
        if on_start:
            on_start(len(pages), len(done))
        for page, reading in iterate_pages(
            model, [page for page in pages if page.name not in done], **options
        ):
            report.add(_written(page, reading, out, layout_format))
            if on_progress:
                on_progress(1)
        outcomes = [report.outcomes[page.name] for page in pages]
        names = {page.name for page in pages}
        report.write([*outcomes, *(o for name, o in report.outcomes.items() if name not in names)])
    return outcomes


def iterate_pages(
    model: LineRecognition, pages: Sequence[ArchivePage], **options: Any
) -> Iterator[tuple[ArchivePage, PageReading | ZooError]]:
    """Read pages one by one; of one that cannot be read the error is given.

    Args:
        model: a recogniser of lines.
        pages: of :func:`~zoo.handwriting.archive_pages.find_pages`.
        **options: of :meth:`~zoo.handwriting.line_reading.LineRecognition.read_page`.

    Raises:
        UsageError: an option is out of range.
    """
    scans: ScanFile | None = None
    try:
        for page in pages:
            try:
                if scans is None or scans.path != page.path:
                    if scans is not None:
                        scans.close()
                    scans = None
                    scans = open_scans(page.path)
                yield page, _read(model, page, scans, options)
            except UsageError:
                raise
            except ZooError as error:
                yield page, error
    finally:
        if scans is not None:
            scans.close()


def read_archive_page(model: LineRecognition, page: ArchivePage, **options: Any) -> PageReading:
    """Read one page.

    Args:
        model: a recogniser of lines.
        page: of :func:`~zoo.handwriting.archive_pages.find_pages`.
        **options: of :meth:`~zoo.handwriting.line_reading.LineRecognition.read_page`.

    Raises:
        UsageError, DataError: as ``read_page``.
    """
    with open_scans(page.path) as scans:
        return _read(model, page, scans, options)


def check_targets(pages: Sequence[ArchivePage], out: Path) -> None:
    """Raise :class:`~zoo.UsageError` if two pages have one result, or a result is an input."""
    inputs = [path for page in pages for path in (page.path, *page.layouts)]
    targets: dict[str, ArchivePage] = {}
    for page in pages:
        other = targets.setdefault(page.target.casefold(), page)
        if other is not page:
            raise UsageError(f"{other.name} and {page.name} would both become {page.target}")
    existing = [out / page.target for page in pages if is_file(out / page.target)]
    names = {path.name for path in inputs}
    for target in existing:
        if target.name in names and any(same_file(target, path) for path in inputs):
            raise UsageError(f"{target} is an input and would be overwritten; choose another --out")


def identity(model: LineRecognition) -> str:
    """The sha256 of what a model's readings depend on: weights, alphabet and settings."""
    digest = hashlib.sha256()
    for name, array in sorted(model.weights().items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        data = memoryview(array.tobytes())
        for start in range(0, len(data), _PIECE):
            digest.update(data[start : start + _PIECE])
    settings = [model.architecture.name, model.processor.settings(), model.decoder]
    digest.update(json.dumps([*settings, model.processor.vocabulary], default=str).encode())
    for name, data_ in sorted(model.files.items()):
        digest.update(name.encode() + data_)
    return digest.hexdigest()


def save_page(
    page: ArchivePage,
    reading: PageReading,
    path: Path,
    layout_format: LayoutFormat | None = None,
) -> Path:
    """Write the layout file of a page of a file; the file's date becomes that of a new one.

    Args:
        page: the page.
        reading: what was read there.
        path: where to.
        layout_format: as :meth:`~zoo.handwriting.results.PageReading.save` takes it.

    Raises:
        ZooError: as :meth:`~zoo.handwriting.results.PageReading.save`.
    """
    changed = datetime.fromtimestamp(page.path.stat().st_mtime, UTC)
    return reading.save(path, layout_format, image=page.image, number=page.number, created=changed)


def _read(
    model: LineRecognition, page: ArchivePage, scans: ScanFile, options: dict[str, Any]
) -> PageReading:
    own = dict(options)
    layouts: Any = None
    doubts = list(page.doubts)
    if page.layouts:
        layouts = read_layouts(page.layouts[0], strict=bool(own.get("strict")))
        if page.pages > 1 and len(layouts) > 1:
            own["page_number"] = page.number
        elif page.pages > 1:
            number = own.pop("page_number", None) or _number_of(layouts[0], page)
            if number != page.number:
                doubts.append(f"{page.layouts[0].name} is the layout of page {number} alone")
                layouts = None
    if layouts is None:
        own.pop("page_number", None)
    if len(page.layouts) > 1:
        used, *others = (layout.name for layout in page.layouts)
        doubts.append(f"it has several layout files: {used} was used, not {', '.join(others)}")
    if doubts and own.get("strict"):
        raise DataError(doubts[0])
    reading = model.read_page(scans.read(page.number), layouts, **own)
    return reading.doubted(*doubts)


def _number_of(layout: PageLayout, page: ArchivePage) -> int:
    """Which page of a longer file a layout of one page is about; the first if it does not say."""
    return layout.image_number if 1 <= layout.image_number <= page.pages else 1


def _written(
    page: ArchivePage,
    reading: PageReading | ZooError,
    out: Path,
    layout_format: LayoutFormat | None,
) -> PageOutcome:
    if isinstance(reading, ZooError):
        return PageOutcome(page.name, error=str(reading))
    save_page(page, reading, out / page.target, layout_format)
    size, changed = _stamp(page)
    return PageOutcome(
        page.name,
        page.target,
        size,
        changed,
        len(reading.lines),
        round(reading.confidence, 4),
        reading.doubts,
        scan=os.path.abspath(page.path),
    )


def _check_scans(pages: Sequence[ArchivePage], report: Report) -> None:
    """Raise :class:`~zoo.UsageError` if a page would replace that of another file of its name."""
    for page in pages:
        outcome = report.outcomes.get(page.name)
        scan = Path(outcome.scan) if outcome and outcome.scan and outcome.file else page.path
        if is_file(scan) and not same_file(scan, page.path):
            raise UsageError(
                f"{report.folder} holds what was read of {scan}, which {page.path} would replace; "
                "choose another folder, or give both folders at once"
            )


def _is_done(outcome: PageOutcome | None, page: ArchivePage, out: Path) -> bool:
    """Whether a page's result is there, of the files as they are now."""
    if outcome is None or outcome.error or outcome.file != page.target:
        return False
    try:
        return is_file(out / page.target) and (outcome.size, outcome.changed) == _stamp(page)
    except OSError:  # the scan is gone
        return False


def _stamp(page: ArchivePage) -> tuple[int, int]:
    """Size and last change of a page's file and its layout files together."""
    status = [path.stat() for path in (page.path, *page.layouts)]
    return sum(each.st_size for each in status), max(each.st_mtime_ns for each in status)
