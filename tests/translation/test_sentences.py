"""Cutting texts: nothing is lost, sentences end where people end them, long ones get short."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.vocabulary import shipped_subwords
from zoo.translation.protection import NUMBER, find_protected
from zoo.translation.sentences import (
    join_lines,
    split_long,
    split_sentences,
    verbatim_parts,
    with_spaces,
)

TEXTS = st.text(st.sampled_from("ab Ü.!?…,;\"»\n\t'(1)-*"), max_size=60)


@given(TEXTS)
def test_the_pieces_are_the_text(text: str) -> None:
    pieces = split_sentences(text)
    assert "".join(piece.text + piece.space for piece in pieces) == text
    assert all(piece.text == piece.text.strip() for piece in pieces)
    assert all(re.fullmatch(r"[\s*1)ab.-]*", piece.space) for piece in pieces)


@given(TEXTS, st.integers(1, 20))
def test_long_sentences_become_short_and_lose_nothing(text: str, limit: int) -> None:
    text = text.strip()
    pieces = split_long(text, limit, len)
    assert "".join(piece.text + piece.space for piece in pieces) == text
    for piece in pieces:
        kept = [one.text for one in find_protected(text) if one.kind != NUMBER]
        assert len(piece.text) <= limit or piece.text in kept


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hi. How are you?", ["Hi.", "How are you?"]),
        ("No! «Oui.» Yes", ["No!", "«Oui.»", "Yes"]),
        ('He said "Go." She went.', ['He said "Go."', "She went."]),
        ("One\ntwo\n\nthree", ["One", "two", "three"]),
        ("I met Mr. Smith. He left.", ["I met Mr. Smith.", "He left."]),
        ("Das ist z. B. Herr K. Er ging.", ["Das ist z. B. Herr K. Er ging."]),
        ("It costs 3.50 euros.", ["It costs 3.50 euros."]),
        ("Well... maybe. Or not", ["Well... maybe.", "Or not"]),
        ("e.g. this", ["e.g. this"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ("Am 3. Oktober ist Feiertag. Gut.", ["Am 3. Oktober ist Feiertag.", "Gut."]),
        ("Born in 1985. He left.", ["Born in 1985.", "He left."]),
        ("We saw Mt. Fuji. No. 5 is ours.", ["We saw Mt. Fuji.", "No. 5 is ours."]),
        ("« Merci pour tout. » Il part.", ["« Merci pour tout. »", "Il part."]),
        ("« Merci\u202f!\u00a0» Il part.", ["« Merci\u202f!\u00a0»", "Il part."]),
        ("No. I do not. No. 5 is ours.", ["No.", "I do not.", "No. 5 is ours."]),
        ("He came at 5. She left at 6.", ["He came at 5.", "She left at 6."]),
        ("Er kam um 5. Dann ging er.", ["Er kam um 5.", "Dann ging er."]),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(text: str, sentences: list[str]) -> None:
    assert [piece.text for piece in split_sentences(text) if piece.text] == sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("- Milk\n- Bread", ["", "- ", "Milk", "\n- ", "Bread", ""]),
        ("* [x] One. Two\n\n• Three", ["", "* [x] ", "One.", " ", "Two", "\n\n• ", "Three", ""]),
        ("## Title\n> a) It is.", ["", "## ", "Title", "\n> a) ", "It is.", ""]),
        (" 1. Open it.\n 2. Go.", ["", " 1. ", "Open it.", "\n 2. ", "Go.", ""]),
        ("1. Mai ist heute.\nGut.", ["1. Mai ist heute.", "\n", "Gut.", ""]),
        ("Sum:\n-5 and - 3", ["Sum:", "\n", "-5 and - 3", ""]),
        ("No -\n- ", ["No -", "\n", "-", " "]),
    ],
)
def test_marks_of_lists_belong_to_no_sentence(text: str, pieces: list[str]) -> None:
    assert [part for piece in split_sentences(text) for part in (piece.text, piece.space)] == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("<p>Hi.</p>\n<p>Go.</p>", ["", "<p>", "Hi.", "</p>\n<p>", "Go.", "</p>"]),
        ("One<br>two <b>three</b>", ["One", "<br>", "two <b>three</b>", ""]),
        ("Hi. <br /> No", ["Hi.", " <br /> ", "No", ""]),
        ("One\\ntwo", ["One", "\\n", "two", ""]),
        ("Open C:\\new now", ["Open C:\\new now", ""]),
        ("Menu → File | Open", ["Menu", " → ", "File", " | ", "Open", ""]),
        ("Dear <person>!", ["Dear <person>!", ""]),
    ],
)
def test_what_stands_for_a_line_end_belongs_to_no_sentence(text: str, pieces: list[str]) -> None:
    assert [part for piece in split_sentences(text) for part in (piece.text, piece.space)] == pieces


LINK = "https://example.com/a-long-path/to/a-page?with=values&and=more"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Run `cat names | grep Tom` now. Good.", ["Run `cat names | grep Tom` now.", "Good."]),
        (
            '<img alt="Hello. Come" src="a.png"> I am.',
            ['<img alt="Hello. Come" src="a.png"> I am.'],
        ),
        (
            "{n, plural, one {One. It} other {#}} left.",
            ["{n, plural, one {One. It} other {#}} left."],
        ),
        ("I take vitamin C. Then I sleep.", ["I take vitamin C.", "Then I sleep."]),
        ("This is plan B. It works.", ["This is plan B.", "It works."]),
        ("I met Kaiming K. He today.", ["I met Kaiming K. He today."]),
        ("On Jan. 5 we met Sen. Smith.", ["On Jan. 5 we met Sen. Smith."]),
        ("See Fig. 3 and Art. 5 there.", ["See Fig. 3 and Art. 5 there."]),
    ],
)
def test_no_sentence_ends_inside_what_must_be_kept(text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in split_sentences(text)] == pieces


def test_a_long_sentence_is_not_cut_inside_what_must_be_kept() -> None:
    text = f'Please see {LINK} and <a href="{LINK}" class="big" rel="no more">this</a> today'
    pieces = split_long(text, 20, len)
    assert "".join(piece.text + piece.space for piece in pieces) == text
    whole = [one.text for one in find_protected(text)]
    assert all(any(one in piece.text for piece in pieces) for one in whole)
    assert [piece.text for piece in split_long(LINK, 20, len)] == [LINK]
    assert max(len(piece.text) for piece in split_long("1" * 90, 20, len)) <= 20


def test_blocks_of_code_are_no_prose() -> None:
    code = "```python\nfor a in b:\n    c(a)  # One. Two\n```"
    text = f"Try this:\n\n{code}\n\nIt is easy. <pre>x\ny</pre> Good."
    parts = verbatim_parts(text)
    assert "".join(prose + block for prose, block in parts) == text
    assert [prose for prose, _ in parts] == ["Try this:", "It is easy.", "Good."]
    assert parts[0][1].strip() == code
    nested = "~~~~\n```\n<pre>a</pre>\n~~~\n~~~~\nb"
    assert [prose for prose, _ in verbatim_parts(nested)] == ["", "b"]
    for odd in ("a" + "\n" * 50_000 + "b", "~~~a\n" * 20_000, "<pre " * 20_000, "```\n" * 20_001):
        began = time.thread_time()
        assert "".join(prose + block for prose, block in verbatim_parts(odd)) == odd
        assert time.thread_time() - began < 1
    for plain in ("```\nnever closed", "a ``` b", "", "~~~"):
        assert verbatim_parts(plain) == [(plain, "")]


def test_a_long_sentence_is_cut_after_a_comma_near_its_middle() -> None:
    text = "one, two three four five six, seven eight nine ten"
    assert [piece.text for piece in split_long(text, 40, len)] == [
        "one, two three four five six,",
        "seven eight nine ten",
    ]
    assert [piece.text for piece in split_long("a b c d", 4, len)] == ["a b", "c d"]
    assert [piece.text for piece in split_long("abcd", 2, len)] == ["ab", "cd"]


@pytest.mark.parametrize(
    "text", ["!" * 50_000, "a. " * 20_000, " " * 50_000, "<p " * 20_000, '."' * 20_000]
)
def test_odd_texts_take_no_time(text: str) -> None:
    began = time.thread_time()
    for piece in split_sentences(text):
        split_long(piece.text, 50, len)
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("I have not\nseen him.\nBye.", "I have not seen him.\nBye."),
        ("Call me when\r\n  you are ready.", "Call me when you are ready."),
        ("Ich habe den\nHund gesehen.", "Ich habe den Hund gesehen."),
        (f"{'long ' * 12}line\nTom wrote.", f"{'long ' * 12}line Tom wrote."),
        ("He came,\nTom left.\n", "He came, Tom left.\n"),
        ("Hello Tom,\nI came.\nBest regards,\nAnna.", "Hello Tom,\nI came.\nBest regards,\nAnna."),
        ("Sehr geehrte Frau Kurz,\nIch bin da.", "Sehr geehrte Frau Kurz,\nIch bin da."),
        ("I saw Mr.\nSmith today.", "I saw Mr. Smith today."),
        ("It is impor-\ntant now.", "It is important now."),
        ("A well-\nknown man left.", "A well-known man left."),
        ("one line\nthat goes\non and on.", "one line that goes on and on."),
    ],
)
def test_a_sentence_that_is_broken_over_lines_is_joined(text: str, joined: str) -> None:
    assert join_lines(text, lambda word: len(shipped_subwords().encode(word))) == joined


def test_hyphens_at_line_ends_stay_where_no_word_is_known() -> None:
    assert join_lines("It is impor-\ntant now.") == "It is impor-tant now."


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("Hello,world;yes", "Hello, world; yes"),
        ("I left.Then he came!No?", "I left. Then he came! No?"),
        ("See a.com,Tom@b.org and f(x,yz).", "See a.com, Tom@b.org and f(x,yz)."),
        ("Caf&eacute;s and&nbsp;tea", "Caf&eacute;s and&nbsp;tea"),
        ("Node.Js, e.g.This, U.S.A. and 3,5", "Node. Js, e.g.This, U.S.A. and 3,5"),
    ],
)
def test_a_forgotten_space_is_put_after_punctuation(text: str, spaced: str) -> None:
    assert with_spaces(text) == spaced


@pytest.mark.parametrize(
    "text",
    [
        "house\ncat\nno\n",
        "A title\nThe text begins.",
        "It ends.\nit begins small.",
        "I have\n\nseen him.",
        "Buy:\n- some milk.\n- two eggs.",
        "He has\n1. seen it.",
        "",
        "\n\n",
    ],
)
def test_other_lines_stay_apart(text: str) -> None:
    assert join_lines(text) == text
