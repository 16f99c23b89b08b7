"""Figures by group of speakers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zoo.speech.processor import Utterance
from zoo.speech.training.groups import SMALLEST_GROUP, groups_of, speaker_groups
from zoo.speech.training.scores import evaluate_recogniser


@pytest.mark.parametrize(
    ("facts", "groups"),
    [
        ({}, []),
        ({"gender": "female"}, ["female speakers"]),
        ({"age": "6"}, ["up to 12 years old"]),
        ({"age": "13"}, ["13 to 19 years old"]),
        ({"age": "teens"}, ["13 to 19 years old"]),
        ({"age": "39"}, ["30 to 39 years old"]),
        ({"age": "fourties"}, ["40 years old or more"]),
        ({"age": "unknown"}, []),
        ({"accent": "United States English"}, ["accent of the United States"]),
        ({"accent": "us"}, ["accent of the United States"]),
        ({"accent": "Australian English"}, ["other accents"]),
        ({"accent": "England English,United States English"}, ["other accents"]),
        ({"accent": "India and South Asia (India, Pakistan, Sri Lanka)"}, ["accent of South Asia"]),
        ({"accent": "Mandarin L1"}, ["Mandarin as first language"]),
        ({"gender": "male", "age": "70"}, ["male speakers", "40 years old or more"]),
    ],
)
def test_the_facts_of_a_speaker_name_groups(facts: dict[str, str], groups: list[str]) -> None:
    assert groups_of(facts) == groups


def test_a_group_is_a_part_of_the_speakers_and_not_too_small() -> None:
    facts = [{"gender": "male" if i % 2 else "female", "accent": "us"} for i in range(60)]
    facts[0]["age"] = "30"
    assert speaker_groups(facts) == {
        "female speakers": list(range(0, 60, 2)),
        "male speakers": list(range(1, 60, 2)),
    }
    assert SMALLEST_GROUP == 30
    assert speaker_groups(facts[:59]) == {"female speakers": list(range(0, 60, 2))}


class Half:
    """A recogniser that understands quiet recordings alone."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.streams = False
        self.processor = SimpleNamespace(log_mel=SimpleNamespace(sample_rate=16_000))

    def transcribe(self, samples: np.ndarray, rate: int) -> SimpleNamespace:
        assert rate == 16_000
        return SimpleNamespace(text="a b" if samples[0] == 0 else "a c")


def test_error_rates_by_group_follow_those_of_all() -> None:
    utterances = [
        Utterance(np.full(160, i % 2, np.float32), "a b", f"s{i}", f"u{i}", "", {"gender": gender})
        for i in range(80)
        for gender in [("female", "male")[i % 2]]
    ]
    figures = evaluate_recogniser(Half(), utterances, "made", "test", "zoo evaluate x")
    assert [(figure.metric, figure.group, figure.value) for figure in figures] == [
        ("wer", "", 25.0),
        ("cer", "", pytest.approx(100 / 6, abs=1e-3)),
        ("wer", "female speakers", 0.0),
        ("wer", "male speakers", 50.0),
    ]
    assert figures[2].data == "made, test, female speakers"
    assert figures[2].to_row()["group"] == "female speakers"
    assert "group" not in figures[0].to_row()
