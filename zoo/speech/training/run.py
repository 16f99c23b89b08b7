"""Training and fine-tuning of speech recognisers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import StreamingConfig
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import OWN_MODEL, SearchSettings
from zoo.ctc.training.distillation import TaughtCTCObjective, Teacher
from zoo.ctc.training.objective import CTCObjective
from zoo.ctc.training.search_choice import choose_language_model
from zoo.ctc.training.word_model import UNKNOWN_WORD_ORDER, choose_word_model
from zoo.errors import DataError
from zoo.folder.manifest import sha256_of
from zoo.speech.features import DEVIATION_FLOOR, LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.recognition import SpeechRecognition
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.confidence import fit_transcripts, outputs_of
from zoo.speech.training.examples import AugmentedFeatures, plain_examples, reading
from zoo.speech.training.options import RecogniserOptions
from zoo.speech.training.recordings import Recordings, Row, read_transcripts, split_by_hash
from zoo.speech.training.scenes import FeatureStore, SceneAugmentation, Scenes
from zoo.speech.training.splicing import Splicer
from zoo.store.locate import Reference
from zoo.training.batching import PlannedBatches
from zoo.training.run import finetune
from zoo.training.rundir import RunDirectory
from zoo.training.subject import Finetuning, Training, read_start

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle

VARIANTS = 16
"""Augmented recordings that fine-tuning keeps of each utterance."""

_SCENE_VALIDATION_BATCH = 16


@dataclass(kw_only=True)
class _SpeechTraining(Training[SpeechRecognition]):
    """What training of new recognisers has in common.

    Args:
        card: how the model card begins; the name begins with the architecture.
        validation: utterances of other speakers to validate on.
        network: values of the builder without ``labels`` and ``bins``.
        log_mel: the features, before they are normalised by the training data.
    """

    validation: Sequence[Utterance]
    network: Mapping[str, Any]
    log_mel: LogMel

    @cached_property
    def speech(self) -> Speech:
        """Features, normalised by the training data, and its alphabet."""
        raise NotImplementedError

    def processor(self, run: RunDirectory, start: Bundle | None) -> Speech:
        """See :class:`~zoo.training.subject.Training`."""
        return self.speech

    def config(self, processor: Speech) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(
            labels=len(processor.alphabet), bins=processor.log_mel.mel_bins, **self.network
        )

    def _shared_values(self) -> dict[str, Any]:
        return {
            "network": self.config(self.speech),
            "features": self.speech.log_mel.settings(),
        }


@dataclass(kw_only=True)
class RecogniserTraining(_SpeechTraining):
    """Training of a new recogniser on augmented recordings.

    The features of an architecture that streams get running normalisation; its prior is measured on
    the training data.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: utterances to train on.
        validation: utterances of other speakers to validate on.
        network: values of the builder without ``labels`` and ``bins``.
        log_mel: the features.
        batch: utterances in a batch.
        augmentation: how much recordings are changed.
        variants: augmented recordings that are kept of each utterance.
        aligner: a recogniser that finds the words in the recordings, as ``load_model`` takes it.
        splice_share: fraction of the training examples that are spliced from these words.
        language_model: add a language model of the transcripts.
    """

    training: Sequence[Utterance]
    batch: int
    augmentation: AudioAugmentation
    variants: int
    aligner: str | Path | None = None
    splice_share: float = 0.0
    language_model: bool = True

    @cached_property
    def speech(self) -> Speech:
        """Features, normalised by the training data, and its alphabet."""
        training, log_mel = self.training, self.log_mel
        speech = Speech(log_mel, Alphabet.of_texts(training[i].text for i in range(len(training))))
        if isinstance(self.config(speech), StreamingConfig):
            some = range(0, len(training), max(1, len(training) // 1000))
            energies = (log_mel.log_mel(training[i].samples) for i in some)
            speech = replace(speech, log_mel=log_mel.with_prior(energies))
        return speech

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            **self._shared_values(),
            "batch": self.batch,
            "augmentation": self.augmentation,
            "variants": self.variants,
            "splice_share": self.splice_share,
        }

    def objective(self, task: SpeechRecognition, seed: int) -> CTCObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.loading import load_model

        splicer = None
        if self.aligner is not None:
            splicer = Splicer(self.training, load_model(self.aligner, kind=SpeechRecognition))
        examples = AugmentedFeatures(
            self.training,
            task.processor,
            self.augmentation,
            self.variants,
            seed,
            splicer,
            self.splice_share,
        )
        return _objective(task, examples, self.validation, self.batch, seed)

    def finish(self, task: SpeechRecognition) -> None:
        """Add the language model, where one is wanted."""
        if self.language_model:
            add_language_model(task, self.training, self.validation)


@dataclass(kw_only=True)
class SceneTraining(_SpeechTraining):
    """Training of a new recogniser on utterances in simulated surroundings.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: features of the utterances to train on, made with ``scenes``.
        validation: utterances of other speakers to validate on.
        network: values of the builder without ``labels`` and ``bins``.
        log_mel: the features; they get fixed normalisation, measured on the training data.
        scenes: how much utterances are changed.
        repeats: by source, how often an utterance is in an epoch; 1 where it is not named.
        longest: seconds of the longest utterance that is trained on.
        seconds: length of a batch, silences included.
        rising: epochs at the beginning that go from short to long.
        texts: gives the texts of the language model; left out, there is none.
        teacher: a recogniser to learn from, as ``load_model`` takes it; left out, there is none.
        taught: share of the teacher in the loss.
    """

    training: FeatureStore
    scenes: SceneAugmentation
    longest: float
    seconds: float
    rising: int
    repeats: Mapping[str, int] = field(default_factory=dict)
    texts: Callable[[], Sequence[str]] | None = None
    teacher: str = ""
    taught: float = 0.0

    @cached_property
    def speech(self) -> Speech:
        """Features, normalised by the training data, and its alphabet."""
        store, count = self.training, len(self.training.texts)
        some = range(0, count, max(1, count // 2000))
        energies = (store.energies(i, 0) for i in some)
        log_mel = self.log_mel.with_prior(energies, normalisation="fixed")
        # A space stands between joined utterances.
        return Speech(log_mel, Alphabet.of_texts([*store.texts, " "]))

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            **self._shared_values(),
            "scenes": self.scenes,
            "repeats": self.repeats,
            "longest": self.longest,
            "seconds": self.seconds,
            "rising": self.rising,
            **({"teacher": self.teacher, "taught": self.taught} if self.teacher else {}),
        }

    def objective(self, task: SpeechRecognition, seed: int) -> CTCObjective:
        """See :class:`~zoo.training.subject.Learning`.

        Raises:
            DataError: the teacher has other labels.
        """
        processor = task.processor
        examples = Scenes(self.training, processor, self.scenes, seed, self.repeats, self.longest)
        frames = self.seconds / processor.log_mel.frame_seconds
        make: Callable[..., CTCObjective] = CTCObjective
        if self.teacher:
            teacher = teacher_of(self.teacher, processor)
            make = partial(TaughtCTCObjective, teacher=teacher, share=self.taught)
        return make(
            task.network,
            examples.example,
            examples.lengths(0),
            plain_examples(self.validation, processor),
            blank=processor.alphabet.blank,
            batch=_SCENE_VALIDATION_BATCH,
            seed=seed,
            batching=PlannedBatches(examples.lengths, frames, seed, self.rising),
        )

    def finish(self, task: SpeechRecognition) -> None:
        """Add the language model, where there are texts for it."""
        if self.texts is not None:
            add_word_model(task, self.texts(), self.validation)


@dataclass(kw_only=True)
class RecogniserFinetuning(Finetuning[SpeechRecognition]):
    """Fine-tuning of a speech recogniser on recordings.

    Args:
        start: the model to start from.
        data: the name of the recordings' folder.
        options: how to train.
        folder: where the recordings are.
        rows: which ones, and what is said in them.
    """

    options: RecogniserOptions
    folder: Path
    rows: Sequence[Row]

    def __post_init__(self) -> None:
        processor = self.start.bundle.processor
        rows = [(name, _in_case_of(text, processor.vocabulary)) for name, text in self.rows]
        self._texts = [text for _, text in rows]
        self._validation, self._training = (
            Recordings(self.folder, part, processor)
            for part in split_by_hash(rows, self.options.validation)
        )

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "model": self.start.reference,
            "transcripts": sha256_of(repr(self.rows).encode()),
            "validation": self.options.validation,
            "batch": self.options.batch,
        }

    @property
    def learnt_from(self) -> str:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return f"{len(self._training):,} recordings"

    def texts(self) -> Iterable[str]:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return self._texts

    def objective(self, task: SpeechRecognition, seed: int) -> CTCObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        examples = AugmentedFeatures(
            self._training, task.processor, AudioAugmentation(), VARIANTS, seed
        )
        return _objective(task, examples, self._validation, self.options.batch, seed)

    def finish(self, task: SpeechRecognition) -> None:
        """Train the language model again."""
        add_language_model(task, self._training, self._validation)


def finetune_recogniser(
    reference: Reference,
    folder: Path,
    out: Path,
    options: RecogniserOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a recogniser on recordings of your own.

    The folder holds the weights with the lowest label error rate on the held-out recordings; if no
    epoch improved on the model that was given, its weights are kept. Characters that the model does
    not know are added to its alphabet; where it knows capitals only, the transcripts are put into
    capitals. Its language model is trained again, on the transcripts.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        folder: recordings and ``transcripts.tsv``, see
            :func:`~zoo.speech.training.recordings.read_transcripts`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: the folder has no usable ``transcripts.tsv``, or a recording is damaged or too
            short.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.

    Example:
        >>> finetune_recogniser("ctc_bilstm.an4", Path("recordings"), Path("runs/mine"))
    """
    finetuning = RecogniserFinetuning(
        rows=read_transcripts(folder),
        folder=folder,
        data=folder.name,
        start=read_start(reference),
        options=options or RecogniserOptions(),
    )
    return finetune(finetuning, out, command)


