#!/usr/bin/env python3
"""Holds what is said of LSTMs, GRUs, RNNs and Transformers against the figures of the comparison.

    scripts/benchmarks/comparison_report.py                    # reads and writes docs/comparison
    scripts/benchmarks/comparison_report.py --folder /tmp/look

Reads the tables that comparison.py and synthetic_tasks.py write, and writes beside them

- claims.csv: each claim, the figures that bear on it, and whether they confirm it;
- curves.png, distance.png, stream.png, tasks.png: the same tables to look at.

What counts as "confirmed", "not seen" and "the other way" is said once for each claim, in its
function, before any figure is looked at.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LSTM, GRU, RNN, TRANSFORMER = "char_lstm", "char_gru", "char_rnn", "char_transformer"
NAMES = {LSTM: "LSTM", GRU: "GRU", RNN: "plain RNN", TRANSFORMER: "Transformer"}
CONFIRMED, NOT_SEEN, OTHER_WAY = "confirmed", "not seen", "the other way"
ALIKE = 0.02  # nats a character within which two models count as equally good
FAR = 40  # steps back at which gradients are compared

Row = dict[str, str]
Tables = dict[str, list[Row]]
Claim = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "docs/comparison")
    args = parser.parse_args()
    tables = {path.stem: read(path) for path in sorted(args.folder.glob("*.csv"))}
    rows = [claim(tables) for claim in CLAIMS]
    with (args.folder / "claims.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("what_is_said", "what_was_measured", "verdict"))
        writer.writerows(rows)
    draw(tables, args.folder)


def read(path: Path) -> list[Row]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def gru_trains_faster(tables: Tables) -> Claim:
    """Confirmed if it gets to the lowest loss that both reach in at most 0.95 times the time."""
    said = "A GRU trains faster than an LSTM"
    seconds = {
        (row["architecture"], row["validation_nats"]): row["seconds"]
        for row in tables["time_to_loss"]
    }
    marks = {mark for name, mark in seconds if seconds[name, mark]}
    both = [m for m in marks if seconds.get((LSTM, m)) and seconds.get((GRU, m))]
    if not both:
        return said, "no loss is reached by both", NOT_SEEN
    mark = min(both, key=float)
    lstm, gru = float(seconds[LSTM, mark]), float(seconds[GRU, mark])
    measured = f"to {mark} nats the GRU took {gru:,.0f} s and the LSTM {lstm:,.0f} s"
    return said, measured, verdict(lstm / gru, 1 / 0.95)


def gru_is_as_good(tables: Tables) -> Claim:
    """Confirmed if it is worse by at most 0.02 nats, else the other way."""
    lstm, gru = quality(tables, LSTM), quality(tables, GRU)
    measured = f"test text, after the same time: GRU {gru:.3f}, LSTM {lstm:.3f} nats a character"
    found = CONFIRMED if gru <= lstm + ALIKE else OTHER_WAY
    return "A GRU is as good as an LSTM of as many weights", measured, found


def rnn_vanishes(tables: Tables) -> Claim:
    """Confirmed if its best layer keeps at most a third of what the LSTM's best one keeps."""
    lstm, rnn = gradient(tables, LSTM), gradient(tables, RNN)
    measured = (
        f"of the gradient, {FAR} steps back {rnn:.2g} is left in the plain RNN and {lstm:.2g} in "
        "the LSTM's cell state"
    )
    said = "The gradients of a plain RNN vanish, those of an LSTM far less"
    return said, measured, verdict(lstm / max(rnn, 1e-30), 3.0)


def rnn_fails_at_distance(tables: Tables) -> Claim:
    """Confirmed if it solves at most half as many runs of 200 steps and more as the LSTM."""
    return compared_tasks(
        tables, "A plain RNN does not learn over hundreds of steps where an LSTM does", LSTM, RNN
    )


def transformer_reaches_far(tables: Tables) -> Claim:
    """Confirmed if it solves at least twice as many runs of 200 steps and more as the LSTM."""
    return compared_tasks(
        tables, "A Transformer is better than an LSTM over long distances", TRANSFORMER, LSTM
    )


