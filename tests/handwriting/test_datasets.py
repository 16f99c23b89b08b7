"""The handwriting corpora: their published splits, their traps, and the way from the originals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo.handwriting.datasets.preparation import (
    copiste_kind,
    prepare_copiste,
    prepare_hooker,
    prepare_poilus,
    prepare_unipen,
)
from zoo.handwriting.datasets.splits import (
    HOOKER_TEST,
    HOOKER_VALIDATION,
    copiste_writer,
    hooker_letter,
    poilus_writer,
    split_of,
)

LOAD = """
import json, sys, zoo.handwriting.datasets
from zoo.handwriting.training.texts import text_to_score
found = {}
for split, lines in zoo.handwriting.datasets.load_lines(sys.argv[1]).items():
    rows = list(lines)
    found[split] = [
        len(rows), len({row.writer for row in rows}),
        sum(bool(text_to_score(row)) for row in rows), sorted({row.kind for row in rows}),
        list(rows[0].image.shape), sum(row.image.shape[0] == 48 for row in rows),
    ]
print(json.dumps(found))
"""


def test_poilus_has_its_published_split(data_mirror: Path, tmp_path: Path) -> None:
    env = os.environ | {"TFDS_DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", LOAD, "poilus"], capture_output=True, text=True, env=env, check=True
    )
    assert "OpenCV" not in run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    kinds = ["DefaultLine", "InterlinearLine"]
    assert {split: row[:3] for split, row in found.items()} == {
        "train": [2462, 104, 2455],
        "validation": [232, 14, 232],
        "test": [250, 12, 249],
    }
    assert found["train"][3] == found["test"][3] == kinds
    assert all(row[5] == row[0] for row in found.values())


PREPARED = {  # lines, and those that are scored
    "copiste": {"train": (4659, 3849), "validation": (641, 527), "test": (516, 415)},
    "hooker": {"train": (6234, 6234), "validation": (91, 91), "test": (562, 562)},
}


@pytest.mark.parametrize("corpus", PREPARED)
def test_the_prepared_lines_have_their_split_and_their_marks(
    data_mirror: Path, corpus: str
) -> None:
    from collections import Counter

    from zoo.handwriting.datasets import builders as handwriting
    from zoo.handwriting.processor import Line
    from zoo.handwriting.training.texts import text_to_score

    class_ = {"copiste": handwriting.Copiste, "hooker": handwriting.Hooker}[corpus]
    path = class_.PREPARED.in_mirror(data_mirror)
    class_.PREPARED.check(path)
    lines, scored, writers = Counter(), Counter(), {}
    for row in handwriting.read_prepared_lines(path):
        lines[row.split] += 1
        line = Line(row.image, row.text, row.writer, row.page, row.kind)
        scored[row.split] += bool(text_to_score(line))
        place = row.writer if corpus == "copiste" else hooker_letter(row.page)
        assert writers.setdefault(place, row.split) == row.split
    for split, (all_of_them, some) in PREPARED[corpus].items():
        assert (lines[split], scored[split]) == (all_of_them, some)


def test_prepared_ink_is_whole_and_no_writer_is_in_two_splits(data_mirror: Path) -> None:
    from zoo.datasets.base import in_mirror
    from zoo.handwriting.datasets.builders import UnipenTexts, read_prepared_ink

    ((category, resources),) = UnipenTexts.CATEGORIES.items()
    files = [in_mirror(resource) for resource in resources]
    assert all(files)
    writers: dict[str, str] = {}
    counts = {"train": 0, "validation": 0, "test": 0}
    for ink in read_prepared_ink(category, *files):  # type: ignore[arg-type]
        counts[ink.split] += 1
        assert ink.lengths.sum() == len(ink.points)
        assert ink.lengths.min() > 0
        assert ink.points.dtype == np.int32
        assert writers.setdefault(ink.writer, ink.split) == ink.split
    assert counts == {"train": 12_644, "validation": 1078, "test": 649}


def archive_of(pages: list[Path], root: Path, path: Path) -> Path:
    """Some of a repository's files as GitHub's archive of it has them."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("repository-1/README.md", "hello")
        archive.writestr("repository-1/other.xml", "<other/>")
        for page in pages:
            archive.writestr(f"repository-1/{page.relative_to(root)}", page.read_bytes())
    return path


ORIGINALS = {
    "banq-dcn/Copiste-d-un-jour": (prepare_copiste, "copiste"),
    "HTR-United/CREMMA-AN-TestamentsDePoilus": (prepare_poilus, "poilus"),
    "jschaefer738b/JosephHookerHTR": (prepare_hooker, "hooker"),
}


