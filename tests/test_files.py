"""Reading and writing of a user's files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from zoo.errors import DataError, FolderError, ZooError
from zoo.files import (
    folder_made,
    is_file,
    read_text,
    reason_of,
    remove_leftovers,
    write_bytes,
)
from zoo.folder.model_folder import ModelFolder
from zoo.language_models.loading import load_language_model


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


def test_the_reason_of_an_error_is_never_empty() -> None:
    assert reason_of(FileNotFoundError(2, "No such file", "a.txt")) == "No such file"
    assert reason_of(ValueError("embedded null byte")) == "embedded null byte"
    assert reason_of(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize("name", ["a" * 300, "null\0character", "missing"])
def test_a_name_that_no_file_can_have_is_a_clear_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert not is_file(path)
    with pytest.raises(DataError, match="cannot read"):
        read_text([path])
    with pytest.raises(DataError, match="cannot read"):
        load_language_model(path)
    with pytest.raises(FolderError, match=r"cannot read|there is no model folder"):
        ModelFolder.open(path)


def test_only_what_a_killed_write_leaves_is_removed(tmp_path: Path) -> None:
    kept = [".lock", ".hidden", ".checkpoint.npz", "a.ab12cd_3", ".my.settings"]
    left = [".checkpoint.npz.ab12cd_3", ".history.csv.________"]
    for name in (*kept, *left):
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    remove_leftovers(tmp_path / "missing")


def test_a_failed_write_leaves_no_folder_that_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ZooError, match="free some space"):
            write_bytes(tmp_path / "a" / "b" / "c.txt", b"text")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="gone"), folder_made(tmp_path / "a" / "b"):
        _keep_and_fail(tmp_path / "a" / "kept")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]
    with pytest.raises(ZooError, match="kept exists and is a file"):
        write_bytes(tmp_path / "a" / "kept" / "c.txt", b"text")


def _keep_and_fail(path: Path) -> None:
    path.write_bytes(b"")
    raise OSError("gone")
