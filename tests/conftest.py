"""Fixtures that many tests share: a small model folder, and the corpora's mirror."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # one of several that share the cores
    for name in (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "ZOO_THREADS",
    ):
        os.environ.setdefault(name, "1")


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

    return train_small(tmp_path_factory.mktemp("models") / "translator")


@pytest.fixture(scope="session")
def translator(translator_folder: Path) -> Any:
    """The model of :func:`translator_folder`, loaded."""
    from zoo import load_model

    return load_model(translator_folder)


@pytest.fixture
def zoo(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command line in this process: its standard output, or its error for a code."""

    from zoo.cli import main

    def run(*arguments: object, code: int = 0) -> str:
        ended = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            ended = int(end.code or 0)
        written = capsys.readouterr()
        assert ended == code, written.err
        assert "Traceback" not in written.err
        return written.err if code else written.out

    return run
