"""Fixtures that many tests share: a small model folder, and the corpora's mirror."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from filelock import FileLock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several that share the cores
    for name in (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "ZOO_THREADS",
    ):
        os.environ.setdefault(name, "1")


SLOW = (
    "plugin",
    "training",
    "recipes",
    "package",
    "command",
    "models",
    "finetuning",
    "docs",
    "datasets",
    "keras",
    "saving",
    "task",
    "translat",
    "lstm",
    "transformer",
    "generation",
    "graphs",
    "networks",
    "objective",
    "tracking",
    "mood",
    "english",
    "librispeech",
    "hub",
    "store",
    "tensorflow",
)
"""Parts of the names of files that train, build or start processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, so that no worker begins one when the other has nothing left to do."""
    items.sort(key=lambda item: not any(word in item.path.stem for word in SLOW))


def hear_ctrl_c() -> None:
    """For a new process: Ctrl-C interrupts it, even if these tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


VOCABULARY = "\n !.abcdefghijklmnopqrstuvwxyz"
TEXT = "the quick brown fox jumps over the lazy dog. " * 60


def make_model(**values: Any) -> Any:
    """An untrained character model, the same for the same values."""
    import keras

    from zoo.loading import make_task
    from zoo.text.char_lstm import CharLSTMConfig, build
    from zoo.text.processor import Characters

    settings: dict[str, Any] = {"layers": 2, "units": 24, "embedding": 8} | values
    config = CharLSTMConfig(vocabulary_size=len(VOCABULARY), **settings)
    keras.utils.set_random_seed(7)
    network = build(config)
    card = {"name": "char_lstm.tiny", "languages": ["en"], "license": "apache-2.0"}
    return make_task("char_lstm", network, config, Characters(tuple(VOCABULARY)), card)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a small untrained LSTM; not to be changed."""
    return make_model().save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> Any:
    """The model of :func:`tiny_folder`, loaded."""
    from zoo import load_model

    return load_model(tiny_folder)


@pytest.fixture(scope="session")
def data_mirror() -> Path:
    """The folder of public corpora; tests that need one are skipped without it."""
    mirror = os.environ.get("ZOO_DATA_MIRROR")
    if not mirror or not Path(mirror).is_dir():
        pytest.skip("needs a corpus: set ZOO_DATA_MIRROR to a mirror of the public data")
    return Path(mirror)


@pytest.fixture(scope="session")
def translator_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small trained translator; not to be changed."""
    from tests.translation.toy import train_small

    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # trained by one worker for all
        base = base.parent
    with FileLock(base / "translator.lock"):
        folder = base / "translator"
        return folder if (folder / "manifest.json").exists() else train_small(folder)


@pytest.fixture(scope="session")
def translator(translator_folder: Path) -> Any:
    """The model of :func:`translator_folder`, loaded."""
    from zoo import load_model

    return load_model(translator_folder)


class CommandLine:
    """Runs the command line in this process; see the fixtures :func:`cli` and :func:`zoo`.

    Args:
        capsys: reads what a command writes.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(
        self,
        *arguments: object,
        code: int = 0,
        cwd: Path | None = None,
        stdin: bytes | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as in a process of its own, its warnings shown.

        Args:
            *arguments: its words.
            code: the exit code that it must have.
            cwd: where it runs.
            stdin: what standard input holds.
        """
        with ExitStack() as stack:
            if cwd is not None:
                stack.enter_context(chdir(cwd))
            if stdin is not None:
                stream = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
                stack.enter_context(mock.patch("sys.stdin", stream))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _to_standard_error
            return self.run(arguments, code)

    def run(self, arguments: Sequence[object], code: int) -> subprocess.CompletedProcess[str]:
        """Run a command, its warnings left to pytest."""
        from zoo.cli import main

        words, ended = [str(argument) for argument in arguments], 0
        try:
            main(words)
        except SystemExit as end:
            ended = int(end.code or 0)
        written = self._capsys.readouterr()
        assert ended == code, written.err
        assert "Traceback" not in written.err
        return subprocess.CompletedProcess(words, ended, written.out, written.err)


def _to_standard_error(*warning: Any, **_: Any) -> None:
    sys.stderr.write(warnings.formatwarning(*warning[:4]))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs the command line in this process: what it wrote, and its exit code checked."""
    return CommandLine(capsys)


@pytest.fixture
def zoo(cli: CommandLine) -> Any:
    """The same, but gives standard output alone, or for a code standard error."""

    def run(*arguments: object, code: int = 0) -> str:
        done = cli.run(arguments, code)
        return done.stderr if code else done.stdout

    return run
