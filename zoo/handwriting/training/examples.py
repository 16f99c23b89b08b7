"""Training examples of handwriting: lines and ink, augmented again in each epoch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from zoo.ctc.subsampling import SUBSAMPLING
from zoo.ctc.training.examples import Example, fits, outputs_needed
from zoo.errors import DataError
from zoo.handwriting.ink import InkNormaliser, height_of
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.processor import Line, Lines, Pen
from zoo.handwriting.training.image_augmentation import ImageAugmentation
from zoo.handwriting.training.ink_augmentation import InkAugmentation
from zoo.handwriting.training.ink_rendering import InkRendering, plain_image
from zoo.handwriting.training.texts import clean_text, usable_ink

_LINE = (3.0, 24.0)  # least and most way of the pen for each character, in spreads of the height
_EDGES = 24.0  # what a line of few characters may have besides


@dataclass(frozen=True)
class Sample:
    """Something to learn from.

    Args:
        source: a :class:`~zoo.handwriting.processor.Line` or an
            :class:`~zoo.handwriting.ink_piece.Ink`.
        text: what is to be learnt.
        share: how often it is in an epoch, on average; with 2 it is in each epoch twice.
    """

    source: Line | Ink
    text: str
    share: float = 1.0


@dataclass
class ExampleSet:
    """Training examples.

    Args:
        prepare: gives example ``i`` for epoch ``e``: ``prepare(i, e)``.
        lengths: about how many frames each has.
        shares: how often each is in an epoch, on average.
        texts: of each.
    """

    prepare: Callable[[int, int], Example]
    lengths: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


class _Examples:
    """What examples of images and of strokes share.

    An example depends on the seed, its number and the epoch alone.
    """

    def __init__(self, samples: Sequence[Sample], processor: Any, seed: int, where: str) -> None:
        self._processor, self._seed = processor, seed
        self._sources: list[Any] = []
        self._labels: list[np.ndarray] = []
        self.set = ExampleSet(self.example)
        for number, sample in enumerate(_reading(samples)):
            if not sample.text:
                continue
            labels = processor.alphabet.encode(sample.text, f"{where}, number {number + 1}")
            with contextlib.suppress(DataError):  # far too long: no line, or not one alone
                self._add(sample, labels)
        if not self._sources:
            raise DataError(f"{where}: no line is long enough for its text")

    def _add(self, sample: Sample, labels: np.ndarray) -> None:
        raise NotImplementedError

    def _keep(self, source: Any, length: float, sample: Sample, labels: np.ndarray) -> None:
        self._sources.append(source)
        self._labels.append(labels)
        self.set.lengths.append(length)
        self.set.shares.append(sample.share)
        self.set.texts.append(sample.text)

    def example(self, number: int, epoch: int) -> Example:
        """Features and labels of an example in an epoch."""
        raise NotImplementedError


class LineExamples(_Examples):
    """Images of lines, and ink drawn as images.

    Args:
        samples: lines and ink.
        processor: normaliser and alphabet.
        seed: of all draws.
        where: where the samples are from, in messages.
        augmentation: how much to change.
        rendering: how ink is drawn.
        changed_ink: fraction of drawn ink that is changed as lines are.

    Raises:
        DataError: no sample can be learnt from, or a text has characters outside the alphabet.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        processor: Lines,
        seed: int,
        where: str,
        augmentation: ImageAugmentation | None = None,
        rendering: InkRendering | None = None,
        changed_ink: float = 1.0,
    ) -> None:
        self._augmentation = augmentation or ImageAugmentation()
        self._rendering = rendering or InkRendering()
        self._changed_ink = changed_ink
        super().__init__(samples, processor, seed, where)

    def example(self, number: int, epoch: int) -> Example:
        """Columns and labels of an example in an epoch."""
        rng = np.random.default_rng([self._seed, number, epoch])
        source, labels = self._sources[number], self._labels[number]
        if isinstance(source, list):
            drawn = self._rendering.draw(source, rng)
            columns = self._processor.normaliser.normalise(drawn).columns
            if self._changed_ink < 1.0 and rng.random() >= self._changed_ink:
                return long_enough(columns, labels), labels
        else:
            columns = source.astype(np.float32) / 255
        changed = self._augmentation.columns(columns, rng) if len(columns) else columns
        return long_enough(changed if fits(len(changed), labels) else columns, labels), labels

    def _add(self, sample: Sample, labels: np.ndarray) -> None:
        normaliser = self._processor.normaliser
        if isinstance(sample.source, Ink):
            strokes = _light(sample.source.strokes)
            if is_a_line(strokes, sample.text):
                spreads = float(np.ptp(np.concatenate(strokes)[:, 0])) / height_of(strokes)[1]
                length = spreads * normaliser.spread + 2 * normaliser.margin
                self._keep(strokes, length, sample, labels)
            return
        columns = normaliser.normalise(sample.source.image).columns
        if fits(len(columns), labels):
            kept = np.round(columns * 255).astype(np.uint8)
            self._keep(kept, float(len(columns)), sample, labels)


