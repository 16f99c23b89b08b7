"""Training and fine-tuning of character language models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import ConfigWithContext
from zoo.errors import DataError
from zoo.files import read_text
from zoo.folder.manifest import sha256_of
from zoo.store.locate import Reference
from zoo.text.generation import TextGeneration
from zoo.text.processor import Characters
from zoo.text.training.options import LanguageModelOptions
from zoo.training.run import finetune
from zoo.training.rundir import RunDirectory
from zoo.training.seen import fingerprints
from zoo.training.subject import Finetuning, Training, read_start

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle
    from zoo.text.training.objective import LanguageModelObjective
    from zoo.text.training.windows import WindowObjective

SAMPLE_LENGTH = 300
DECODER = {"temperature": 0.8, "top_k": 0, "top_p": 1.0}


@dataclass(kw_only=True)
class LanguageModelTraining(Training[TextGeneration]):
    """Training of a new character model.

    Args:
        card: how the model card begins; the name begins with the architecture.
        characters: the vocabulary.
        training: the text to train on.
        validation: the text to validate on.
        network: values of the builder without the vocabulary's size.
        batch: parallel streams of text.
        window: characters of backpropagation through time.
    """

    characters: Characters
    training: str
    validation: str
    network: Mapping[str, Any]
    batch: int
    window: int

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return DECODER

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "network": self.config(self.characters),
            "batch": self.batch,
            "window": self.window,
        }

    def processor(self, run: RunDirectory, start: Bundle | None) -> Characters:
        """See :class:`~zoo.training.subject.Training`."""
        return self.characters

    def config(self, processor: Characters) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(vocabulary_size=len(processor), **self.network)

    def objective(
        self, task: TextGeneration, seed: int
    ) -> LanguageModelObjective | WindowObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        return _objective(task, self.training, self.validation, self.batch, self.window, seed)

    def sample(self, task: TextGeneration) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        return _sample(task, self.validation[:1])


@dataclass(kw_only=True)
class LanguageModelFinetuning(Finetuning[TextGeneration]):
    """Fine-tuning of a character model on a text.

    Args:
        start: the model to start from.
        data: the name of the text.
        options: how to train.
        text: the text.

    Raises:
        DataError: the text is too short.
    """

    options: LanguageModelOptions
    text: str

    def __post_init__(self) -> None:
        window, validation = self.options.window, self.options.validation
        self._cut = int(len(self.text) * (1 - validation))
        if len(self.text) - self._cut < 2 or self._cut < 2 * window:
            raise DataError(
                f"{len(self.text)} characters are too few to train on; give at least "
                f"{math.ceil(max(2 * window / (1 - validation), 2 / validation)) + 1}"
            )
        # At least four steps an epoch, so that a short text is not a single batch.
        self._batch = max(1, min(self.options.batch, self._cut // (4 * window)))
        self.options = self.options.for_text(max(1, self._cut // (self._batch * window)))

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "model": self.start.reference,
            "texts": self.data,
            "sha256": sha256_of(self.text.encode()),
            "validation": self.options.validation,
            "batch": self.options.batch,
            "window": self.options.window,
        }

    @property
    def learnt_from(self) -> str:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return f"{len(self.text):,} characters"

    def texts(self) -> Iterable[str]:
        """See :class:`~zoo.training.subject.Finetuning`."""
        return (self.text,)

    def objective(
        self, task: TextGeneration, seed: int
    ) -> LanguageModelObjective | WindowObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        batch, window = self._batch, self.options.window
        training, validation = self.text[: self._cut], self.text[self._cut :]
        return _objective(task, training, validation, batch, window, seed)

    def sample(self, task: TextGeneration) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        return _sample(task, self.text[self._cut])


def finetune_language_model(
    reference: Reference,
    texts: Sequence[Path],
    out: Path,
    options: LanguageModelOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a character model on texts of your own.

    Characters that the model does not know are added to its vocabulary. The folder holds the
    weights with the lowest loss on the validation text; if no epoch improved on the model that was
    given, its weights are kept.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        texts: UTF-8 text files, read one after the other.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: a file is missing, empty, too short or not UTF-8 text.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.

    Example:
        >>> finetune_language_model("char_lstm.shakespeare", [Path("my.txt")], Path("runs/mine"))
    """
    options = options or LanguageModelOptions()
    finetuning = LanguageModelFinetuning(
        text=read_text(texts),
        data=", ".join(path.name for path in texts),
        start=read_start(reference),
        options=options,
        seen=fingerprints(texts),
    )
    return finetune(finetuning, out, command)


def _objective(
    task: TextGeneration, training: str, validation: str, batch: int, window: int, seed: int
) -> LanguageModelObjective | WindowObjective:
    from zoo.text.training.objective import LanguageModelObjective
    from zoo.text.training.windows import WindowObjective

    encode = task.processor.encode
    # A network with a limited context has no state to carry from window to window.
    kind = WindowObjective if isinstance(task.config, ConfigWithContext) else LanguageModelObjective
    return kind(
        task.network, encode(training), encode(validation), batch=batch, window=window, seed=seed
    )


def _sample(task: TextGeneration, prompt: str) -> str:
    """What the model writes after a character."""
    return str(task.generate(prompt, length=SAMPLE_LENGTH, seed=1).text)
