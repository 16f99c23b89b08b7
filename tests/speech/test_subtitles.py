"""Subtitles: lines, lengths, times and escapes."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zoo.ctc.results import Word
from zoo.speech.results import Transcript
from zoo.speech.subtitles import cues, to_srt, to_vtt


def said(*timed: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(text, start, end, 1.0) for text, start, end in timed)


def test_both_formats_have_their_clocks_and_numbers() -> None:
    words = said(("GO", 0.5, 0.75), ("ON", 0.8, 1.9), ("STOP", 3661.25, 3663.0))
    result = Transcript("GO ON STOP", words, 1.0, (), 3670.0)
    assert result.to_srt() == (
        "1\n00:00:00,500 --> 00:00:01,900\nGO ON\n\n2\n01:01:01,250 --> 01:01:03,000\nSTOP\n"
    )
    assert result.to_vtt() == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.900\nGO ON\n\n01:01:01.250 --> 01:01:03.000\nSTOP\n"
    )


def test_nothing_said_is_an_empty_file() -> None:
    assert to_srt(()) == ""
    assert to_vtt(()) == "WEBVTT\n"


def test_a_subtitle_has_two_lines_of_42_characters() -> None:
    words = said(*((f"WORD{i:05d}", 0.2 * i, 0.2 * i + 0.1) for i in range(20)))
    first = cues(words)[0]
    assert [len(line) for line in first.lines] == [39, 39]  # five words would be 49
    assert first.lines[1].startswith("WORD00004")
    assert cues(words)[1].lines[0].startswith("WORD00008")
    (only,) = cues(said(("A" * 42, 0.0, 1.0), ("B" * 42, 1.0, 2.0)))
    assert only.lines == ("A" * 42, "B" * 42)


def test_a_subtitle_ends_at_a_silence_and_after_seven_seconds() -> None:
    near = cues(said(("A", 0.0, 0.5), ("B", 1.49, 2.0)))
    far = cues(said(("A", 0.0, 0.5), ("B", 1.5, 2.0)))
    assert (len(near), len(far)) == (1, 2)
    slow = cues(said(*((letter, i, i + 0.9) for i, letter in enumerate("ABCDEFGHIJ"))))
    assert [cue.lines for cue in slow] == [("A B C D E F G",), ("H I J",)]


def test_a_short_subtitle_stays_as_long_as_the_next_one_lets_it() -> None:
    assert cues(said(("A", 5.0, 5.1)))[0].end == 6.0
    first, second = cues(said(("A" * 42, 0.0, 0.1), ("B" * 42, 0.2, 0.3), ("C" * 42, 0.4, 0.5)))
    assert (first.end, second.start) == (0.4, 0.4)


def test_what_the_formats_mean_otherwise_is_escaped() -> None:
    words = said(("<b>&", 0.0, 1.0), ("-->", 1.0, 2.0), ("A\n\nB", 2.0, 3.0))
    assert to_vtt(words).splitlines()[3:] == ["&lt;b&gt;&amp; --&gt; AB"]
    assert to_srt(words).splitlines()[2:] == ["<b>& -> AB"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    found = cues(said(("X" * 100, 0.0, 10.0)))
    assert [line for cue in found for line in cue.lines] == ["X" * 42, "X" * 42, "X" * 16]
    assert found[1].start == 4.2


@given(st.lists(st.tuples(st.text(max_size=60), st.floats(0, 3), st.floats(0, 3)), max_size=30))
def test_subtitles_follow_one_another_and_lose_nothing(
    timed: list[tuple[str, float, float]],
) -> None:
    time, words = 0.0, []
    for text, wait, length in timed:
        words.append(Word(text, time + wait, time + wait + length, 1.0))
        time += wait + length
    found = cues(words)
    letters = "".join("".join(word.text.split()) for word in words)
    assert "".join("".join(cue.lines) for cue in found).replace(" ", "") == letters
    for cue in found:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(line) <= 42 for line in cue.lines)
        assert cue.start < cue.end
    for before, after in pairwise(found):
        assert before.end <= after.start + 0.0011
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{3} --> ", to_vtt(words), re.M)) == len(found)
