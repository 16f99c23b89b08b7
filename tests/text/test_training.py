"""Training: a killed run ends as an unbroken one; fine-tuning learns; bad data is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.conftest import TEXT, hear_ctrl_c
from zoo import load_model
from zoo.errors import DataError, UsageError, ZooError
from zoo.text import char_lstm
from zoo.text.processor import Characters
from zoo.text.training.run import (
    LanguageModelOptions,
    LanguageModelTraining,
    finetune_language_model,
)
from zoo.training.plan import Plan, Stage
from zoo.training.precision import training_dtype
from zoo.training.run import train
from zoo.training.rundir import RunDirectory

TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.text.test_training import train_small
train_small(Path(sys.argv[1]), epochs=3, checkpoint_seconds=0.0)
"""


def train_small(out: Path, *, epochs: int, start: Path | None = None, **changes: Any) -> Path:
    """Train a small model with every source of randomness in use."""
    text = TEXT * 4
    training = LanguageModelTraining(
        card={
            "name": "char_lstm.small",
            "languages": ["en"],
            "license": "apache-2.0",
            "dataset": "fox",
        },
        characters=Characters.of_text(text),
        training=text,
        validation=TEXT[:600],
        network={
            "units": 16,
            "embedding": 8,
            "embedding_dropout": 0.1,
            "hidden_dropout": 0.2,
            "output_dropout": 0.1,
            "weight_dropout": 0.2,
        },
        batch=8,
        window=16,
    )
    plan = Plan(epochs=epochs, **({"learning_rate": 5e-3, "seed": 3} | changes))
    return train(training, Stage(plan, out, start, command="zoo train char_lstm.small"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small(tmp_path_factory.mktemp("runs") / "unbroken", epochs=3)


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(folder / "model.safetensors")


@pytest.mark.timeout(1200)  # two processes, on a machine that may have other work
def test_a_run_that_is_interrupted_and_killed_ends_at_the_same_weights(
    unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    checkpoint = out / "training" / "checkpoint.npz"
    code = TRAIN.format(root=str(Path(__file__).parents[2]))
    # Ended twice, by Ctrl-C and for good, some steps after a new checkpoint; then left to end.
    for end in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=hear_ctrl_c,
        )
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns > before:
                time.sleep(0.1)
                process.send_signal(end)
                break
            time.sleep(0.01)
        assert process.wait() != 0, "it ended before it was told to"
        assert not (out / "manifest.json").exists()
        run = json.loads((out / "training" / "run.json").read_text())
        with RunDirectory(out, run) as directory:
            assert directory.load_checkpoint() is not None
    train_small(out, epochs=3, checkpoint_seconds=0.0)
    whole, broken = weights_of(unbroken), weights_of(out)
    assert whole.keys() == broken.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], broken[name])


def test_another_seed_ends_at_other_weights(unbroken: Path, tmp_path: Path) -> None:
    other = train_small(tmp_path / "other", epochs=1)
    name = "recurrent_1/lstm_cell/recurrent_kernel"
    assert np.abs(weights_of(unbroken)[name] - weights_of(other)[name]).max() > 1e-3


def test_a_further_stage_starts_from_the_weights_of_the_last(
    unbroken: Path, tmp_path: Path
) -> None:
    same = train_small(tmp_path / "same", epochs=1, start=unbroken, learning_rate=1e-12)
    for name, array in weights_of(unbroken).items():
        np.testing.assert_allclose(weights_of(same)[name], array, atol=1e-6)
    better = train_small(tmp_path / "better", epochs=2, start=unbroken)
    losses = [load_model(folder).score(TEXT[:600]).nats_per_character for folder in (same, better)]
    assert losses[1] < losses[0]


