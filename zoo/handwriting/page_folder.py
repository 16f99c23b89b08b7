"""Which image a layout file is about, where images and layout files lie in folders."""

from __future__ import annotations

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
    # Of several files of this name the one beside the layout is meant.
    return min(named, key=lambda file: file.parent != path.parent)