def transformer_uses_context(tables: Tables) -> Claim:
    """Confirmed if 64 to 256 characters of context gain it 1.25 times what they gain the LSTM."""
    gains = {}
    for name in (TRANSFORMER, LSTM):
        nats = {
            row["context"]: float(row["nats"])
            for row in tables["distance"]
            if row["architecture"] == name
        }
        gains[name] = nats["64"] - nats["256"]
    measured = (
        "from 64 to 256 characters of context the loss falls by "
        f"{gains[TRANSFORMER]:.3f} nats in the Transformer and {gains[LSTM]:.3f} in the LSTM"
    )
    found = verdict(max(gains[TRANSFORMER], 1e-6) / max(gains[LSTM], 1e-6), 1.25)
    return "A Transformer makes more of distant text than an LSTM", measured, found


def transformer_streams_slower(tables: Tables) -> Claim:
    """Confirmed if a character takes 1.25 times as long as the LSTM's, 10,000 into a stream."""
    times = {
        (row["architecture"], row["position"]): float(row["microseconds_per_character"])
        for row in tables["stream"]
    }
    lstm, transformer = times[LSTM, "10000"], times[TRANSFORMER, "10000"]
    measured = (
        f"a character after 10,000 others takes the Transformer {transformer:,.0f} µs and the LSTM "
        f"{lstm:,.0f} µs"
    )
    said = "As a stream, character by character, a Transformer is slower than an LSTM"
    return said, measured, verdict(transformer / lstm, 1.25)


def transformer_remembers_more(tables: Tables) -> Claim:
    """Confirmed if its state takes at least 1.25 times the memory, 10,000 into a stream."""
    sizes = {
        row["architecture"]: float(row["state_kilobytes"])
        for row in tables["stream"]
        if row["position"] == "10000"
    }
    lstm, transformer = sizes[LSTM], sizes[TRANSFORMER]
    measured = f"{transformer:,.0f} kB of keys and values against {lstm:,.1f} kB of state"
    said = "The state of a Transformer's stream is larger than an LSTM's"
    return said, measured, verdict(transformer / lstm, 1.25)


def transformer_learns_more(tables: Tables) -> Claim:
    """Confirmed if it is better than the LSTM by more than 0.02 nats."""
    lstm, transformer = quality(tables, LSTM), quality(tables, TRANSFORMER)
    measured = (
        f"test text, after the same time: Transformer {transformer:.3f}, LSTM {lstm:.3f} nats a "
        "character"
    )
    found = NOT_SEEN
    if abs(transformer - lstm) > ALIKE:
        found = CONFIRMED if transformer < lstm else OTHER_WAY
    said = "A Transformer gets further than an LSTM in the same time, being computed in parallel"
    return said, measured, found


CLAIMS: tuple[Callable[[Tables], Claim], ...] = (
    gru_trains_faster,
    gru_is_as_good,
    rnn_vanishes,
    rnn_fails_at_distance,
    transformer_learns_more,
    transformer_reaches_far,
    transformer_uses_context,
    transformer_streams_slower,
    transformer_remembers_more,
)


def verdict(ratio: float, enough: float) -> str:
    """Whether a ratio is large enough, in between, or its reverse is large enough."""
    if ratio >= enough:
        return CONFIRMED
    return OTHER_WAY if ratio <= 1 / enough else NOT_SEEN


def quality(tables: Tables, architecture: str) -> float:
    """Nats a character of the test text."""
    (row,) = (row for row in tables["quality"] if row["architecture"] == architecture)
    return float(row["nats_per_character"])


def gradient(tables: Tables, architecture: str) -> float:
    """The largest share of a gradient that a state has left ``FAR`` steps back."""
    return max(
        float(row["gradient_left"])
        for row in tables["highways"]
        if row["architecture"] == architecture and row["steps_back"] == str(FAR)
    )


