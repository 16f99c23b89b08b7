"""From the public originals of the handwriting corpora to lines and pen strokes.

Lines are cut by the same code that reads pages, :mod:`zoo.handwriting.line_cutter`, so that a model
sees a page of its user as it saw its training data.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz

from zoo.errors import DataError
from zoo.handwriting.datasets.splits import (
    COPISTE_TEST,
    COPISTE_VALIDATION,
    HOOKER_TEST,
    HOOKER_VALIDATION,
    POILUS_TEST,
    POILUS_VALIDATION,
    UNIPEN_TEST,
    UNIPEN_VALIDATION,
    copiste_writer,
    hooker_letter,
    poilus_writer,
    split_of,
)
from zoo.handwriting.image import read_image
from zoo.handwriting.ink_files import read_ink_file
from zoo.handwriting.line_cutter import cut_line
from zoo.handwriting.page_fitting import fit_layout
from zoo.handwriting.page_xml import TextLine, read_layout

SPLITS = ("train", "validation", "test")
"""Parts of a prepared corpus."""
LEVELS = {"1a": "CHARACTER", "1b": "CHARACTER", "1c": "CHARACTER", "7": "WORD", "8": "TEXT"}
"""What UNIPEN calls the pieces of each category."""

CONSENT = (
    "J'ai lu les conditions de participation et j'y consens. Je comprends que mon manuscrit sera "
    "anonymisé et utilisé par BAnQ pour des activités de recherche et développement et qu'il "
    "pourra aussi être publié et partagé sous licence CC-BY pour être utilisé librement à des fins "
    "non commerciales."
)
"""What every writer of Copiste copied besides the text."""

_GREY_LEVELS = 15  # of the prepared lines, whose PNG files have 4 bits
_MARK = re.compile(r"(imp)?[ _.]?wiki ?texte.*|(p\.)?\d{1,2}[./-]?(\d)?|><", re.IGNORECASE)


@dataclass(frozen=True)
class PreparedLine:
    """A line of a corpus.

    Args:
        image: ``(48, width)`` uint8.
        text: its transcript.
        writer: whose hand it is.
        page: the page it is from.
        kind: what kind of line.
        identity: its name in the corpus.
        split: one of :data:`SPLITS`.
    """

    image: np.ndarray
    text: str
    writer: str
    page: str
    kind: str
    identity: str
    split: str


@dataclass(frozen=True)
class PreparedInk:
    """A piece of ink of a corpus.

    Args:
        points: ``(points, 2)`` int32, y downwards.
        lengths: ``(strokes,)`` int32, points of each stroke.
        text: what is written.
        category: of UNIPEN.
        quality: as UNIPEN judged it.
        writer: ``source/writer``.
        split: one of :data:`SPLITS`.
    """

    points: np.ndarray
    lengths: np.ndarray
    text: str
    category: str
    quality: str
    writer: str
    split: str


def prepare_copiste(archive: Path) -> Iterator[PreparedLine]:
    """The lines of Copiste's public archive.

    Raises:
        DataError: the archive is damaged.
    """
    for page, number, line, image in cut_archive(archive):
        writer = copiste_writer(page)
        split = split_of(writer, COPISTE_VALIDATION, COPISTE_TEST)
        kind = copiste_kind(line.text)
        yield _line(image, line, writer, page, kind, number, split)


def prepare_poilus(archive: Path) -> Iterator[PreparedLine]:
    """The lines of Poilus' public archive.

    Raises:
        DataError: the archive is damaged.
    """
    for page, number, line, image in cut_archive(archive):
        writer = poilus_writer(page)
        split = split_of(writer, POILUS_VALIDATION, POILUS_TEST)
        yield _line(image, line, writer, page, line.kind, number, split)


def prepare_hooker(archive: Path) -> Iterator[PreparedLine]:
    """The lines of Hooker's public archive.

    Raises:
        DataError: the archive is damaged.
    """
    for page, number, line, image in cut_archive(archive):
        split = split_of(hooker_letter(page), HOOKER_VALIDATION, HOOKER_TEST)
        yield _line(image, line, "hooker", page, "line", number, split)


def _line(
    image: np.ndarray,
    line: TextLine,
    writer: str,
    page: str,
    kind: str,
    number: int,
    split: str,
) -> PreparedLine:
    levels = np.round(image / 255 * _GREY_LEVELS)
    image = (levels * (255 // _GREY_LEVELS)).astype(np.uint8)
    return PreparedLine(image, line.text, writer, page, kind, f"{page}_{number:03d}", split)


def copiste_kind(text: str) -> str:
    """Whether a line of Copiste is a page's mark, of the formula of consent, or of the text."""
    if _MARK.fullmatch(text.strip()):
        return "id"
    likeness = fuzz.partial_ratio(text.lower(), CONSENT.lower())
    return "consent" if likeness > 84 and len(text) > 7 else "text"


def cut_archive(archive: Path) -> Iterator[tuple[str, int, TextLine, np.ndarray]]:
    """The lines of all pages in an archive of images and ALTO or PAGE files.

    Lines without a text, or outside their image, are left out.

    Yields:
        The page's name, the line's number on it from 0, the line and its image.

    Raises:
        DataError: the archive is damaged, or a page's image is missing.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(opened.namelist())
            images = {posixpath.basename(name): name for name in names}
            for name in names:
                if name.endswith(".xml"):
                    yield from _cut_page(name, opened.read, images)
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise DataError(f"{archive} is a damaged archive: {error}") from None


def _cut_page(
    name: str, read: Callable[[str], bytes], images: dict[str, str]
) -> Iterator[tuple[str, int, TextLine, np.ndarray]]:
    page = posixpath.basename(name).removesuffix(".xml")
    try:
        layout = read_layout(read(name), strict=True)
    except DataError:
        return  # a file of another kind, or one with a damaged line
    if layout.image not in images:
        raise DataError(f"{name} is about {layout.image!r}, which is not in the archive")
    grey = read_image(read(images[layout.image]))
    layout = fit_layout(layout, grey.shape[1], grey.shape[0])
    # In the order of the file, by which the published lines are numbered.
    places = sorted(range(len(layout.lines)), key=lambda place: layout.entries[place].number)
    for place in places:
        line, number = layout.lines[place], layout.entries[place].number
        cut = cut_line(grey, line) if line.text else None
        if cut is not None:
            yield page, number, line, cut.image


def prepare_unipen(folder: Path, category: str) -> Iterator[PreparedInk]:
    """The pieces of ink of a category of UNIPEN's public archive, unpacked.

    Files and pieces that cannot be read are left out, as are places beyond a tablet.

    Raises:
        DataError: the folder has no such category.
    """
    roots = [path.parent for path in folder.rglob("include") if (path.parent / "data").is_dir()]
    files = sorted((roots[0] / "data" / category).rglob("*.dat")) if roots else []
    if not files:
        raise DataError(f"{folder} has no UNIPEN files of category {category}")
    for file in files:
        source = file.relative_to(roots[0] / "data" / category).parts[0]
        try:
            pieces = read_ink_file(file, roots[0] / "include")
        except DataError:
            continue
        for ink in pieces:
            points = np.round(np.concatenate(ink.strokes))
            if ink.level != LEVELS[category] or not ink.text or np.abs(points).max() > 1e6:
                continue
            yield PreparedInk(
                points=points.astype(np.int32),
                lengths=np.array([len(stroke) for stroke in ink.strokes], np.int32),
                text=ink.text,
                category=category,
                quality=ink.quality,
                writer=f"{source}/{ink.writer}",
                split=split_of(ink.writer, UNIPEN_VALIDATION, UNIPEN_TEST),
            )
