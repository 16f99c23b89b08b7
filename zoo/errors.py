"""The one exception family of the zoo.

Every failure that a user can cause or meet is a :class:`ZooError`. Its message says what was wrong,
with what, and what to do next, so that the command line can print it as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Something the user can act on went wrong; the message says what and what to do next."""


class UsageError(ZooError):
    """The call itself is wrong (a bad name, a bad value). The command line exits with 2."""


class FolderError(ZooError):
    """A model folder is missing something, damaged, or of a kind this version cannot read."""


class DownloadError(ZooError):
    """A file could not be fetched, or what came is not what the registry promises."""


class ZooWarning(UserWarning):
    """Something worth knowing about the input; the result stands. The message says what."""


class DataError(ZooError):
    """A corpus or a user's own training data is missing, damaged or unusable."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of ``known``, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
