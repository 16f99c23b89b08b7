"""Reading and writing of a user's files."""

from __future__ import annotations

from pathlib import Path

from zoo.files import read_text


def test_line_ends_and_marks_are_normalised(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r")
    (tmp_path / "b.txt").write_bytes(b"three")
    assert read_text([tmp_path / "a.txt", tmp_path / "b.txt"]) == "one\ntwo\nthree"
