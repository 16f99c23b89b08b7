"""The registry: tasks, architectures and pretrained weights by name.

Entries hold names and plain values only. The code behind an entry is named as ``"module:object"``
and imported when it is first used, so listing models never imports TensorFlow. The zoo's own
registry is filled in :mod:`zoo.catalogue`.
"""

from __future__ import annotations

import fnmatch
import importlib
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.errors import UsageError, ZooError, did_you_mean, needing_training

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
_TASK_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TaskEntry:
    """A registered task: what models of one kind do.

    Args:
        name: the Hugging Face pipeline tag, such as ``"text-generation"``.
        summary: one sentence for listings.
        command: the module of the task's Click commands ``run`` and ``finetune``, such as
            ``"zoo.text.command"``; empty if it has none.
        verb: the method that people call, such as ``"generate"``.
        doubts: what the ``doubts`` of a result are about, in a sentence; empty if it has none.
    """

    name: str
    summary: str
    command: str
    verb: str
    doubts: str = ""

    def load(self, command: str) -> Any:
        """Import the Click command called ``command``, such as ``"run"``.

        Raises:
            UsageError: the task has no such command.
            ZooError: its module cannot be imported.
        """
        if self.command and hasattr(_import(self.command), command):
            return resolve(f"{self.command}:{command}")
        raise UsageError(f"the task {self.name!r} has no command {command!r}")


@dataclass(frozen=True)
class Architecture:
    """A registered builder.

    Args:
        name: the part of a model's name before the dot, such as ``"char_lstm"``.
        task: the name of a registered :class:`TaskEntry`, such as ``"text-generation"``.
        summary: one sentence for listings.
        builder: ``"module:function"``, from a config to a functional ``keras.Model``.
        config: ``"module:class"``, the frozen dataclass of plain values the builder takes.
        processor: ``"module:class"``, raw input to arrays.
        task_class: ``"module:class"``, the :class:`zoo.task.Task` of the three stages.
        inference: ``"module:callable"``, from a config and its weights, arrays by variable path, to
            an inference of the task's kind that needs no Keras (:mod:`zoo.contracts`). Left empty,
            the model runs on Keras.
        inspection: ``"module:callable"``, from a config and its weights to the network on a tape
            (:class:`zoo.inspection.subject.Network`), for traces and gradients without Keras. Left
            empty, the Keras network is traced, and there are no gradients.
        recipe: the recipe's module, such as ``"zoo.recipes.char_lstm"``, or empty.
        default_weights: the weights that the bare name means, or empty for none.
    """

    name: str
    task: str
    summary: str
    builder: str
    config: str
    processor: str
    task_class: str
    inference: str = ""
    inspection: str = ""
    recipe: str = ""
    default_weights: str = ""

    def load(self, attribute: str) -> Any:
        """Import the object that the field ``attribute`` names.

        Raises:
            ZooError: the module or the object is missing.
        """
        return resolve(getattr(self, attribute))


@dataclass(frozen=True)
class Weights:
    """Registered pretrained weights of an architecture.

    Args:
        name: ``"architecture.weights"``.
        languages: ISO 639-1 codes.
        license: SPDX identifier of the weights.
        dataset: name of the training data.
        metric: the headline figure: ``name``, ``value``, ``unit``, ``split``.
        size: bytes of the whole model folder.
        parameters: number of weights in the network.
        manifest_sha256: sha256 of the folder's ``manifest.json``, which holds every other file's.
        task: the pipeline tag, the same as the architecture's.
        recipe: the module that trained it.
        sources: where to fetch it when it is neither embedded nor cached: ``hf://owner/repo@rev``,
            an ``https://`` base under which ``NAME/manifest.json`` lies, or a local folder.
        folder: a folder on this machine that holds the files (plug-ins embed theirs this way).
    """

    name: str
    task: str
    languages: tuple[str, ...]
    license: str
    dataset: str
    metric: dict[str, Any]
    size: int
    parameters: int
    manifest_sha256: str
    recipe: str = ""
    sources: tuple[str, ...] = ()
    folder: str = ""

    @property
    def architecture(self) -> str:
        """The part before the dot."""
        return self.name.partition(".")[0]


def resolve(target: str) -> Any:
    """Import ``"module:object"``.

    Raises:
        ZooError: the module or the object is missing.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(_import(module), attribute)
    except AttributeError as error:
        raise ZooError(f"cannot import {target!r}: {error}") from error


def _import(module: str) -> Any:
    try:
        with needing_training():
            return importlib.import_module(module)
    except (ImportError, ValueError) as error:  # ValueError: the name is empty
        raise ZooError(f"cannot import {module!r}: {error}") from error


def natural_key(name: str) -> list[Any]:
    """Sort key under which ``lstm2`` comes before ``lstm10``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@dataclass
