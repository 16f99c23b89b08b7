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
from zoo.cli.output import command_line, print_json
from zoo.errors import UsageError, ZooError
from zoo.files import is_file
from zoo.handwriting.training.options import HandwritingOptions
from zoo.store.locate import Reference


@click.command(
    "run",
    epilog="Examples:\n\n\b\n  zoo run crnn.latin line.png\n"
    "  zoo run crnn.latin page.jpg --layout page.xml --out page.text.xml\n"
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
    "--page", is_flag=True, help="The input is a page without a layout file; detect its lines."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the layout file with the text filled in.",
)
@click.option(
    "--page-number", type=click.IntRange(1), help="The page of a layout file that has several."
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
    page_number: int | None,
    layout_pixels: str,
    strict: bool,
    as_json: bool,
    picture: Path | None,
    **search: Any,
) -> None:
    """Read INPUTS: images of lines, images of pages, or files of pen strokes (InkML, UNIPEN).

    One line prints its text; several inputs print one row each: name, tab, text. A page prints one
    row per line.
    """
    from zoo.handwriting.reading import HandwritingRecognition, LineRecognition
    from zoo.loading import load_model

    is_page = page or layout is not None
    if len(inputs) > 1 and (is_page or picture):
        raise UsageError("--layout, --page and --picture need a single input")
    if out is not None and layout is None:
        raise UsageError("--out writes the layout file with the text; give --layout")
    if is_page and picture:
        raise UsageError("--picture plots a line, not a page")
    input_files = [path for path in (*inputs, layout) if path is not None]
    for target in (out, picture):
        if target is not None and any(_same_file(target, path) for path in input_files):
            raise UsageError(f"{target} is an input and would be overwritten; choose another file")
    loaded = load_model(model, kind=HandwritingRecognition)
    if is_page and not isinstance(loaded, LineRecognition):
        raise UsageError(f"{model} reads pen strokes; --layout and --page need a model for images")
    if is_page:
        how = {"page_number": page_number, "layout_pixels": layout_pixels, "strict": strict}
        _run_page(loaded, inputs[0], layout, out, as_json, {**search, **how})
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
    if len(results) == 1 and not results[0].text and isinstance(loaded, LineRecognition):
        click.echo("zoo: found no line of writing; is it a page? then add --page", err=True)


def _same_file(first: Path, second: Path) -> bool:
    return is_file(first) and is_file(second) and first.samefile(second)


def _run_page(
    loaded: Any,
    image: Path,
    layout: Path | None,
    out: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from zoo.handwriting.page_xml import read_layouts

    pages = () if layout is None else read_layouts(layout, strict=options["strict"])
    total = len(pages[0].lines) if len(pages) == 1 else None
    with progress_bar("reading", "line", total) as update:
        result = loaded.read_page(image, pages or None, on_progress=update, **options)
    for doubt in result.doubts:
        click.echo(f"zoo: unsure: {doubt}", err=True)
    if out is not None:
        click.echo(result.save(out), err=True)
    if as_json:
        print_json(result.to_dict())
    else:
        click.echo(result.text)


def _sources(loaded: Any, inputs: tuple[Path, ...], strict: bool) -> tuple[list[str], list[Any]]:
    """Names and inputs; of a UNIPEN file its pieces of writing, of a bad one its error."""
    from zoo.handwriting.reading import LineRecognition

    if isinstance(loaded, LineRecognition):
        return [str(path) for path in inputs], list(inputs)
    from zoo.handwriting.ink_files import read_ink_file

    names, sources = [], []
    for path in inputs:
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
    from zoo.loading import load_model

    loaded = load_model(model)
    inspect_input(loaded, str(loaded.card.get("name", model)), source, **options)


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
