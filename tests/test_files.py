"""Reading and writing of a user's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import DataError
from zoo.files import read_text


def test_line_ends_and_marks_are_normalised(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r")
    (tmp_path / "b.txt").write_bytes(b"three")
    assert read_text([tmp_path / "a.txt", tmp_path / "b.txt"]) == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("Où ça ?".encode("utf-16"), r"it looks like UTF-16\).*iconv -f utf-16 -t"),
        ("a line of text".encode("utf-16-le"), "iconv -f utf-16le"),
        ("a line of text".encode("utf-16-be"), "iconv -f utf-16be"),
        ("I can’t – “é”".encode("cp1252"), "iconv -f cp1252"),
        ("Où ça ?".encode("latin1"), r"byte 1\).*iconv -f latin1"),
        (b"\x00\x01\x02text\x00\x00", "binary file"),
    ],
)
def test_text_that_is_not_utf_8_is_recognised(tmp_path: Path, data: bytes, advice: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(DataError, match=advice):
        read_text([tmp_path / "a.txt"])