def add_language_model(
    model: SpeechRecognition, training: Sequence[Utterance], validation: Sequence[Utterance]
) -> None:
    """Give a recogniser a language model of its own, and the search settings that go with it.

    Args:
        model: a speech recognition task.
        training: the language model is trained on their transcripts.
        validation: validation utterances, see
            :func:`~zoo.ctc.training.search_choice.choose_language_model`.
    """
    outputs, references = outputs_of(model, reading(validation))
    texts = [utterance.text for utterance in reading(training)]
    ngram, settings = choose_language_model(model.processor.vocabulary, texts, outputs, references)
    model.set_search(asdict(settings), {OWN_MODEL: ngram.to_bytes()})
    fit_transcripts(model, outputs, references)


def add_word_model(
    model: SpeechRecognition, texts: Sequence[str], validation: Sequence[Utterance]
) -> None:
    """Give a recogniser a word model of many texts, search settings and calibrated confidences.

    Args:
        model: a speech recognition task.
        texts: what to learn from, such as the transcripts ``librispeech_text``.
        validation: utterances to choose on, whose transcripts are not among the texts. The weights
            of the search are chosen on every sixth of them, which takes minutes all the same.
    """
    vocabulary = model.processor.vocabulary
    outputs, references = outputs_of(model, reading(validation))
    ngram, _ = choose_word_model(texts, references, vocabulary)
    start = SearchSettings(unknown_word_order=UNKNOWN_WORD_ORDER, unknown_word_probability=0.01)
    _, settings = choose_language_model(
        vocabulary,
        texts,
        outputs[::6],
        references[::6],
        [lambda texts: ngram],
        start=start,
    )
    model.set_search(asdict(settings), {OWN_MODEL: ngram.to_bytes()})
    fit_transcripts(model, outputs, references)


