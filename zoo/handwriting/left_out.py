"""Damaged parts of files that are left out, each named with its reason."""

from __future__ import annotations

import warnings

from zoo.errors import DataError, ZooWarning

MAX_NAMED = 20
"""How many parts are named one by one; of more, the number is told."""


class LeftOut:
    """What was left out of a file or a folder, and what is doubtful about it.

    Args:
        strict: refuse the first part instead of leaving it out.
    """

    def __init__(self, strict: bool = False) -> None:
        self.count = 0
        self.first = ""
        self._strict = strict
        self._messages: list[str] = []

    def add(self, where: str, reason: object) -> None:
        """Leave a part out.

        Args:
            where: the part and its file.
            reason: why it cannot be read.

        Raises:
            DataError: it is refused.
        """
        if self._strict:
            raise DataError(f"{where}: {reason}")
        self.first = self.first or f"{where}: {reason}"
        self.count += 1
        if self.count <= MAX_NAMED:
            self._messages.append(f"{where} was left out: {reason}")

    def doubt(self, message: str) -> None:
        """Note what is read but may be wrong.

        Args:
            message: what it is.

        Raises:
            DataError: it is refused.
        """
        if self._strict:
            raise DataError(message)
        if len(self._messages) < 2 * MAX_NAMED:
            self._messages.append(message)

    def warn(self, what: str) -> None:
        """Warn of all that was noted.

        Args:
            what: the file or the folder.
        """
        if self.count > MAX_NAMED:
            self._messages.append(f"{what}: {self.count - MAX_NAMED:,} more were left out")
        for message in self._messages:
            warnings.warn(message, ZooWarning, stacklevel=3)
        self._messages.clear()
