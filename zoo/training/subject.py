"""What a task says about its training runs; :mod:`zoo.training.run` does the rest.

A wing subclasses :class:`Training` and :class:`Finetuning`, each for its own kind of
:class:`~zoo.task.Task`. Everything else (the run's folder, the
seed, building the network, the training loop, start weights, card, figures, saving) is the same for
all tasks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zoo.catalogue import registry
from zoo.contracts import Config, Processor
from zoo.files import readable_os_errors
from zoo.folder.bundle import Bundle, read_bundle
from zoo.registry import Architecture
from zoo.store.locate import Reference, locate
from zoo.task import Task
from zoo.training.objective import Objective
from zoo.training.plan import FinetuneOptions
from zoo.training.rundir import SAMPLES, RunDirectory

TaskT = TypeVar("TaskT", bound=Task)


class Learning(ABC, Generic[TaskT]):
    """What training from scratch and fine-tuning have in common."""

    @property
    @abstractmethod
    def values(self) -> Mapping[str, Any]:
        """Everything that the result depends on besides the plan, for ``run.json``.

        Plain values, and dataclasses of these. A run is continued only if they are the same.
        """

    @abstractmethod
    def objective(self, task: TaskT, seed: int) -> Objective:
        """What is trained.

        Args:
            task: with the network that was just built, and its config and processor.
            seed: of data order, augmentation and samples.

        Raises:
            DataError: there is nothing to train on or to validate on.
        """

    def sample(self, task: TaskT) -> str:
        """What the model makes of a few fixed inputs after an epoch, for ``samples.txt``.

        Empty for a task that writes no samples.
        """
        return ""

    def finish(self, task: TaskT) -> None:
        """What remains when the network is trained, such as a language model or the search."""


@dataclass(kw_only=True)
class Training(Learning[TaskT]):
    """Training of a new network.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
    """

    card: Mapping[str, Any]

    @property
    def architecture(self) -> Architecture:
        """The registered architecture."""
        return registry().architecture(str(self.card["name"]).partition(".")[0])

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {}

    @abstractmethod
    def processor(self, run: RunDirectory, start: Bundle | None) -> Processor:
        """Raw input to arrays.

        Args:
            run: the run's folder, for what is learnt from the data once and kept there.
            start: the model to start from, where there is one.
        """

    @abstractmethod
    def config(self, processor: Any) -> Config:
        """The builder's values."""


@dataclass(frozen=True)
class Start:
    """The model that a fine-tuning starts from, read once.

    Args:
        reference: what it was asked for by, as ``load_model`` takes it.
        bundle: what its folder holds.
    """

    reference: str
    bundle: Bundle

    @property
    def name(self) -> str:
        """Its name on its card."""
        return str(self.bundle.card.get("name", self.reference))


def read_start(reference: Reference) -> Start:
    """Read the model to fine-tune; its network is not built yet.

    Args:
        reference: as ``load_model`` takes it.

    Raises:
        ZooError: it cannot be found or read.
    """
    folder = locate(reference)
    return Start(folder.reference, read_bundle(folder))


@dataclass(kw_only=True)
class Finetuning(Learning[TaskT]):
    """Further training of a model on the user's own data.

    Args:
        start: the model to start from.
        data: the name of the data, for the card and the figures.
        options: how to train.
        seen: of the files of the data, see :func:`zoo.training.seen.fingerprints`.
    """

    start: Start
    data: str
    options: FinetuneOptions
    seen: tuple[str, ...] = ()

    @property
    @abstractmethod
    def learnt_from(self) -> str:
        """How much was learnt from, such as ``"12 lines"``; known once there is an objective."""

    def texts(self) -> Iterable[str]:
        """Texts whose characters the model must know; its vocabulary grows by those it lacks."""
        return ()


def sample_writer(
    learning: Learning[TaskT], task: TaskT, run: RunDirectory
) -> Callable[[int], None]:
    """A callback that appends the samples to ``samples.txt`` after each epoch."""

    def write(epoch: int) -> None:
        text = learning.sample(task)
        if text:
            with readable_os_errors(f"write {run.training / SAMPLES}"):
                with open(run.training / SAMPLES, "a", encoding="utf-8") as stream:
                    stream.write(f"--- epoch {epoch}\n{text}\n\n")

    return write
