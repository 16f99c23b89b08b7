"""The zoo: pretrained recurrent sequence models for Keras 3.

import zoo

model = zoo.load_model("char_lstm.shakespeare")
print(model.generate("ROMEO:", length=400, temperature=0.7, seed=1))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.catalogue import describe, list_models
from zoo.errors import DataError, DownloadError, FolderError, UsageError, ZooError
from zoo.registry import Architecture, Registry, TaskEntry, Weights
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.inference.threads import set_threads
    from zoo.loading import load_model

__all__ = [
    "Architecture",
    "DataError",
    "DownloadError",
    "FolderError",
    "Registry",
    "TaskEntry",
    "UsageError",
    "Weights",
    "ZooError",
    "__version__",
    "describe",
    "list_models",
    "load_model",
    "set_threads",
]


def __getattr__(name: str) -> Any:
    # What these need, NumPy to begin with, takes time; listing models must not.
    if name == "load_model":
        from zoo.loading import load_model

        return load_model
    if name == "set_threads":
        from zoo.inference.threads import set_threads

        return set_threads
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
