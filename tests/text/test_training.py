"""Training: a killed run ends as an unbroken one; fine-tuning learns; bad data is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.conftest import TEXT, hear_ctrl_c
from zoo import load_model
from zoo.errors import DataError, UsageError, ZooError
from zoo.text.processor import Characters
from zoo.text.training.run import finetune_language_model, train_language_model
from zoo.training.plan import Plan
from zoo.training.run import finetune_command
from zoo.training.rundir import RunDirectory

TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.text.test_training import train_small
train_small(Path(sys.argv[1]), epochs=4)
"""


def train_small(out: Path, *, epochs: int, start: Path | None = None, **changes: Any) -> Path:
    """Train a small model with every source of randomness in use, checkpointing all the time."""
    text = TEXT * 4
    always: dict[str, Any] = {"checkpoint_seconds": 0.0, "seed": 3}
    return train_language_model(
        card={
            "name": "char_lstm.small",
            "languages": ["en"],
            "license": "apache-2.0",
            "dataset": "fox",
        },
        out=out,
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
        plan=Plan(epochs=epochs, **({"learning_rate": 5e-3} | always | changes)),
        batch=8,
        window=16,
        start=start,
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small(tmp_path_factory.mktemp("runs") / "unbroken", epochs=4)


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(folder / "model.safetensors")


def test_a_run_killed_with_sigkill_ends_at_the_same_weights(unbroken: Path, tmp_path: Path) -> None:
    out, kills = tmp_path / "killed", 0
    code = TRAIN.format(root=str(Path(__file__).parents[2]))
    while not (out / "manifest.json").exists():
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        checkpoint = out / "training" / "checkpoint.npz"
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        # Killed twice, each time some steps after a new checkpoint; then left to end.
        while process.poll() is None and kills < 2:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns > before:
                time.sleep(0.3)
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.01)
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    assert kills == 2
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
    assert len(rows) == 5
    assert (training / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert (training / "samples.txt").read_text().count("--- epoch") == 4
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
        train_small(unbroken, epochs=4)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not empty"):
        train_small(tmp_path, epochs=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_other_values_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    values = {"plan": asdict(Plan(epochs=1)), "batch": 8}
    with RunDirectory(tmp_path / "run", values) as run:
        run.save_checkpoint({}, {})
    with pytest.raises(UsageError, match=r"batch \(was 8, now 16\)"):
        RunDirectory(tmp_path / "run", values | {"batch": 16}).__enter__()
    changed = values | {"plan": values["plan"] | {"epochs": 99}}
    with pytest.raises(UsageError, match=r"other values: plan.epochs \(was \d+, now 99\);"):
        RunDirectory(tmp_path / "run", changed).__enter__()
    (tmp_path / "run/training/run.json").write_text("{")
    with pytest.raises(ZooError, match=r"run.json is not valid JSON"):
        RunDirectory(tmp_path / "run", values).__enter__()


def test_a_run_without_a_checkpoint_may_begin_again_with_other_values(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", {"batch": 8}):
        pass
    with RunDirectory(tmp_path / "run", {"batch": 16}) as run:
        assert json.loads((run.training / "run.json").read_text()) == {"batch": 16}


def test_two_processes_cannot_train_in_one_folder(tmp_path: Path) -> None:
    with (
        RunDirectory(tmp_path / "run", {}),
        pytest.raises(ZooError, match="another process"),
        RunDirectory(tmp_path / "run", {}),
    ):
        pass


def test_a_damaged_checkpoint_is_a_clear_error(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", {}) as run:
        run.save_checkpoint({"a": np.arange(3)}, {"epoch": 1})
        arrays, facts = run.load_checkpoint() or ({}, {})
        assert arrays["a"].tolist() == [0, 1, 2]
        assert facts == {"epoch": 1}
        path = run.training / "checkpoint.npz"
        path.write_bytes(path.read_bytes()[:50])
        with pytest.raises(ZooError, match="damaged"):
            run.load_checkpoint()


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    # A limit on the size of a file stands in for a full disk: the write fails half-way.
    code = f"""
import resource, signal, sys
import numpy as np
from zoo.errors import ZooError
from zoo.training.rundir import RunDirectory
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with RunDirectory({str(tmp_path / "run")!r}, {{}}) as run:
    run.save_checkpoint({{"a": np.arange(3)}}, {{"epoch": 1}})
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        run.save_checkpoint({{"a": np.arange(100_000)}}, {{"epoch": 2}})
    except ZooError as error:
        print("refused:", error)
    print(run.load_checkpoint()[1], sorted(path.name for path in run.training.iterdir()))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "refused: cannot write" in run.stdout
    assert "{'epoch': 1} ['.lock', 'checkpoint.npz', 'run.json']" in run.stdout


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="lower learning rate"):
        train_small(tmp_path / "run", epochs=1, learning_rate=1e30)


def test_finetuning_does_better_on_the_text_than_the_start(unbroken: Path, tmp_path: Path) -> None:
    text = "Größe ist kein Maß. " * 150
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match="the vocabulary changed"):
        out = finetune_language_model(
            str(unbroken), [tmp_path / "mine.txt"], tmp_path / "mine", epochs=6, learning_rate=5e-3
        )
    tuned = load_model(out)
    with pytest.warns(UserWarning, match="the vocabulary changed"):
        start = load_model(unbroken, vocabulary=tuned.processor.vocabulary)
    held_out = text[-300:]
    assert tuned.score(held_out).nats_per_character < start.score(held_out).nats_per_character - 0.3
    assert tuned.check() < 2e-3
    assert tuned.card["base_model"] == "char_lstm.small"
    assert tuned.metrics[0].value < tuned.metrics[0].extra["start"]


def test_finetuning_that_gains_nothing_keeps_the_start(unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    out = finetune_language_model(
        str(unbroken), [tmp_path / "mine.txt"], tmp_path / "mine", epochs=2, learning_rate=1e-12
    )
    before, after = weights_of(unbroken), weights_of(out)
    for name in before:
        np.testing.assert_allclose(before[name], after[name], atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_batches_made_ahead_come_in_their_order(count: int) -> None:
    from zoo.training.trainer import _made_ahead

    batches = [f"batch {number}" for number in range(40)]
    assert list(_made_ahead(batches, range(40 - count, 40))) == batches[40 - count :]


def test_patience_ends_a_run_early(unbroken: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    out = finetune_language_model(
        str(unbroken),
        [tmp_path / "mine.txt"],
        tmp_path / "mine",
        epochs=50,
        patience=2,
        learning_rate=0.5,
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
def test_values_out_of_range_are_usage_errors(
    tiny_folder: Path, tmp_path: Path, values: dict[str, Any]
) -> None:
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(UsageError):
        finetune_language_model(
            str(tiny_folder), [tmp_path / "mine.txt"], tmp_path / "out", **values
        )


def test_ctrl_c_ends_a_run_that_can_go_on(tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    code = TRAIN.format(root=str(Path(__file__).parents[2])).replace("epochs=4", "epochs=2000")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        stderr=subprocess.DEVNULL,
        env=os.environ.copy(),
        preexec_fn=hear_ctrl_c,
    )
    while process.poll() is None and not (out / "training" / "checkpoint.npz").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    with RunDirectory(out, json.loads((out / "training" / "run.json").read_text())) as r:
        assert r.load_checkpoint() is not None


def test_the_command_of_a_fine_tuning_names_what_is_not_the_default() -> None:
    def function(
        reference: str, out: str, *, epochs: int = 3, limit: int | None = None, both: bool = False
    ) -> None: ...

    given = {"reference": "m", "out": "runs/m", "epochs": 3, "limit": None, "both": False}
    assert finetune_command(function, "--text t", given) == "zoo finetune m --text t --out runs/m"
    given |= {"epochs": 5, "limit": 7, "both": True}
    assert finetune_command(function, "--text t", given) == (
        "zoo finetune m --text t --out runs/m --epochs 5 --limit 7 --both"
    )
