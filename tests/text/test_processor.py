"""Text to character ids."""

from __future__ import annotations

from zoo.text.processor import Characters


def test_unknown_characters_become_the_nearest_there_are() -> None:
    characters = Characters(tuple("'-.?abefn "))
    ids = characters.encode("an’b–a…é“ﬁﬀ日", errors="replace")
    assert characters.decode(ids) == "an'b-a.e'ff?"
    assert len(ids) == 12
