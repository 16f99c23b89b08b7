"""Training and fine-tuning of handwriting recognisers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.ctc.search import OWN_MODEL, SearchSettings
from zoo.ctc.training.confidence import CALIBRATION
from zoo.ctc.training.examples import Example
from zoo.ctc.training.objective import CTCObjective
from zoo.ctc.training.search_choice import CHARACTER_MODELS, choose_language_model
from zoo.errors import DataError
from zoo.folder.manifest import sha256_of
from zoo.handwriting.ink import FEATURES
from zoo.handwriting.processor import Lines, Pen
from zoo.handwriting.reading import HandwritingRecognition
from zoo.handwriting.training.confidence import fit_readings
from zoo.handwriting.training.examples import (
    ExampleSet,
    LineExamples,
    PenExamples,
    Sample,
    features_of,
    plain_examples,
    some_of,
)
from zoo.handwriting.training.folder import FolderLine, read_folder, split_lines
from zoo.handwriting.training.options import HandwritingOptions
from zoo.store.locate import Reference
from zoo.training.batching import SizedBatches
from zoo.training.run import finetune
from zoo.training.rundir import RunDirectory
from zoo.training.subject import Finetuning, Training, read_start

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle

SIZES = {Lines: 12_000, Pen: 16_000}
"""Frames of a batch with its padding, which are about 16 lines or 120 words of a pen."""

_VALIDATION_BATCH = 16
_CHOICE = 400  # inputs on which the search's settings are chosen


@dataclass(kw_only=True)
class HandwritingTraining(Training[HandwritingRecognition]):
    """Training of a new recogniser.

    Args:
        card: how the model card begins; the name begins with the architecture.
        examples: what to train on.
        validation: examples of other writers to validate on.
        choice: inputs of other writers to choose the search on; of many a few hundred are taken.
        reader: features and alphabet.
        network: values of the builder; labels and the features' width are added.
        settings: what else the result depends on, for ``run.json``.
    """

    examples: ExampleSet
    validation: Sequence[Example]
    choice: Sequence[Sample]
    reader: Lines | Pen
    network: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "network": self.config(self.reader),
            "features": self.reader.normaliser.settings(),
            "size": SIZES[type(self.reader)],
            "examples": len(self.examples.lengths),
            **self.settings,
        }

    def processor(self, run: RunDirectory, start: Bundle | None) -> Lines | Pen:
        """See :class:`~zoo.training.subject.Training`."""
        return self.reader

    def config(self, processor: Lines | Pen) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        if isinstance(processor, Pen):
            width = {"features": FEATURES}
        else:
            width = {"height": processor.normaliser.height}
        make = self.architecture.load("config")
        return make(labels=len(processor.alphabet), **width, **self.network)

    def objective(self, task: HandwritingRecognition, seed: int) -> CTCObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        return _objective(task, self.examples, self.validation, seed)

    def finish(self, task: HandwritingRecognition) -> None:
        """Add the language model."""
        add_language_model(task, self.examples.texts, self.choice)


@dataclass(kw_only=True)
class HandwritingFinetuning(Finetuning[HandwritingRecognition]):
    """Fine-tuning of a handwriting recogniser on lines.

    Args:
        start: the model to start from.
        data: the name of the lines' folder.
        options: how to train.
        lines: the lines.
        where: their folder, in messages.
    """

    options: HandwritingOptions
    lines: Sequence[FolderLine]
    where: str

    def __post_init__(self) -> None:
        options = self.options
        self._training, self._validation = split_lines(
            self.lines, options.validation, options.limit
        )
        self._examples: ExampleSet | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        texts = sorted((line.identity, line.to_learn.text, line.split) for line in self.lines)
        return {
            "model": self.start.reference,
            "lines": sha256_of(repr(texts).encode()),
            "validation": self.options.validation,
            "limit": self.options.limit,
        }

    @property
    def learnt_from(self) -> str:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return f"{len(self._usable.lengths):,} lines"

    def texts(self) -> Iterable[str]:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return (line.text for line in self._training)

    def objective(self, task: HandwritingRecognition, seed: int) -> CTCObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        processor, training = task.processor, self._training
        if isinstance(processor, Lines):
            self._examples = LineExamples(training, processor, seed, self.where).set
        else:
            self._examples = PenExamples(training, processor, seed, self.where).set
        validation = plain_examples(self._validation, processor)
        return _objective(task, self._examples, validation, seed)

    def finish(self, task: HandwritingRecognition) -> None:
        """Train the language model again."""
        add_language_model(task, self._usable.texts, self._validation)

    @property
    def _usable(self) -> ExampleSet:
        """The lines that can be trained on, which the objective has found out."""
        assert self._examples is not None
        return self._examples


def finetune_handwriting(
    reference: Reference,
    folder: Path,
    out: Path,
    options: HandwritingOptions | None = None,
    *,
    strict: bool = False,
    command: str = "",
) -> Path:
    """Fine-tune a recogniser on handwriting of your own.

    The folder holds the weights with the lowest label error rate on the held-out lines; if no epoch
    improved on the model that was given, its weights are kept. Characters that the model does not
    know are added to its alphabet. Its language model is trained again, on the texts.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        folder: handwriting with texts, see
            :func:`~zoo.handwriting.training.folder.read_folder`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        strict: refuse lines that cannot be read instead of leaving them out.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: the folder has no usable lines, or a file is missing or damaged.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.

    Example:
        >>> finetune_handwriting("crnn.latin", Path("letters"), Path("runs/letters"))
    """
    start = read_start(reference)
    finetuning = HandwritingFinetuning(
        start=start,
        data=folder.name,
        options=options or HandwritingOptions(),
        lines=read_folder(folder, start.bundle.processor, strict=strict),
        where=str(folder),
    )
    return finetune(finetuning, out, command)


def add_language_model(
    model: HandwritingRecognition, texts: Sequence[str], choice: Sequence[Sample]
) -> None:
    """Give a recogniser a language model, the search settings that go with it, and confidences.

    Args:
        model: a handwriting recognition task.
        texts: what the language model is trained on.
        choice: validation inputs to choose the search on, see
            :func:`~zoo.ctc.training.search_choice.choose_language_model`; of many, 400 are taken.
    """
    samples = some_of(choice, _CHOICE)
    outputs = model.outputs([features_of(sample.source, model.processor) for sample in samples])
    references = [sample.text for sample in samples]
    known = {key: model.decoder[key] for key in CALIBRATION if key in model.decoder}
    ngram, settings = choose_language_model(
        model.processor.vocabulary,
        texts,
        outputs,
        references,
        CHARACTER_MODELS,
        first="cer",
        start=SearchSettings(**known),
    )
    model.set_search(asdict(settings), {OWN_MODEL: ngram.to_bytes()})
    fit_readings(model, outputs, references)


def _objective(
    task: HandwritingRecognition, examples: ExampleSet, validation: Sequence[Example], seed: int
) -> CTCObjective:
    if not validation:
        raise DataError("no line of the validation set is long enough for its text")
    # At least four steps an epoch, so that a few lines are not a single batch.
    most = SIZES[type(task.processor)]
    size = min(most, max(max(examples.lengths), sum(examples.lengths) / 4))
    return CTCObjective(
        task.network,
        examples.prepare,
        examples.lengths,
        validation,
        blank=task.processor.alphabet.blank,
        batch=_VALIDATION_BATCH,
        seed=seed,
        batching=SizedBatches(examples.lengths, size, examples.shares, seed),
    )
