"""Handwriting of one's own in a folder, with what is written, for fine-tuning and scoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError
from zoo.files import is_file, is_folder, is_outside, read_text, user_path
from zoo.folder.manifest import sha256_of
from zoo.handwriting.image import read_image, read_oriented
from zoo.handwriting.ink_files import SUFFIXES as INK_SUFFIXES
from zoo.handwriting.ink_files import Ink, read_ink_file
from zoo.handwriting.left_out import LeftOut
from zoo.handwriting.line_cutter import cut_line
from zoo.handwriting.page_fitting import fit_page, fitting_pages
from zoo.handwriting.page_folder import image_of
from zoo.handwriting.page_xml import PageLayout, read_layouts_if_any
from zoo.handwriting.processor import Line, Lines, Pen
from zoo.handwriting.training.examples import Sample, features_of
from zoo.handwriting.training.texts import clean_text, text_to_learn, text_to_score

TABLE = "lines.tsv"
_LEVELS = ("WORD", "LINE", "TEXT")
_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class FolderLine:
    """A line in a folder.

    Args:
        identity: its name.
        source: the image or the ink.
        split: ``"train"``, ``"validation"`` or ``"test"``, or empty if the folder does not say.
    """

    identity: str
    source: Line | Ink
    split: str = ""

    @property
    def to_learn(self) -> Sample:
        """What it teaches; its text is empty if that is nothing."""
        source = self.source
        return Sample(source, text_to_learn(source) if isinstance(source, Line) else _text(source))

    @property
    def to_score(self) -> Sample:
        """What it is scored against; its text is empty if it is not to be scored."""
        source = self.source
        return Sample(source, text_to_score(source) if isinstance(source, Line) else _text(source))


def read_folder(folder: Path, processor: Lines | Pen, *, strict: bool = False) -> list[FolderLine]:
    """The lines in a folder, in one of these forms:

    - images or ink files and ``lines.tsv``: a row for each line, its file below the folder, a tab,
      and what is written. A first row ``file, text, ...`` names the columns; ``kind`` and ``split``
      may be among them. Crossed-out words may be marked ``>word<``, unreadable ones ``><``.
    - images of pages and ALTO or PAGE files that name them;
    - for a reader of strokes: UNIPEN or InkML files that say what is written.

    Lines and files that are damaged or missing are left out, with a
    :class:`~zoo.errors.ZooWarning` that names them.

    Args:
        folder: the folder.
        processor: of the model, which says whether it reads images or strokes.
        strict: refuse what would be left out.

    Raises:
        DataError: the folder holds none of these or nothing that can be read, or its table names a
            file twice, one outside the folder, or an unknown split.
    """
    folder = user_path(folder)
    if not is_folder(folder):
        raise DataError(f"there is no folder {folder}")
    left_out = LeftOut(strict)
    if is_file(folder / TABLE):
        lines = _from_table(folder, processor, left_out)
    elif isinstance(processor, Pen):
        lines = _from_ink(folder, left_out)
    else:
        lines = _from_pages(folder, left_out)
    readable = [line for line in lines if line.source.text.strip()]
    readable = [line for line in readable if _is_readable(line, processor, left_out)]
    if not readable and left_out.count:
        raise DataError(f"{folder} has no line that can be read: {left_out.first}")
    left_out.warn(str(folder))
    if not readable:
        kinds = "ink files with texts" if isinstance(processor, Pen) else "ALTO or PAGE files"
        raise DataError(f"{folder} has neither a {TABLE} with lines nor {kinds}")
    return readable


def split_lines(
    lines: Sequence[FolderLine], fraction: float, limit: int | None = None
) -> tuple[list[Sample], list[Sample]]:
    """The training and the validation lines.

    Splits that the folder names are kept, and its test lines are not used. Without splits, a
    fraction of the lines, by the rank of their names' sha256, is held out for validation.

    Args:
        lines: of a folder.
        fraction: of the lines to hold out.
        limit: learn from so many lines only, the first ones by the rank of their sha256.

    Raises:
        DataError: there is nothing to train on or nothing to validate on.
    """
    ordered = sorted(lines, key=lambda line: sha256_of(line.identity.encode()))
    usable = [line for line in ordered if line.to_learn.text]
    if any(line.split for line in usable):
        chosen = [line for line in usable if line.split == "validation"]
        learnt = [line for line in usable if line.split in ("train", "")]
    else:
        learnt, chosen = usable, []
    if not chosen:
        count = min(max(1, round(fraction * len(learnt))), len(learnt) - 1)
        chosen, learnt = learnt[:count], learnt[count:]
    if limit is not None:
        learnt = learnt[:limit]
    if not learnt or not chosen:
        raise DataError("there must be at least two lines: one to train on and one to validate on")
    return [line.to_learn for line in learnt], [line.to_learn for line in chosen]


def _from_table(folder: Path, processor: Lines | Pen, left_out: LeftOut) -> Iterator[FolderLine]:
    path = folder / TABLE
    # Of the texts' own characters some, such as U+2028, would end a line for Python.
    rows = (line.split("\t") for line in read_text([path]).split("\n"))
    names = ["file", "text"]
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        where = f"{path}, line {number}"
        if number == 1 and row[:1] == ["file"]:
            names = row
            if "text" not in names:
                raise DataError(f"{path} has no column 'text'")
            continue
        if not any(row):
            continue
        if len(row) < 2 or (len(names) > 2 and len(row) != len(names)):
            left_out.add(where, f"expected {', '.join(names)}, apart by tabs")
            continue
        values = dict(zip(names, row, strict=False))
        file, split = values["file"], values.get("split", "")
        if file in seen:
            raise DataError(f"{where}: {file} was there before")
        seen.add(file)
        if is_outside(file):
            raise DataError(f"{where}: {file} is outside the folder")
        if split and split not in _SPLITS:
            raise DataError(f"{where}: the split {split!r} is none of train, val, test")
        try:
            if not is_file(folder / file):
                raise DataError(f"there is no file {folder / file}")
            source = _source(folder / file, values, processor, left_out)
        except DataError as error:
            left_out.add(where, error)
        else:
            yield FolderLine(file, source, _SPLITS.get(split, ""))


def _is_readable(line: FolderLine, processor: Lines | Pen, left_out: LeftOut) -> bool:
    """Whether the model's processor takes a line; one may be far too long."""
    try:
        features_of(line.source, processor)
    except DataError as error:
        left_out.add(line.identity, error)
        return False
    return True


