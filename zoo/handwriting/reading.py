"""Handwriting recognition: images of lines and pages, and pen strokes, to text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack, overload

import numpy as np

from zoo.ctc.decoding import (
    Hypothesis,
    LabelSpan,
    ctc_log_probability,
    forced_alignment,
    ranges_from_spans,
)
from zoo.ctc.results import Alternative
from zoo.ctc.search import Search
from zoo.ctc.subsampling import SUBSAMPLING
from zoo.ctc.task import BATCH, CTCRecogniser
from zoo.errors import DataError, UsageError
from zoo.files import user_path
from zoo.handwriting.image import ImageSource, OrientedImage, read_image, read_oriented
from zoo.handwriting.ink import InkFeatures
from zoo.handwriting.ink_files import Ink, ink_of_any
from zoo.handwriting.ink_lines import cut_ink, join_lines, mean_confidence
from zoo.handwriting.ink_orientation import other_ways, reads_better, right_letters
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
from zoo.handwriting.processor import Lines, Pen
from zoo.handwriting.results import (
    UPSIDE_DOWN,
    Character,
    PageLine,
    PageReading,
    Reading,
    Word,
    word_ranges,
    words_of,
)
from zoo.task import check_no_options, distinct

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

Source = TypeVar("Source")
Stroke = Sequence[Sequence[float]] | np.ndarray
InkSource = str | os.PathLike[str] | Ink | Sequence[Stroke] | np.ndarray
"""A file, or strokes as lists of points or as arrays ``(points, 2)``."""

_STROKES_DEPTH = 3  # strokes, points, x and y


LOW = "the confidence {:.2f} is below {:.2f}"
_BETTER = 0.15  # how much more confident a turned reading must be

PAGE = "it seems to be a page of several lines; read it with read_page (zoo run: --page)"
_TALL = 0.3  # of its width; what is lower is no page
_LINES_OF_PAGE = 3

_NOT_READ = Reading("", (), 0.0, (Alternative("", 0.0, 0.0),))


_SHARED_MODULES = ("zoo.handwriting.slant", "zoo.values", "zoo.errors", "zoo.ctc.standalone")


class ReadingOptions(TypedDict, total=False):
    """Options of :meth:`HandwritingRecognition.read`, which describes them."""

    beam_size: int | None
    language_model: Any
    n_best: int
    lm_weight: float | None
    insertion_bonus: float | None
    on_progress: Callable[[int], object] | None


class HandwritingRecognition(CTCRecogniser, Generic[Source]):
    """What reading images and reading strokes share."""

    verb = "read"
    processor: Lines | Pen

    @overload
    def read(self, source: Source, **options: Unpack[ReadingOptions]) -> Reading: ...
    @overload
    def read(
        self, source: list[Source] | tuple[Source, ...], **options: Unpack[ReadingOptions]
    ) -> list[Reading]: ...
    def read(
        self,
        source: Any,
        *,
        beam_size: int | None = None,
        language_model: Any = None,
        n_best: int = 1,
        lm_weight: float | None = None,
        insertion_bonus: float | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> Reading | list[Reading]:
        """The text of one input, or of each of a list.

        Args:
            source: what the class takes, or a list of it.
            beam_size: prefixes kept by the beam search; 1 is greedy. Left out, it is greedy without
                a language model and the model's own setting with one.
            language_model: ``"own"`` for the one in the model's folder, the path of an n-gram file
                (:mod:`zoo.language_models.loading`), the name or the folder of a text generation
                model, such as ``"char_lstm.shakespeare"``, or one of these loaded.
            n_best: alternatives to return, at most ``beam_size``.
            lm_weight: weight of the language model's log-probabilities; left out, the model's own.
            insertion_bonus: added for each character, against the language model's liking of short
                texts; left out, the model's own.
            on_progress: called with the number of inputs read since the last call.

        Returns:
            A :class:`~zoo.handwriting.results.Reading`, or a list of them for a list. An image
            without ink has no text. Ink of several lines is read line by line. A reading of low
            confidence has ``doubts``, which tell a page from a line, and so has what reads better
            upside down, and ink that reads better mirrored or turned by 90 degrees.

        Raises:
            UsageError: an argument is out of range, or the source is none of what the class takes.
            DataError: a file is missing, damaged or of another kind, or holds more than a line.
        """
        search = self.searches.make(language_model, n_best, beam_size, lm_weight, insertion_bonus)
        single = self._is_one(source)
        sources = [source] if single else source
        readings = self._read_all(sources, search, on_progress)
        return readings[0] if single else readings

    def log_probs(self, source: Any) -> np.ndarray:
        """Natural log-probability of each label at each output of the network.

        Args:
            source: one input, as ``read`` takes it.

        Returns:
            ``(outputs, labels)`` float32; label ``processor.alphabet.blank`` is the blank.

        Raises:
            UsageError, DataError: as ``read``.
        """
        return self.outputs([_features(self.processor.read(source))])[0]

    def score(self, source: Any, text: str) -> float:
        """Natural log-probability of a text given an input, by CTC's forward algorithm.

        Args:
            source: one input, as ``read`` takes it.
            text: what is written, perhaps.

        Returns:
            The log-probability; ``-inf`` if the input is too short for the text.

        Raises:
            UsageError, DataError: as ``read``, or the text has characters that the model does not
                know.
        """
        labels = self.labels_of(text)
        return ctc_log_probability(self.log_probs(source), labels, self.processor.alphabet.blank)

    def align(self, source: Any, text: str) -> Reading:
        """Where each character of a known text stands.

        Args:
            source: one input, as ``read`` takes it.
            text: what is written.

        Returns:
            The text with its characters' places, and how sure the network is of it.

        Raises:
            UsageError, DataError: as :meth:`score`, or the input is too short for the text.
        """
        labels = self.labels_of(text)
        features = self.processor.read(source)
        (log_probs,) = self.outputs([_features(features)])
        blank = self.processor.alphabet.blank
        spans = forced_alignment(log_probs, labels, blank)
        logs = [np.log(max(span.confidence, 1e-30)) for span in spans]
        confidence = float(np.exp(np.mean(logs))) if logs else 1.0
        score = ctc_log_probability(log_probs, labels, blank)
        characters = self._characters(spans, features, len(log_probs))
        alternatives = (Alternative(text, score, confidence),)
        return Reading(text, characters, confidence, alternatives, words_of(characters))

    def alignment_plot(
        self,
        source: Any,
        path: str | os.PathLike[str],
        text: str | None = None,
        **search: Any,
    ) -> Path:
        """Draw an input with its characters under the ink, unsure ones pale.

        Args:
            source: one input, as ``read`` takes it.
            path: where to; PNG, SVG or PDF by its ending.
            text: what is written; left out, what the model reads.
            **search: arguments of ``read``, such as ``language_model``.

        Returns:
            The picture's path.

        Raises:
            UsageError, DataError: as ``read`` and :meth:`align`.
        """
        loaded = self._load(source)
        reading = self.read(loaded, **search) if text is None else self.align(loaded, text)
        return self._draw(user_path(path), loaded, reading)

    def _is_one(self, source: Any) -> bool:
        """Whether it is one input and not a list of them."""
        raise NotImplementedError

    def _load(self, source: Any) -> Any:
        """One input out of its file."""
        raise NotImplementedError

    def _draw(self, path: Path, loaded: Any, reading: Reading) -> Path:
        """Draw one input with its reading."""
        raise NotImplementedError

    def _read_all(
        self,
        sources: Sequence[Any],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        return self._read(map(self.processor.read, sources), search, on_progress)

    def _read(
        self,
        inputs: Iterator[Any],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Read what the processor made of inputs, a few batches at a time."""
        readings: list[Reading] = []
        while batch := list(islice(inputs, 4 * BATCH)):
            outputs = self.outputs([_features(features) for features in batch])
            found = []
            for features, log_probs in zip(batch, outputs, strict=True):
                hypotheses = search.run(log_probs)
                found.append(self._reading(search, hypotheses, features, len(log_probs)))
                if on_progress:
                    on_progress(1)
            readings += self._doubted(batch, found, search)
        return readings

    def _doubted(
        self, batch: Sequence[Any], readings: Sequence[Reading], search: Search
    ) -> list[Reading]:
        """Readings with their doubts; those of low confidence are read upside down as well."""
        settings = self.searches.settings
        limit = settings.doubtful_confidence if settings.calibrated else 0.0
        found = list(readings)
        for place, reading in enumerate(readings):
            if not reading.text:
                continue
            doubts = []
            if reading.confidence < limit:
                doubts.append(LOW.format(reading.confidence, limit))
            # With a language model turned writing becomes words as well, so the network decides.
            upright = mean_confidence(self._network_words(reading))
            turned = self._turned(batch[place]) if upright < limit else None
            if turned is not None:
                (log_probs,) = self.outputs([_features(turned)])
                other = self._reading(search, search.run(log_probs), turned, len(log_probs))
                if mean_confidence(self._network_words(other)) > upright + _BETTER:
                    doubts = [UPSIDE_DOWN]
            found[place] = replace(reading, doubts=tuple(doubts))
        return found

    def _network_words(self, reading: Reading) -> tuple[Word, ...]:
        """The words with their confidences without what a language model changes."""
        settings = self.searches.settings
        return words_of(reading.characters, settings.word_scale, settings.word_bias)

    def _turned(self, features: Any) -> Any:
        """The features of an input upside down, or ``None`` if it is never given so."""
        return None

    def _reading(
        self, search: Search, hypotheses: Sequence[Hypothesis], features: Any, frames: int
    ) -> Reading:
        decode = self.processor.alphabet.decode
        texts = distinct(
            (
                Alternative(
                    decode(hypothesis.labels).strip(), hypothesis.score, hypothesis.confidence
                )
                for hypothesis in hypotheses
            ),
            search.n_best,
        )
        best = hypotheses[0]
        characters = self._characters(best.spans, features, frames)
        first = len(decode(best.labels)) - len(decode(best.labels).lstrip())
        characters = characters[first : first + len(texts[0].text)]
        words = words_of(characters, *search.word_curve)
        confidence = best.confidence
        if self.searches.settings.calibrated and words:
            confidence = sum(word.confidence for word in words) / len(words)
        return Reading(texts[0].text, characters, confidence, texts, words)

    def _characters(
        self, spans: Sequence[LabelSpan], features: Any, frames: int
    ) -> tuple[Character, ...]:
        texts = self.processor.vocabulary
        characters = []
        for span, (begin, end) in zip(spans, ranges_from_spans(spans, frames), strict=True):
            start, stop = self._place(features, SUBSAMPLING * begin, SUBSAMPLING * end)
            characters.append(Character(texts[span.label], start, stop, span.confidence))
        return tuple(characters)

    def _place(self, features: Any, begin: float, end: float) -> tuple[Any, Any]:
        """Where frames of an input come from."""
        raise NotImplementedError

    def front_end(self) -> dict[str, Any]:
        """The normaliser's settings and the labels."""
        return {
            "features": self.processor.normaliser.settings(),
            "labels": list(self.processor.vocabulary),
            "blank": self.processor.alphabet.blank,
        }


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
        *_SHARED_MODULES,
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
            image: the page, as :meth:`~HandwritingRecognition.read` takes an image, or as
                :func:`~zoo.handwriting.scans.open_scans` gives it.
            layout: where its lines are: a path or the bytes of an ALTO 4 or PAGE XML file, as
                eScriptorium, Transkribus and kraken write them, or what was read of it
                (:func:`~zoo.handwriting.page_xml.read_layout`,
                :func:`~zoo.handwriting.page_xml.read_layouts`). Left out, lines are looked for,
                which works on clean pages with straight lines.
            beam_size: as in :meth:`~HandwritingRecognition.read`.
            language_model: as in :meth:`~HandwritingRecognition.read`.
            n_best: as in :meth:`~HandwritingRecognition.read`.
            lm_weight: as in :meth:`~HandwritingRecognition.read`.
            insertion_bonus: as in :meth:`~HandwritingRecognition.read`.
            page_number: which page of a layout file with several is meant, from 1; left out, the
                one that has the form of the image.
            layout_pixels: which pixels of an image that is turned by its EXIF data the layout
                counts: those of the image as it is shown (``"upright"``), as the camera stored it
                (``"stored"``), or what fits (``"auto"``).
            strict: raise an error if a line cannot be read, or if there is doubt about the layout.
            on_progress: as in :meth:`~HandwritingRecognition.read`.

        Returns:
            The lines with their text. ``doubts`` says what may be wrong: lines that are damaged,
            outside the image or too long for their height, or that the lines found without a layout
            may not be right. A blank page has no lines.

        Raises:
            UsageError, DataError: as :meth:`~HandwritingRecognition.read` and
                :func:`~zoo.handwriting.page_xml.read_layout`, or the layout is for an image of
                another form.
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


