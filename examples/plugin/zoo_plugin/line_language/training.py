"""Training and fine-tuning of line classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo.folder.figures import Measure
from zoo.store.locate import Reference
from zoo.training.batching import EvenBatches
from zoo.training.plan import FinetuneOptions
from zoo.training.run import finetune
from zoo.training.subject import Finetuning, Training, read_start
from zoo_plugin.corpus import LabelledLine, read_lines
from zoo_plugin.line_language.network import LineGRUConfig
from zoo_plugin.line_language.processor import LineProcessor
from zoo_plugin.line_language.task import LanguageIdentification

if TYPE_CHECKING:
    import keras

_BATCH = 16


class LineObjective:
    """Cross-entropy of the languages of lines.

    Args:
        network: what :func:`zoo_plugin.line_language.network.build` made.
        processor: lines to ids.
        training: the lines to train on.
        validation: the lines to validate on.
        seed: of the order.

    Raises:
        DataError: there are no lines, or the network does not know their language.
    """

    validation_figure = Measure("cross_entropy", "nats/line")

    def __init__(
        self,
        network: keras.Model,
        processor: LineProcessor,
        training: Sequence[LabelledLine],
        validation: Sequence[LabelledLine],
        seed: int,
    ) -> None:
        for line in (*training, *validation):
            if line.language not in processor.languages:
                known = ", ".join(processor.languages)
                raise DataError(f"the model does not know the language {line.language!r}: {known}")
        if not validation:
            raise DataError("there must be lines to validate on")
        self.network = network
        self._processor, self._training, self._validation = processor, training, validation
        self._batches = EvenBatches([len(line.text) for line in training], _BATCH, seed)
        self.steps_per_epoch = self._batches.steps

    def batches(self, epoch: int) -> Sequence[tuple[np.ndarray, ...]]:
        """Ids ``(lines, time)`` and labels ``(lines,)`` of each batch."""
        groups = self._batches.groups(epoch)
        return [self._arrays([self._training[number] for number in group]) for group in groups]

    def initial_carry(self) -> list[np.ndarray]:
        """Nothing is carried from batch to batch."""
        return []

    def loss(self, batch: Any, carry: Any, training: bool) -> tuple[Any, Any]:
        """Mean cross-entropy of a batch in nats."""
        import keras

        ids, labels = batch
        logits = keras.ops.cast(self.network(ids, training=training), "float32")
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return keras.ops.mean(losses), carry

    def validate(self) -> float:
        """Mean cross-entropy of the validation set."""
        loss, _ = self.loss(self._arrays(self._validation), [], training=False)
        return float(loss)

    def _arrays(self, lines: Sequence[LabelledLine]) -> tuple[np.ndarray, np.ndarray]:
        labels = [self._processor.languages.index(line.language) for line in lines]
        return self._processor.encode([line.text for line in lines]), np.array(labels, np.int32)


@dataclass(kw_only=True)
class ClassifierTraining(Training[LanguageIdentification]):
    """Training of a new classifier.

    Args:
        card: how the model card begins.
        training: the lines to train on.
        validation: the lines to validate on.
        network: values of the network without the numbers of characters and languages.
    """

    training: Sequence[LabelledLine]
    validation: Sequence[LabelledLine]
    network: Mapping[str, Any]

    @property
    def values(self) -> Mapping[str, Any]:
        """Everything that the result depends on besides the plan, for ``run.json``."""
        return {"network": dict(self.network), "lines": len(self.training)}

    def processor(self, run: Any, start: Any) -> LineProcessor:
        """The characters and languages of the lines to train on."""
        characters = {character for line in self.training for character in line.text}
        languages = {line.language for line in self.training}
        return LineProcessor("".join(sorted(characters)), tuple(sorted(languages)))

    def config(self, processor: LineProcessor) -> LineGRUConfig:
        """The builder's values."""
        sizes = len(processor.characters), len(processor.languages)
        return LineGRUConfig(*sizes, **self.network)

    def objective(self, task: LanguageIdentification, seed: int) -> LineObjective:
        """What is trained."""
        return LineObjective(task.network, task.processor, self.training, self.validation, seed)


@dataclass(kw_only=True)
class ClassifierFinetuning(Finetuning[LanguageIdentification]):
    """Fine-tuning of a classifier on lines of the user's own.

    Args:
        start: the model to start from.
        data: the name of the lines' file.
        options: how to train.
        lines: the lines; the end of them is held out for validation.
    """

    lines: Sequence[LabelledLine]

    @property
    def values(self) -> Mapping[str, Any]:
        """Everything that the result depends on besides the plan, for ``run.json``."""
        return {
            "model": self.start.reference,
            "lines": [asdict(line) for line in self.lines],
            "validation": self.options.validation,
        }

    @property
    def learnt_from(self) -> str:
        """How much was learnt from, for the model card."""
        return f"{len(self.lines)} lines"

    def objective(self, task: LanguageIdentification, seed: int) -> LineObjective:
        """What is trained."""
        cut = round(len(self.lines) * (1 - self.options.validation))
        training, validation = self.lines[:cut], self.lines[cut:]
        return LineObjective(task.network, task.processor, training, validation, seed)


def finetune_classifier(
    reference: Reference, lines: Path, out: Path, options: FinetuneOptions, command: str = ""
) -> Path:
    """Fine-tune a classifier on a file of lines.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        lines: a file as :func:`zoo_plugin.corpus.read_lines` reads it.
        out: the run's folder.
        options: how to train.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.
    """
    finetuning = ClassifierFinetuning(
        start=read_start(reference),
        data=lines.name,
        lines=read_lines(lines),
        options=options,
    )
    return finetune(finetuning, out, command)
