"""What was begun in TensorFlow does not go on in a forked process, which is told, not waited for.

TensorFlow calculates on threads of its own. A child made by ``fork`` has none of them, so the first
operation that wants one would wait for ever.
"""

from __future__ import annotations

import os

from zoo.errors import ZooError

_process: int | None = None


def starts_tensorflow() -> None:
    """Note that this process calculates in TensorFlow from now on.

    Raises:
        ZooError: as :func:`check_not_forked`.
    """
    global _process
    check_not_forked()
    _process = os.getpid()


def check_not_forked() -> None:
    """Check that TensorFlow was not begun in a process that this one was forked from.

    Raises:
        ZooError: it was.
    """
    if _process not in (None, os.getpid()):
        raise ZooError(
            "this process was forked from one that had used a Keras network, and TensorFlow does "
            "not work after a fork; start processes by multiprocessing.get_context('spawn'), or "
            "fork before a network is first used"
        )
