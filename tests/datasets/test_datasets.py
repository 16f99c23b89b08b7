"""The corpora: pinned bytes, published splits, and what is said when they cannot be had."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from zoo.datasets.base import ZipResource
from zoo.errors import DataError, UsageError
from zoo.text.datasets import KarpathyShakespeare, WarAndPeace, gutenberg_body, split_by_share

LOAD = """
import json, sys, zoo.datasets
for name in sys.argv[1:]:
    splits = zoo.datasets.load_text(name)
    print(json.dumps({split: len(text) for split, text in splits.items()}))
"""


def load_in_a_process(
    names: list[str], data: Path, mirror: Path | None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Prepare corpora in a process of their own, since TFDS reads its settings at import."""
    env = {key: value for key, value in os.environ.items() if key != "ZOO_DATA_MIRROR"}
    env |= {"TFDS_DATA_DIR": str(data)} | ({"ZOO_DATA_MIRROR": str(mirror)} if mirror else {})
    return subprocess.run(
        [sys.executable, "-c", LOAD, *names], capture_output=True, text=True, env=env, check=check
    )


def test_the_texts_have_their_published_splits(data_mirror: Path, tmp_path: Path) -> None:
    names = ["karpathy_shakespeare", "war_and_peace"]
    done = load_in_a_process(names, tmp_path, data_mirror)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"train": 981_546, "validation": 22_308, "test": 111_540},
        {"train": 2_502_458, "validation": 64_166, "test": 641_657},
    ]


def test_the_test_text_is_the_one_that_nanogpt_validates_on(data_mirror: Path) -> None:
    text = KarpathyShakespeare.RESOURCE.in_mirror(data_mirror).read_text()
    splits = KarpathyShakespeare.split_text(None, text)  # type: ignore[arg-type]
    # nanoGPT: data[int(n * 0.9):]
    assert splits["test"] == text[int(len(text) * 0.9) :]
    assert splits["test"].startswith("?\n\nGREMIO:\nGood morrow, neighbour Baptista.")
    assert text[981_546 + 22_308 - 500 : 981_546 + 22_308] in splits["train"]


def test_the_book_is_cut_out_of_its_licence(data_mirror: Path) -> None:
    raw = WarAndPeace.RESOURCE.in_mirror(data_mirror).read_text(encoding="utf-8-sig")
    body = gutenberg_body(raw)
    assert "Gutenberg" not in body
    assert body.endswith("conscious.")
    assert "“Well, Prince, so Genoa and Lucca" in body[:8000]


def test_a_file_without_markers_is_refused() -> None:
    with pytest.raises(DataError, match="markers"):
        gutenberg_body("just a book")


def test_a_split_loses_nothing() -> None:
    text = "".join(map(chr, range(100, 300)))
    parts = split_by_share(text, validation=(0.4, 0.5), test=0.9)
    assert sorted("".join(parts.values())) == sorted(text)
    assert parts["test"] == text[180:]
    assert parts["validation"] == text[80:100]


def test_a_changed_file_in_the_mirror_is_refused(tmp_path: Path) -> None:
    path = KarpathyShakespeare.RESOURCE.in_mirror(tmp_path / "mirror")
    path.parent.mkdir(parents=True)
    path.write_text("First Citizen: something else")
    run = load_in_a_process(
        ["karpathy_shakespeare"], tmp_path / "data", tmp_path / "mirror", check=False
    )
    assert run.returncode != 0
    assert "sha256 differs" in run.stderr


def test_an_unknown_corpus_suggests_the_nearest() -> None:
    from zoo.datasets import load_text

    with pytest.raises(UsageError, match="did you mean 'war_and_peace'"):
        load_text("war_and_piece")


AN4 = """
import json, zoo.speech.datasets
speakers, texts, seconds = {}, {}, {}
for split, rows in zoo.speech.datasets.load_speech("an4").items():
    rows = [rows[i] for i in range(len(rows))]
    speakers[split] = sorted({row.speaker for row in rows})
    texts[split] = [row.text for row in rows]
    seconds[split] = sum(len(row.samples) for row in rows) / 16000
    assert all(0.05 < abs(row.samples).max() <= 1.0 for row in rows[:20])
print("\\n" + json.dumps([speakers, texts, seconds]))
"""


def test_an4_has_its_own_lists_and_no_speaker_in_two_splits(
    data_mirror: Path, tmp_path: Path
) -> None:
    env = os.environ | {"TFDS_DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", AN4], capture_output=True, text=True, env=env, check=True
    )
    speakers, texts, seconds = json.loads(run.stdout.splitlines()[-1])
    assert {split: len(rows) for split, rows in texts.items()} == {
        "train": 846,
        "validation": 102,
        "test": 130,
    }
    assert {split: len(names) for split, names in speakers.items()} == {
        "train": 66,
        "validation": 8,
        "test": 10,
    }
    assert len({name for names in speakers.values() for name in names}) == 84
    assert sum(len(text.split()) for text in texts["test"]) == 773
    assert 42 * 60 < seconds["train"] + seconds["validation"] < 43 * 60
    assert "RUBOUT G M E F THREE NINE" in texts["test"]


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"top/{name}", data)
    return path


def test_an_archive_is_pinned_by_the_files_that_matter(tmp_path: Path) -> None:
    lines = [
        f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in (("a", b"1"), ("b", b"2"))
    ]
    pinned = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    resource = ZipResource("https://example.org/x.zip", pinned, ("a", "b"))
    # The order and the files beside them do not matter.
    resource.check(make_zip(tmp_path / "1.zip", {"b": b"2", "other": b"9", "a": b"1"}))
    for number, files in enumerate(({"a": b"1"}, {"a": b"1", "b": b"3"}, {})):
        with pytest.raises(DataError, match="does not hold"):
            resource.check(make_zip(tmp_path / f"wrong{number}.zip", files))
    (tmp_path / "no.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged archive"):
        resource.check(tmp_path / "no.zip")
