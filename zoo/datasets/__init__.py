"""The corpora that the recipes read, as tensorflow-datasets builders.

Each builder pins its public files by URL and sha256 and names its licence and published
split. ``ZOO_DATA_MIRROR`` names a folder that is asked before the network: a file lies there at its
URL with ``https://`` taken off.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from zoo.errors import DataError, UsageError, did_you_mean

_BUILDERS = {
    "an4": "zoo.datasets.speech:An4",
    "karpathy_shakespeare": "zoo.datasets.texts:KarpathyShakespeare",
    "war_and_peace": "zoo.datasets.texts:WarAndPeace",
}


def builder(name: str) -> Any:
    """The tensorflow-datasets builder of a corpus.

    Raises:
        UsageError: there is no corpus of that name.
    """
    from zoo.registry import resolve

    if name not in _BUILDERS:
        raise UsageError(f"unknown corpus {name!r}{did_you_mean(name, _BUILDERS)}")
    return resolve(_BUILDERS[name])()


def load_text(name: str) -> dict[str, str]:
    """A corpus of running text: the whole text of each split.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    made = builder(name)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        # TFDS prints what it does; standard output belongs to the results.
        with contextlib.redirect_stdout(sys.stderr):
            made.download_and_prepare()
        return {
            split: "".join(
                row["text"].decode("utf-8") for row in tfds.as_numpy(made.as_dataset(split=split))
            )
            for split in made.info.splits
        }
    except DataError:
        raise
    except Exception as error:  # tensorflow-datasets raises many kinds, from many layers
        raise DataError(f"cannot prepare the corpus {name!r}: {error}") from error
