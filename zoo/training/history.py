"""The record of a training run, as CSV and as a learning curve."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from zoo.files import atomic_path, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.training.rundir import RunDirectory


class History:
    """One row for each epoch."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        """Append an epoch's figures."""
        self.rows.append(row)

    def write(self, run: RunDirectory) -> None:
        """Write ``history.csv`` and ``learning_curve.png`` into a run directory.

        Raises:
            ZooError: a file cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_bytes(run.training / "history.csv", text.getvalue().encode())
        draw_learning_curve(self.rows, run.training / "learning_curve.png")


def draw_learning_curve(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw training and validation loss over epochs, the learning rate beside them.

    Raises:
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in rows]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(epochs, [row["training_loss"] for row in rows], label="training", marker=".")
    axes.plot(epochs, [row["validation_loss"] for row in rows], label="validation", marker=".")
    best = min(rows, key=lambda row: row["validation_loss"])
    axes.axhline(
        best["validation_loss"],
        color="grey",
        linewidth=0.8,
        linestyle="--",
        label=f"best {best['validation_loss']:.4f} in epoch {best['epoch']}",
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (nats)")
    axes.grid(alpha=0.3)
    rate = axes.twinx()
    rate.plot(epochs, [row["learning_rate"] for row in rows], color="grey", alpha=0.4)
    rate.set_ylabel("learning rate", color="grey")
    rate.set_ylim(bottom=0)
    axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
