"""Figures: rows of metrics.json in and out, and how people write them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from zoo.catalogue import WEIGHTS_FOLDER
from zoo.errors import FolderError
from zoo.folder.figures import Figure, Measure

STORED = sorted(WEIGHTS_FOLDER.glob("*/metrics.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.parent.name)
def test_the_figures_of_a_shipped_folder_are_written_as_they_were_read(path: Path) -> None:
    rows = [Figure.from_row(row).to_row() for row in json.loads(path.read_text())]
    text = json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)
    assert f"{text}\n" == path.read_text()


@pytest.mark.parametrize(
    ("metric", "value", "unit", "text"),
    [
        ("bleu", 46.3046, "BLEU", "46.3 BLEU"),
        ("chrf", 64.0, "chrF2", "64.0 chrF2"),
        ("wer", 5.8215, "%", "5.8 % WER"),
        ("cer", 11.2111, "%", "11.2 % CER"),
        ("cer", 0.4637, "%", "0.464 % CER"),
        ("cer", 0.0, "%", "0 % CER"),
        ("cross_entropy", 1.4479, "nats/char", "1.4479 nats/char"),
        ("cross_entropy", 1.25, "nats/char", "1.25 nats/char"),
        ("label_error_rate", 5, "%", "5.0 % label error rate"),
        ("f1", 91.234, "%", "91.2 % F1"),
        ("f1", 0.91234, "", "0.912 F1"),
        ("joint_accuracy", 52.04, "%", "52.0 % joint accuracy"),
    ],
)
def test_a_figure_is_rounded_as_people_write_it(
    metric: str, value: float, unit: str, text: str
) -> None:
    assert str(Figure(metric, value, unit)) == text


def test_beside_its_name_a_figure_has_its_interval() -> None:
    figure = Figure("wer", 5.8215, "%", interval_95=(4.13, 7.59), decoding="greedy")
    assert (figure.name, figure.shown) == ("wer, greedy", "5.8 % (4.1 to 7.6)")


def test_a_metric_that_the_zoo_does_not_know_keeps_unit_and_direction() -> None:
    figure = Figure("slot_f1", 91.2, "%", "trips", "test", higher_is_better=True)
    row = figure.to_row()
    assert row == {
        "metric": "slot_f1",
        "value": 91.2,
        "unit": "%",
        "higher_is_better": True,
        "dataset": "trips",
        "split": "test",
    }
    assert Figure.from_row(row) == figure
    assert Figure.from_row({**row, "higher_is_better": False}).to_row().keys() == (
        row.keys() - {"higher_is_better"}
    )


@pytest.mark.parametrize(("metric", "higher"), [("bleu", True), ("chrf", True), ("wer", False)])
def test_a_row_of_before_there_was_a_direction_gets_its_metrics_own(
    metric: str, higher: bool
) -> None:
    row = {"metric": metric, "value": 1.0, "dataset": "d", "split": "test"}
    assert Figure.from_row(row).higher_is_better is higher
    assert Figure.from_row(row).to_row() == row


def test_what_is_not_a_field_is_kept_beside_the_figure() -> None:
    row = {"metric": "wer", "value": 1, "unit": "%", "dataset": "d", "split": "s", "units": None}
    figure = Figure.from_row(row)
    assert figure.extra == {"units": None}
    assert figure.to_row() == row


@pytest.mark.parametrize(
    "row", [{"higher_is_better": 1}, {"seed": "7"}, {"unit": None}, {"interval_95": [1, math.nan]}]
)
def test_a_row_with_a_wrong_field_is_refused(row: dict[str, Any]) -> None:
    row = {"metric": "wer", "value": 1.0, "dataset": "d", "split": "test", **row}
    with pytest.raises(FolderError, match=r"^x\.json: "):
        Figure.from_row(row, "x.json")


@pytest.mark.parametrize(("dataset", "split"), [("an4", "test"), ("copiste", "copiste, test")])
def test_the_headline_names_the_data_unless_it_is_the_models_only_corpus(
    dataset: str, split: str
) -> None:
    headline = Figure("wer", 5.8215, "%", dataset, "test", scorer="jiwer").to_headline("an4")
    assert headline == {"name": "wer", "value": 5.8215, "unit": "%", "split": split}
    again = Figure.from_headline(headline, "an4")
    assert (str(again), again.split) == ("5.8 % WER", split)


def test_a_malformed_headline_is_told_with_its_model() -> None:
    with pytest.raises(FolderError, match=r"figure of mine\.tiny: 'value' is None, not a float"):
        Figure.from_headline({"name": "wer", "split": "test"}, "mine.tiny")


def test_a_measure_gives_its_figures_unit_and_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.folder.figures.machine", lambda: "a machine")
    monkeypatch.setattr("zoo.folder.figures.current_commit", lambda: None)
    measure = Measure("accuracy", "%", factor=100, higher_is_better=True)
    figure = measure.figure(0.123456, dataset="d", split="validation", start=measure.in_unit(0.05))
    assert figure.to_row() == {
        "metric": "accuracy",
        "value": 12.3456,
        "unit": "%",
        "higher_is_better": True,
        "dataset": "d",
        "split": "validation",
        "machine": "a machine",
        "start": 5.0,
    }


@pytest.mark.parametrize("higher", [True, False])
def test_the_best_is_the_highest_or_the_lowest(higher: bool) -> None:
    measure = Measure("score", "", higher_is_better=higher)
    assert measure.is_better(2, 1) is higher
    assert measure.is_better(1, 2) is not higher
    assert not measure.is_better(1, 1)
    assert not measure.is_better(math.nan, measure.worst)
    assert measure.is_better(0, measure.worst)
    assert measure.best([1, 3, 2], key=float) == (3 if higher else 1)
