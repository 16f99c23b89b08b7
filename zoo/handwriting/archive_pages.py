"""The pages of an archive: which files hold them, their layout files, and the names of the results.

Pages are looked for in folders, among files and by patterns such as ``"scans/*.jpg"``. A page's
layout file is one that names its image, or has its name and lies beside it.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from zoo.errors import DataError, UsageError
from zoo.files import is_file, is_folder, user_path
from zoo.handwriting.page_folder import images_of
from zoo.handwriting.page_xml import read_layouts_if_any
from zoo.handwriting.scans import SUFFIXES, open_scans
from zoo.registry import natural_key

_LAYOUT_FOLDERS = ("page", "alto")  # beside the images, in exports of Transkribus


@dataclass(frozen=True)
class ArchivePage:
    """A page of an archive.

    Args:
        name: in messages and in the report, such as ``"letters/book.pdf, page 3"``.
        path: its file.
        number: which page of the file it is, from 1.
        pages: how many the file has.
        target: the name of its result below the folder of the results.
        layouts: its layout files; the first one is used.
        doubts: what is not certain about these.
    """

    name: str
    path: Path
    number: int
    pages: int
    target: str
    layouts: tuple[Path, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def image(self) -> str:
        """The name of its image in a new layout file."""
        return self.path.name if self.pages == 1 else f"{self.path.name}#page={self.number}"


def expand_inputs(
    inputs: Sequence[Path], suffixes: Sequence[str], but: Path | None = None
) -> list[Path]:
    """The files that paths, folders and patterns stand for.

    Args:
        inputs: as they were given. A file comes as it is, whatever its ending, even if it is not
            there; what is searched comes in natural order.
        suffixes: endings of the files to look for in folders.
        but: a folder that is not searched.

    Raises:
        UsageError: a folder holds no such file, or no file matches a pattern.
    """
    found: list[Path] = []
    for given in map(user_path, inputs):
        if is_folder(given):
            files = _in_folder(given, suffixes, but)
            if not files:
                raise UsageError(f"there is no {_listed(suffixes)} file in the folder {given}")
        elif glob.has_magic(str(given)) and not is_file(given):
            files = [Path(each) for each in glob.glob(str(given), recursive=True)]
            files = sorted((each for each in files if is_file(each)), key=_order)
            if not files:
                raise UsageError(f"no file matches {str(given)!r}")
        else:
            files = [given]
        found += files
    return found


def find_pages(
    inputs: Sequence[Path], out: Path | None = None, number: int | None = None
) -> list[ArchivePage]:
    """The pages of files, folders and patterns, each once.

    A file that cannot be opened is one page, so that it is named when it is read.

    Args:
        inputs: as :func:`expand_inputs` takes them.
        out: the folder of the results, which is not searched.
        number: only this page of files that have several.

    Raises:
        UsageError: nothing is there to be read, or the folder of the results holds scans.
    """
    given = list(map(user_path, inputs))
    if out is not None and any(_is_inside(path, out) for path in given):
        raise UsageError(f"{out} holds the pages; choose another folder for the results")
    by_place = {os.path.abspath(each): each for each in expand_inputs(given, SUFFIXES, out)}
    files = list(by_place.values())
    names = _names(files)
    layouts, doubts = _layouts_of(given, files, out)
    pages = []
    for file, target in zip(files, _targets(names), strict=True):
        count = _count(file)
        wanted = range(1, count + 1) if number is None or count == 1 else (number,)
        for each in wanted:
            own = tuple(layouts[file]), tuple(doubts[file])
            page = ArchivePage(names[file], file, each, count, target, *own)
            if count > 1:
                name = f"{page.name}, page {each}"
                page = replace(page, name=name, target=f"{PurePath(target).with_suffix('')}")
                page = replace(page, target=f"{page.target}/{each:04d}.xml")
            pages.append(page)
    return pages


def has_many_pages(path: Path) -> bool:
    """Whether a file has several pages; one that cannot be opened has not."""
    return _count(path) > 1


def _count(path: Path) -> int:
    try:
        with open_scans(path) as scans:
            return scans.pages
    except DataError:
        return 1


def _in_folder(folder: Path, suffixes: Sequence[str], but: Path | None) -> list[Path]:
    return sorted(
        (
            file
            for file in folder.rglob("*")
            if file.suffix.lower() in suffixes
            and not file.name.startswith(".")
            and is_file(file)
            and not (but and _is_inside(file, but))
        ),
        key=_order,
    )


def _order(path: Path) -> list[object]:
    return natural_key(path.as_posix())


def _is_inside(file: Path, folder: Path) -> bool:
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))


def _listed(suffixes: Sequence[str]) -> str:
    return ", ".join(suffix.lstrip(".") for suffix in suffixes)


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """What the files are called: where they lie in the smallest folder that has all of them."""
    parents = [os.path.dirname(os.path.abspath(file)) for file in files]
    top = Path(os.path.commonpath(parents))
    return {file: Path(os.path.abspath(file)).relative_to(top).as_posix() for file in files}


def _targets(names: dict[Path, str]) -> Iterator[str]:
    """Names of the results: with the ending of the image where two would have the same."""
    bare = {name: PurePath(name).with_suffix("").as_posix() for name in names.values()}
    times = Counter(base.casefold() for base in bare.values())
    return (f"{base if times[base.casefold()] == 1 else name}.xml" for name, base in bare.items())


def _layouts_of(
    inputs: Sequence[Path], files: Sequence[Path], out: Path | None
) -> tuple[dict[Path, list[Path]], dict[Path, list[str]]]:
    """The layout files of each file, the nearest first, and what is not certain about them."""
    found: dict[Path, list[Path]] = {file: [] for file in files}
    doubts: dict[Path, list[str]] = {file: [] for file in files}
    by_name: dict[str, list[Path]] = {}
    for file in files:
        for name in (file.name, file.stem):
            by_name.setdefault(name, []).append(file)
    for path in _layout_files(inputs, files, out):
        namesakes = by_name.get(path.stem, [])
        try:
            pages = read_layouts_if_any(path)
            if pages:
                named = by_name.get(PurePath(pages[0].image.replace("\\", "/")).name, [])
                images = images_of(pages, path, [*named, *namesakes], SUFFIXES)
                for image in images:
                    if len(images) == 1:
                        found[image].append(path)
                    else:
                        doubt = f"{path} was not used, as it may be about another image of the name"
                        doubts[image].append(doubt)
        except DataError:
            # A damaged one is named when its page is read. Others are about other images.
            near = [each for each in namesakes if each.parent in (path.parent, path.parent.parent)]
            for file in near[:1]:
                found[file].append(path)
    for file, layouts in found.items():
        layouts.sort(key=lambda path: (path.parent != file.parent, _order(path)))
    return found, doubts


def _layout_files(
    inputs: Sequence[Path], files: Sequence[Path], out: Path | None
) -> Iterator[Path]:
    """Files that may be layout files: those in the folders, and those of the files' names."""
    seen: set[str] = set()
    folders = list(filter(is_folder, inputs))
    searched = [path for folder in folders for path in _in_folder(folder, (".xml",), out)]
    beside = [
        parent / f"{name}.xml"
        for file in files
        for parent in (file.parent, *(file.parent / name for name in _LAYOUT_FOLDERS))
        for name in (file.stem, file.name)
    ]
    for path in (*searched, *beside):
        absolute = os.path.abspath(path)
        if absolute not in seen and is_file(path) and not (out and _is_inside(path, out)):
            seen.add(absolute)
            yield path
