"""Which image a layout file is about, where images and layout files lie in folders."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path, PurePath

from zoo.errors import DataError
from zoo.handwriting.image import SUFFIXES
from zoo.handwriting.page_xml import PageLayout


def image_of(
    pages: Sequence[PageLayout],
    path: Path,
    files: Sequence[Path],
    suffixes: Collection[str] = SUFFIXES,
) -> Path:
    """The image that a layout file is about.

    Args:
        pages: as :func:`images_of` takes them.
        path: likewise.
        files: likewise.
        suffixes: likewise.

    Raises:
        DataError: the image is not among the files, or several may be it.
    """
    image, *others = images_of(pages, path, files, suffixes)
    if others:
        listed = ", ".join(map(str, (image, *others)))
        raise DataError(f"it may be about any of the images {listed}; put it beside one of them")
    return image


def images_of(
    pages: Sequence[PageLayout],
    path: Path,
    files: Sequence[Path],
    suffixes: Collection[str] = SUFFIXES,
) -> list[Path]:
    """The images that a layout file may be about: one, or several of its name that lie as near.

    The nearest one is that of the layout's own folder, then that of the folder around it, since
    Transkribus puts layouts into ``page`` and ``alto``, then that of the fewest folders between.

    Args:
        pages: what was read of the file.
        path: the layout file.
        files: among which the image is.
        suffixes: endings of images.

    Raises:
        DataError: the image is not among them.
    """
    name = PurePath(pages[0].image.replace("\\", "/")).name
    named = [file for file in files if file.name == name]
    if not named:  # images are renamed; then the file beside it with the name of the layout's
        named = [
            file
            for file in files
            if (file.parent, file.stem) == (path.parent, path.stem)
            and file.suffix.lower() in suffixes
        ]
    if not named:
        raise DataError(f"it is about the image {pages[0].image!r}, which is not in the folder")
    near = {file: _distance(file, path) for file in named}
    return [file for file in near if near[file] == min(near.values())]


def _distance(file: Path, path: Path) -> tuple[int, int]:
    """How many folders lie between two files, and how many of them are inside the other's."""
    steps = PurePath(os.path.relpath(file.parent, path.parent)).parts
    return len(steps), sum(step != os.pardir for step in steps)
