"""Training, fine-tuning and scoring of speech recognisers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import OWN, OWN_MODEL
from zoo.ctc.training.objective import CTCObjective, Example, fits
from zoo.ctc.training.search_choice import choose_language_model
from zoo.errors import DataError, UsageError
from zoo.folder.figures import Figure
from zoo.folder.manifest import sha256_of
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.recordings import Recordings, read_transcripts, split_by_hash
from zoo.speech.training.scenes import FeatureStore, SceneAugmentation, Scenes
from zoo.speech.training.splicing import Splicer
from zoo.training.batching import PlannedBatches
from zoo.training.error_rates import error_rates
from zoo.training.plan import Plan
from zoo.training.publish import make_task
from zoo.training.run import (
    check_share,
    finetune,
    finetune_command,
    load_to_finetune,
    train_from,
    with_characters,
)
from zoo.training.rundir import RunDirectory

CACHE_BYTES = 4 * 2**30
VARIANTS = 16


class AugmentedFeatures:
    """Training examples: augmented features of utterances, made once and kept.

    What changes the waveform is costly, so each utterance has a fixed number of variants, of which
    an epoch draws one; masks are drawn anew each time. An example depends on the seed, its number
    and the epoch alone.

    Args:
        utterances: what to learn from; those that CTC cannot learn from are left out.
        processor: features and alphabet.
        augmentation: how much to change.
        variants: of each utterance.
        seed: of all draws.
        splicer: makes new utterances out of the old ones' words.
        splice_share: share of the variants that are such.

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
        found = self._kept.get((number, variant))
        if found is None:
            found = self._make_variant(number, variant)
            size = found[0].nbytes + found[1].nbytes
            if self._bytes + size <= CACHE_BYTES:
                self._kept[number, variant] = found
                self._bytes += size
        return found

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
    for number, utterance in enumerate(_reading(utterances)):
        count = processor.log_mel.frame_count(len(utterance.samples))
        coded = processor.alphabet.encode(utterance.text, f"the transcript of {utterance.identity}")
        if len(coded) and fits(count, coded):
            numbers.append(number)
            frames.append(count)
            labels.append(coded)
    if not numbers:
        raise DataError("no recording is long enough for its transcript")
    return numbers, frames, labels


def _reading(utterances: Sequence[Utterance]) -> Iterator[Utterance]:
    """The utterances one after the other, with a progress bar where it takes long."""
    for number in tqdm(range(len(utterances)), desc="reading recordings", delay=2, leave=False):
        yield utterances[number]


