"""The grammar of phrases: alternatives, options, slots, and what is wrong with a line."""

from __future__ import annotations

import itertools

import pytest

from zoo.ctc.grammar import MAX_PHRASES, Phrase, expand
from zoo.errors import UsageError


def texts(*lines: str) -> list[str]:
    return [phrase.text for phrase in expand(lines)]


def test_plain_phrases_stand_for_themselves_once() -> None:
    assert texts("stop", "  go   on ", "", "# nothing", "stop") == ["stop", "go on"]
    lines = "stop # again\n# nothing\n\tplay C# major\n"
    assert [one.text for one in expand(lines)] == ["stop", "play C# major"]
    assert texts("channel #1", "play C#") == ["channel #1", "play C#"]


def test_what_stands_for_more_than_there_are_numbers_for_is_refused() -> None:
    slots = [f"a{n} = {{a{n - 1}}} {{a{n - 1}}}" for n in range(1, 60)]
    with pytest.raises(UsageError, match=r"more than [\d,]+ phrases"):
        expand(["a0 = x | y", *slots, "{a59}"])


def test_alternatives_and_options_are_written_out() -> None:
    assert texts("(turn|switch) [the] lamp (on|off)") == [
        f"{verb}{the} lamp {way}"
        for verb, the, way in itertools.product(("turn", "switch"), (" the", ""), ("on", "off"))
    ]
    assert texts("yes|no|(oh|ah) well") == ["yes", "no", "oh well", "ah well"]
    assert texts("[please|kindly] (go [[far] away])") == [
        f"{first}{last}"
        for first, last in itertools.product(
            ("please ", "kindly ", ""), ("go far away", "go away", "go")
        )
    ]
    assert texts("turn(s)[around]") == ["turn s around", "turn s"]


def test_slots_take_their_definitions_wherever_they_stand() -> None:
    found = expand(["put {thing} [on {place}]", "place = the {thing} | top", "thing = box|red lid"])
    assert found[0] == Phrase("put box on the box", (("thing", "box"), ("place", "the box")))
    assert Phrase("put red lid", (("thing", "red lid"),)) in found
    assert len(found) == 2 * 4
    assert str(found[0]) == "put box on the box"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no phrases"),
        (["# only this"], "no phrases"),
        (["a = b"], "no phrases"),
        (["go (on"], r"line 1 .*'\(' without its '\)'"),
        (["fine", "go on)"], r"line 2 .*closes nothing"),
        (["go (on]"], "closes nothing"),
        (["go (on|)"], "empty alternative"),
        (["()"], "empty alternative"),
        (["[go] [on]"], "can be empty"),
        (["go {where}"], "{where} is not defined; add a line"),
        (["go {wher}", "where = on"], "did you mean 'where'"),
        (["go {a}", "a = x {b}", "b = {a}"], "contains itself"),
        (["{a} to {a}", "a = x|y"], "twice"),
        (["{a}", "a = x", "a = y"], "line 3 .*second time"),
        (["go {}"], "a slot is written"),
        (["go {on"], "a slot is written"),
        (["x" * 501], "more than 500"),
        ([1], "must be text"),
        (["(" * 9000 + "a" + ")" * 9000], "nested too deeply"),
        (["{s0}", *(f"s{n} = {{s{n + 1}}}" for n in range(9000)), "s9000 = a"], "nested too deep"),
        (["(a|b) " * 20], f"more than {MAX_PHRASES:,} phrases"),
    ],
)
def test_what_is_wrong_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        expand(lines)
