"""Handwriting recognition: images of lines and of pages to text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ctc.results import Alternative
from zoo.ctc.search import Search
from zoo.errors import DataError, UsageError
from zoo.handwriting.image import ImageSource, OrientedImage, read_image, read_oriented
from zoo.handwriting.line_cutter import LineCut, cut_line
from zoo.handwriting.line_finder import find_lines
from zoo.handwriting.line_image import LineImage
from zoo.handwriting.page_fitting import (
    FittedLayout,
    LayoutPixels,
    check_pixels,
    fit_page,
    fitting_pages,
)
from zoo.handwriting.page_xml import PageLayout, choose_page, read_layouts
from zoo.handwriting.processor import Lines
from zoo.handwriting.reading import SHARED_MODULES, HandwritingRecognition
from zoo.handwriting.results import (
    UPSIDE_DOWN,
    PageLine,
    PageReading,
    Reading,
    word_ranges,
)
from zoo.task import check_no_options

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

PAGE = "it seems to be a page of several lines; read it with read_page (zoo run: --page)"
_TALL = 0.3  # of its width; what is lower is no page
_LINES_OF_PAGE = 3

_NOT_READ = Reading("", (), 0.0, (Alternative("", 0.0, 0.0),))


class LineRecognition(HandwritingRecognition[ImageSource]):
    """A recogniser of handwritten lines and pages.

    A line is given as its image: a path, the bytes of a file, an open file, a Pillow image, or an
    array ``(height, width)`` or ``(height, width, channels)``, see
    :func:`zoo.handwriting.image.read_image`. :meth:`read_page` reads pages.

    Example:
        >>> model = zoo.load_model("crnn.latin")
        >>> print(model.read("line.png"))
    """

    example = "zoo.handwriting.standalone_line"
    example_modules = (
        "zoo.handwriting.line_image",
        *SHARED_MODULES,
    )
    processor: Lines

    def read_page(
        self,
        image: ImageSource | OrientedImage,
        layout: str | os.PathLike[str] | bytes | PageLayout | tuple[PageLayout, ...] | None = None,
        *,
        beam_size: int | None = None,
        language_model: Any = None,
        n_best: int = 1,
        lm_weight: float | None = None,
        insertion_bonus: float | None = None,
        page_number: int | None = None,
        layout_pixels: LayoutPixels = "auto",
        strict: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> PageReading:
        """The text of a page.

        Args:
            image: the page, as ``read`` takes an image, or as
                :func:`~zoo.handwriting.scans.open_scans` gives one.
            layout: where its lines are: a path or the bytes of an ALTO 4 or PAGE XML file, as
                eScriptorium, Transkribus and kraken write them, or what was read of it
                (:func:`~zoo.handwriting.page_xml.read_layout`,
                :func:`~zoo.handwriting.page_xml.read_layouts`). Left out, lines are looked for,
                which works on clean pages with straight lines.
            beam_size: as in ``read``.
            language_model: as in ``read``.
            n_best: as in ``read``.
            lm_weight: as in ``read``.
            insertion_bonus: as in ``read``.
            page_number: which page of a layout file with several is meant, from 1; left out, the
                one that has the form of the image.
            layout_pixels: which pixels of an image that is turned by its EXIF data the layout
                counts: those of the image as it is shown (``"upright"``), as the camera stored it
                (``"stored"``), or what fits (``"auto"``).
            strict: raise an error if a line cannot be read, or if there is doubt about the layout.
            on_progress: as in ``read``.

        Returns:
            The lines with their text. ``doubts`` says what may be wrong: lines that are damaged,
            outside the image or too long for their height, or that the lines found without a layout
            may not be right. A blank page has no lines.

        Raises:
            UsageError, DataError: as ``read`` and :func:`~zoo.handwriting.page_xml.read_layout`, or
                the layout is for an image of another form.
        """
        check_pixels(layout_pixels)
        search = self.searches.make(language_model, n_best, beam_size, lm_weight, insertion_bonus)
        page = image if isinstance(image, OrientedImage) else read_oriented(image)
        grey = page.grey
        known: PageLayout | None = None
        if layout is None:
            detected = find_lines(grey)
            lines, doubts = detected.lines, list(detected.doubts)
        else:
            known, fitted = _fitted(layout, page, page_number, layout_pixels, strict)
            lines, doubts = fitted.layout.lines, list(fitted.doubts)
        unread: dict[int, str] = {}
        cuts: list[LineCut] = []

        def readable() -> Iterator[LineImage]:
            for place, line in enumerate(lines):
                cut = cut_line(grey, line)
                try:
                    if cut is not None:
                        line_image = self.processor.read(cut.image)
                        cuts.append(cut)
                        yield line_image
                        continue
                    unread[place] = "lies outside the image"
                except DataError as error:
                    unread[place] = f"cannot be read: {error}"
                if strict:
                    raise DataError(f"{line.identity} {unread[place]}")
                if on_progress:
                    on_progress(1)

        readings = self._read(readable(), search, on_progress)
        on_page = (_on_page(*each) for each in zip(readings, cuts, strict=True))
        read = tuple(
            PageLine(line, _NOT_READ, unread=unread[place])
            if place in unread
            else PageLine(line, *next(on_page))
            for place, line in enumerate(lines)
        )
        doubts += [f"{line.line.identity} {line.unread}" for line in read if line.unread]
        doubts += _doubts_of_lines(read)
        height, width = grey.shape
        return PageReading(read, tuple(doubts), known, width, height)

    def _read_all(
        self,
        sources: Sequence[Any],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Readings of lines; the doubts of what is a page instead say so."""
        pages: list[int] = []

        def lines() -> Iterator[LineImage]:
            for place, source in enumerate(sources):
                grey = self._load(source)
                line_image = self.processor.read(grey)
                tall = grey.shape[0] > _TALL * grey.shape[1]
                if tall and len(find_lines(grey).lines) >= _LINES_OF_PAGE:
                    pages.append(place)
                yield line_image

        readings = self._read(lines(), search, on_progress)
        for place in pages:
            if readings[place].doubts:
                readings[place] = replace(readings[place], doubts=(PAGE,))
        return readings

    def _turned(self, features: LineImage) -> LineImage:
        return self.processor.normaliser.turned(features)

    def subject(self, source: ImageSource, **options: Any) -> InspectedInput:
        """A line's image with the pixels of its steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one line, as ``read`` takes it.
            **options: there are none.

        Raises:
            UsageError, DataError: as ``read``, or there is no ink.
        """
        from zoo.handwriting.inspection import line_subject

        check_no_options(options)
        grey = read_image(source)
        line_image = self.processor.read(grey)
        if not len(line_image.columns):
            raise UsageError("the image has no ink to look into")
        return line_subject(grey, line_image, self.processor.vocabulary)

    def _is_one(self, source: Any) -> bool:
        return not isinstance(source, (list, tuple))

    def _load(self, source: Any) -> np.ndarray:
        return read_image(source)

    def _draw(self, path: Path, loaded: np.ndarray, reading: Reading) -> Path:
        from zoo.handwriting.plot import draw_line

        return draw_line(path, loaded, reading)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """Columns of slanted waves, 37 of them, and 22 of them with padding."""
        height = self.processor.normaliser.height
        x, y = np.meshgrid(np.arange(37), np.arange(height), indexing="ij")
        waves = np.sin(0.5 * x + 0.2 * y) * np.exp(-(((y - height / 2) / (height / 4)) ** 2))
        columns = np.stack([np.clip(waves, 0.0, 1.0).astype(np.float32)] * 2)
        mask = np.ones(columns.shape[:2], bool)
        mask[1, 22:] = False
        return {"input.0": columns, "input.1": mask}

    def _place(self, features: LineImage, begin: float, end: float) -> tuple[float, float]:
        return max(0.0, features.source_x(begin)), features.source_x(
            min(end, len(features.columns))
        )


