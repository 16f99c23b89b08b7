"""Files of one or of many scanned pages: images, TIFF files of several pages, and PDF.

A page of a PDF is drawn by PDFium, which is in the extra ``pdf``, as grey pixels at
:data:`RESOLUTION`; what it is read from are these pixels, never the text that a PDF may have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from zoo.errors import DataError, ZooError
from zoo.files import is_file, user_path
from zoo.handwriting.image import (
    MAX_PAGES,
    MAX_PIXELS,
    OrientedImage,
    count_pages,
    read_oriented,
)
from zoo.handwriting.image import SUFFIXES as IMAGE_SUFFIXES

PDF_SUFFIX = ".pdf"
SUFFIXES = (*IMAGE_SUFFIXES, PDF_SUFFIX)
"""Endings of files that are taken for scans where a folder is searched for them."""
RESOLUTION = 300
"""Dots an inch at which the pages of a PDF are drawn."""

_POINTS = 72  # of a PDF an inch
_PASSWORD = "password"  # in PDFium's message about an encrypted file


class ScanFile:
    """A file of scanned pages; as a context manager it is closed at the end.

    Args:
        path: the file.

    Attributes:
        pages: how many it has.

    Raises:
        DataError: it is missing, damaged or of another kind, or is a PDF with a password.
        ZooError: it is a PDF, and PDFium is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pages = self._count()

    def read(self, page: int) -> OrientedImage:
        """A page by its number from 1.

        Raises:
            DataError: it is damaged, or there is no such page.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the file."""

    def _count(self) -> int:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_scans(path: str | Path) -> ScanFile:
    """Open a file of scanned pages.

    Args:
        path: an image, a TIFF file of several pages, or a PDF.

    Raises:
        DataError, ZooError: as :class:`ScanFile`.
    """
    source = user_path(path)
    return _Pdf(source) if source.suffix.lower() == PDF_SUFFIX else _Image(source)


class _Image(ScanFile):
    def _count(self) -> int:
        return count_pages(self.path)

    def read(self, page: int) -> OrientedImage:
        return read_oriented(self.path, page)


class _Pdf(ScanFile):
    """A PDF, whose pages are drawn one at a time."""

    def _count(self) -> int:
        if not is_file(self.path):
            raise DataError(f"cannot read {self.path}: there is no such file")
        self._document = self._try(lambda: _pdfium().PdfDocument(self.path))
        pages = len(self._document)
        if not 0 < pages <= MAX_PAGES:
            self.close()
            raise DataError(f"{self.path} has {pages:,} pages; 1 to {MAX_PAGES:,} are read")
        return pages

    def read(self, page: int) -> OrientedImage:
        if not 1 <= page <= self.pages:
            raise DataError(f"{self.path} has no page {page}")
        return OrientedImage(self._try(lambda: self._drawn(page)))

    def close(self) -> None:
        self._document.close()

    def _drawn(self, page: int) -> np.ndarray:
        opened = self._document[page - 1]
        try:
            width, height = opened.get_size()
            if not (width > 0 and height > 0 and math.isfinite(width * height)):
                raise DataError(f"page {page} of {self.path} has no area")
            scale = min(RESOLUTION / _POINTS, math.sqrt(0.99 * MAX_PIXELS / (width * height)))
            bitmap = opened.render(scale=scale, grayscale=True)
            try:
                grey = np.array(bitmap.to_numpy(), np.uint8)
            finally:
                bitmap.close()
        finally:
            opened.close()
        return grey.reshape(grey.shape[:2])

    def _try(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except _pdfium().PdfiumError as error:
            if _PASSWORD in str(error).lower():
                raise DataError(f"{self.path} has a password; save it without one") from None
            raise DataError(f"{self.path} is a damaged PDF: {error}") from None


def _pdfium() -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise ZooError(
            "reading PDF needs PDFium; install it with: pip install 'sequence-zoo[pdf]', or save "
            "the pages as images"
        ) from None
    return pypdfium2