class PenExamples(_Examples):
    """Pen strokes.

    Args:
        samples: ink.
        processor: normaliser and alphabet.
        seed: of all draws.
        where: where the samples are from, in messages.
        augmentation: how much to change.

    Raises:
        DataError: no sample can be learnt from, or a text has characters outside the alphabet.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        processor: Pen,
        seed: int,
        where: str,
        augmentation: InkAugmentation | None = None,
    ) -> None:
        self._augmentation = augmentation or InkAugmentation()
        self._normal: dict[int, list[np.ndarray]] = {}
        super().__init__(samples, processor, seed, where)

    def example(self, number: int, epoch: int) -> Example:
        """Features and labels of an example in an epoch."""
        rng = np.random.default_rng([self._seed, number, epoch])
        normaliser, labels = self._processor.normaliser, self._labels[number]
        normal = self._normal.get(number)
        if normal is None:
            normal = self._normal[number] = normaliser.normalise(self._sources[number])
        features = normaliser.features_of_normal(self._augmentation.strokes(normal, rng))
        if not fits(len(features), labels):
            features = normaliser.features_of_normal(normal)
        return long_enough(self._augmentation.features(features, rng), labels), labels

    def _add(self, sample: Sample, labels: np.ndarray) -> None:
        assert isinstance(sample.source, Ink)
        strokes = _light(sample.source.strokes)
        if is_a_line(strokes, sample.text):
            self._keep(strokes, self._processor.normaliser.length(strokes), sample, labels)


def long_enough(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Features with as much nothing behind them as CTC needs to align the labels at all."""
    missing = max(0, SUBSAMPLING * outputs_needed(labels) - len(features))
    return np.pad(features, ((0, missing), (0, 0))) if missing else features


def is_a_line(strokes: Sequence[np.ndarray], text: str) -> bool:
    """Whether ink is about as long as its text on one line would be.

    Ink of several lines is high, so that, brought to one height, it is short for its text.
    """
    normaliser = InkNormaliser()
    way = normaliser.length(strokes) * normaliser.spacing
    return _LINE[0] * len(text) <= way <= _LINE[1] * len(text) + _EDGES


def single_lines(samples: Iterable[Sample]) -> list[Sample]:
    """The samples of ink that stand on one line."""
    return [
        sample
        for sample in samples
        if isinstance(sample.source, Ink) and is_a_line(sample.source.strokes, sample.text)
    ]


def some_of(samples: Iterable[Sample], most: int | None) -> list[Sample]:
    """Samples that have a text, spread over all of them.

    Args:
        samples: lines or ink.
        most: how many to give at most; ``None`` for all.
    """
    usable = [sample for sample in samples if sample.text]
    if most is None or len(usable) <= most:
        return usable
    return [usable[i] for i in np.linspace(0, len(usable) - 1, most).astype(int)]


def plain_examples(
    samples: Iterable[Sample], processor: Lines | Pen, most: int | None = None
) -> list[Example]:
    """Features and labels of samples as they are.

    Characters that the alphabet does not know are left out of the labels, and samples that cannot
    be read are left out.

    Args:
        samples: lines or ink.
        processor: normaliser and alphabet.
        most: how many to give at most, spread over all.
    """
    known = set(processor.vocabulary)
    examples = []
    for sample in some_of(samples, most):
        labels = processor.alphabet.encode("".join(c for c in sample.text if c in known))
        try:
            features = features_of(sample.source, processor)
        except DataError:
            continue
        if len(labels) and fits(len(features), labels):
            examples.append((features, labels))
    return examples


def features_of(source: Line | Ink, processor: Lines | Pen) -> np.ndarray:
    """Features of a line or of ink as they are; for a reader of images ink is drawn plainly."""
    if isinstance(processor, Pen):
        assert isinstance(source, Ink)
        return processor.read(source).features
    image = plain_image(source.strokes) if isinstance(source, Ink) else source.image
    return processor.read(image).columns


def samples_of(
    sources: Iterable[Line | Ink],
    text: Callable[[Any], str] = lambda source: clean_text(source.text),
    share: float = 1.0,
) -> list[Sample]:
    """Samples with a text, all equally often in an epoch."""
    samples = [Sample(source, text(source), share) for source in sources]
    return [sample for sample in samples if sample.text]


def ink_samples(inks: Iterable[Ink], share: float = 1.0) -> list[Sample]:
    """Samples of the pieces of UNIPEN that are good for English, equally often in an epoch."""
    return samples_of((ink for ink in inks if usable_ink(ink)), share=share)


def _light(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Strokes that have points, in half the memory."""
    return [np.asarray(stroke, np.float32) for stroke in strokes if len(stroke)]


def _reading(samples: Sequence[Sample]) -> Iterable[Sample]:
    bar: Iterable[Sample] = tqdm(samples, desc="reading handwriting", delay=2, leave=False)
    return bar
