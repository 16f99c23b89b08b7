"""The labels of a recogniser: round trips, the blank, and malformed files."""

from __future__ import annotations

import pytest

from zoo.ctc.alphabet import Alphabet
from zoo.errors import DataError, FolderError, UsageError


def test_the_blank_comes_first_and_characters_in_order() -> None:
    alphabet = Alphabet.of_texts(["BAD", "A B"])
    assert alphabet.vocabulary == ("", " ", "A", "B", "D")
    assert (alphabet.blank, alphabet.separator) == (0, 1)
    assert alphabet.encode("A BAD").tolist() == [2, 1, 3, 2, 4]
    assert alphabet.decode([0, 2, 1, 3, 0]) == "A B"


def test_an_alphabet_survives_a_round_trip_with_its_blank_elsewhere() -> None:
    alphabet = Alphabet(("a", "", "ſ"))
    assert alphabet.settings() == {"blank": 1}
    assert alphabet.separator is None
    assert Alphabet.from_folder(alphabet.settings(), alphabet.files()) == alphabet


@pytest.mark.parametrize("labels", [("",), ("a", "b"), ("", "ab"), ("", "a", "a"), ("", 1)])
def test_a_malformed_alphabet_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        Alphabet(labels)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'["", "ab"]', b"[[]]", b"\xff", b'["a"]'])
def test_a_malformed_file_is_a_folder_error(content: bytes) -> None:
    with pytest.raises(FolderError):
        Alphabet.from_folder({"blank": 0}, {"vocab.json": content})


def test_a_blank_that_differs_from_the_settings_is_refused() -> None:
    with pytest.raises(FolderError, match="blank"):
        Alphabet.from_folder({"blank": 1}, Alphabet(("", "a")).files())
    with pytest.raises(FolderError, match=r"vocab\.json"):
        Alphabet.from_folder({"blank": 0}, {})


def test_an_unknown_character_is_named() -> None:
    with pytest.raises(DataError, match=r"line 3 has .*'é' \(U\+00E9\)"):
        Alphabet(("", "e")).encode("é", "line 3")