def _on_page(reading: Reading, cut: LineCut) -> tuple[Reading, np.ndarray]:
    """A reading of a cut line with places on the page, and its characters' boxes there."""
    boxes = [cut.box(character.start, character.end) for character in reading.characters]
    characters = []
    for character, box in zip(reading.characters, boxes, strict=True):
        start, end = sorted(((box[0] + box[3]) / 2, (box[1] + box[2]) / 2), key=lambda at: at[0])
        characters.append(replace(character, start=float(start[0]), end=float(end[0])))
    words = tuple(
        replace(word, start=characters[first].start, end=characters[end - 1].end)
        for word, (first, end) in zip(reading.words, word_ranges(characters), strict=True)
    )
    placed = replace(reading, characters=tuple(characters), words=words)
    return placed, np.array(boxes).reshape(-1, 4, 2)


def _doubts_of_lines(lines: Sequence[PageLine]) -> list[str]:
    """What the doubts of a page's lines come to."""
    tried = [line for line in lines if not line.unread]
    written = [line for line in tried if line.reading.text]
    turned = [line.line.identity for line in written if UPSIDE_DOWN in line.reading.doubts]
    low = [line for line in written if line.reading.doubts]
    if len(turned) > len(written) / 2:
        return ["the page seems to be upside down; turn it by 180 degrees"]
    doubts = [f"{identity}: {UPSIDE_DOWN}" for identity in turned]
    if len(low) > len(turned):
        count = len(low) - len(turned)
        doubts.append(f"{count} of {len(written)} lines have a low confidence")
    if len(written) < len(tried):
        count = len(tried) - len(written)
        doubts.append(f"no text was read in {count} of {len(tried)} lines")
    return doubts


def _fitted(
    layout: Any, image: OrientedImage, number: int | None, pixels: LayoutPixels, strict: bool
) -> tuple[PageLayout, FittedLayout]:
    """The page of a layout that belongs to an image, and the same in the image's pixels."""
    if isinstance(layout, PageLayout):
        pages: tuple[PageLayout, ...] = (layout,)
    elif isinstance(layout, tuple):
        pages = layout
    else:
        pages = read_layouts(_layout(layout), strict=strict)
    if number is not None:
        pages = (choose_page(pages, number),)
    fitting = fitting_pages(pages, image, pixels)
    chosen = fitting[0] if fitting else pages[0]
    doubts = []
    if len(fitting) > 1:
        doubts.append(
            f"{chosen.document.name} has {len(fitting)} pages of the image's form; page "
            f"{chosen.page} was taken, and page_number chooses another"
        )
    fitted = fit_page(chosen, image, pixels)
    if chosen.regions_only:
        doubts.append(f"{chosen.document.name} has regions but no lines")
    doubts += fitted.doubts
    doubts += [f"{identity} was left out: {reason}" for identity, reason in chosen.problems]
    if strict and doubts:
        raise DataError(doubts[0])
    return chosen, replace(fitted, doubts=tuple(doubts))


def _layout(layout: Any) -> str | Path | bytes:
    if isinstance(layout, (bytes, str, Path)):
        return layout
    if isinstance(layout, os.PathLike):
        return Path(layout)
    raise UsageError(f"a layout is a path, bytes or a PageLayout, not {type(layout).__name__}")
