"""``zoo run``, ``inspect`` and ``finetune`` for the task ``image-to-text``.

Inputs are images of lines and pages, and pen strokes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.inputs import print_each, progress_bar, run_each
from zoo.cli.inspection import inspect_input, inspection_options
from zoo.cli.options import MODEL, OUT, search_options, training_options
from zoo.cli.output import command_line
from zoo.cli.terminal import printable
from zoo.errors import UsageError, ZooError
from zoo.files import same_file
from zoo.handwriting.page_command import PageRun, are_pages, run_pages
from zoo.handwriting.page_writing import LayoutFormat
from zoo.handwriting.training.options import HandwritingOptions
from zoo.store.locate import Reference


@click.command(
    "run",
    epilog="Examples:\n\n\b\n  zoo run crnn.latin line.png\n"
    "  zoo run crnn.latin page.jpg --layout page.xml --out page.text.xml\n"
    "  zoo run crnn.latin scans --out texts\n"
    "  zoo run crnn.latin book.pdf --format page --out texts\n"
    "  zoo run pen_bilstm.unipen ink.inkml --json",
)
@MODEL
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=click.Path(path_type=Path),
    help="The ALTO or PAGE layout file of the page; the input is the page's image.",
)
@click.option(
    "--page",
    is_flag=True,
    help="The inputs are pages; without a layout file their lines are detected.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write layout files with the text: a file for one page, a folder for several. Repeat the "
    "command to resume an interrupted run.",
)
@click.option(
    "--format",
    "layout_format",
    type=click.Choice(["alto", "page"]),
    help="Write new ALTO 4 or PAGE XML files; default: fill in the layout file, or new ALTO.",
)
@click.option(
    "--page-number",
    type=click.IntRange(1),
    help="The page of a layout file, a PDF or a TIFF file that has several.",
)
@click.option(
    "--layout-pixels",
    type=click.Choice(["auto", "upright", "stored"]),
    default="auto",
    show_default=True,
    help="The pixels that the layout counts if the image's EXIF data turns it: as it is shown, or "
    "as it is stored.",
)
@click.option(
    "--strict", is_flag=True, help="Refuse files with damaged parts instead of leaving these out."
)
@search_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON with positions and confidences.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Plot the line or strokes with the characters under the ink, as PNG, SVG or PDF.",
)
def run(
    model: Reference,
    inputs: tuple[Path, ...],
    layout: Path | None,
    page: bool,
    out: Path | None,
    layout_format: LayoutFormat | None,
    page_number: int | None,
    layout_pixels: str,
    strict: bool,
    as_json: bool,
    picture: Path | None,
    **search: Any,
) -> None:
    """Read INPUTS: images of lines, images of pages, or files of pen strokes (InkML, UNIPEN).

    One line prints its text; several inputs print one row each: name, tab, text. A page prints one
    row per line. Folders, PDF and TIFF files of several pages hold pages; a page's layout file is
    found beside it. A quoted pattern such as 'page?.jpg' stands for the files that it matches.
    """
    from zoo.handwriting.line_reading import LineRecognition
    from zoo.handwriting.reading import HandwritingRecognition
    from zoo.handwriting.results import Reading
    from zoo.loading import load_model

    is_page = page or layout is not None or out is not None
    if picture and (len(inputs) > 1 or is_page):
        raise UsageError("--picture plots a line, so it needs a single input that is no page")
    if layout is not None and len(inputs) > 1:
        raise UsageError("--layout needs a single input")
    if layout_format is not None and out is None:
        raise UsageError("--format is of the files that --out writes; give --out")
    input_files = [path for path in (*inputs, layout) if path is not None]
    for target in (out, picture):
        if target is not None and any(same_file(target, path) for path in input_files):
            raise UsageError(f"{target} is an input and would be overwritten; choose another file")
    loaded = load_model(model, kind=HandwritingRecognition)
    if isinstance(loaded, LineRecognition):
        is_page = is_page or are_pages(inputs)
    elif is_page:
        raise UsageError(f"{model} reads pen strokes; pages need a model for images")
    if is_page:
        how = {"page_number": page_number, "layout_pixels": layout_pixels, "strict": strict}
        options = {**search, **how}
        run_pages(loaded, PageRun(inputs, layout, out, layout_format, as_json, options))
        return
    names, sources = _sources(loaded, inputs, strict)

    def read(some: list[Any]) -> list[Any]:
        with progress_bar("reading", "line", len(some)) as update:
            readings: list[Any] = loaded.read(some, on_progress=update, **search)
        return readings

    results = run_each(read, sources)
    if picture is not None:
        if len(sources) > 1:
            raise UsageError(f"{inputs[0]} holds several pieces of writing; --picture draws one")
        loaded.alignment_plot(sources[0], picture, **search)
    print_each(names, results, as_json, "input")
    for name, result in zip(names, results, strict=True):
        if isinstance(result, Reading) and not result.text and isinstance(loaded, LineRecognition):
            where = f"{printable(name)}: " if len(results) > 1 else ""
            hint = "found no line of writing; is it a page? then add --page"
            click.echo(f"zoo: {where}{hint}", err=True)


def _sources(loaded: Any, inputs: tuple[Path, ...], strict: bool) -> tuple[list[str], list[Any]]:
    """Names and inputs; of a UNIPEN file its pieces of writing, of a bad one its error."""
    from zoo.handwriting.archive_pages import expand_inputs
    from zoo.handwriting.ink_files import SUFFIXES, read_ink_file
    from zoo.handwriting.line_reading import LineRecognition

    if isinstance(loaded, LineRecognition):
        files = expand_inputs(inputs, ())
        return [str(path) for path in files], list(files)
    names, sources = [], []
    for path in expand_inputs(inputs, SUFFIXES):
        try:
            pieces: list[Any] = list(read_ink_file(path, strict=strict))
        except ZooError as error:
            pieces = [error]
        for number, piece in enumerate(pieces):
            names.append(f"{path}#{number}" if len(pieces) > 1 else str(path))
            sources.append(piece)
    return names, sources


@click.command(
    "inspect",
    epilog="Example:\n\n\b\n  zoo inspect crnn.latin line.png --plot gates.png --find-units",
)
@MODEL
@click.argument("source", type=click.Path(path_type=Path))
@inspection_options
def inspect(model: Reference, source: Path, **options: Any) -> None:
    """Look into MODEL while it reads SOURCE, the image of a line or a file of pen strokes."""
    inspect_input(model, source, **options)


@click.command(
    "finetune",
    epilog="Examples:\n\n\b\n  zoo finetune crnn.latin --lines letters --out runs/letters\n"
    "  zoo finetune pen_bilstm.unipen --lines notes --out runs/notes",
)
@MODEL
@click.option(
    "--lines",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder of images or ink files with lines.tsv (file name, tab, text), of pages with "
    "ALTO or PAGE files, or of UNIPEN or InkML files with labels.",
)
@OUT
@training_options(
    HandwritingOptions,
    validation="Fraction held out for validation, if the folder specifies no splits.",
    seed="Random seed of dropout, augmentation and order.",
    limit="Train on this many lines only.",
)
@click.option("--strict", is_flag=True, help="Refuse lines that cannot be read.")
def finetune(model: Reference, lines: Path, out: Path, strict: bool, **options: Any) -> None:
    """Fine-tune MODEL on your own handwriting.

    Some lines are held out for validation, and characters that the model does not know are added to
    its alphabet. Repeat the command to resume an interrupted run.
    """
    from zoo.handwriting.training.run import finetune_handwriting

    chosen = HandwritingOptions(**options)
    click.echo(
        finetune_handwriting(model, lines, out, chosen, strict=strict, command=command_line())
    )
