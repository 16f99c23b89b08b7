"""Utterances as examples for CTC: as they are, and augmented differently in each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from zoo.ctc.training.examples import Example, fits
from zoo.errors import DataError
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.splicing import Splicer

CACHE_BYTES = 4 * 2**30


class AugmentedFeatures:
    """Training examples: augmented features of utterances, made once and kept.

    What changes the waveform is costly, so each utterance has a fixed number of variants, of which
    an epoch draws one; masks are drawn again each time. An example depends on the seed, its number
    and the epoch alone.

    Args:
        utterances: what to learn from; those that CTC cannot learn from are left out.
        processor: features and alphabet.
        augmentation: how much to change.
        variants: of each utterance.
        seed: of all draws.
        splicer: makes new utterances out of the old ones' words.
        splice_share: fraction of the variants that are such.

    Attributes:
        lengths: frames of each example before any change.

    Raises:
        DataError: no recording is long enough for its transcript.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        processor: Speech,
        augmentation: AudioAugmentation,
        variants: int,
        seed: int,
        splicer: Splicer | None = None,
        splice_share: float = 0.0,
    ) -> None:
        self._utterances, self._processor = utterances, processor
        self._splicer, self._splice_share = splicer, splice_share
        self._augmentation, self._variants, self._seed = augmentation, variants, seed
        self._numbers, self.lengths, self._labels = _usable(utterances, processor)
        self._kept: dict[tuple[int, int], Example] = {}
        self._bytes = 0

    def example(self, number: int, epoch: int) -> Example:
        """Features and labels of an example in an epoch."""
        rng = np.random.default_rng([self._seed, number, epoch])
        features, labels = self._variant(number, int(rng.integers(self._variants)))
        if not fits(len(features), labels):  # spoken too fast; the loss would be infinite
            features = self._processor.log_mel.features(self._samples(number))
            labels = self._labels[number]
        return self._augmentation.features(features.astype(np.float32), rng), labels

    def _variant(self, number: int, variant: int) -> Example:
        """Features in float16, and labels."""
        example = self._kept.get((number, variant))
        if example is None:
            example = self._make_variant(number, variant)
            size = example[0].nbytes + example[1].nbytes
            if self._bytes + size <= CACHE_BYTES:
                self._kept[number, variant] = example
                self._bytes += size
        return example

    def _make_variant(self, number: int, variant: int) -> Example:
        rng = np.random.default_rng([self._seed, number, variant, 1])
        log_mel = self._processor.log_mel
        samples, labels = self._samples(number), self._labels[number]
        if self._splicer is not None and rng.random() < self._splice_share:
            samples, text = self._splicer.make(self._numbers[number], rng)
            labels = self._processor.alphabet.encode(text)
        changed = self._augmentation.waveform(samples, log_mel.sample_rate, rng)
        return log_mel.features(changed).astype(np.float16), labels

    def _samples(self, number: int) -> np.ndarray:
        samples: np.ndarray = self._utterances[self._numbers[number]].samples
        return samples


def plain_examples(utterances: Sequence[Utterance], processor: Speech) -> list[Example]:
    """Features and labels of utterances as they are.

    Raises:
        DataError: no recording is long enough for its transcript.
    """
    numbers, _, labels = _usable(utterances, processor)
    features = [processor.log_mel.features(utterances[i].samples) for i in numbers]
    return list(zip(features, labels, strict=True))


def _usable(
    utterances: Sequence[Utterance], processor: Speech
) -> tuple[list[int], list[int], list[np.ndarray]]:
    """Numbers, frames and labels of the utterances that CTC can learn from."""
    numbers, frames, labels = [], [], []
    for number, utterance in enumerate(reading(utterances)):
        count = processor.log_mel.frame_count(len(utterance.samples))
        coded = processor.alphabet.encode(utterance.text, f"the transcript of {utterance.identity}")
        if len(coded) and fits(count, coded):
            numbers.append(number)
            frames.append(count)
            labels.append(coded)
    if not numbers:
        raise DataError("no recording is long enough for its transcript")
    return numbers, frames, labels


def reading(utterances: Sequence[Utterance]) -> Iterator[Utterance]:
    """The utterances one after the other, with a progress bar where it takes long."""
    for number in tqdm(range(len(utterances)), desc="reading recordings", delay=2, leave=False):
        yield utterances[number]
