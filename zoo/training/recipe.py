"""Recipes: what each says of its models, and how ``zoo train`` and ``zoo evaluate`` reach it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from tqdm import tqdm

from zoo.errors import UsageError, needing_training
from zoo.folder.figures import Figure
from zoo.registry import Architecture
from zoo.task import Task
from zoo.training.plan import Plan


@dataclass(frozen=True, kw_only=True)
class RecipeValues:
    """All values of one pretrained model; a recipe adds those of its task.

    Args:
        corpus: what it is trained on: a corpus of ``zoo.datasets``, or a name for several.
        languages: ISO 639-1 codes.
        network: values of the architecture's configuration.
        plans: how to train: one plan after the other, each from the best weights of the last (warm
            restarts, Loshchilov and Hutter 2017, arXiv:1608.03983).
        license: SPDX identifier of the weights.
        data_note: what the card says of the data.
        limits: what the card says of the model's limits.
        comparison: published figures on the same data, for the card.
    """

    corpus: str
    languages: tuple[str, ...]
    network: dict[str, Any]
    plans: tuple[Plan, ...]
    license: str
    data_note: str = ""
    limits: str = ""
    comparison: tuple[dict[str, Any], ...] = ()

    def with_overrides(self, plan: Plan) -> Self:
        """These values with the plan's overrides applied."""
        return replace(self, network={**self.network, **plan.network}, **plan.values)

    def card(self, name: str) -> dict[str, Any]:
        """How the model's card begins.

        Args:
            name: ``architecture.weights``.
        """
        return {
            "name": name,
            "languages": list(self.languages),
            "license": self.license,
            "dataset": self.corpus,
        }


def published(what: str, value: float, unit: str, source: str) -> dict[str, Any]:
    """A published figure on the same data, for the ``comparison`` of :class:`RecipeValues`.

    Args:
        what: the system, and the measure if it is not the card's.
        value: the figure.
        unit: of the figure, such as ``"% WER"``.
        source: the paper or the repository that it is from.
    """
    return {"what": what, "value": value, "unit": unit, "source": source}


@runtime_checkable
class Recipe(Protocol):
    """What the module of a recipe has."""

    @property
    def MODELS(self) -> Mapping[str, RecipeValues]:  # noqa: N802 (a constant of the module)
        """The values of each model by its registered name."""

    def train(self, name: str, out: Path, command: str = "", **changes: Any) -> Path:
        """Train a registered model from its corpus.

        Args:
            name: a key of ``MODELS``.
            out: the run's folder; an interrupted run in it is resumed.
            command: the command line that trains it, for the model card.
            **changes: fields of each plan to change, such as ``epochs=1``.

        Returns:
            The model folder.
        """

    def evaluate(
        self,
        model: Any,
        reference: str,
        data: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Figure]:
        """Score a model on the test set of its corpus, or on the user's own data.

        Args:
            model: a task that one of ``MODELS`` or a model fine-tuned from it was loaded as.
            reference: what it was loaded by, for the commands in the figures.
            data: the user's own data.
            progress: called with how much was read since the last call, and the total.

        Returns:
            The rows of ``metrics.json``, the headline figure first.

        Raises:
            UsageError: no data is given and the corpus is not one of this recipe's.
            DataError: the data cannot be had or read.
        """


def recipe_of(architecture: Architecture) -> Recipe:
    """The recipe of an architecture.

    Raises:
        UsageError: it has none, it cannot be imported, or its module is not a recipe.
    """
    if not architecture.recipe:
        raise UsageError(f"{architecture.name} has no recipe")
    try:
        with needing_training():
            recipe = importlib.import_module(architecture.recipe)
    except ModuleNotFoundError as error:
        raise UsageError(f"cannot import the recipe {architecture.recipe}: {error}") from None
    if not isinstance(recipe, Recipe):
        raise UsageError(f"{architecture.recipe} is not a recipe: it needs MODELS, train, evaluate")
    return recipe


def evaluate(model: Task, reference: str, data: Path | None = None) -> list[Figure]:
    """Score a model by its recipe's own ``evaluate``, with a progress bar.

    Args:
        model: the task.
        reference: what it was loaded by, for the commands in the figures.
        data: the user's own data, or ``None`` for the test split of the model's corpus.

    Returns:
        The figures.

    Raises:
        UsageError: the architecture has no recipe.
        DataError: the data cannot be had or read.
    """
    # With a delay there is no empty bar above an error about the data.
    with tqdm(desc="evaluating", unit_scale=True, delay=0.01, disable=None) as bar:

        def progress(count: int, total: int) -> None:
            bar.total = total
            bar.update(count)

        return recipe_of(model.architecture).evaluate(model, reference, data, progress)


V = TypeVar("V", bound=RecipeValues)


def own_values(model: Task, reference: str, models: Mapping[str, V]) -> V:
    """The values of the recipe's model with the corpus that a model was trained on.

    Args:
        model: the task.
        reference: what it was loaded by, for the message.
        models: the recipe's models by name.

    Raises:
        UsageError: it was trained on something else, as a fine-tuned model is.
    """
    corpus = model.card.get("dataset")
    for values in models.values():
        if values.corpus == corpus:
            return values
    raise UsageError(
        f"{reference} was trained on {corpus!r}, which its recipe does not know; give --data FILE"
    )
