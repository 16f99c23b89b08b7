"""``zoo run`` on pages: one page, or many from folders, patterns, PDF and TIFF files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import progress_bar
from zoo.cli.output import print_json
from zoo.cli.terminal import printable
from zoo.errors import UsageError, ZooError
from zoo.files import is_file, is_folder
from zoo.handwriting.page_writing import LayoutFormat


@dataclass(frozen=True)
class PageRun:
    """What ``zoo run`` is to do with pages.

    Args:
        inputs: files, folders and patterns.
        layout: the layout file of a single input.
        out: where to write: a file for a single page, else a folder.
        layout_format: of new layout files.
        as_json: print JSON.
        options: of ``read_page``.
    """

    inputs: tuple[Path, ...]
    layout: Path | None
    out: Path | None
    layout_format: LayoutFormat | None
    as_json: bool
    options: dict[str, Any]


def are_pages(inputs: Sequence[Path]) -> bool:
    """Whether inputs can only be pages: a folder, a PDF or an image file of several pages."""
    from zoo.handwriting.archive_pages import has_many_pages
    from zoo.handwriting.scans import PDF_SUFFIX

    return any(
        is_folder(path) or path.suffix.lower() == PDF_SUFFIX or has_many_pages(path)
        for path in inputs
    )


def run_pages(loaded: Any, run: PageRun) -> None:
    """Read pages and print or write what was read.

    Args:
        loaded: a recogniser of lines.
        run: what to do.

    Raises:
        UsageError: the inputs and the options do not fit.
        ZooError: a single page cannot be read, or a file cannot be written.
    """
    from zoo.handwriting.archive_pages import find_pages

    single = len(run.inputs) == 1 and is_file(run.inputs[0]) and not are_pages(run.inputs)
    if run.out is not None and not (single and not is_folder(run.out)):
        if run.layout is not None:
            raise UsageError("--layout needs a single input, and --out a file")
        _into_folder(loaded, run, run.out)
        return
    pages = find_pages(run.inputs, number=run.options["page_number"])
    if run.layout is not None:
        pages = [replace(page, layouts=(run.layout,)) for page in pages]
    elif single:
        pages = [replace(page, layouts=()) for page in pages]
    if len(pages) == 1:
        _one(loaded, run, pages[0])
    else:
        _print_many(loaded, run, pages)


def _one(loaded: Any, run: PageRun, page: Any) -> None:
    from zoo.handwriting.archive import read_archive_page, save_page
    from zoo.handwriting.page_xml import read_layouts

    strict = run.options["strict"]
    layouts = read_layouts(run.layout, strict=strict) if run.layout is not None else ()
    total = len(layouts[0].lines) if len(layouts) == 1 else None
    with progress_bar("reading", "line", total) as update:
        result = read_archive_page(loaded, page, on_progress=update, **run.options)
    _warn(result.doubts)
    if run.out is not None:
        click.echo(save_page(page, result, run.out, run.layout_format), err=True)
    if run.as_json:
        print_json(result.to_dict())
    else:
        click.echo(result.text)


def _print_many(loaded: Any, run: PageRun, pages: Sequence[Any]) -> None:
    """Print the lines of pages, a row each: the page, a tab, the text."""
    from zoo.handwriting.archive import iterate_pages

    rows: list[dict[str, Any]] = []
    with progress_bar("reading", "page", len(pages)) as update:
        for page, result in iterate_pages(loaded, pages, **run.options):
            update(1)
            if isinstance(result, ZooError):
                rows.append({"page": page.name, "error": str(result)})
                continue
            rows.append({"page": page.name, **result.to_dict()})
            if not run.as_json:
                for line in result.lines:
                    click.echo(f"{page.name}\t{line}")
    if run.as_json:
        print_json(rows)
    for row in rows:
        _warn([f"{row['page']}: {doubt}" for doubt in row.get("doubts", ())])
    _end((row["page"], row["error"]) for row in rows if "error" in row)


def _into_folder(loaded: Any, run: PageRun, out: Path) -> None:
    from zoo.handwriting.archive import read_archive
    from zoo.handwriting.archive_report import summary

    with ExitStack() as stack:
        update: Callable[[float], object] = lambda _: None  # noqa: E731

        def start(total: int, done: int) -> None:
            nonlocal update
            if done:
                click.echo(f"zoo: {done:,} of {total:,} pages are there already", err=True)
            update = stack.enter_context(progress_bar("reading", "page", total, done))

        outcomes = read_archive(
            loaded,
            run.inputs,
            out,
            run.layout_format,
            on_start=start,
            on_progress=lambda pages: update(pages),
            **run.options,
        )
    if run.as_json:
        print_json([outcome.to_dict() for outcome in outcomes])
    else:
        for outcome in outcomes:
            if not outcome.error:
                click.echo(f"{outcome.page}\t{out / outcome.file}")
    for sentence in summary(outcomes):
        click.echo(f"zoo: {printable(sentence)}", err=True)
    _end((outcome.page, outcome.error) for outcome in outcomes if outcome.error)


def _warn(doubts: Sequence[str]) -> None:
    for doubt in doubts:
        click.echo(f"zoo: unsure: {printable(doubt)}", err=True)


def _end(errors: Any) -> None:
    """Name the pages that could not be read, and exit with 1 if there are some."""
    failed = False
    for page, error in errors:
        failed = True
        click.echo(f"zoo: {printable(page)}: {printable(error)}", err=True)
    if failed:
        raise click.exceptions.Exit(1)
