"""The record of a training run, as CSV and as a learning curve."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

from zoo.files import atomic_path, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.folder.figures import Measure
    from zoo.training.rundir import RunDirectory


DRAWING_SECONDS = 10.0


class History:
    """One row for each epoch.

    Args:
        measure: what is measured on the validation data.
    """

    def __init__(self, measure: Measure) -> None:
        self.rows: list[dict[str, Any]] = []
        self.measure = measure
        self._drawn = time.monotonic()

    def add(self, **row: Any) -> None:
        """Append an epoch's figures."""
        self.rows.append(row)

    def write(self, run: RunDirectory, *, last: bool) -> None:
        """Write ``history.csv`` and ``learning_curve.png`` into a run directory.

        Short epochs would take less time than the drawing of the curve, which is therefore drawn
        at most every :data:`DRAWING_SECONDS`, and after the last epoch.

        Args:
            run: the run directory.
            last: whether this is the last epoch.

        Raises:
            ZooError: a file cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_bytes(run.training / "history.csv", text.getvalue().encode())
        now = time.monotonic()
        if last or now - self._drawn >= DRAWING_SECONDS:
            draw_learning_curve(self.rows, run.training / "learning_curve.png", self.measure)
            self._drawn = now


def draw_learning_curve(rows: list[dict[str, Any]], path: Path, measure: Measure) -> None:
    """Draw training and validation figures over epochs, the learning rate beside them.

    Args:
        rows: one for each epoch.
        path: the PNG file.
        measure: of the validation figure; it gets a panel of its own unless it is in nats, as the
            loss is.

    Raises:
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in rows]
    apart = not measure.unit.startswith("nats")
    figure = Figure(figsize=(7, 6 if apart else 4), layout="constrained")
    panels = figure.subplots(1 + apart, sharex=True, squeeze=False)[:, 0]
    axes, lower = panels[0], panels[-1]
    axes.plot(epochs, [row["training_loss"] for row in rows], label="training", marker=".")
    lower.plot(
        epochs,
        [row["validation_loss"] for row in rows],
        label="validation",
        marker=".",
        color="tab:orange",
    )
    best = measure.best(rows, key=lambda row: row["validation_loss"])
    lower.axhline(
        best["validation_loss"],
        color="grey",
        linewidth=0.8,
        linestyle="--",
        label=f"best {best['validation_loss']:.4f} in epoch {best['epoch']}",
    )
    lower.set_xlabel("epoch")
    axes.set_ylabel("loss (nats)")
    for panel in panels:
        panel.grid(alpha=0.3)
    if apart:
        lower.set_ylabel(measure.metric.replace("_", " "))
        lower.set_ylim(bottom=0)
        lower.legend()
    rate = axes.twinx()
    rate.plot(epochs, [row["learning_rate"] for row in rows], color="grey", alpha=0.4)
    rate.set_ylabel("learning rate", color="grey")
    rate.set_ylim(bottom=0)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
