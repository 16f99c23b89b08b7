"""Calibrated confidences: of shipped models, as fitted, as doubts, and upside down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo import load_model
from zoo.cli import main
from zoo.ctc.calibration import calibrated
from zoo.ctc.search import OWN_MODEL
from zoo.handwriting.image import read_image
from zoo.handwriting.results import UPSIDE_DOWN
from zoo.handwriting.training.confidence import fit_readings

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@pytest.fixture(scope="module")
def lines() -> Any:
    return load_model("crnn.latin")


@pytest.fixture(scope="module")
def line() -> np.ndarray:
    return read_image(SAMPLES / "line.png")


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return read_image(SAMPLES / "page.png")


def turned(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[::-1, ::-1])


@pytest.mark.parametrize("language_model", [None, "own"])
def test_words_have_calibrated_confidences(
    lines: Any, line: np.ndarray, language_model: str | None
) -> None:
    reading = lines.read(line, language_model=language_model)
    assert [word.text for word in reading.words] == reading.text.split()
    settings, kind = lines.decoder, "lm_word" if language_model else "word"
    at = 0
    for word in reading.words:
        parts = reading.characters[at : at + len(word.text)]
        at += len(word.text) + 1
        assert (word.start, word.end) == (parts[0].start, parts[-1].end)
        least = min(part.confidence for part in parts)
        curve = settings[f"{kind}_scale"], settings[f"{kind}_bias"]
        assert word.confidence == pytest.approx(calibrated(least, *curve))
    mean = sum(word.confidence for word in reading.words) / len(reading.words)
    assert reading.confidence == pytest.approx(mean)
    assert reading.doubts == ()
    assert reading.to_dict()["words"][0]["text"] == reading.words[0].text


@pytest.mark.parametrize("language_model", [None, "own"])
def test_a_line_upside_down_is_noticed(
    lines: Any, line: np.ndarray, language_model: str | None
) -> None:
    reading = lines.read(turned(line), language_model=language_model)
    assert reading.doubts == (UPSIDE_DOWN,)


def test_a_page_that_is_read_as_a_line_is_named(
    lines: Any, line: np.ndarray, page: np.ndarray
) -> None:
    small = page[:60, :100]  # of the form of a page, with a line at most
    readings = lines.read([line, page, small])
    assert readings[1].doubts[0].startswith("it seems to be a page of several lines")
    assert "--page" in readings[1].doubts[0]
    assert readings[0].doubts == ()
    assert not any("page" in doubt for doubt in readings[2].doubts)


def test_a_page_upside_down_is_noticed(lines: Any, page: np.ndarray) -> None:
    assert lines.read_page(page, SAMPLES / "page.xml").doubts == ()
    assert lines.read_page(turned(page)).doubts == (
        "the page seems to be upside down; turn it by 180 degrees",
    )
    doubts = lines.read_page(page).doubts
    assert not any("upside down" in doubt for doubt in doubts)
    assert doubts[-1].endswith(" lines have a low confidence")


def test_a_model_without_fitted_confidences_doubts_nothing(lines: Any, line: np.ndarray) -> None:
    model = load_model("crnn.latin")
    kept = {key: value for key, value in model.decoder.items() if "word_" not in key[:8]}
    model.set_search({key: kept[key] for key in ("beam_size", "lm_weight")}, model.files)
    reading = model.read(turned(line))
    assert reading.doubts == ()
    logs = [np.log(part.confidence) for part in reading.characters]
    assert reading.confidence == pytest.approx(np.exp(np.mean(logs)), rel=0.05)


def test_the_command_line_warns(
    lines: Any, line: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(turned(line)).save(path)
    for inputs, where in (([path], ""), ([path, SAMPLES / "line.png"], f"{path}: ")):
        main(["run", "crnn.latin", *map(str, inputs)])
        assert capsys.readouterr().err == f"zoo: unsure: {where}{UPSIDE_DOWN}\n"


@pytest.mark.parametrize("name", ["crnn.latin", "pen_bilstm.unipen"])
def test_the_card_states_what_confidences_mean(zoo: Any, name: str) -> None:
    shown = " ".join(zoo("show", name).split())
    assert "The expected calibration error" in shown
    limit = load_model(name).searches.settings.doubtful_confidence  # type: ignore[attr-defined]
    assert f"Below {limit:.2f} a reading is doubted" in shown
    card = (
        Path(load_model.__code__.co_filename).parent / "weights" / name / "README.md"
    ).read_text()
    assert "## Confidence" in card


def test_confidences_are_fitted_to_what_is_right() -> None:
    model = load_model("crnn.latin")
    model.set_search({}, {})
    vocabulary = model.processor.vocabulary
    rng = np.random.default_rng(0)
    outputs, references = [], []
    for _ in range(150):
        written = rng.random() < 0.7  # of what the network is sure of by 0.9
        probability = np.full((3, len(vocabulary)), 0.1 / (len(vocabulary) - 1))
        for row, label in enumerate((vocabulary.index("a"), 0, vocabulary.index("b"))):
            probability[row, label] = 0.9
        outputs.append(np.log(probability).astype(np.float32))
        references.append("ab" if written else "ac")
    fit_readings(model, outputs[:40], references[:40])
    assert not model.searches.settings.calibrated
    assert OWN_MODEL not in model.files
    fit_readings(model, outputs, references)
    settings = model.searches.settings
    share = sum(text == "ab" for text in references) / len(references)
    sure = calibrated(0.9, settings.word_scale, settings.word_bias)
    assert sure == pytest.approx(share, abs=0.02)
    assert (settings.lm_word_scale, settings.lm_word_bias) == (1.0, 0.0)
    assert "fitted to 150 words of validation data" in model.card["confidence"]
