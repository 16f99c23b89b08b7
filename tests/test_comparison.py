"""The comparison's report says of each claim what the tables say."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts/benchmarks/comparison_report.py"
NAMES = ("char_lstm", "char_gru", "char_rnn", "char_transformer")


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def tables(folder: Path, *, better: dict[str, float], slower: dict[str, float]) -> None:
    """Tables of networks that are better (in nats, and in lengths) and slower than others."""
    write(
        folder / "quality.csv",
        [{"architecture": n, "nats_per_character": 1.6 - better[n]} for n in NAMES],
    )
    write(
        folder / "curves.csv",
        [
            {"architecture": n, "seed": 0, "epoch": e, "seconds": e * 9, "validation_nats": 2 / e}
            for n in NAMES
            for e in (1, 2)
        ],
    )
    write(
        folder / "time_to_loss.csv",
        [
            {"architecture": n, "validation_nats": mark, "seconds": seconds * slower[n]}
            for n in NAMES
            for mark, seconds in ((2.0, 50), (1.7, 100))
        ],
    )
    write(
        folder / "distance.csv",
        [
            {"architecture": n, "context": k, "nats": 2 - (1 + better[n]) * k / 1000}
            for n in NAMES
            for k in (64, 256)
        ],
    )
    write(
        folder / "highways.csv",
        [
            {"architecture": n, "steps_back": 40, "gradient_left": 1e-3 * 10 ** better[n]}
            for n in NAMES
        ],
    )
    write(
        folder / "stream.csv",
        [
            {
                "architecture": n,
                "position": position,
                "microseconds_per_character": 100 * slower[n],
                "state_kilobytes": 8 * slower[n],
            }
            for n in NAMES
            for position in (100, 10_000)
        ],
    )
    write(
        folder / "tasks.csv",
        [
            {"task": "copy", "length": length, "architecture": n, "solved": int(seed < better[n])}
            for n in NAMES
            for length in (50, 200, 1000)
            for seed in range(5)
        ],
    )


@pytest.mark.parametrize("turned", [False, True], ids=["as said", "turned round"])
def test_the_verdicts_follow_the_tables(turned: bool, tmp_path: Path) -> None:
    better = dict(zip(NAMES, (2.0, 2.0, 0.0, 4.0), strict=True))
    slower = dict(zip(NAMES, (1.0, 0.8, 1.0, 3.0), strict=True))
    if turned:
        better = {name: 4.0 - value for name, value in better.items()}
        better["char_gru"] = 0.0
        slower = {name: 1 / value for name, value in slower.items()}
    tables(tmp_path, better=better, slower=slower)
    subprocess.run([sys.executable, str(SCRIPT), "--folder", str(tmp_path)], check=True)
    with (tmp_path / "claims.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9
    assert {row["verdict"] for row in rows} == {"the other way" if turned else "confirmed"}
    for picture in ("curves", "distance", "stream", "tasks"):
        assert (tmp_path / f"{picture}.png").stat().st_size > 5_000


def test_what_is_in_between_was_not_seen(tmp_path: Path) -> None:
    alike = dict.fromkeys(NAMES, 1.0)
    tables(tmp_path, better=alike, slower=alike)
    subprocess.run([sys.executable, str(SCRIPT), "--folder", str(tmp_path)], check=True)
    with (tmp_path / "claims.csv").open(newline="") as stream:
        rows = {row["what_is_said"]: row["verdict"] for row in csv.DictReader(stream)}
    assert rows.pop("A GRU is as good as an LSTM of as many weights") == "confirmed"
    assert set(rows.values()) == {"not seen"}
