"""InkML and UNIPEN files: their ways of writing strokes, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import DataError, UsageError
from zoo.handwriting.ink_files import read_ink, read_ink_file
from zoo.handwriting.inkml import trace_strokes
from zoo.handwriting.inkml_contexts import Context

HEAD = '<ink xmlns="http://www.w3.org/2003/InkML">'


def inkml(folder: Path, body: str, name: str = "a.inkml") -> Path:
    path = folder / name
    path.write_text(f'<?xml version="1.0"?>\n{HEAD}{body}</ink>\n')
    return path


def test_traces_of_inkml_are_strokes(tmp_path: Path) -> None:
    path = inkml(
        tmp_path,
        '<annotation type="truth">  a  b </annotation><annotation type="writer">w1</annotation>'
        "<traceGroup><trace>10 0, 9 14,8 28.5</trace><trace>-1 2</trace></traceGroup>"
        '<trace type="penUp">0 0, 5 5</trace>',
    )
    (found,) = read_ink_file(path)
    assert (found.text, found.writer) == ("a b", "w1")
    assert [stroke.tolist() for stroke in found.strokes] == [
        [[10, 0], [9, 14], [8, 28.5]],
        [[-1, 2]],
    ]


def test_differences_prefixes_and_wildcards_of_inkml() -> None:
    # The example of the InkML specification, 4.2.1, and what it stands for.
    text = "1125 18432,'23'43,\"7\"-8,3-5,7 -3,6 2,6 8,3 6,2 4,3 4,3 6,5 6,7 4"
    (found,) = trace_strokes(text, Context())
    assert found[:4].tolist() == [[1125, 18432], [1148, 18475], [1178, 18510], [1211, 18540]]
    (found,) = trace_strokes("1 2, * 3, ! 5 *", Context())
    assert found.tolist() == [[1, 2], [1, 3], [5, 3]]


def test_channels_of_inkml_are_found_and_turned(tmp_path: Path) -> None:
    path = inkml(
        tmp_path,
        '<traceFormat xml:id="f"><channel name="T"/><channel name="Y" orientation="-ve"/>'
        '<channel name="X"/><channel name="F"/></traceFormat><trace>1 2 3 4, 5 6 7 8</trace>',
    )
    assert read_ink(path)[0].tolist() == [[3, -2], [7, -6]]
    path = inkml(
        tmp_path,
        '<definitions><traceFormat xml:id="a"><channel name="X"/><channel name="Y"/></traceFormat>'
        '<traceFormat xml:id="b"><channel name="Y"/><channel name="X"/></traceFormat>'
        '<context xml:id="c" traceFormatRef="#b"/></definitions>'
        '<trace>1 2</trace><trace contextRef="#c">1 2</trace>',
    )
    assert [stroke.tolist() for stroke in read_ink(path)] == [[[1, 2]], [[2, 1]]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "no traces"),
        ("<trace>1 2, x y</trace>", "cannot be read"),
        ("<trace>1</trace>", "without x or y"),
        ("<trace></trace>", "no ink"),
        ("<trace>1 1e999</trace>", "NaN, infinite"),
        ('<traceFormat><channel name="X"/></traceFormat><trace>1 2</trace>', "X and Y"),
        ("<trace>1 2", "well-formed"),
    ],
)
def test_damaged_inkml_is_a_data_error(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_ink(inkml(tmp_path, body))


def test_entities_in_inkml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.inkml"
    path.write_text(
        f'<!DOCTYPE ink [<!ENTITY e SYSTEM "file:///etc/passwd">]>{HEAD}<trace>&e;</trace></ink>'
    )
    with pytest.raises(DataError, match="entities"):
        read_ink(path)


UNIPEN = """.VERSION 1.0
.DATA_SOURCE somewhere
             on two lines
