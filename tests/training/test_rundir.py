"""The folder of a run: what is in it, who may use it, and with which values it goes on."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import UsageError, ZooError
from zoo.training.plan import Plan
from zoo.training.rundir import RunDirectory, differences


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


@dataclass(frozen=True)
class Old:
    """Values as a version of the zoo had them that knew fewer."""

    units: int = 8


@dataclass(frozen=True)
class New:
    """The same in a later version."""

    units: int = 8
    shape: tuple[int, ...] = (1, 2)
    table: dict[str, int] = field(default_factory=dict)


def test_a_run_is_continued_with_values_that_are_newer_than_it(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run", {"network": Old(), "plan": {"inner": Old(4)}}) as run:
        run.save_checkpoint({}, {})
    with RunDirectory(tmp_path / "run", {"network": New(), "plan": {"inner": New(4)}}):
        pass
    with (
        pytest.raises(UsageError, match=r"values: network.shape \(was \[1, 2\], now \[3\]\);"),
        RunDirectory(tmp_path / "run", {"network": New(shape=(3,)), "plan": {"inner": New(4)}}),
    ):
        pass


def test_values_that_a_run_lacks_and_that_are_no_defaults_differ() -> None:
    plan = Plan(epochs=3, seed=1, values={"longest": 7.0}, start_shares=(0.5,))
    stored = json.loads(json.dumps(asdict(plan)))
    assert differences(stored, plan) == []
    del stored["beta_2"], stored["start_shares"]
    assert differences(stored, plan) == ["start_shares (was [], now [0.5])"]
    del stored["epochs"]  # which has no default
    assert "epochs (was None, now 3)" in differences(stored, plan)
    assert differences({"gone": 1}, {}) == ["gone (was 1, now None)"]


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


def test_a_name_that_no_folder_can_have_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="File name too long"):
        RunDirectory(tmp_path / ("a" * 300), {}).__enter__()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def damaged_checkpoints() -> dict[str, bytes]:
    """Each ends in another error of NumPy, zipfile, zlib or json."""
    whole = npz(a=np.arange(3), facts=np.asarray("{}"))
    array = io.BytesIO()
    np.save(array, np.arange(3))
    return {
        "empty": b"",
        "one byte": b"P",
        "text": b"hello",
        "an array": array.getvalue(),
        "no facts": npz(a=np.arange(3)),
        "facts that are a list": npz(facts=np.asarray("[]")),
        "facts that are no json": npz(facts=np.asarray("{")),
        "objects": npz(a=np.array([None])),
        "a broken header": whole.replace(b"'descr'", b"'de(cr'"),
        "a header without end": whole.replace(b"{'descr'", b"{({'scr'"),
        "a compression that there is not": whole.replace(b"PK\x01\x02", b"PK\x01\x03"),
        "a member cut off": whole[:150] + whole[190:],
    }


@pytest.mark.parametrize("kind", damaged_checkpoints())
def test_whatever_is_wrong_with_a_checkpoint_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    with RunDirectory(tmp_path / "run", {}) as run:
        (run.training / "checkpoint.npz").write_bytes(damaged_checkpoints()[kind])
        with pytest.raises(ZooError, match=r"checkpoint.npz is damaged .*delete it"):
            run.load_checkpoint()


def test_what_a_killed_run_left_lying_is_removed(tmp_path: Path) -> None:
    code = f"""
import os, signal
import numpy as np
from pathlib import Path
from zoo.training.rundir import RunDirectory
run = RunDirectory({str(tmp_path / "run")!r}, {{}}).__enter__()
run.save_checkpoint({{}}, {{"epoch": 1}})
np.savez = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
run.save_checkpoint({{}}, {{"epoch": 2}})
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    training = tmp_path / "run" / "training"
    (tmp_path / "run" / ".model.safetensors.ab12cd_3").write_bytes(b"half")
    assert len(list(training.glob(".checkpoint.npz.*"))) == 1
    with RunDirectory(tmp_path / "run", {}) as run:
        assert run.load_checkpoint() == ({}, {"epoch": 1})
    names = {path.name for path in (tmp_path / "run").rglob("*")}
    assert names <= {"training", ".lock", "checkpoint.npz", "run.json"}


def test_a_run_that_was_killed_before_its_last_cleaning_up_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with RunDirectory(out, {"batch": 8}) as run:
        run.save_checkpoint({}, {})
        assert not run.finished
    (out / "manifest.json").write_text("{}")  # as the model's last file
    with pytest.raises(UsageError, match="finished model"):
        RunDirectory(out, {"batch": 16}).__enter__()
    with RunDirectory(out, {"batch": 8}) as run:
        assert run.finished
        run.finish()
    with pytest.raises(UsageError, match="finished model"):
        RunDirectory(out, {"batch": 8}).__enter__()


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
