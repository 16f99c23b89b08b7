"""The speech processor: its parts survive a model folder, and its settings are checked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from zoo.ctc.alphabet import Alphabet
from zoo.errors import FolderError, UsageError
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech

SPEECH = Speech(LogMel(sample_rate=8000, mel_bins=40, high_frequency=3800.0), Alphabet(("", "A")))


def test_a_processor_survives_a_model_folder() -> None:
    settings = json.loads(json.dumps(SPEECH.settings()))
    again = Speech.from_folder(settings, SPEECH.files())
    assert again == SPEECH
    assert again.vocabulary == ("", "A")


def test_recordings_come_at_the_rate_of_the_features() -> None:
    samples = np.zeros(16_000, np.int16)
    assert SPEECH.read(samples, 16_000).shape == (8000,)


def test_labels_can_be_changed() -> None:
    changed = SPEECH.with_vocabulary(("", "A", "B"))
    assert changed.log_mel == SPEECH.log_mel
    assert changed.vocabulary == ("", "A", "B")
    with pytest.raises(UsageError, match="blank"):
        SPEECH.with_vocabulary(("A", "B"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"features": {}},
        {"features": [], "alphabet": {"blank": 0}},
        {"features": {"mel_bins": 0}, "alphabet": {"blank": 0}},
        {"features": {}, "alphabet": {"blank": 1}},
    ],
)
def test_malformed_settings_are_folder_errors(settings: dict[str, Any]) -> None:
    with pytest.raises(FolderError):
        Speech.from_folder(settings, SPEECH.files())
