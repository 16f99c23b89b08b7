"""The record of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.folder.figures import Measure
from zoo.training import history
from zoo.training.history import DRAWING_SECONDS, History
from zoo.training.rundir import RunDirectory


def test_short_epochs_are_written_one_by_one_and_drawn_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    clock = [100.0]
    monkeypatch.setattr(history, "draw_learning_curve", lambda rows, *rest: drawn.append(len(rows)))
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    record = History(Measure("cross_entropy", "nats/char"))
    with RunDirectory(tmp_path / "run", {}) as run:
        for epoch, seconds in enumerate((1.0, DRAWING_SECONDS, 1.0, 1.0), 1):
            clock[0] += seconds
            record.add(epoch=epoch, training_loss=1.0, validation_loss=1.0, learning_rate=0.1)
            record.write(run, last=epoch == 4)
            rows: Any = (run.training / "history.csv").read_text().splitlines()
            assert len(rows) == epoch + 1
    assert drawn == [2, 4]
