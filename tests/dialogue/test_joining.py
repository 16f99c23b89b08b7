"""Codes and names with hyphens as one entity."""

from __future__ import annotations

from typing import Any

import pytest

from zoo import load_model
from zoo.dialogue.tagging.joining import code_tokens, entity_spans, join_names
from zoo.dialogue.tokens import tokenize


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("Call 555-123-4567.", "Call 555-123-4567 ."),
        ("Order #AB-12345-X is late", "Order # AB-12345-X is late"),
        ("on 2024\u201103\u201103, at 7", "on 2024\u201103\u201103 , at 7"),
        ("12/05/2021-13/05/2021", "12/05/2021 - 13/05/2021"),
        ("a 3-person table, covid-19", "a 3 - person table , covid - 19"),
        ("3-5 pm, 3-5pm, 7:00-9:00", "3-5 pm , 3 - 5 pm , 7:00 - 9:00"),
        ("García-Márquez -12 - 13 4471-please", "García - Márquez - 12 - 13 4471 - please"),
        ("1 2-", "1 2 -"),
        ("", ""),
    ],
)
def test_tokens_of_a_code_go_on_with_it(text: str, joined: str) -> None:
    tokens = tokenize(text)
    inside = code_tokens(tokens)
    told = "".join(" " * (n not in inside) + token.text for n, token in enumerate(tokens))
    assert told.strip() == joined


def test_names_of_one_label_are_joined_at_their_hyphen() -> None:
    tokens = tokenize("Anne-Marie Smith-Jones , Boston-Denver 7-8 Eve - Ana")
    one_by_one = [(0, n, n + 1) for n, token in enumerate(tokens) if token.text.isalnum()]
    texts = [
        [tokens[n].text for n in range(s.begin, s.end)] for s in join_names(one_by_one, tokens)
    ]
    assert texts[:2] == [["Anne", "-", "Marie"], ["Smith", "-", "Jones"]]
    assert texts[3:] == [["7"], ["8"], ["Eve"], ["Ana"]]
    assert join_names(one_by_one, tokens)[0].parts == ((0, 1), (2, 3))
    of_two_labels = [(0, 7, 8), (1, 9, 10)]
    assert [span[:3] for span in join_names(of_two_labels, tokens)] == of_two_labels


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("“Rock Classics”", ["Rock Classics"]),
        ("Ana ❤️", ["Ana"]),
        ("Friday?!", ["Friday"]),
        ("to lose my life …", ["to lose my life …"]),
        ("?", []),
        ("(555) Windows™", ["(555) Windows™"]),
        ("Tuesday, Wednesday", ["Tuesday", "Wednesday"]),
        ("Tuesday, March 3rd", ["Tuesday, March 3rd"]),
    ],
)
def test_entities_have_no_quotes_and_question_marks_at_their_ends(
    text: str, found: list[str]
) -> None:
    tokens = tokenize(text)
    spans = entity_spans([1, *[2] * (len(tokens) - 1)], tokens)
    assert [text[tokens[s.begin].start : tokens[s.end - 1].end] for s in spans] == found
    assert all(span.parts == ((0, len(tokens)),) for span in spans)


@pytest.fixture(scope="module")
def tagger() -> Any:
    return load_model("tagger_bilstm.chat")


@pytest.mark.parametrize(
    ("text", "label", "found"),
    [
        ("my phone number is (555) 123-4567", "phone", "(555) 123-4567"),
        ("card 4111-1111-1111-1111", "card", "4111-1111-1111-1111"),
        ("my order ORD-2024-00123 is late", "order", "ORD-2024-00123"),
        ("this is Mary-Ann", "person", "Mary-Ann"),
    ],
)
def test_the_shipped_tagger_finds_them_whole(
    tagger: Any, text: str, label: str, found: str
) -> None:
    result = tagger.tag(text)
    assert [(one.label, one.text) for one in result.entities] == [(label, found)]
    assert result.entities[0].score > 0.5
