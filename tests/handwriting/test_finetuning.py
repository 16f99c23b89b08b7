"""A small script is learnt from a folder, from images and from strokes, new characters included."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.handwriting.toy import LABELS, make_reader, write_folder
from zoo import load_model
from zoo.ctc.search import OWN_MODEL
from zoo.errors import UsageError
from zoo.handwriting.training.run import HandwritingOptions, finetune_handwriting
from zoo.handwriting.training.scores import evaluate_folder

VALUES: dict[str, dict[str, Any]] = {
    "crnn": {"channels": 8, "units": 48, "projection": 32},
    "pen_bilstm": {"channels": 8, "units": 32},
}


@pytest.mark.parametrize(
    ("kind", "lines", "epochs", "rate"), [("crnn", 70, 24, 6e-3), ("pen_bilstm", 40, 10, 1e-2)]
)
def test_a_script_is_learnt_and_new_characters_are_added(
    kind: str, lines: int, epochs: int, rate: float, tmp_path: Path
) -> None:
    # The reader knows no "v" and no "z" yet.
    model = make_reader(kind, labels=LABELS[:-2], loud=1.0, **VALUES[kind])
    start = model.save(tmp_path / "start")
    folder = write_folder(tmp_path / "lines", lines, pen=kind == "pen_bilstm")
    options = HandwritingOptions(epochs=epochs, learning_rate=rate, patience=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = finetune_handwriting(str(start), folder, tmp_path / "run", options)
    found = load_model(out)
    assert set(found.processor.vocabulary) == set(LABELS)
    assert found.metrics[0].value < 0.7 * found.metrics[0].extra["start"]
    assert found.card["base_model"] == f"{kind}.tiny"
    assert OWN_MODEL in found.files
    rows = evaluate_folder(found, "runs/x", folder)
    before = evaluate_folder(load_model(start), "start", folder)
    assert [row.metric for row in rows] == ["cer", "wer", "cer", "wer"]
    assert rows[0].decoding == "greedy"
    assert rows[0].value < 70 < before[0].value
    assert (out / "training" / "learning_curve.png").exists()
    with pytest.raises(UsageError, match="finished model"):
        finetune_handwriting(str(start), folder, out, options)
