"""The English speech corpus: its splits, its transcripts, and what is known without decoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import DataError
from zoo.speech.datasets.english import English
from zoo.speech.datasets.english_clips import COLUMNS, Clip, read_clips, read_recordings

LOAD = """
import json, zoo.speech.datasets
corpus = zoo.speech.datasets.load_speech("english")
found = {}
for split, rows in corpus.items():
    known = rows.descriptions()
    found[split] = {
        "count": len(rows),
        "hours": sum(row.seconds for row in known) / 3600,
        "speakers": sorted({row.speaker for row in known}),
        "sources": sorted({row.source for row in known}),
        "characters": "".join(sorted(set("".join(row.text for row in known)))),
        "words": sum(len(row.text.split()) for row in known),
    }
    for number in range(0, len(rows), len(rows) // 8):
        row, of_it = rows[number], known[number]
        assert (row.text, row.speaker, row.identity, row.source, row.facts) == (
            of_it.text, of_it.speaker, of_it.identity, of_it.source, of_it.facts
        )
        assert row.samples.dtype.name == "float32" and row.samples.ndim == 1
        assert abs(len(row.samples) / 16000 - of_it.seconds) < 0.07
        assert 0.01 < abs(row.samples).max() <= 1.0
    found[split]["facts"] = next(dict(row.facts) for row in known if len(row.facts) == 3)\\
        if split == "train" else {}
print("\\n" + json.dumps(found))
"""

TEXTS = """
import json, zoo.datasets
texts = zoo.datasets.load_texts("librispeech_text")
words = [word for text in texts for word in text.split()]
letters = "".join(sorted(set("".join(texts))))
print("\\n" + json.dumps([len(texts), len(words), len(set(words)), letters]))
"""

LETTERS = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def printed(data_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What both scripts print; TFDS reads its settings at import, hence a new process."""
    data = tmp_path_factory.mktemp("data")
    env = os.environ | {"TFDS_DATA_DIR": str(data), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD + TEXTS], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]


def test_english_has_its_splits_and_no_speaker_is_in_two(printed: list[Any]) -> None:
    found = printed[0]
    assert {split: (row["count"], len(row["speakers"])) for split, row in found.items()} == {
        "train": (5868, 522),
        "validation": (444, 127),
        "test_clean": (262, 40),
        "test_other": (100, 10),
        "test_common_voice": (300, 183),
    }
    assert sum(len(row["speakers"]) for row in found.values()) == len(
        {name for row in found.values() for name in row["speakers"]}
    )
    assert found["train"]["characters"] == LETTERS
    assert found["train"]["hours"] == pytest.approx(11.46, abs=0.01)
    assert found["train"]["facts"].keys() == {"gender", "age", "accent"}
    trained_on = ["cv_en", "ls_tc100_one", "ls_train5", "so762_train"]
    assert found["train"]["sources"] == found["validation"]["sources"] == trained_on
    # The words of the README's table, which the figures of the tests are counted on.
    words = {split: row["words"] for split, row in found.items() if split.startswith("test")}
    assert words == {"test_clean": 5481, "test_other": 1892, "test_common_voice": 3011}


def test_the_transcripts_for_language_models_are_whole(printed: list[Any]) -> None:
    assert printed[1] == [28_446, 987_649, 33_767, LETTERS]


def test_no_text_for_language_models_is_of_a_validation_or_test_clip(data_mirror: Path) -> None:
    import gzip

    from zoo.speech.datasets.english import LibrispeechText

    with gzip.open(LibrispeechText.PREPARED.in_mirror(data_mirror), "rt") as lines:
        texts = dict(line.rstrip("\n").split("\t") for line in lines)
    clips = read_clips(English.TRANSCRIPTS.in_mirror(data_mirror))
    for clip in clips:
        if clip.split != "train" and clip.set.startswith("ls_"):
            assert clip.identity not in texts
        elif clip.set.startswith("ls_"):
            assert texts[clip.identity] == clip.text


def clip(**changes: object) -> Clip:
    values = dict.fromkeys(COLUMNS, "") | {"file": "a/x.opus", "seconds": 1.0}
    return Clip(**(values | changes))  # type: ignore[arg-type]


def test_a_clip_knows_its_name_and_its_split() -> None:
    assert clip(file="librispeech/103-1240-0000.opus").identity == "103-1240-0000"
    assert clip(split="train").tfds_split == "train"
    assert clip(split="dev", set="cv_en").tfds_split == "validation"
    assert clip(split="test", set="cv_en").tfds_split == "test_common_voice"


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "transcripts.tsv"
    path.write_text("file\ttext\nx.opus\thello\n")
    with pytest.raises(DataError, match="must have the columns file speaker"):
        read_clips(path)


def test_a_quotation_mark_in_a_table_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "transcripts.tsv"
    row = {"file": "a/x.opus", "seconds": "1.5", "accent": '"posh'}
    rows = ["\t".join(COLUMNS), "\t".join(row.get(name, "") for name in COLUMNS)]
    path.write_text("\n".join(rows) + "\n")
    (found,) = read_clips(path)
    assert (found.seconds, found.accent) == (1.5, '"posh')


def test_a_missing_recording_and_a_damaged_archive_are_named(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("x.opus", b"sound")
    archives = {"a": archive}
    assert [data for _, data in read_recordings([clip()], archives)] == [b"sound"]
    with pytest.raises(DataError, match=r"no recording a/y\.opus"):
        list(read_recordings([clip(file="a/y.opus")], archives))
    archive.write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged archive"):
        list(read_recordings([clip()], archives))