def solved(tables: Tables, architecture: str, least: int = 200) -> tuple[int, int]:
    """How many runs of the tasks at some length and more were solved, and of how many."""
    found = [
        int(row["solved"])
        for row in tables["tasks"]
        if row["architecture"] == architecture and int(row["length"]) >= least
    ]
    return sum(found), len(found)


def compared_tasks(tables: Tables, said: str, better: str, other: str) -> Claim:
    """A claim on the tasks of 200 steps and more."""
    (one, of), (two, of_two) = solved(tables, better), solved(tables, other)
    measured = (
        f"of the runs over 200 and 1,000 steps the {NAMES[better]} solved {one} of {of}, the "
        f"{NAMES[other]} {two} of {of_two}"
    )
    return said, measured, verdict(max(one, 0.5) / max(two, 0.5), 2.0)


def draw(tables: Tables, folder: Path) -> None:
    """All pictures."""
    curves(tables["curves"], folder / "curves.png")
    lines(
        tables["distance"],
        ("context", "nats"),
        ("characters of context", "nats a character"),
        folder / "distance.png",
    )
    lines(
        tables["stream"],
        ("position", "microseconds_per_character"),
        ("characters before it", "microseconds a character"),
        folder / "stream.png",
        logarithmic=True,
    )
    tasks(tables["tasks"], folder / "tasks.png")


def chart(width: float, columns: int = 1) -> tuple[Any, list[Any]]:
    """A figure of panels beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.8), layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for panel in panels:
        panel.grid(alpha=0.3)
    return figure, list(panels)


def curves(rows: list[Row], path: Path) -> None:
    """The validation loss over the time of training."""
    figure, (panel,) = chart(7.2)
    for name, found in grouped(rows, "architecture").items():
        for n, one in enumerate(grouped(found, "seed").values()):
            minutes = [float(row["seconds"]) / 60 for row in one]
            nats = [float(row["validation_nats"]) for row in one]
            panel.plot(
                minutes, nats, ".-", color=colour(name), label=NAMES[name] if n == 0 else None
            )
    panel.set(xlabel="minutes of training", ylabel="validation text, nats a character")
    panel.legend()
    figure.savefig(path, dpi=120)


def lines(
    rows: list[Row],
    columns: tuple[str, str],
    labels: tuple[str, str],
    path: Path,
    logarithmic: bool = False,
) -> None:
    """A column over another, an architecture a line."""
    figure, (panel,) = chart(7.2)
    for name, found in grouped(rows, "architecture").items():
        x, y = ([float(row[column]) for row in found] for column in columns)
        panel.plot(x, y, ".-", color=colour(name), label=NAMES[name])
    panel.set(xscale="log", xlabel=labels[0], ylabel=labels[1])
    if logarithmic:
        panel.set_yscale("log")
    panel.legend()
    figure.savefig(path, dpi=120)


def tasks(rows: list[Row], path: Path) -> None:
    """The share of runs that solved a task, by its length."""
    by_task = grouped(rows, "task")
    figure, panels = chart(10.0, len(by_task))
    lengths = sorted({int(row["length"]) for row in rows})
    for panel, (task, found) in zip(panels, by_task.items(), strict=True):
        for n, (name, runs) in enumerate(grouped(found, "architecture").items()):
            by_length = grouped(runs, "length")
            shares = [
                100
                * sum(int(row["solved"]) for row in by_length.get(str(length), ()))
                / max(1, len(by_length.get(str(length), ())))
                for length in lengths
            ]
            places = [i + 0.2 * (n - 1.5) for i in range(len(lengths))]
            panel.bar(places, shares, 0.18, color=colour(name), label=NAMES[name])
        panel.set(title=task, xlabel="steps", ylabel="runs that solved it (%)", ylim=(0, 104))
        panel.set_xticks(range(len(lengths)), [f"{length:,}" for length in lengths])
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)


def colour(architecture: str) -> str:
    """The colour of an architecture in all pictures."""
    return f"C{list(NAMES).index(architecture)}"


def grouped(rows: list[Row], column: str) -> dict[str, list[Row]]:
    """Rows by the value of a column, in their order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


if __name__ == "__main__":
    main()
