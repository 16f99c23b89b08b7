"""Results as plain values: what ``to_dict`` of every task's result holds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from zoo.ctc.grammar import Phrase
from zoo.ctc.results import Alternative, Word
from zoo.handwriting.page_xml import TextLine
from zoo.handwriting.results import Character, PageLine, PageReading, Reading
from zoo.results import Result, rounded
from zoo.speech.results import Alignment, Transcript
from zoo.text.results import GeneratedText, TextScore, TextState, TextStates
from zoo.translation.results import Alternative as Translation
from zoo.translation.results import TranslatedSentence, TranslatedText, TranslationScore

LOGS = np.array([-0.1234567, -2.0], np.float32)
STATE = TextState((np.zeros(3, np.float32),), 1)
WORD = Word("fox", 0.12345, 0.5, 0.912345)
WORD_PLAIN = {"text": "fox", "start": 0.123, "end": 0.5, "confidence": 0.9123}
OTHER = Alternative("fox", -1.234567, 0.9)
OTHER_PLAIN = {"text": "fox", "score": -1.2346, "confidence": 0.9}

READING = Reading(
    "ab", (Character("a", 1.26, 2.0, 0.5), Character("b", (0, 3), (1, 4), 0.99999)), 0.5, (OTHER,)
)
READING_PLAIN = {
    "text": "ab",
    "confidence": 0.5,
    "characters": [
        {"text": "a", "start": 1.3, "end": 2.0, "confidence": 0.5},
        {"text": "b", "start": [0, 3], "end": [1, 4], "confidence": 1.0},
    ],
    "words": [],
    "alternatives": [OTHER_PLAIN],
    "doubts": [],
}
CORNERS = np.array([[0.0, 1.26], [2.0, 3.0]], np.float32)
LINE = TextLine("line_1", CORNERS, CORNERS)
LINE_PLAIN = {
    "id": "line_1",
    "polygon": [[0.0, 1.3], [2.0, 3.0]],
    "baseline": [[0.0, 1.3], [2.0, 3.0]],
    **READING_PLAIN,
    "boxes": [],
}

RANKED = Translation("renard", -1.0, -1.2345678)
RANKED_PLAIN = {"text": "renard", "score": -1.0}
ATTENTION = np.array([[0.25, 0.75]], np.float32)
SENTENCE = TranslatedSentence(
    "fox", "renard", -1.0, ("▁renard", "</s>"), LOGS, ("▁fox",), ATTENTION, (RANKED,)
)
PIECES_PLAIN = {"pieces": ["▁renard", "</s>"], "log_probs": [-0.12346, -2.0]}


@pytest.mark.parametrize(
    ("result", "plain"),
    [
        (
            GeneratedText("the fox", "the", LOGS, 7, STATE),
            {
                "text": "the fox",
                "prompt": "the",
                "seed": 7,
                "stopped": False,
                "log_probs": [-0.12346, -2.0],
            },
        ),
        (
            TextScore("fox", LOGS, float(np.log(2)), STATE),
            {
                "text": "fox",
                "nats_per_character": 0.69315,
                "bits_per_character": 1.0,
                "log_probs": [-0.12346, -2.0],
            },
        ),
        (TextStates("f", LOGS[None, None]), {"text": "f", "hidden": [[[-0.12346, -2.0]]]}),
        (
            Transcript("fox", (WORD,), 0.912345, (OTHER,), 1.23456),
            {
                "text": "fox",
                "confidence": 0.9123,
                "seconds": 1.235,
                "words": [WORD_PLAIN],
                "alternatives": [OTHER_PLAIN],
                "doubts": [],
            },
        ),
        (
            Transcript("", (), 0.5, (OTHER,), 2.0, (Phrase("a fox", (("it", "fox"),)),), ("?",)),
            {
                "text": "",
                "slots": {"it": "fox"},
                "phrases": [{"text": "a fox", "slots": {"it": "fox"}}],
                "confidence": 0.5,
                "seconds": 2.0,
                "words": [],
                "alternatives": [OTHER_PLAIN],
                "doubts": ["?"],
            },
        ),
        (
            Alignment("fox", (WORD,), (WORD,), -1.234567),
            {
                "text": "fox",
                "log_probability": -1.2346,
                "words": [WORD_PLAIN],
                "characters": [WORD_PLAIN],
            },
        ),
        (READING, READING_PLAIN),
        (PageReading((PageLine(LINE, READING),), ("?",)), {"lines": [LINE_PLAIN], "doubts": ["?"]}),
        (
            TranslatedText("renard", "fox", "fr", -1.0, (RANKED,), (SENTENCE,)),
            {
                "text": "renard",
                "source": "fox",
                "target": "fr",
                "score": -1.0,
                "log_probability": -2.12346,
                "alternatives": [RANKED_PLAIN],
                "warnings": [],
                **PIECES_PLAIN,
            },
        ),
        (
            SENTENCE,
            {
                "text": "renard",
                "source": "fox",
                "score": -1.0,
                "alternatives": [RANKED_PLAIN],
                **PIECES_PLAIN,
                "source_pieces": ["▁fox"],
                "attention": [[0.25, 0.75]],
            },
        ),
        (
            TranslationScore(
                "fox", "renard", -2.1234567, ("▁renard", "</s>"), LOGS, ("▁fox",), ATTENTION
            ),
            {
                "text": "renard",
                "source": "fox",
                "log_probability": -2.12346,
                "perplexity": 2.89136,
                **PIECES_PLAIN,
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_is_given_as_plain_json_values(result: Result, plain: dict[str, Any]) -> None:
    assert result.to_dict() == plain
    assert json.loads(json.dumps(result.to_dict())) == plain


def test_float32_values_are_rounded_as_decimal_numbers() -> None:
    assert str(rounded(np.array([0.1, 2.345678], np.float32), 3)) == "[0.1, 2.346]"
