"""The grammar of phrases: alternatives, options, slots, and what is wrong with a line."""

from __future__ import annotations

import itertools

import pytest

from zoo.ctc.grammar import MAX_PHRASES, Phrase, expand
from zoo.errors import UsageError


def texts(*lines: str) -> list[str]:
    return [phrase.text for phrase in expand(lines)]


def test_plain_phrases_stand_for_themselves_once() -> None:
    assert texts("stop", "  go   on ", "", "# nothing", "stop # again") == ["stop", "go on"]


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
        (["(a|b) " * 20], f"1,048,576 phrases; at most {MAX_PHRASES:,}"),
    ],
)
def test_what_is_wrong_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        expand(lines)