def teacher_of(reference: Reference, processor: Speech) -> Teacher:
    """A recogniser that hears the features of another one.

    Args:
        reference: as ``load_model`` takes it.
        processor: of the other one. Its features may be normalised by other fixed statistics.

    Raises:
        DataError: the labels or the features are others.
    """
    from zoo.loading import load_model

    model = load_model(reference, kind=SpeechRecognition)
    old, new = model.processor.log_mel, processor.log_mel
    plain: dict[str, Any] = {"normalisation": "utterance", "prior_mean": (), "prior_deviation": ()}
    if (
        tuple(model.processor.vocabulary) != tuple(processor.vocabulary)
        or {old.normalisation, new.normalisation} != {"fixed"}
        or replace(old, **plain) != replace(new, **plain)
    ):
        raise DataError(f"{reference} cannot teach a recogniser with other labels or features")
    means = [np.asarray(one.prior_mean, np.float32) for one in (old, new)]
    deviations = [
        np.maximum(np.asarray(one.prior_deviation, np.float32), DEVIATION_FLOOR)
        for one in (old, new)
    ]
    inference = model.inference

    def teach(features: np.ndarray, frames: np.ndarray) -> np.ndarray:
        heard = (features * deviations[1] + (means[1] - means[0])) / deviations[0]
        found: np.ndarray = inference.log_probs(heard, frames)
        return found

    return teach


def _objective(
    task: SpeechRecognition,
    examples: AugmentedFeatures,
    validation: Sequence[Utterance],
    batch: int,
    seed: int,
) -> CTCObjective:
    return CTCObjective(
        task.network,
        examples.example,
        examples.lengths,
        plain_examples(validation, task.processor),
        blank=task.processor.alphabet.blank,
        batch=batch,
        seed=seed,
    )


def _in_case_of(text: str, vocabulary: Sequence[str]) -> str:
    letters = [label for label in vocabulary if label.isalpha()]
    return text.upper() if letters and all(letter.isupper() for letter in letters) else text