def _source(
    path: Path, values: dict[str, str], processor: Lines | Pen, left_out: LeftOut
) -> Line | Ink:
    if isinstance(processor, Pen):
        strokes = [stroke for ink in _pieces(path, left_out) for stroke in ink.strokes]
        return Ink(strokes, clean_text(values["text"]))
    writer, page = values.get("writer", ""), values.get("page", "")
    kind = values.get("kind", "")
    return Line(read_image(path), values["text"], writer, page, kind, path.name)


def _from_pages(folder: Path, left_out: LeftOut) -> Iterator[FolderLine]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    layouts: dict[Path, Path] = {}
    for path in (path for path in files if path.suffix.lower() == ".xml"):
        try:
            pages = [page for page in read_layouts_if_any(path) if page.lines]
            image = image_of(pages, path, files) if pages else None
        except DataError as error:
            left_out.add(str(path.relative_to(folder)), error)
            continue
        if image is None:
            continue
        other = layouts.setdefault(image, path)
        if other != path:
            raise DataError(
                f"{other} and {path} are about the same image {image}: its lines would be there "
                "twice; keep one of the two"
            )
        try:
            yield from _from_page(folder, path, pages, image, left_out)
        except DataError as error:
            left_out.add(str(path.relative_to(folder)), error)


def _from_page(
    folder: Path, path: Path, pages: Sequence[PageLayout], image: Path, left_out: LeftOut
) -> Iterator[FolderLine]:
    oriented = read_oriented(image)
    fitting = fitting_pages(pages, oriented)
    if len(fitting) > 1:
        raise DataError(
            f"{len(fitting)} of its pages have the form of {image}; make a file of each"
        )
    layout = fitting[0] if fitting else pages[0]
    fitted = fit_page(layout, oriented)
    page = path.relative_to(folder).with_suffix("").as_posix()
    for doubt in fitted.doubts:
        left_out.doubt(doubt)
    for identity, reason in layout.problems:
        left_out.add(f"{path.relative_to(folder)}, {identity}", reason)
    for number, line in enumerate(fitted.layout.lines):
        cut = cut_line(oriented.grey, line) if line.text else None
        if cut is not None:
            identity = f"{page}_{number:03d}"
            source = Line(cut.image, line.text, page=page, kind="", identity=identity)
            yield FolderLine(identity, source)


def _from_ink(folder: Path, left_out: LeftOut) -> Iterator[FolderLine]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in INK_SUFFIXES:
            name = path.relative_to(folder).as_posix()
            try:
                pieces = _pieces(path, left_out)
            except DataError as error:
                left_out.add(name, error)
                continue
            for number, ink in enumerate(pieces):
                yield FolderLine(f"{name}_{number:03d}", ink)


def _pieces(path: Path, left_out: LeftOut) -> list[Ink]:
    """The pieces of writing in an ink file, each of them once.

    A UNIPEN file may have the same strokes as a text, as its words and as their characters.
    """
    pieces = read_ink_file(path, left_out=left_out)
    for level in _LEVELS:
        of_level = [ink for ink in pieces if ink.level == level]
        if of_level:
            return of_level
    return pieces


def _text(ink: Ink) -> str:
    return clean_text(ink.text)
