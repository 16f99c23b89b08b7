"""Training, fine-tuning and scoring of speech recognisers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from zoo.bundle import assign_weights, read_bundle
from zoo.errors import DataError
from zoo.processing.alphabet import Alphabet
from zoo.processing.features import LogMel
from zoo.processing.speech import Speech
from zoo.training.audio_augmentation import AudioAugmentation
from zoo.training.ctc import CTCObjective, Example, fits
from zoo.training.plan import Plan
from zoo.training.publish import make_task
from zoo.training.rundir import RunDirectory

if TYPE_CHECKING:
    from zoo.datasets.speech import Utterance

CACHE_BYTES = 4 * 2**30


class AugmentedFeatures:
    """Training examples: augmented features of utterances, made once and kept.

    What changes the waveform is costly, so each utterance has a fixed number of variants, of which
    an epoch draws one; masks are drawn anew each time. An example depends on the seed, its number
    and the epoch alone.

    Args:
        utterances: what was said, each with its ``samples`` and ``text``.
        processor: features and alphabet.
        augmentation: how much to change.
        variants: of each utterance.
        seed: of all draws.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        processor: Speech,
        augmentation: AudioAugmentation,
        variants: int,
        seed: int,
    ) -> None:
        self.utterances, self.processor = utterances, processor
        self._augmentation, self._variants, self._seed = augmentation, variants, seed
        self._kept: dict[tuple[int, int], np.ndarray] = {}
        self._bytes = 0

    def example(self, number: int, epoch: int) -> Example:
        """Features and labels of an utterance in an epoch."""
        rng = np.random.default_rng([self._seed, number, epoch])
        features = self._variant(number, int(rng.integers(self._variants)))
        labels = self.processor.alphabet.encode(self.utterances[number].text)
        if not fits(len(features), labels):  # spoken too fast; the loss would be infinite
            features = plain_features(self.utterances[number], self.processor)
        return self._augmentation.features(features.astype(np.float32), rng), labels

    def _variant(self, number: int, variant: int) -> np.ndarray:
        found = self._kept.get((number, variant))
        if found is None:
            rng = np.random.default_rng([self._seed, number, variant, 1])
            log_mel = self.processor.log_mel
            samples = _floats(self.utterances[number])
            changed = self._augmentation.waveform(samples, log_mel.sample_rate, rng)
            found = log_mel.features(changed).astype(np.float16)
            if self._bytes + found.nbytes <= CACHE_BYTES:
                self._kept[number, variant] = found
                self._bytes += found.nbytes
        return found


def plain_features(utterance: Utterance, processor: Speech) -> np.ndarray:
    """``(frames, bins)`` float32 features of an utterance as it is."""
    return processor.log_mel.features(_floats(utterance))


def _floats(utterance: Utterance) -> np.ndarray:
    return utterance.samples.astype(np.float32) / np.float32(32768)


def usable(
    utterances: Sequence[Utterance], processor: Speech, where: str
) -> tuple[list[int], list[int]]:
    """Numbers and frame counts of the utterances that CTC can learn from.

    Raises:
        DataError: there are none.
    """
    numbers, frames = [], []
    for number in tqdm(range(len(utterances)), desc=f"reading {where}", delay=2, leave=False):
        utterance = utterances[number]
        count = processor.log_mel.frame_count(len(utterance.samples))
        if utterance.text and fits(count, processor.alphabet.encode(utterance.text)):
            numbers.append(number)
            frames.append(count)
    if not numbers:
        raise DataError(f"{where}: no recording is long enough for its transcript")
    return numbers, frames


def train_recogniser(
    *,
    name: str,
    out: Path,
    training: Sequence[Utterance],
    validation: Sequence[Utterance],
    network: dict[str, Any],
    log_mel: LogMel,
    plan: Plan,
    batch: int,
    augmentation: AudioAugmentation,
    variants: int,
    languages: tuple[str, ...],
    dataset: str,
    license: str,
    start: Path | None = None,
) -> Path:
    """Train a recogniser from scratch and write its model folder.

    Args:
        name: ``architecture.weights`` for the model card.
        out: the run's folder; a broken run in it is continued.
        training: utterances to learn from.
        validation: utterances of other speakers to choose on.
        network: values of the builder, ``labels`` and ``bins`` left out.
        log_mel: the features; of an architecture that streams they get running normalisation, its
            prior measured on the training data.
        plan: how to train.
        batch: utterances in a batch.
        augmentation: how much recordings are changed.
        variants: changed recordings that are kept of each utterance.
        languages: ISO 639-1 codes for the card.
        dataset: the corpus's name for the card.
        license: SPDX identifier for the card.
        start: a model folder of the same network to start from; its weights are kept if nothing
            does better.

    Returns:
        ``out``, a model folder.

    Raises:
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.registry import registry
    from zoo.training.trainer import Trainer

    entry = registry().architecture(name.partition(".")[0])
    config_class = entry.load("config")
    alphabet = Alphabet.of_texts(training[i].text for i in range(len(training)))
    if hasattr(config_class, "look_ahead"):
        some = range(0, len(training), max(1, len(training) // 1000))
        log_mel = log_mel.with_prior(log_mel.log_mel(_floats(training[i])) for i in some)
    processor = Speech(log_mel, alphabet)
    config = config_class(labels=len(alphabet), bins=log_mel.mel_bins, **network)
    values = {
        "model": name,
        "dataset": dataset,
        "network": asdict(config),
        "features": log_mel.settings(),
        "plan": asdict(plan),
        "batch": batch,
        "augmentation": asdict(augmentation),
        "variants": variants,
    }
    with RunDirectory(out, values) as run:
        keras.utils.set_random_seed(plan.seed)
        made = entry.load("builder")(config, dtype=plan.dtype)
        examples = AugmentedFeatures(training, processor, augmentation, variants, plan.seed)
        objective = make_objective(made, examples, validation, batch, plan.seed)
        start_loss = math.inf
        if start is not None:
            assign_weights(made, read_bundle(start).weights, str(start))
            start_loss = objective.validate()
        Trainer(objective, plan, run, start_loss=start_loss).train()
        card = {"name": name, "languages": list(languages), "license": license, "dataset": dataset}
        make_task(entry.name, made, config, processor, card).save(run.path)
        run.finish()
    return run.path


def make_objective(
    network: Any,
    training: AugmentedFeatures,
    validation: Sequence[Utterance],
    batch: int,
    seed: int,
) -> CTCObjective:
    """CTC on augmented utterances, judged on others as they are.

    Args:
        network: of :mod:`zoo.models.ctc`.
        training: what to learn from.
        validation: what to choose on.
        batch: utterances in a batch.
        seed: of the order.

    Raises:
        DataError: there is nothing to learn from or nothing to choose on.
    """
    processor = training.processor
    numbers, frames = usable(training.utterances, processor, "the training recordings")
    chosen, _ = usable(validation, processor, "the recordings to choose on")
    return CTCObjective(
        network,
        lambda i, epoch: training.example(numbers[i], epoch),
        frames,
        [
            (
                plain_features(validation[i], processor),
                processor.alphabet.encode(validation[i].text),
            )
            for i in chosen
        ],
        blank=processor.alphabet.blank,
        batch=batch,
        seed=seed,
    )