@pytest.mark.parametrize("repository", ORIGINALS)
def test_the_originals_give_the_like_of_the_prepared_lines(
    data_mirror: Path, tmp_path: Path, repository: str
) -> None:
    from zoo.handwriting.datasets.builders import read_prepared_lines

    prepare, corpus = ORIGINALS[repository]
    (root,) = (data_mirror / "raw.githubusercontent.com" / repository).iterdir()
    files = [path for path in root.rglob("*") if path.suffix in (".jpg", ".xml")]
    made = {line.identity: line for line in prepare(archive_of(files, root, tmp_path / "a.zip"))}
    prepared = data_mirror / f"prepared/handwriting/{corpus}_48.zip"
    pages = {line.page for line in made.values()}
    wanted = {line.identity: line for line in read_prepared_lines(prepared) if line.page in pages}
    assert made.keys() == wanted.keys()
    likeness, kinds = [], 0
    for identity, line in made.items():
        own = wanted[identity]
        assert (line.writer, line.page, line.split) == (own.writer, own.page, own.split)
        kinds += line.kind == own.kind
        assert set(np.unique(line.image)) <= set(range(0, 256, 17))
        same = np.asarray(Image.fromarray(line.image).resize(own.image.shape[::-1]))
        likeness.append(np.corrcoef(same.ravel(), own.image.ravel())[0, 1])
    assert np.median(likeness) > 0.92
    # Of Copiste's formula a few lines count as text.
    assert kinds >= 0.95 * len(made)


def test_a_damaged_archive_and_a_missing_image_are_data_errors(
    data_mirror: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged archive"):
        list(prepare_hooker(tmp_path / "a.zip"))
    (root,) = (data_mirror / "raw.githubusercontent.com/jschaefer738b/JosephHookerHTR").iterdir()
    layouts = archive_of(list(root.glob("*.xml")), root, tmp_path / "b.zip")
    with pytest.raises(DataError, match="not in the archive"):
        list(prepare_hooker(layouts))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("wikitexte_0058", "id"),
        ("imp_wikitexte_0044", "id"),
        ("1/2", "id"),
        ("2", "id"),
        ("><", "id"),
        ("J'ai lu les conditions de participation et j'y", "consent"),
        ("NON COMMERCIALES.", "consent"),
        ("être utilisé librement à des fins", "consent"),
        ("regroupant les clubs de football du Laos", "text"),
        ("de la", "text"),
    ],
)
def test_marks_and_the_formula_of_copiste_are_known(text: str, kind: str) -> None:
    assert copiste_kind(text) == kind


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("imp_wikitexte_0051_1", "imp_wikitexte_0051"),
        ("wikitexte_0058", "wikitexte_0058"),
    ],
)
def test_pages_of_copiste_lead_to_their_writer(page: str, place: str) -> None:
    assert copiste_writer(page) == place


def test_pages_of_poilus_and_hooker_lead_to_their_will_and_letter() -> None:
    assert poilus_writer("TestamentsDePoilus_will_AN_0244-0") == "TestamentsDePoilus_will_AN_0244"
    letters = {
        "JDH_2_16_186_001 (1)": "JDH_2_16_186",
        "JDH_2_16_67a001": "JDH_2_16_67a",
        "JDH_2_3_6_80_003": "JDH_2_3_6_80",
        "JDH_2_16_40a_004": "JDH_2_16_40a",
    }
    for page, letter in letters.items():
        assert hooker_letter(page) == letter
    assert split_of(hooker_letter("JDH_2_16_67_001"), HOOKER_VALIDATION, HOOKER_TEST) == (
        "validation"
    )
    assert split_of(hooker_letter("JDH_2_16_67a001"), HOOKER_VALIDATION, HOOKER_TEST) == "train"


def test_unipen_is_prepared_from_its_files(tmp_path: Path) -> None:
    root = tmp_path / "train_r01_v07-552a4d4"
    (root / "include" / "cec").mkdir(parents=True)
    (root / "data" / "7" / "cec").mkdir(parents=True)
    (root / "include" / "cec" / "ink.dat").write_text(
        ".WRITER_ID cp4232\n.PEN_DOWN\n1 2\n3 4\n.PEN_UP\n9 9\n.PEN_DOWN\n5 6\n"
    )
    (root / "data" / "7" / "cec" / "a.dat").write_text(
        '.INCLUDE cec/ink.dat\n.SEGMENT WORD 0-2 OK "fox"\n.SEGMENT TEXT 0 OK "a fox"\n'
    )
    (root / "data" / "7" / "cec" / "b.dat").write_text("damaged")
    (ink,) = prepare_unipen(tmp_path, "7")
    assert ink.points.tolist() == [[1, -2], [3, -4], [5, -6]]
    assert ink.lengths.tolist() == [2, 1]
    assert (ink.text, ink.writer, ink.quality, ink.split) == ("fox", "cec/cp4232", "OK", "test")
    with pytest.raises(DataError, match="category 8"):
        list(prepare_unipen(tmp_path, "8"))