def train_recogniser(
    *,
    card: Mapping[str, Any],
    out: Path,
    training: Sequence[Utterance],
    validation: Sequence[Utterance],
    network: dict[str, Any],
    log_mel: LogMel,
    plan: Plan,
    batch: int,
    augmentation: AudioAugmentation,
    variants: int,
    start: Path | None = None,
    aligner: str | Path | None = None,
    splice_share: float = 0.0,
    language_model: bool = True,
) -> Path:
    """Train a recogniser from scratch and write its model folder.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
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
        start: a model folder of the same network to start from; its weights are kept if nothing
            does better.
        aligner: a recogniser that finds the words in the recordings, as ``load_model`` takes it.
        splice_share: share of the training examples that are put together anew from these words.
        language_model: give the model a language model of the transcripts.

    Returns:
        ``out``, a model folder.

    Raises:
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.catalogue import registry
    from zoo.loading import load_model

    entry = registry().architecture(card["name"].partition(".")[0])
    config_class = entry.load("config")
    alphabet = Alphabet.of_texts(training[i].text for i in range(len(training)))
    if hasattr(config_class, "look_ahead"):
        some = range(0, len(training), max(1, len(training) // 1000))
        log_mel = log_mel.with_prior(log_mel.log_mel(training[i].samples) for i in some)
    processor = Speech(log_mel, alphabet)
    config = config_class(labels=len(alphabet), bins=log_mel.mel_bins, **network)
    values = {
        "model": card["name"],
        "dataset": card["dataset"],
        "network": asdict(config),
        "features": log_mel.settings(),
        "plan": asdict(plan),
        "batch": batch,
        "augmentation": asdict(augmentation),
        "variants": variants,
        "splice_share": splice_share,
    }
    with RunDirectory(out, values) as run:
        keras.utils.set_random_seed(plan.seed)
        made = entry.load("builder")(config, dtype=plan.dtype)
        splicer = None
        if aligner is not None:
            splicer = Splicer(training, load_model(aligner))
        examples = AugmentedFeatures(
            training, processor, augmentation, variants, plan.seed, splicer, splice_share
        )
        objective = _objective(made, examples, validation, processor, batch, plan.seed)
        rows = train_from(start, objective, plan, run, card=card)
        model = make_task(entry.name, made, config, processor, card)
        if language_model:
            add_language_model(model, training, validation)
        model.metrics = rows
        model.save(run.path)
        run.finish()
    return run.path


def train_on_scenes(
    *,
    card: Mapping[str, Any],
    out: Path,
    training: Sequence[Utterance],
    validation: Sequence[Utterance],
    network: dict[str, Any],
    log_mel: LogMel,
    plan: Plan,
    scenes: SceneAugmentation,
    repeats: Mapping[str, int],
    longest: float,
    seconds: float,
    rising: int,
    features: Path,
    start: Path | None = None,
) -> Path:
    """Train a recogniser on utterances in made surroundings and write its model folder.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
        out: the run's folder; a broken run in it is continued.
        training: utterances to learn from.
        validation: utterances of other speakers, the validation set.
        network: values of the builder, ``labels`` and ``bins`` left out.
        log_mel: the features; they get fixed normalisation, measured on the training data.
        plan: how to train.
        scenes: how much utterances are changed.
        repeats: by source, how often an utterance is in an epoch; 1 where it is not named.
        longest: seconds of the longest utterance that is learnt from.
        seconds: length of a batch, silences included.
        rising: epochs at the beginning that go from short to long.
        features: folder in which features are kept.
        start: a model folder of the same network to start from; its weights are kept if nothing
            does better.

    Returns:
        ``out``, a model folder.

    Raises:
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.catalogue import registry

    entry = registry().architecture(card["name"].partition(".")[0])
    store = FeatureStore(
        features, training, log_mel, scenes, plan.seed, {"corpus": card["dataset"]}
    )
    some = range(0, len(training), max(1, len(training) // 2000))
    log_mel = log_mel.with_prior((store.energies(i, 0) for i in some), normalisation="fixed")
    alphabet = Alphabet.of_texts([*store.texts, " "])  # which stands between joined utterances
    processor = Speech(log_mel, alphabet)
    config = entry.load("config")(labels=len(alphabet), bins=log_mel.mel_bins, **network)
    values = {
        "model": card["name"],
        "dataset": card["dataset"],
        "network": asdict(config),
        "features": log_mel.settings(),
        "plan": asdict(plan),
        "scenes": asdict(scenes),
        "repeats": dict(repeats),
        "longest": longest,
        "seconds": seconds,
        "rising": rising,
    }
    with RunDirectory(out, values) as run:
        keras.utils.set_random_seed(plan.seed)
        made = entry.load("builder")(config, dtype=plan.dtype)
        examples = Scenes(store, processor, scenes, plan.seed, repeats, longest)
        objective = CTCObjective(
            made,
            examples.example,
            examples.lengths(0),
            plain_examples(validation, processor),
            blank=alphabet.blank,
            batch=16,
            seed=plan.seed,
            batching=PlannedBatches(
                examples.lengths, seconds / log_mel.frame_seconds, plan.seed, rising
            ),
        )
        rows = train_from(start, objective, plan, run, card=card)
        model = make_task(entry.name, made, config, processor, card)
        model.metrics = rows
        model.save(run.path)
        run.finish()
    return run.path


def finetune_recogniser(
    reference: str,
    folder: Path,
    out: Path,
    *,
    epochs: int = 30,
    patience: int = 8,
    learning_rate: float = 3e-4,
    validation: float = 0.1,
    batch: int = 16,
    seed: int = 0,
) -> Path:
    """Train a recogniser further on recordings of one's own.

    The folder that is written holds the weights that did best on the recordings kept back; if
    nothing did better than the start, those of the start. Characters that the model does not know
    are added to its alphabet; where it knows capitals only, the transcripts are put into capitals.
    Its language model is trained anew on the transcripts.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        folder: recordings and ``transcripts.tsv``, see
            :func:`~zoo.speech.training.recordings.read_transcripts`.
        out: the run's folder; a broken run in it is continued.
        epochs: passes over the recordings at most.
        patience: epochs without a better label error rate before it ends; 0 for never.
        learning_rate: its peak.
        validation: share of the recordings, drawn by the hash of their names, to choose on.
        batch: recordings in a batch.
        seed: of dropout, changes and order.

    Returns:
        ``out``, a model folder.

    Raises:
        UsageError: an argument is out of range.
        DataError: the folder has no usable ``transcripts.tsv``, or a recording is damaged or too
            short.
    """
    given = dict(locals())
    check_share(validation)
    if batch < 1:
        raise UsageError(f"batch must be at least 1, not {batch}")
    rows = read_transcripts(folder)
    plan = Plan(
        epochs=epochs, patience=patience, learning_rate=learning_rate, average=0.99, seed=seed
    )
    values = {
        "model": reference,
        "transcripts": sha256_of(repr(rows).encode()),
        "plan": asdict(plan),
        "validation": validation,
        "batch": batch,
    }
    with RunDirectory(out, values) as run:
        model = load_to_finetune(reference, plan)
        rows = [(name, _in_case_of(text, model.processor.vocabulary)) for name, text in rows]
        model = with_characters(model, reference, plan, (text for _, text in rows))
        held_out, learnt = (
            Recordings(folder, part, model.processor) for part in split_by_hash(rows, validation)
        )
        examples = AugmentedFeatures(
            learnt, model.processor, AudioAugmentation(), VARIANTS, plan.seed
        )
        objective = _objective(model.network, examples, held_out, model.processor, batch, seed)
        finetune(
            model,
            reference,
            objective,
            plan,
            run,
            corpus=folder.name,
            learnt=f"{len(learnt):,} recordings",
            command=finetune_command(finetune_recogniser, f"--audio {folder.name}", given),
        )
        add_language_model(model, learnt, held_out)
        model.save(run.path)
        run.finish()
    return run.path


def _objective(
    network: Any,
    examples: AugmentedFeatures,
    validation: Sequence[Utterance],
    processor: Speech,
    batch: int,
    seed: int,
) -> CTCObjective:
    return CTCObjective(
        network,
        examples.example,
        examples.lengths,
        plain_examples(validation, processor),
        blank=processor.alphabet.blank,
        batch=batch,
        seed=seed,
    )


def _in_case_of(text: str, vocabulary: Sequence[str]) -> str:
    letters = [label for label in vocabulary if label.isalpha()]
    return text.upper() if letters and all(letter.isupper() for letter in letters) else text


def add_language_model(
    model: Any, training: Sequence[Utterance], validation: Sequence[Utterance]
) -> None:
    """Give a recogniser a language model of its own, and the search settings that go with it.

    Args:
        model: a speech recognition task.
        training: its transcripts are what the language model learns from.
        validation: utterances to choose on, see
            :func:`~zoo.ctc.training.search_choice.choose_language_model`.
    """
    rate = model.processor.log_mel.sample_rate
    outputs, references = [], []
    for utterance in _reading(validation):
        outputs.append(model.log_probs(utterance.samples, rate))
        references.append(utterance.text)
    texts = [utterance.text for utterance in _reading(training)]
    found, settings = choose_language_model(model.processor.vocabulary, texts, outputs, references)
    model.set_search(asdict(settings), {OWN_MODEL: found.to_bytes()})


def evaluate_recogniser(
    model: Any,
    utterances: Sequence[Utterance],
    dataset: str,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
    total: int | None = None,
) -> list[Figure]:
    """Word and character error rates, greedy and with the model's own language model.

    A model that streams is scored a second time as a stream, fed 0.1 s at a time.

    Args:
        model: a speech recognition task.
        utterances: what to score on.
        dataset: its name in the figures.
        split: which part of it, in the figures.
        command: the command that gives the figures again.
        progress: called with the number of recordings decoded since the last call, and of all.
        total: of all recordings, where these are not all.

    Returns:
        Figures in percent, each with a 95 % bootstrap interval; the first is
        the greedy word error rate.
    """
    ways: list[tuple[str, dict[str, Any], bool]] = [("greedy", {}, False)]
    if OWN_MODEL in model.files:
        ways.append(("beam with its own language model", {"language_model": OWN}, False))
    if model.streams:
        ways += [(f"{name}, streamed", values, True) for name, values, _ in ways]
    rate = model.processor.log_mel.sample_rate
    found: list[list[str]] = [[] for _ in ways]
    references = []
    for utterance in _reading(utterances):
        references.append(utterance.text)
        for texts, (_, values, streamed) in zip(found, ways, strict=True):
            if streamed:
                texts.append(_streamed(model, utterance.samples, values))
            else:
                texts.append(model.transcribe(utterance.samples, rate, **values).text)
        if progress:
            progress(1, total or len(utterances))
    return error_rates(
        references,
        {name: texts for (name, _, _), texts in zip(ways, found, strict=True)},
        ("wer", "cer"),
        dataset=dataset,
        split=split,
        command=command,
    )


def _streamed(model: Any, samples: np.ndarray, values: dict[str, Any]) -> str:
    stream = model.open_stream(**values)
    step = model.processor.log_mel.sample_rate // 10
    for start in range(0, len(samples), step):
        stream.feed(samples[start : start + step])
    text: str = stream.finish().text
    return text
