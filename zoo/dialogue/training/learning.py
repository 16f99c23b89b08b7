"""What training and fine-tuning have in common for taggers, mood readers and trackers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from zoo.dialogue.conversation import ConversationTask
from zoo.dialogue.word_features import word_values
from zoo.errors import DataError
from zoo.folder.manifest import sha256_of
from zoo.languages import language_probabilities
from zoo.training.plan import BatchOptions
from zoo.training.subject import Finetuning, Training

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle
    from zoo.training.rundir import RunDirectory

TaskT = TypeVar("TaskT", bound=ConversationTask[Any])

_TEXTS = 500  # that the language of the data is recognised by
_PLAIN = 0.9  # probability of a language from which on it is that of the data


@dataclass(kw_only=True)
class DialogueTraining(Training[TaskT]):
    """Training of a new dialogue model.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: examples to train on.
        validation: examples to validate on.
        network: values of the builder that the data does not decide.
        vocabulary: number of words with a vector.
        batch: examples in a batch.
    """

    unit: ClassVar[str] = "messages"
    """What an example is."""

    decisive: ClassVar[tuple[str, ...]] = ("network", "vocabulary", "batch")
    """Names of the fields that the result depends on."""

    training: Sequence[Any]
    validation: Sequence[Any]
    network: Mapping[str, Any]
    vocabulary: int
    batch: int

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        counts = [self.examples_in(part) for part in (self.training, self.validation)]
        return {**{name: getattr(self, name) for name in self.decisive}, self.unit: counts}

    def examples_in(self, part: Sequence[Any]) -> int:
        """Number of examples of a part of the data."""
        return len(part)

    def processor(self, run: RunDirectory, start: Bundle | None) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.new_processor if start is None else start.processor

    @property
    @abstractmethod
    def new_processor(self) -> Any:
        """The processor that the training data makes."""

    def config(self, processor: Any) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        decided = {**word_values(processor.words), **self.outputs(processor)}
        return self.architecture.load("config")(**decided, **self.network)

    def outputs(self, processor: Any) -> Mapping[str, int]:
        """Values of the builder that the processor decides besides those of its words."""
        return {}


@dataclass(kw_only=True)
class DialogueFinetuning(Finetuning[TaskT]):
    """Fine-tuning of a dialogue model.

    Args:
        start: the model to start from, with the outputs and the words of the data.
        data: the name of the data.
        options: how to train.
        training: examples to train on.
        validation: examples to validate on.
    """

    unit: ClassVar[str] = "messages"
    """What an example is."""

    options: BatchOptions
    training: Sequence[Any]
    validation: Sequence[Any]

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        rows = [repr(one) for one in (*self.training, *self.validation)]
        return {
            "base_model": self.start.name,
            self.unit: sha256_of("\n".join(rows).encode()),
            "validation": self.options.validation,
            "batch": self.options.batch,
        }

    def finish(self, task: TaskT) -> None:
        """Note the language of the data among those that the model reads."""
        known = task.languages
        language = language_of(map(self.text_of, self.training))
        if known and language is not None and language not in known:
            task.decoder["languages"] = [*known, language]

    def text_of(self, example: Any) -> str:
        """What an example says."""
        return str(example.text)

    @property
    def learnt_from(self) -> str:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return f"{len(self.training):,} {self.unit}"


def language_of(texts: Iterable[str]) -> str | None:
    """The ISO 639 code of the language of some texts, or ``None`` where that is not plain."""
    probabilities = language_probabilities(" ".join(islice(texts, _TEXTS)))
    likeliest = max(probabilities, key=probabilities.__getitem__)
    return likeliest if probabilities[likeliest] >= _PLAIN else None


def file_names(files: Sequence[Path]) -> str:
    """The name of data in files, for the card."""
    return ", ".join(path.name for path in files)


def held_out(count: int, fraction: float, seed: int, what: str) -> set[int]:
    """Numbers of what is held out for validation.

    Args:
        count: how much there is to choose from.
        fraction: of it to hold out, one at least.
        seed: of the choice.
        what: it is, such as ``"dialogues"``, for the error.

    Raises:
        DataError: there are fewer than two.
    """
    if count < 2:
        raise DataError(f"there must be at least two {what}: one is held out")
    order = np.random.default_rng(seed).permutation(count)
    return set(order[: max(1, round(fraction * count))].tolist())
