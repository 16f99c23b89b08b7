"""A model folder opened once: what is returned is what was checked, and nothing is read twice."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import FolderError
from zoo.files import open_without_waiting
from zoo.folder import model_folder
from zoo.folder.bundle import architecture_of, describe_folder, read_bundle
from zoo.folder.layout import CARD, CONFIG, GOLDEN, METRICS, WEIGHTS
from zoo.folder.manifest import MANIFEST, FileEntry, Manifest, sha256_of
from zoo.folder.model_folder import ModelFolder
from zoo.store.locate import locate

FORMAT_1 = Path(__file__).parent / "fixtures" / "format_1"
ALL_FILES = {MANIFEST, CONFIG, WEIGHTS, GOLDEN, METRICS, CARD, "vocab.json"}

_opened: list[str] = []
_hooked = False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FORMAT_1, tmp_path / "model"))


@pytest.fixture
def opens(folder: Path) -> Callable[[], Counter[str]]:
    """Counts the files of the folder that the process has opened since."""
    global _hooked

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        # An opener's os.open() is an event of its own, which has no mode.
        if event == "open" and arguments[1] is not None:
            _opened.append(str(arguments[0]))

    if not _hooked:  # a hook cannot be taken away again
        sys.addaudithook(hear)
        _hooked = True
    _opened.clear()
    return lambda: Counter(Path(name).name for name in _opened if Path(name).parent == folder)


def test_a_model_is_read_with_one_open_a_file(
    folder: Path, opens: Callable[[], Counter[str]]
) -> None:
    located = locate(folder)
    assert architecture_of(located).name == "char_lstm"
    bundle = read_bundle(locate(located))
    assert bundle.weights
    assert bundle.golden
    assert opens() == dict.fromkeys(ALL_FILES, 1)


def test_a_folder_is_described_with_one_open_a_file(
    folder: Path, opens: Callable[[], Counter[str]]
) -> None:
    assert describe_folder(ModelFolder.open(folder))["architecture"] == "char_lstm"
    assert opens() == dict.fromkeys(ALL_FILES, 1)


def test_nothing_can_be_put_between_the_check_and_the_use(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = (folder / CONFIG).read_bytes()

    def swap_after_opening(path: str, flags: int) -> int:
        handle = open_without_waiting(path, flags)
        (folder / "other").write_bytes(b"evil")
        os.replace(folder / "other", path)
        return handle

    opened = ModelFolder.open(folder)
    monkeypatch.setattr(model_folder, "open_without_waiting", swap_after_opening)
    assert opened.read(CONFIG) == original
    assert (folder / CONFIG).read_bytes() == b"evil"
    monkeypatch.undo()
    with pytest.raises(FolderError, match="bytes, its manifest says"):
        ModelFolder.open(folder).read(CONFIG)


def test_the_manifest_that_was_read_first_counts(folder: Path) -> None:
    opened = ModelFolder.open(folder)
    data = (folder / WEIGHTS).read_bytes()
    changed = data[:-1] + bytes([data[-1] ^ 1])
    (folder / WEIGHTS).write_bytes(changed)
    files = {**opened.manifest.files, WEIGHTS: FileEntry(sha256_of(changed), len(changed))}
    (folder / MANIFEST).write_bytes(Manifest(files).to_bytes())
    with pytest.raises(FolderError, match="damaged or was changed"):
        opened.read(WEIGHTS)
    ModelFolder.open(folder).verify()


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x"])
def test_a_file_that_changes_its_length_while_it_is_read_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]
) -> None:
    data = (folder / CONFIG).read_bytes()
    entry = ModelFolder.open(folder).manifest.files[CONFIG]
    regular = os.stat(folder / CONFIG)
    (folder / CONFIG).write_bytes(change(data))
    monkeypatch.setattr(os, "fstat", lambda handle: regular)  # as it was when it was opened
    with pytest.raises(FolderError, match=f"bytes, its manifest says {entry.size}"):
        model_folder.verify_file(folder / CONFIG, entry)


def test_verify_checks_what_was_not_read_and_that_once(
    folder: Path, opens: Callable[[], Counter[str]]
) -> None:
    opened = ModelFolder.open(folder)
    opened.read(CONFIG)
    opened.verify()
    opened.verify()
    assert opens() == dict.fromkeys(ALL_FILES, 1)
    (folder / CARD).write_text("other")
    with pytest.raises(FolderError, match=CARD):
        ModelFolder.open(folder).verify()


def test_a_file_too_large_for_its_use_is_not_opened(
    folder: Path, opens: Callable[[], Counter[str]]
) -> None:
    opened = ModelFolder.open(folder)
    with pytest.raises(FolderError, match="larger than 10 bytes"):
        opened.read(CONFIG, 10)
    assert opens() == {MANIFEST: 1}


def test_weights_larger_than_the_configs_network_are_not_read(
    folder: Path, opens: Callable[[], Counter[str]]
) -> None:
    huge = folder / WEIGHTS
    with open(huge, "r+b") as stream:
        stream.truncate(2**30)  # takes no space on the disk
    files = ModelFolder.open(folder).manifest.files | {WEIGHTS: FileEntry("0" * 64, 2**30)}
    (folder / MANIFEST).write_bytes(Manifest(files).to_bytes())
    _opened.clear()
    with pytest.raises(FolderError, match=f"{WEIGHTS} is larger than"):
        read_bundle(folder)
    assert WEIGHTS not in opens()


def test_a_file_that_the_manifest_does_not_list_is_not_read(folder: Path) -> None:
    (folder / "notes.txt").write_text("not of the model")
    opened = ModelFolder.open(folder)
    assert "notes.txt" not in opened
    with pytest.raises(FolderError, match=r"has no notes\.txt"):
        opened.read("notes.txt")


def test_a_damaged_file_is_mended_once_where_its_source_is_known(folder: Path) -> None:
    calls: list[str] = []

    def mend(name: str, error: FolderError) -> None:
        calls.append(f"{name}: {error}")
        if len(calls) == 1:
            shutil.copy(FORMAT_1 / name, folder / name)

    (folder / CONFIG).write_text("{}")
    (folder / CARD).unlink()
    opened = ModelFolder.open(folder, reference="mine", mend=mend)
    assert opened.read(CONFIG) == (FORMAT_1 / CONFIG).read_bytes()
    assert calls[0].startswith(f"{CONFIG}: ")
    with pytest.raises(FolderError, match=f"cannot read .*{CARD}"):
        opened.verify()
    assert len(calls) == 2
    assert str(opened) == "mine"


def test_a_link_to_an_endless_device_is_refused(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    (folder / "vocab.json").symlink_to("/dev/zero")
    with pytest.raises(FolderError, match="not a regular file"):
        ModelFolder.open(folder).verify()


def test_the_registry_sum_pins_the_manifest(folder: Path) -> None:
    right = sha256_of((folder / MANIFEST).read_bytes())
    opened = ModelFolder.open(folder, right)
    assert opened.manifest_sha256 == right
    assert opened.manifest.files.keys() == ALL_FILES - {MANIFEST}
    with pytest.raises(FolderError, match="registry says"):
        ModelFolder.open(folder, "0" * 64)
