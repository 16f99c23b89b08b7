"""A transcript says when it is to be doubted, and noise has none; calibrated confidences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo import load_model
from zoo.errors import ZooWarning
from zoo.speech.recognition import UNLIKE
from zoo.speech.training.sounds import clicks

RATE = 16_000


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("ctc_bilstm.an4")


def outputs(model: Any, text: str, sure: float) -> np.ndarray:
    """Outputs that spell a text, each label in one frame and a blank after it."""
    steps = [step for label in model.labels_of(text) for step in (label, 0)]
    count = len(model.processor.vocabulary)
    found = np.full((len(steps), count), (1 - sure) / (count - 1))
    found[np.arange(len(steps)), steps] = sure
    return np.log(found)


def result(model: Any, sure: float) -> Any:
    log_probs, search = outputs(model, "GO ON", sure), model.searches.make()
    return model.make_result(search, search.run(log_probs), log_probs, 1.0)


def test_what_is_read_in_unsure_outputs_is_doubted_or_nothing(model: Any) -> None:
    fine, doubtful, hopeless = (result(model, sure) for sure in (0.95, 0.86, 0.6))
    assert (fine.text, fine.doubts) == ("GO ON", ())
    assert (doubtful.text, doubtful.doubts) == ("GO ON", (UNLIKE,))
    assert (hopeless.text, hopeless.words, hopeless.doubts) == ("", (), (UNLIKE,))
    assert hopeless.alternatives[0].text == ""
    assert 0 < hopeless.confidence < 1


def test_noise_gives_no_text_and_a_warning(model: Any) -> None:
    samples = 0.3 * clicks(3 * RATE, RATE, np.random.default_rng(1001))
    with pytest.warns(ZooWarning, match=f"the array {UNLIKE}"):
        found = model.transcribe(samples, RATE)
    assert found.text == ""


def test_calibrated_words_give_the_share_to_be_expected_right() -> None:
    model = load_model("ctc_bilstm.an4")
    plain = result(model, 0.9)
    model.set_search({"word_scale": 0.5, "word_bias": -1.0}, {})
    found = result(model, 0.9)
    logit = np.log(np.array([word.confidence for word in plain.words]))
    logit -= np.log(1 - np.exp(logit))
    wanted = 1 / (1 + np.exp(1.0 - 0.5 * logit))
    assert [word.confidence for word in found.words] == pytest.approx(wanted)
    assert found.confidence == pytest.approx(wanted.mean())
    assert plain.confidence == pytest.approx(0.9, abs=1e-3)
