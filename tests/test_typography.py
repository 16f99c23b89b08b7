"""Typographic characters as plain ones."""

from __future__ import annotations

import pytest

from zoo.typography import plain_spelling


@pytest.mark.parametrize("apostrophe", "’ʼ‛′`´‘")
def test_every_apostrophe_within_a_word_is_plain(apostrophe: str) -> None:
    assert plain_spelling(f"I can{apostrophe}t é") == "I can't é"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("He said: “I can’t.”", 'He said: "I can\'t."'),
        ("I can`t, `so` I won`t", "I can't, `so` I won't"),
        ("‘No’, he said.", "'No', he said."),
        ("ﬁne ﬂat oﬃce ĳs", "fine flat office ijs"),
        ("Ｗｈｅｒｅ　ｉｓ　ｉｔ？", "Where is it?"),
        ("𝐇𝐞𝐥𝐥𝐨 𝟗𝟏𝟏", "Hello 911"),
        ("well‑known 1939–1945 −5", "well-known 1939-1945 -5"),
        ("too late—again – yes…", "too late - again - yes..."),
        ("a\u200eb\u202ec", "abc"),
    ],
)
def test_other_typography_is_plain(written: str, plain: str) -> None:
    assert plain_spelling(written) == plain


@pytest.mark.parametrize(
    "text",
    ["m² ½ €", "« Non », dit-il. Où ça ?", "„Ja.“ – „Nein.“ — „Gut.“", "日本 Straße", 'it\'s "so"'],
)
def test_what_has_a_meaning_of_its_own_stays(text: str) -> None:
    assert plain_spelling(text) == text
