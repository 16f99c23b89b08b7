"""What reading images (:mod:`zoo.handwriting.line_reading`) and strokes
(:mod:`zoo.handwriting.ink_reading`) share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar, Unpack, overload

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
from zoo.files import user_path
from zoo.handwriting.ink import InkFeatures
from zoo.handwriting.ink_lines import mean_confidence
from zoo.handwriting.line_image import LineImage
from zoo.handwriting.processor import Lines, Pen
from zoo.handwriting.results import (
    UPSIDE_DOWN,
    Character,
    Reading,
    Word,
    words_of,
)
from zoo.task import distinct

Source = TypeVar("Source")

LOW = "the confidence {:.2f} is below {:.2f}"
_BETTER = 0.15  # how much more confident a turned reading must be

SHARED_MODULES = ("zoo.handwriting.slant", "zoo.values", "zoo.errors", "zoo.ctc.standalone")


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


def _features(made: LineImage | InkFeatures) -> np.ndarray:
    return made.columns if isinstance(made, LineImage) else made.features