def test_a_run_leaves_its_history_curve_and_samples(unbroken: Path) -> None:
    training = unbroken / "training"
    rows = (training / "history.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,step,seconds,learning_rate,training_loss,validation_loss")
    assert len(rows) == 4
    assert (training / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert (training / "samples.txt").read_text().count("--- epoch") == 3
    assert not (training / "checkpoint.npz").exists()


def test_training_learns(unbroken: Path) -> None:
    model = load_model(unbroken)
    untrained = load_model(unbroken, weights=None)
    gain = (
        untrained.score(TEXT[:500]).nats_per_character - model.score(TEXT[:500]).nats_per_character
    )
    assert gain > 0.5


def test_a_finished_folder_and_a_foreign_folder_are_refused(unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="finished model"):
        train_small(unbroken, epochs=3)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not empty"):
        train_small(tmp_path, epochs=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="lower learning rate"):
        train_small(tmp_path / "run", epochs=1, learning_rate=1e30)


def test_finetuning_does_better_on_the_text_than_the_start(unbroken: Path, tmp_path: Path) -> None:
    text = "Größe ist kein Maß. " * 150
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match="the vocabulary changed"):
        out = finetune_language_model(
            str(unbroken),
            [tmp_path / "mine.txt"],
            tmp_path / "mine",
            LanguageModelOptions(epochs=6, learning_rate=5e-3),
            command="zoo finetune small --text mine.txt",
        )
    tuned = load_model(out)
    with pytest.warns(UserWarning, match="the vocabulary changed"):
        start = load_model(unbroken, vocabulary=tuned.processor.vocabulary)
    held_out = text[-300:]
    assert tuned.score(held_out).nats_per_character < start.score(held_out).nats_per_character - 0.3
    assert tuned.check() < 2e-3
    assert tuned.card["base_model"] == "char_lstm.small"
    assert tuned.metrics[0].command == "zoo finetune small --text mine.txt"
    assert tuned.metrics[0].value < tuned.metrics[0].extra["start"]


def test_fine_tuning_reads_its_folder_and_builds_its_network_once(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, built, opened = char_lstm.build, [], []
    weights = str(unbroken / "model.safetensors")

    def counted(config: Any, **values: Any) -> Any:
        built.append(values["dtype"])
        return build(config, **values)

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        # The opener that a file is opened with is an event of its own, without a mode.
        if event == "open" and str(arguments[0]) == weights and arguments[1] is not None:
            opened.append(arguments)

    sys.addaudithook(count)
    monkeypatch.setattr(char_lstm, "build", counted)
    (tmp_path / "mine.txt").write_text("New: äöü. " * 100, encoding="utf-8")
    with pytest.warns(UserWarning, match="the vocabulary changed"):
        out = finetune_language_model(
            str(unbroken),
            [tmp_path / "mine.txt"],
            tmp_path / "mine",
            LanguageModelOptions(epochs=1),
        )
    assert len(opened) == 1
    trained = training_dtype()
    assert built.count(trained) >= 1
    assert len(built) <= 2  # once to train, and once for the golden outputs
    assert not load_model(out).metrics[0].command


def test_finetuning_that_gains_nothing_keeps_the_start(unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    out = finetune_language_model(
        str(unbroken),
        [tmp_path / "mine.txt"],
        tmp_path / "mine",
        LanguageModelOptions(epochs=2, learning_rate=1e-12),
    )
    before, after = weights_of(unbroken), weights_of(out)
    for name in before:
        np.testing.assert_allclose(before[name], after[name], atol=1e-6)
    old, new = load_model(unbroken).card, load_model(out).card
    assert new["name"] == old["name"]
    assert new["data"].endswith("did not improve these weights.")


def test_patience_ends_a_run_early(unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    out = finetune_language_model(
        str(unbroken),
        [tmp_path / "mine.txt"],
        tmp_path / "mine",
        LanguageModelOptions(epochs=50, patience=2, learning_rate=0.5),
    )
    assert len((out / "training" / "history.csv").read_text().splitlines()) < 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x00\x01\x02" * 100, "binary"),
        ("caf\u00e9 ".encode("latin-1") * 100, "not UTF-8"),
        (b"too short", "too few"),
    ],
)
def test_unusable_text_is_refused_and_nothing_is_written(
    tiny_folder: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        finetune_language_model(str(tiny_folder), [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"validation": 0.0},
        {"validation": 1.5},
        {"batch": 0},
        {"window": 0},
        {"epochs": 0},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
    ],
)
def test_values_out_of_range_are_usage_errors(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        LanguageModelOptions(**values)
