"""What models there are: the zoo's own entries, then those of installed plug-ins.

A third party adds tasks, models and weights through the entry-point group ``zoo.models``: the entry
point is a function that is called with the :class:`~zoo.registry.Registry`::

    [options.entry_points]
    zoo.models =
        mine = my_package.zoo_models:register
"""

from __future__ import annotations

import importlib.metadata
import json
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.architectures import ARCHITECTURES, TASKS
from zoo.registry import Registry, Weights

ENTRY_POINT_GROUP = "zoo.models"
WEIGHTS_FOLDER = Path(__file__).parent / "weights"

_registry: Registry | None = None
_lock = threading.RLock()


def registry() -> Registry:
    """The zoo's registry: built-in entries, then those of installed plug-ins."""
    global _registry
    with _lock:
        if _registry is None:
            points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
            _registry = with_plugins(builtin(), points)
        return _registry


def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    language: str | None = None,
    pretrained: bool | None = None,
) -> list[str]:
    """Names of the registered models, in natural order; see :meth:`Registry.select`.

    Example:
        >>> zoo.list_models("char_lstm*", task="text-generation", pretrained=True)
        ['char_lstm.shakespeare', 'char_lstm.war_and_peace']
    """
    return registry().select(pattern, task=task, language=language, pretrained=pretrained)


def describe(name: str) -> dict[str, Any]:
    """Everything registered about a model, as plain values; see :meth:`Registry.describe`."""
    return registry().describe(name)


def builtin() -> Registry:
    """A registry of the zoo's own tasks, architectures and weights."""
    models = Registry()
    for task in TASKS:
        models.add_task(task)
    for architecture in ARCHITECTURES:
        models.add_architecture(architecture)
    index = WEIGHTS_FOLDER / "index.json"
    for weights in read_index(index) if index.exists() else ():
        models.add_weights(weights)
    return models


def with_plugins(models: Registry, points: Iterable[Any]) -> Registry:
    """The registry with what plug-ins add to it.

    A plug-in that fails is left out with a warning, and nothing that it registered before it failed
    stays.

    Args:
        models: the registry before.
        points: entry points, each a function that is called with a registry.
    """
    for point in points:
        trial = models.copy()
        try:
            point.load()(trial)
        except Exception as error:  # a broken plug-in must not take the zoo down with it
            warnings.warn(f"zoo plug-in {point.name!r} was left out: {error}", stacklevel=3)
        else:
            models = trial
    return models


def read_index(path: Path) -> list[Weights]:
    """Read weights entries from an index file, as ``scripts/register`` writes it."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry |= {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    return [Weights(**entry) for entry in entries]
