"""The corpora of translations: their published splits, and a split that leaks nothing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from zoo.errors import DataError
from zoo.translation.datasets import Sentence
from zoo.translation.datasets.builders import Tatoeba, read_pairs, split_by_hash

LOAD = """
import json
from zoo.datasets import builder
from zoo.translation.datasets import load_translations
from zoo.errors import UsageError
found = {}
for split in ("train", "validation", "test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"):
    rows = load_translations("multi30k", split)
    found[split] = [len(rows), rows[0].english, rows[0].translations]
try:
    load_translations("multi30k", "test")
except UsageError as error:
    found["error"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def tatoeba(data_mirror: Path) -> dict[str, list[tuple[str, str]]]:
    """The pairs of each of Tatoeba's files."""
    files = {}
    for code, resource in Tatoeba.RESOURCES.items():
        path = resource.in_mirror(data_mirror)
        resource.check(path)
        files[code] = list(read_pairs(path))
    return files


def test_tatoeba_has_the_pairs_that_were_counted(
    tatoeba: dict[str, list[tuple[str, str]]],
) -> None:
    assert {code: len(pairs) for code, pairs in tatoeba.items()} == {
        "de": 169_813,
        "es": 118_964,
        "fr": 167_130,
    }
    assert tatoeba["fr"][0] == ("Go.", "Va !")


def test_the_split_of_tatoeba_is_by_hash_and_leaks_nothing(
    tatoeba: dict[str, list[tuple[str, str]]],
) -> None:
    splits = split_by_hash(tatoeba)
    english = {pair[0] for pairs in tatoeba.values() for pair in pairs}
    order = sorted(english, key=lambda text: hashlib.sha256(text.encode()).hexdigest())
    assert [one.english for one in splits["test"]] == order[:2000]
    assert [one.english for one in splits["validation"]] == order[2000:4000]
    held = set(order[:4000])
    assert not held & {one.english for one in splits["train"]}
    # No translation of a held-out sentence is trained on either, in its language.
    others = {
        (code, text)
        for split in ("test", "validation")
        for one in splits[split]
        for code, texts in one.translations.items()
        for text in texts
    }
    trained = {
        (code, text)
        for one in splits["train"]
        for code, texts in one.translations.items()
        for text in texts
    }
    assert not others & trained
    # All translations of a test sentence are there, as references.
    wanted = {
        code: dict.fromkeys(o for e, o in pairs if e == order[0]) for code, pairs in tatoeba.items()
    }
    assert {code: list(texts) for code, texts in splits["test"][0].translations.items()} == {
        code: list(texts) for code, texts in wanted.items() if texts
    }
    pairs = sum(len(texts) for one in splits["train"] for texts in one.translations.values())
    assert 440_000 < pairs < 450_000


def test_what_differs_in_punctuation_or_case_alone_is_no_difference() -> None:
    files = {
        "fr": [(f"word {i}", f"mot {i}") for i in range(40)],
        "de": [(f"word {i}", f"Wort {i}") for i in range(40)],
    }
    held = split_by_hash(files, held_out=2)["test"][0].english
    number = held.split()[1]
    files["fr"] += [
        (f"Word {number}!", "autre chose"),
        ("something else", f"Mot {number} !"),
        ("something else", f"Wort {number}"),
        (held, f"le mot {number}"),
        (held, f"mot {number}"),
    ]
    files["de"].append((f"WORD {number}", "etwas anderes"))
    splits = split_by_hash(files, held_out=2)
    assert held in {one.english for one in splits["test"] + splits["validation"]}
    trained = {one.english: one.translations for one in splits["train"]}
    assert f"Word {number}!" not in trained
    assert f"WORD {number}" not in trained
    # Another language's words are no leak.
    assert trained["something else"] == {"fr": (f"Wort {number}",)}
    (found,) = (one for rows in splits.values() for one in rows if one.english == held)
    assert found.translations["fr"] == (f"mot {number}", f"le mot {number}")


def test_multi30k_has_its_published_splits(data_mirror: Path, tmp_path: Path) -> None:
    env = os.environ | {"TFDS_DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, env=env, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert "has no split 'test'; there are" in found.pop("error")
    assert {split: count for split, (count, *_) in found.items()} == {
        "train": 29_000,
        "validation": 1014,
        "test_2016_flickr": 1000,
        "test_2017_flickr": 1000,
        "test_2017_mscoco": 461,
    }
    assert found["test_2016_flickr"][1:] == [
        "A man in an orange hat starring at something.",
        {
            "de": ["Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."],
            "fr": ["Un homme avec un chapeau orange regardant quelque chose."],
        },
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"x/fra.txt": b"Hi.\tSalut !\nBye.\n"}, "line 2"),
        ({"x/fra.txt": b"Hi.\t\n"}, "line 1"),
        ({"x/other.csv": b""}, "not a valid archive of sentence pairs"),
        ({"a.txt": b"Hi.\tS\n", "b.txt": b""}, "not a valid archive of sentence pairs"),
        ({"x/fra.txt": b"Hi.\t\xff\n"}, "not a valid archive of sentence pairs"),
    ],
)
def test_a_damaged_file_of_pairs_is_a_data_error(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    path = tmp_path / "pairs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(DataError, match=message):
        list(read_pairs(path))
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="not a valid archive of sentence pairs"):
        list(read_pairs(path))


def test_a_sentence_keeps_each_translation_once() -> None:
    splits = split_by_hash({"fr": [("a", "x"), ("a", "x"), ("a", "y"), ("b", "z")]}, held_out=0)
    assert Sentence("a", {"fr": ("x", "y")}) in splits["train"]
    assert len(splits["train"]) == 2
