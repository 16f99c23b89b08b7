"""Running a graph in ONNX Runtime: made late, one for each process, safe for threads."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from zoo.errors import ZooError
from zoo.inference.graph import Graph
from zoo.inference.stack import NOT_FINITE_OUTPUTS
from zoo.inference.threads import get_threads

OLDEST = (1, 20)
"""The oldest ONNX Runtime that models run on, as in ``setup.cfg``."""

_SPIN_LIMITED = (1, 26)  # the first ONNX Runtime whose threads can be told how long to spin
_SPIN_MICROSECONDS = 1000

_recorded: ContextVar[dict[str, dict[str, np.ndarray]] | None] = ContextVar(
    "recorded", default=None
)

_lock = threading.Lock()
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it, which a child does not have
    for session in list(_sessions):
        session._abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Runnable(Protocol):
    """What a session is made of, such as a :class:`zoo.inference.graph.Graph`."""

    @property
    def name(self) -> str:
        """What it is."""

    def model(self) -> Any:
        """It as an ``onnx.ModelProto``."""


@contextlib.contextmanager
def recording() -> Iterator[dict[str, dict[str, np.ndarray]]]:
    """The inputs of the first run of each graph in the block, by the graph's name."""
    calls: dict[str, dict[str, np.ndarray]] = {}
    token = _recorded.set(calls)
    try:
        yield calls
    finally:
        _recorded.reset(token)


class Session:
    """A graph ready to be run.

    Any number of threads may run it at once. What ONNX Runtime needs is made by the first run, and
    made anew in a process that was forked and after :func:`zoo.set_threads`.

    Args:
        make: gives the graph.
        threads: of a run; left out, as many as :func:`zoo.set_threads` said.
    """

    def __init__(self, make: Callable[[], Graph], *, threads: int | None = None) -> None:
        self._make = make
        self._source: Callable[[], Runnable] = make
        self._threads = threads
        self._made: tuple[int, str, Any] | None = None

    @property
    def graph(self) -> Graph:
        """The graph, made anew."""
        return self._make()

    @property
    def replaced(self) -> bool:
        """Whether something else is run in the graph's place."""
        return self._source is not self._make

    def replace(self, source: Callable[[], Runnable]) -> None:
        """Run something else with the same inputs and outputs from now on, such as a file."""
        with _lock:
            self._source, self._made = source, None

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """Calculate outputs.

        Args:
            inputs: arrays by name, all of them.
            outputs: names of those that are wanted.

        Raises:
            ZooError: ONNX Runtime cannot run it, or an output has values that are NaN.
        """
        name, session = self._session()
        calls = _recorded.get()
        if calls is not None:
            calls.setdefault(name, dict(inputs))
        try:
            found: list[np.ndarray] = session.run(list(outputs), dict(inputs))
        except Exception as error:  # ONNX Runtime's have no base of their own
            raise ZooError(f"ONNX Runtime could not run the network: {error}") from error
        # The least of numbers is NaN if one is.
        if any(np.isnan(a.min()) for a in found if a.dtype.kind == "f" and a.size):
            raise ZooError(NOT_FINITE_OUTPUTS)
        return found

    def _session(self) -> tuple[str, Any]:
        wanted = self._threads or get_threads()
        made = self._made
        if made is None or made[0] != wanted:
            with _lock:
                made = self._made
                if made is None or made[0] != wanted:
                    source = self._source()
                    self._made = made = wanted, source.name, _start(source, wanted)
                    _sessions.add(self)
        return made[1:]

    def _abandon(self) -> None:
        """Forget what ONNX Runtime made in the parent of this process.

        It is never freed: that would wait for threads that this process does not have.
        """
        if self._made is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._made[2]))
            self._made = None


def _start(graph: Runnable, threads: int) -> Any:
    import onnxruntime

    version = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
    if version < OLDEST:
        raise ZooError(
            f"ONNX Runtime {onnxruntime.__version__} is too old, models need "
            f"{'.'.join(map(str, OLDEST))} or newer: pip install -U onnxruntime"
        )
    onnxruntime.disable_telemetry_events()  # a model that runs tells nobody
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads spin from one node of a run to the next, which makes small networks on two
    # threads a third faster, and then sleep: others want the cores too.
    if version >= _SPIN_LIMITED:
        spin = str(_SPIN_MICROSECONDS)
        options.add_session_config_entry("session.intra_op.spin_duration_us", spin)
    else:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            graph.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ZooError(
            f"ONNX Runtime {onnxruntime.__version__} could not load {graph.name}: {error}"
        ) from error
