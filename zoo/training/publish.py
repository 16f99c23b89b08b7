"""From a trained network to a task, and to the recipe that scores it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from zoo.catalogue import registry
from zoo.errors import UsageError
from zoo.folder.bundle import Bundle
from zoo.folder.figures import Figure
from zoo.registry import Architecture


def make_task(
    architecture: str,
    network: Any,
    config: Any,
    processor: Any,
    card: Mapping[str, Any],
    decoder: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Any:
    """A task around a network that was just trained.

    Args:
        architecture: its registered name.
        network: the ``keras.Model`` with its weights.
        config: the builder's values.
        processor: raw input to arrays.
        card: facts for the model card.
        decoder: the decoder's settings.
        files: the decoder's files.
    """
    entry = registry().architecture(architecture)
    bundle = Bundle(
        entry, config, processor, dict(decoder or {}), {}, card=dict(card), files=dict(files or {})
    )
    return entry.load("task_class")(bundle, network)


def evaluate(model: Any, reference: str, data: Path | None = None) -> list[Figure]:
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
    with tqdm(desc="evaluating", unit_scale=True, delay=0.01) as bar:

        def progress(count: int, total: int) -> None:
            bar.total = total
            bar.update(count)

        figures: list[Figure] = recipe_of(model.architecture).evaluate(
            model, reference, data, progress
        )
    return figures


def recipe_of(architecture: Architecture) -> Any:
    """The module of an architecture's recipe.

    Raises:
        UsageError: it has none, or it cannot be imported.
    """
    if not architecture.recipe:
        raise UsageError(f"{architecture.name} has no recipe")
    try:
        return importlib.import_module(architecture.recipe)
    except ModuleNotFoundError as error:
        raise UsageError(f"cannot import the recipe {architecture.recipe}: {error}") from None


def own_corpus(model: Any, reference: str, models: Mapping[str, Any]) -> str:
    """The corpus that a model was trained on, if its recipe knows it.

    Args:
        model: the task.
        reference: what it was loaded by, for the message.
        models: the recipe's models by name, each with a ``corpus``.

    Raises:
        UsageError: it was trained on something else, as a fine-tuned model is.
    """
    corpus = model.card.get("dataset")
    if corpus not in {values.corpus for values in models.values()}:
        raise UsageError(
            f"{reference} was trained on {corpus!r}, which its recipe does not know; "
            "give --data FILE"
        )
    return str(corpus)
