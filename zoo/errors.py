"""The exceptions of the zoo.

Every failure that a user can cause or meet is a :class:`ZooError`. Its message says what is wrong,
with what, and what to do next; the command line prints it unchanged.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator

TRAINING_MODULES = ("keras", "tensorflow", "tensorflow_datasets")
"""What only training, fine-tuning, ``model.network`` and the published corpora need."""

TRAINING_NEEDED = (
    "this needs TensorFlow and Keras, which are not installed: pip install 'sequence-zoo[train]'"
)
"""What an error says where one of :data:`TRAINING_MODULES` is missing."""


class ZooError(Exception):
    """The base class: something went wrong that the user can act on; the message says how."""


class UsageError(ZooError):
    """The call is wrong (an invalid name or value). The command line exits with 2."""


class FolderError(ZooError):
    """A model folder is incomplete, damaged, or of a version that the zoo cannot read."""


class DownloadError(ZooError):
    """A file could not be downloaded, or does not match the registry."""


class ZooWarning(UserWarning):
    """Something worth knowing about the input; the result stands. The message says what."""


class DataError(ZooError):
    """A corpus or a user's own training data is missing, damaged or unusable."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of ``known``, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


@contextlib.contextmanager
def needing_training() -> Iterator[None]:
    """Where TensorFlow or Keras is missing, say how to install them.

    Raises:
        ZooError: one of :data:`TRAINING_MODULES` cannot be imported in this context.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in TRAINING_MODULES:
            raise
        raise ZooError(TRAINING_NEEDED) from error