class PenRecognition(HandwritingRecognition[InkSource]):
    """A recogniser of pen strokes.

    Strokes are a list, a stroke is a list of points ``(x, y)`` or an array ``(points, 2)``, x to
    the right and y downwards, in any unit and at any rate. The path of an InkML or UNIPEN file that
    holds one piece of writing will do as well.

    Example:
        >>> model = zoo.load_model("pen_bilstm.unipen")
        >>> print(model.read([[(0, 0), (5, 20), (9, 0)], [(2, 9), (8, 9)]]))
    """

    example = "zoo.handwriting.standalone_pen"
    example_modules = (
        "zoo.handwriting.ink",
        *_SHARED_MODULES,
    )
    processor: Pen

    def _read_all(
        self,
        sources: Sequence[Any],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Readings of ink, each compared with that of the ink the other way where it may be so."""
        inks = [ink_of_any(source) for source in sources]
        readings = self._read_inks(inks, search, on_progress)
        settings = self.searches.settings
        limit = settings.doubtful_confidence
        others = [
            (place, doubt, other)
            for place, ink in enumerate(inks if settings.calibrated else ())
            for doubt, other in other_ways(
                ink, mean_confidence(self._network_words(readings[place])) < limit
            )
        ]
        read = self._read_inks([ink for _, _, ink in others], search, None)
        best: dict[int, float] = {}
        for (place, doubt, _), other in zip(others, read, strict=True):
            words = self._network_words(other)
            right = right_letters(words)
            if right > best.get(place, 0.0) and reads_better(
                words, self._network_words(readings[place]), doubt
            ):
                best[place] = right
                readings[place] = replace(readings[place], doubts=(doubt,))
        return readings

    def _read_inks(
        self,
        inks: Sequence[list[np.ndarray]],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Readings of ink, and of ink of several lines line by line, if that is more confident."""
        readings = self._read(map(self.processor.read, inks), search, on_progress)
        for place, ink in enumerate(inks):
            lines = cut_ink(ink)
            if len(lines) > 1:
                parts = ([ink[number] for number in line] for line in lines)
                read = self._read(map(self.processor.read, parts), search, None)
                joined = join_lines(read, lines)
                if joined.confidence > mean_confidence(readings[place].words):
                    readings[place] = joined
        return readings

    def subject(self, source: Any, **options: Any) -> InspectedInput:
        """Strokes with the points of their steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one piece of ink, as ``read`` takes it.
            **options: there are none.

        Raises:
            UsageError, DataError: as ``read``, or there is no ink.
        """
        from zoo.handwriting.inspection import ink_subject

        check_no_options(options)
        strokes = ink_of_any(source)
        features = self.processor.read(strokes)
        if not len(features.features):
            raise UsageError("there is no ink to look into")
        return ink_subject(strokes, features, self.processor.vocabulary)

    def _is_one(self, source: Any) -> bool:
        if isinstance(source, (str, os.PathLike, Ink)):
            return True
        scalar = isinstance(source, np.ndarray) and source.ndim == 0
        if scalar or not isinstance(source, (list, tuple, np.ndarray)):
            raise UsageError(
                f"ink is a path, a list of strokes or a list of these, not {type(source).__name__}"
            )
        if any(isinstance(each, (str, os.PathLike, Ink)) for each in source):
            return False
        return _depth(source) <= _STROKES_DEPTH

    def _load(self, source: Any) -> list[np.ndarray]:
        return ink_of_any(source)

    def _draw(self, path: Path, loaded: list[np.ndarray], reading: Reading) -> Path:
        from zoo.handwriting.plot import draw_ink

        return draw_ink(path, loaded, reading)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """Features of loops with a bar across them, and of half of them with padding."""
        angle = np.linspace(0, 6 * np.pi, 200)
        loops = np.stack([0.3 * angle + np.sin(angle), np.cos(angle)], axis=1)
        bar = np.array([[0.0, 0.1], [6.0, 0.0]])
        features = self.processor.normaliser.features([loops, bar]).features
        points = np.stack([features, features])
        mask = np.ones(points.shape[:2], bool)
        mask[1, len(features) // 2 :] = False
        return {"input.0": points, "input.1": mask}

    def _place(
        self, features: InkFeatures, begin: float, end: float
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        last = len(features.features) - 1
        first = min(int(begin), last)
        frames = np.arange(first, max(first, min(int(np.ceil(end)) - 1, last)) + 1)
        on_surface = frames[features.features[frames, -1] == 0]
        frames = on_surface if len(on_surface) else frames
        a, b = frames[0], frames[-1]
        return (
            (int(features.stroke[a]), int(np.floor(features.point[a]))),
            (int(features.stroke[b]), int(np.ceil(features.point[b]))),
        )


def _features(made: LineImage | InkFeatures) -> np.ndarray:
    return made.columns if isinstance(made, LineImage) else made.features


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
    written = [line for line in lines if line.reading.text]
    turned = [line.line.identity for line in written if UPSIDE_DOWN in line.reading.doubts]
    low = [line for line in written if line.reading.doubts]
    if len(turned) > len(written) / 2:
        return ["the page seems to be upside down; turn it by 180 degrees"]
    doubts = [f"{identity}: {UPSIDE_DOWN}" for identity in turned]
    if len(low) > len(turned):
        count = len(low) - len(turned)
        doubts.append(f"{count} of {len(written)} lines have a low confidence")
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


def _depth(value: Any) -> int:
    """How many lists or axes deep the first number is."""
    if isinstance(value, np.ndarray):
        return value.ndim
    if isinstance(value, (list, tuple)):
        inner = [each for each in value if not hasattr(each, "__len__") or len(each)]
        return 1 + _depth(inner[0]) if inner else 1
    return 0