.COORD Y X T
.HIERARCHY TEXT WORD
.SEGMENT WORD 0-2 GOOD "do it"
.SEGMENT WORD 4:1,6 ? "say \\"no\\""
.WRITER_ID me
.PEN_DOWN
1 2 0
3 4 1
.PEN_UP
9 9 2
.PEN_DOWN
5 6 3
.PEN_UP
.PEN_UP
8 8 4
.PEN_DOWN
7 8 5
9 10 6
.PEN_UP
0 0 7
.PEN_DOWN
11 12 8
"""


def test_segments_of_unipen_name_components_with_points(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text(UNIPEN)
    first, second = read_ink_file(path)
    # y goes upwards in UNIPEN; components in the air count, empty ones do not.
    assert [stroke.tolist() for stroke in first.strokes] == [[[2, -1], [4, -3]], [[6, -5]]]
    assert (first.text, first.level, first.quality, first.writer) == ("do it", "WORD", "GOOD", "me")
    assert [stroke.tolist() for stroke in second.strokes] == [[[10, -9]], [[12, -11]]]
    assert second.text == 'say "no"'
    with pytest.raises(UsageError, match="2 pieces"):
        read_ink(path)


def test_segments_without_a_label_count_where_nothing_has_one(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    head = ".PEN_DOWN\r1 2\r.PEN_DOWN\r3 4\r"  # lines end in many ways
    path.write_bytes(f"{head}.SEGMENT WORD 0 OK\r.SEGMENT WORD 1\r".encode())
    first, second = read_ink_file(path)
    assert (first.text, first.quality, second.strokes[0].tolist()) == ("", "OK", [[3, -4]])
    path.write_bytes(f'{head}.SEGMENT LINE 0-1 OK\r.SEGMENT WORD 1 OK "a"\r'.encode("utf-16"))
    (labelled,) = read_ink_file(path)
    assert (labelled.text, len(labelled.strokes)) == ("a", 1)


@pytest.mark.parametrize(
    ("entries", "y"),
    [
        (".X_POINTS_PER_INCH 100\n.Y_POINTS_PER_INCH 200\n", -2),
        (".X_POINTS_PER_MM 40.0\n.Y_POINTS_PER_MM 10\n", -16),
        (".X_POINTS_PER_INCH 100\n", -4),
        (".X_POINTS_PER_INCH 100\n.Y_POINTS_PER_INCH ?\n", -4),
        (".X_POINTS_PER_MM 1\n.Y_POINTS_PER_MM 1e9\n", -4),
    ],
)
def test_axes_of_unipen_may_have_their_own_resolution(
    tmp_path: Path, entries: str, y: float
) -> None:
    path = tmp_path / "a.dat"
    path.write_text(f"{entries}.PEN_DOWN\n3 4\n")
    assert read_ink(path)[0].tolist() == [[3, y]]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_labels_of_unipen_have_their_letters(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes('.SEGMENT WORD 0 OK "l’œuf"\n.PEN_DOWN\n3 4\n'.encode(encoding))
    assert read_ink_file(path)[0].text == "l’œuf"


def test_without_segments_all_strokes_are_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text("\n".join(line for line in UNIPEN.splitlines() if "SEGMENT" not in line))
    assert len(read_ink(path)) == 4


def test_included_files_are_found_beside_and_above_but_never_outside(tmp_path: Path) -> None:
    (tmp_path / "include" / "x").mkdir(parents=True)
    (tmp_path / "include" / "x" / "ink.dat").write_text(".PEN_DOWN\n1 2\n3 4\n")
    deep = tmp_path / "data" / "7"
    deep.mkdir(parents=True)
    path = deep / "a.dat"
    path.write_text('.INCLUDE x/ink.dat\n.SEGMENT WORD 0 ? "x"\n')
    assert read_ink(path)[0].tolist() == [[1, -2], [3, -4]]
    (tmp_path / "secret.dat").write_text(".PEN_DOWN\n1 2\n")
    for name, message in (
        ("../../secret.dat", "leads out"),
        (str(tmp_path / "secret.dat"), "leads out"),
        ("nowhere.dat", "not there"),
    ):
        path.write_text(f".INCLUDE {name}\n")
        with pytest.raises(DataError, match=message):
            read_ink(path)
    path.write_text(".INCLUDE a.dat\n.PEN_DOWN\n1 2\n")
    with pytest.raises(DataError, match="includes more than"):
        read_ink(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("just some text", "neither InkML nor UNIPEN"),
        (".VERSION 1.0\n", "no strokes"),
        (".PEN_DOWN\n1 x\n", "numbers"),
        (".PEN_DOWN\n1\n", "numbers"),
        (".PEN_DOWN\n1 nan\n", "NaN"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD 7 ? "x"\n', "component 7"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD a-b ? "x"\n', "places"),
        (f'.PEN_DOWN\n1 2\n.SEGMENT WORD {"9" * 5000} ? "x"\n', "places"),
        (
            ".PEN_DOWN\n1 2\n" * 3000 + '.SEGMENT WORD 0-2999 ? "x"\n' * 400,
            "or 1,000,000 components",
        ),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD 0-99999999 ? "x"\n', "too many"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD 0 ? "x\n', "cannot be read"),
        ('.PEN_DOWN\n1 2\n.SEGMENT WORD 3-1 ? "x"\n', "end before they begin"),
        (".PEN_DOWN\n1 2\n.SEGMENT WORD\n", "names no components"),
        (".COORD A B\n.PEN_DOWN\n1 2\n", "COORD"),
    ],
)
def test_damaged_unipen_is_a_data_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.dat"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_ink(path)


def test_missing_files_are_data_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_ink(tmp_path / "nowhere.inkml")


def test_ink_is_an_array_of_points(tmp_path: Path) -> None:
    (stroke,) = read_ink(inkml(tmp_path, "<trace>1 2, 3 4</trace>"))
    assert stroke.dtype == np.float64
    assert stroke.shape == (2, 2)
