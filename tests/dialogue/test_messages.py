"""Messages, tokens, vocabularies and states: what all dialogue models share."""

from __future__ import annotations

import json
import random
import string
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from tests.dialogue.toy import vocabulary
from zoo.dialogue.messages import (
    MAX_CHARACTERS,
    Message,
    as_message,
    as_messages,
    read_message_lines,
)
from zoo.dialogue.state import ConversationState
from zoo.dialogue.tokens import tokenize, word_key
from zoo.dialogue.values import normalise
from zoo.dialogue.word_ids import FIRST, PADDING, UNKNOWN
from zoo.dialogue.words import Words
from zoo.errors import DataError, FolderError, UsageError


def test_tokens_cover_every_character_but_spaces_and_know_their_place() -> None:
    rng = random.Random(0)
    alphabet = string.printable + "éß’中文नि😀\u200d\x00\u202e١٢"
    for _ in range(200):
        text = "".join(rng.choices(alphabet, k=40))
        tokens = tokenize(text)
        assert all(text[token.start : token.end] == token.text for token in tokens)
        covered = {place for token in tokens for place in range(token.start, token.end)}
        assert sum(len(token.text) for token in tokens) == len(covered)
        lost = {text[place] for place in set(range(len(text))) - covered}
        assert all(character.isspace() or character in "\u200d\u202e" for character in lost)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("at 7:30pm", ["at", "7:30", "pm"]),
        ("I don’t pay $1,450.50!", ["I", "don’t", "pay", "$", "1,450.50", "!"]),
        ("ana@mail.com", ["ana", "@", "mail", ".", "com"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_letters_and_digits_are_tokens_of_their_own(text: str, tokens: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == tokens


def test_words_are_looked_up_in_lower_case_with_their_digits_alike() -> None:
    assert word_key("ORDER") == "order"
    assert word_key("４471") == "0000"
    assert word_key("Don’t") == "don't"


def test_a_vocabulary_tells_learnt_words_from_words_that_only_have_a_vector() -> None:
    words = Words.of_texts(["a b b", "b c"], ["z", "b", "y"], size=5, least_characters=1)
    assert words.words == ("b", "a", "c", "z", "y")
    assert words.known == 3
    ids = words.encode("B z unheard-of")
    assert ids.words.tolist() == [FIRST, FIRST + 3, *[UNKNOWN] * 3]
    assert ids.known.tolist() == [FIRST, *[UNKNOWN] * 4]
    assert ids.characters[0, 1] == PADDING
    long = words.encode("a" + "b" * 100 + "c").characters[0]
    assert long[0] == FIRST
    assert long[-1] == FIRST + 2  # the first and the last half of a long word are read
    assert Words.from_files(words.settings(), words.files()) == words


@pytest.mark.parametrize(
    ("settings", "files", "message"),
    [
        ({}, {}, "has no words.txt"),
        ({}, {"words.txt": b"\xff", "characters.txt": b""}, "not UTF-8"),
        ({}, {"words.txt": b"a\na\n", "characters.txt": b"a\n"}, "must not repeat"),
        (
            {"known": 9},
            {"words.txt": b"a\n", "characters.txt": b"a\n"},
            "known must be from 0 to 1",
        ),
        ({"word_characters": 1}, {"words.txt": b"a\n", "characters.txt": b"\n"}, "from 2 to 64"),
        ({}, {"words.txt": b"a\n\nb\n", "characters.txt": b"\n"}, "1 to 64 characters"),
    ],
)
def test_a_damaged_vocabulary_is_named(
    settings: dict[str, int], files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(FolderError, match=message):
        Words.from_files(settings, files)


def test_messages_are_read_from_what_people_have() -> None:
    assert as_message("hi") == Message("hi")
    assert as_message(("hi", "ana")) == as_message({"text": "hi", "speaker": "ana"})
    assert as_message({"text": "", "speaker": None}) == Message("")
    for told in ({"text": "hi", "role": "ana"}, {"text": "hi", "speaker": " ana "}):
        assert as_message(told) == Message("hi", "ana")
    assert as_messages(["a", Message("b")]) == [Message("a"), Message("b")]
    assert as_message(("Anna", "a customer")) == Message("Anna", "a customer")
    with pytest.raises(UsageError, match="a pair is a text and its speaker"):
        as_message(("system", "Which area?"))
    for wrong in (3, None, {"texts": "a"}, {"text": 3}, ("a", "b", "c"), b"hi"):
        with pytest.raises(UsageError):
            as_message(wrong)
    for wrong in ("hi", {"text": "hi"}, 3):
        with pytest.raises(UsageError, match="expected a list of messages"):
            as_messages(wrong)
    with pytest.raises(UsageError, match="too long"):
        Message("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(UsageError, match="at most 200 characters"):
        Message("hi", "x" * 201)
    for wrong in (("hi \ud800", ""), ("hi", "\udfff")):
        with pytest.raises(UsageError, match="half a surrogate pair"):
            Message(*wrong)


def test_a_message_of_too_many_words_is_refused() -> None:
    with pytest.raises(UsageError, match=r"25,001 words and signs is too long"):
        vocabulary().encode("😀" * 25_001)
    assert len(vocabulary().encode("a" * 100_000).tokens) == 1


def test_facts_of_a_state_are_checked() -> None:
    facts = {"slots": {"food": "thai"}, "levels": {"ana": 0.5}}
    state = ConversationState("abc", 1, facts)
    assert (state.texts("slots"), state.numbers("levels")) == (facts["slots"], facts["levels"])
    assert state.texts("none") == {}
    for wrong in (3, ["a"], {"ana": "high"}, {"ana": float("nan")}, {"ana": True}):
        damaged = ConversationState("abc", 1, {"levels": wrong})
        with pytest.raises(DataError, match="its levels are malformed"):
            damaged.numbers("levels")


def test_a_broken_line_is_named_and_the_others_are_read() -> None:
    lines = [
        '{"text": "a"}',
        "",
        '{"text": ',
        '"b"',
        "[" * 100_000,
        '{"text": "c", "speaker": "x"}',
    ]
    read = list(read_message_lines(lines, "chat.jsonl"))
    assert [one for one in read if isinstance(one, Message)] == [
        Message("a"),
        Message("b"),
        Message("c", "x"),
    ]
    errors = [str(one) for one in read if isinstance(one, DataError)]
    assert "chat.jsonl: line 3 is no message" in errors[0]
    assert "line 5" in errors[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('[{"text": "a"}, {"text": "b"}]', "write each on a line of its own"),
        ('{"text": "a", "speaker": 0}', "the speaker of a message is text, not int"),
        ("[1, 2]", "expected a message"),
    ],
)
def test_a_line_that_is_no_message_says_why(line: str, reason: str) -> None:
    assert reason in str(next(read_message_lines([line], "chat.jsonl")))
    assert list(read_message_lines(['["a", null]'], "")) == [Message("a")]


def test_a_state_is_the_same_after_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "h": rng.standard_normal((2, 3)).astype(np.float32),
        "e": np.zeros((0, 4), np.float32),
    }
    state = ConversationState("abc", 7, {"slots": {"food": "thai"}}, arrays)
    read = ConversationState.load(state.save(tmp_path / "state.json"))
    assert (read.model, read.messages, read.facts) == ("abc", 7, {"slots": {"food": "thai"}})
    for name, array in arrays.items():
        np.testing.assert_array_equal(read.arrays[name], array)
        assert read.arrays[name].dtype == np.float32


def test_a_damaged_state_is_refused() -> None:
    text = ConversationState("abc", 1, {}, {"h": np.ones((2,), np.float32)}).to_json()
    content = json.loads(text)
    damaged = [
        "",
        "{}",
        "[1]",
        text[:-9],
        text.replace('"messages": 1', '"messages": 2'),
        json.dumps({**content, "arrays": {}}),
        "[" * 100_000,
        "x" * 5_000_000,
    ]
    for one in damaged:
        with pytest.raises(DataError):
            ConversationState.from_json(one)
    with pytest.raises(UsageError, match="another model"):
        ConversationState.from_json(text).check("other", {"h": (2,)})
    with pytest.raises(UsageError, match="another model"):
        ConversationState.from_json(text).check("abc", {"h": (3,)})


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("date", "March 3rd, 2024", "2024-03-03"),
        ("date", "on 25/12/2021", "2021-12-25"),
        ("date", "12-25-21", "2021-12-25"),
        ("date", "5.5.2021", "2021-05-05"),
        ("date", "12/05/2021", None),
        ("date", "5.12.", None),
        ("date", "12/05/2021 at 7pm", None),
        ("date", "12/05/2021 10:30", None),
        ("date", "12 / 05 / 2021", None),
        ("date", "5 3 2024", None),
        ("date", "5/3 in the evening", None),
        ("date", "5/3?", None),
        ("date", "3.5. 19:30", None),
        ("date", "24-03-05 10:00", None),
        ("date", "25 / 12 / 2021 at 7pm", "2021-12-25"),
        ("date", "3/4", None),
        ("date", "march 3rd", "--03-03"),
        ("date", "the 29th of February", "--02-29"),
        ("date", "tomorrow", None),
        ("date", "the day we met", None),
        ("date", "Sunday, 5th of March", "--03-05"),
        ("date", "March 3 '24", "2024-03-03"),
        ("date", "the twenty-fifth of December", "--12-25"),
        ("date", "May third two thousand twenty four", "2024-05-03"),
        ("date", "March 3-5", None),
        ("date", "3-5 May", None),
        ("date", "May 3rd to 5th, 2024", None),
        ("date", "24-03-05", None),
        ("date", "12/31/85", "1985-12-31"),
        ("date", "3 Mar 24", "2024-03-03"),
        ("date", "3-Mar-24", "2024-03-03"),
        ("date", "March 3, 24", "2024-03-03"),
        ("date", "12 jan 90", "1990-01-12"),
        ("date", "2024-03-03", "2024-03-03"),
        ("date", "2024-03-03 10:30", "2024-03-03"),
        ("date", "march 3rd at 7pm", "--03-03"),
        ("time", "7 to 9pm", None),
        ("time", "5 to 7 pm", None),
        ("time", "10 to 11 am", None),
        ("time", "20 to 7 pm", "18:40"),
        ("time", "five minutes to seven pm", "18:55"),
        ("time", "23:15", "23:15"),
        ("time", "10:30", "10:30"),
        ("time", "12:30", None),
        ("time", "12:30 in the evening", None),
        ("time", "12:30 in the afternoon", "12:30"),
        ("number", "point five", "0.5"),
        ("number", "three point five", "3.5"),
        ("code", "eight hundred five five five", None),
        ("number", "2 adults and one child", None),
        ("number", "two adults and 1 child", None),
        ("number", "3 or four", None),
        ("number", "3 hundred fifty", None),
        ("number", "2 million five hundred thousand", None),
        ("number", "5 dollars and fifty cents", None),
        ("number", "25 cents", None),
        ("number", "5 lac rupees", "500000"),
        ("number", "$5B", "5000000000"),
        ("number", "1.500 euros", None),
        ("number", "0.125", "0.125"),
        ("time", "7:30pm", "19:30"),
        ("time", "7:30", None),
        ("time", "0:30", "00:30"),
        ("time", "730 p.m.", "19:30"),
        ("time", "seven oh five pm", "19:05"),
        ("time", "a quarter to eight in the evening", "19:45"),
        ("time", "ten past 12 am", "00:10"),
        ("time", "half past seven", None),
        ("time", "12 noon", "12:00"),
        ("time", "17:30 pm", None),
        ("time", "12 am", "00:00"),
        ("time", "noon", "12:00"),
        ("time", "19:45", "19:45"),
        ("time", "7", None),
        ("time", "25:00", None),
        ("number", "twenty five people", "25"),
        ("number", "two", "2"),
        ("number", "two adults", "2"),
        ("number", "two or three", None),
        ("number", "three and a half", None),
        ("number", "2½", None),
        ("number", "2nd", None),
        ("number", "5k", "5000"),
        ("number", "1.5 million", "1500000"),
        ("number", "two dozen", "24"),
        ("number", "5 lakh", "500000"),
        ("number", "5m", None),
        ("number", "$.99", "0.99"),
        ("number", "-$5", "-5"),
        ("number", "minus five", "-5"),
        ("number", "12,50", None),
        ("number", "1,23,456", "123456"),
        ("number", "1 200", None),
        ("number", "１２ people", "12"),
        ("number", "$1,450.50", "1450.50"),
        ("number", "5 adults and 1 child", None),
        ("email", "Ana @ mail.com", "ana@mail.com"),
        ("email", "ana at mail", None),
        ("email", "ana dot lopez at mail dot com", "ana.lopez@mail.com"),
        ("email", "<mailto:Ana@mail.com>.", "ana@mail.com"),
        ("email", "it is ana@mail.com", None),
        ("code", "five double five one oh two", "555102"),
        ("code", "A‑B_٤٤７１", "AB4471"),
        ("date", "Wed\u00adnes\u00adday, 5 March", "--03-05"),
        ("code", "first direct", "FIRSTDIRECT"),
        ("code", "moh 523", "MOH523"),
        ("code", "😀", None),
        ("number", "9" * 200, None),
    ],
)
def test_values_are_told_where_they_are_plain(kind: str, text: str, value: str | None) -> None:
    assert normalise(kind, text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", "2026-11-25"),
        ("this evening", "2026-11-25"),
        ("last night", "2026-11-24"),
        ("the day after tomorrow", "2026-11-27"),
        ("Friday night", "2026-11-27"),
        ("friday at 7", "2026-11-27"),
        ("this Wednesday", "2026-11-25"),
        ("Wednesday", "2026-12-02"),
        ("next Tues", "2026-12-01"),
        ("next Friday", None),  # in two days, or in nine
        ("last Thursday", "2026-11-19"),
        ("last week", None),
        ("in two weeks", "2026-12-09"),
        ("a week from today", "2026-12-02"),
        ("3 days ago", "2026-11-22"),
        ("two weeks", None),
        ("Tuesday, Wednesday", None),
        ("Nov 25", "2026-11-25"),
        ("Nov 24", "2027-11-24"),
        ("Wednesday, March 3rd", "2027-03-03"),
        ("Thursday, March 3rd", None),  # not in the next year
        ("Saturday the 14th", None),
        ("3-3-24", "2024-03-03"),
        ("12-25-68", "2068-12-25"),
        ("next march", None),
    ],
)
def test_relative_dates_count_from_a_given_moment(text: str, value: str | None) -> None:
    assert normalise("date", text, datetime(2026, 11, 25, 10)) == value  # a Wednesday


def test_words_are_the_same_however_their_characters_are_written() -> None:
    words = Words.of_texts(["jose o'hara - b wednesday"] * 3, size=9)
    plain = words.encode("Jose O'Hara - b Wednesday")
    for text in (
        "José O’Hara – Ｂ Wednesday",
        "Jose\u0301 O'Hara \u2014 B \ufeffWed\u00adnes\u200dday\u200b",
        "JOSE o'HARA \u2011 b \u202aWEDNESDAY\u202c",
    ):
        ids = words.encode(text)
        assert len(ids.tokens) == 5
        assert (ids.characters == plain.characters).all()
        assert (ids.words[1:] == plain.words[1:]).all()
    assert (words.encode("日").characters == UNKNOWN).sum() == 1
    lower = words.encode("jose o'hara - b wednesday")
    assert (lower.characters == plain.characters).all()


def test_the_vocabulary_of_the_toy_language_knows_its_words() -> None:
    ids = vocabulary().encode("Book a parcel")
    assert (ids.words > UNKNOWN).all()
    assert ids.known.tolist()[-1] == UNKNOWN