class Registry:
    """Tasks, architectures and weights by name; the zoo's own is :func:`zoo.catalogue.registry`."""

    architectures: dict[str, Architecture] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    tasks: dict[str, TaskEntry] = field(default_factory=dict)

    def copy(self) -> Registry:
        """A registry with the same entries, to which others can be added."""
        return Registry(dict(self.architectures), dict(self.weights), dict(self.tasks))

    def add_task(self, entry: TaskEntry) -> None:
        """Register a task.

        Raises:
            UsageError: the name is taken or is not lower-case words joined by ``-``.
        """
        if not _TASK_NAME.fullmatch(entry.name):
            raise UsageError(f"{entry.name!r} is not a valid task name: use a-z, 0-9 and -")
        if entry.name in self.tasks:
            raise UsageError(f"task {entry.name!r} is already registered")
        self.tasks[entry.name] = entry

    def add_architecture(self, entry: Architecture) -> None:
        """Register an architecture.

        Raises:
            UsageError: the name is taken or is not lower-case letters, digits and ``_``, or the
                task is not registered.
        """
        if not _NAME.fullmatch(entry.name):
            raise UsageError(f"{entry.name!r} is not a valid architecture name: use a-z, 0-9 and _")
        if entry.name in self.architectures:
            raise UsageError(f"architecture {entry.name!r} is already registered")
        self.task(entry.task)
        self.architectures[entry.name] = entry

    def add_weights(self, entry: Weights) -> None:
        """Register pretrained weights of a registered architecture.

        Raises:
            UsageError: the name is taken or malformed, or the architecture is unknown.
        """
        architecture, dot, tag = entry.name.partition(".")
        if not dot or not _NAME.fullmatch(tag):
            raise UsageError(
                f"{entry.name!r} is not a valid weights name: use architecture.weights"
            )
        if entry.name in self.weights:
            raise UsageError(f"weights {entry.name!r} are already registered")
        if not _SHA256.fullmatch(entry.manifest_sha256):
            raise UsageError(f"weights {entry.name!r}: manifest_sha256 must be 64 hex digits")
        known = self.architecture(architecture)
        if entry.task != known.task:
            raise UsageError(f"weights {entry.name!r}: task {entry.task!r} is not {known.task!r}")
        self.weights[entry.name] = entry

    def names(self) -> list[str]:
        """All names, architectures without weights included, in natural order."""
        with_weights = {entry.architecture for entry in self.weights.values()}
        bare = [name for name in self.architectures if name not in with_weights]
        return sorted([*self.weights, *bare], key=natural_key)

    def architecture(self, name: str) -> Architecture:
        """The architecture called ``name``.

        Raises:
            UsageError: there is none; the nearest name is suggested.
        """
        try:
            return self.architectures[name]
        except KeyError:
            raise self.unknown(name) from None

    def task(self, name: str) -> TaskEntry:
        """The task called ``name``.

        Raises:
            UsageError: there is none; the nearest name is suggested.
        """
        try:
            return self.tasks[name]
        except KeyError:
            hint = did_you_mean(name, self.tasks) or f"; there are {', '.join(sorted(self.tasks))}"
            raise UsageError(f"unknown task {name!r}{hint}") from None

    def find(self, name: str) -> tuple[Architecture, Weights | None]:
        """The architecture and the weights that ``name`` means.

        A bare architecture name means its default weights; if it has none, the second is ``None``.

        Raises:
            UsageError: there is no such model; the nearest name is suggested.
        """
        if not isinstance(name, str):
            raise UsageError(f"a model's name is text, not {type(name).__name__}")
        base, dot, _ = name.partition(".")
        if base not in self.architectures or (dot and name not in self.weights):
            raise self.unknown(name)
        architecture = self.architectures[base]
        if dot:
            return architecture, self.weights[name]
        default = architecture.default_weights
        return architecture, self.weights.get(f"{base}.{default}") if default else None

    def unknown(self, name: str) -> UsageError:
        """The error for a name that is not here."""
        hint = did_you_mean(name, [*self.names(), *self.architectures])
        return UsageError(f"unknown model {name!r}{hint or '; see zoo list'}")

    def select(
        self,
        pattern: str = "*",
        *,
        task: str | None = None,
        language: str | None = None,
        pretrained: bool | None = None,
    ) -> list[str]:
        """Names that match a shell wildcard and the filters, in natural order.

        Args:
            pattern: such as ``"char_*"``.
            task: keep only this pipeline tag.
            language: keep only weights for this ISO 639-1 code.
            pretrained: ``True`` keeps names with weights, ``False`` names of bare architectures.

        Raises:
            UsageError: ``task`` is not registered; the nearest name is suggested.
        """
        if task is not None:
            self.task(task)
        selected = []
        names = sorted(self.architectures, key=natural_key) if pretrained is False else self.names()
        for name in names:
            weights = self.weights.get(name)
            entry = self.architectures[name.partition(".")[0]]
            if not fnmatch.fnmatchcase(name, pattern):
                continue
            if task is not None and entry.task != task:
                continue
            if pretrained is True and weights is None:
                continue
            if language is not None and (weights is None or language not in weights.languages):
                continue
            selected.append(name)
        return selected

    def describe(self, name: str) -> dict[str, Any]:
        """Everything registered about a model, as plain values.

        Raises:
            UsageError: there is no such model.
        """
        architecture, weights = self.find(name)
        facts: dict[str, Any] = {
            "name": weights.name if weights else architecture.name,
            "architecture": architecture.name,
            "task": architecture.task,
            "summary": architecture.summary,
            "recipe": (weights.recipe if weights else "") or architecture.recipe,
            "pretrained": weights is not None,
        }
        if weights:
            facts |= {
                key: value
                for key, value in asdict(weights).items()
                if key not in ("name", "task", "recipe", "folder")
            }
        return facts
