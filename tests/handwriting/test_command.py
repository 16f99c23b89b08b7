"""``zoo run`` on lines, pages and ink: output, files and exit codes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.toy import draw, make_reader, save_ink, write, write_folder, write_page
from zoo import load_model
from zoo.cli import main
from zoo.errors import ZooWarning
from zoo.handwriting.page_xml import read_layout

TEXTS = ["loiz vol", "zi lo"]


@pytest.fixture(scope="module")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reader("crnn").save(tmp_path_factory.mktemp("models") / "lines")


@pytest.fixture(scope="module")
def pen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reader("pen_bilstm").save(tmp_path_factory.mktemp("models") / "pen")


@pytest.fixture
def line(tmp_path: Path) -> Path:
    path = tmp_path / "line.png"
    Image.fromarray(draw(TEXTS[0])).save(path)
    return path


def test_a_line_prints_its_text_and_several_a_row_each(
    zoo: Any, reader_folder: Path, line: Path, tmp_path: Path
) -> None:
    text = load_model(reader_folder).read(line).text
    assert len(text) > 2
    assert zoo("run", reader_folder, line) == f"{text}\n"
    assert zoo("run", reader_folder, line, line) == f"{line}\t{text}\n" * 2
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    assert f"{bad} is not a valid image" in zoo("run", reader_folder, line, bad, code=1)
    picture = tmp_path / "read.svg"
    (found,) = json.loads(zoo("run", reader_folder, line, "--json", "--picture", picture))
    assert (found["input"], found["text"]) == (str(line), text)
    assert "".join(one["text"] for one in found["characters"]) == text
    assert picture.read_text().startswith("<?xml")


def test_a_page_is_read_by_its_layout_which_is_written_back(
    zoo: Any, reader_folder: Path, tmp_path: Path
) -> None:
    layout, page = write_page(tmp_path, TEXTS)
    image, out = tmp_path / "page.png", tmp_path / "out.xml"
    wanted = load_model(reader_folder).read_page(page, layout)
    shown = zoo("run", reader_folder, image, "--layout", layout, "--out", out)
    assert shown == f"{wanted}\n"
    assert [one.text for one in read_layout(out).lines] == [str(one) for one in wanted.lines]
    found = json.loads(zoo("run", reader_folder, image, "--layout", layout, "--json"))
    assert [one["id"] for one in found["lines"]] == ["line_0", "line_1"]
    assert found["doubts"] == []
    first = found["lines"][0]
    assert [len(box) for box in first["boxes"]] == [4] * len(first["characters"])
    assert len(zoo("run", reader_folder, image, "--page").splitlines()) == 2


def test_strokes_print_their_text(zoo: Any, pen_folder: Path, tmp_path: Path) -> None:
    ink = save_ink(tmp_path / "ink.inkml", "il vozi lil oo")
    text = load_model(pen_folder).read(ink).text
    assert len(text) > 2
    assert zoo("run", pen_folder, ink) == f"{text}\n"
    assert zoo("run", pen_folder, "~ink.inkml", code=1).startswith("zoo: cannot read ~ink.inkml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["page.png", "page.png", "--layout", "page.xml"], "--layout needs a single input"),
        (["page.png", "--format", "alto"], "give --out"),
        (["page.png", "page.png", "--out", "page.xml"], "is a file; give a folder"),
        (["page.png", "--out", "."], "choose another folder for the results"),
        (["*.tif", "--out", "texts"], "no file matches"),
        (["page.png", "--page", "--picture", "a.png"], "plots a line"),
        (["page.png", "--layout", "page.xml", "--out", "page.xml"], "would be overwritten"),
        (["page.png", "--picture", "page.png"], "would be overwritten"),
        (["page.png", "--beam-size", "0"], "beam_size must be"),
        ([], "Missing argument"),
    ],
)
def test_bad_usage_exits_with_2_and_writes_nothing(
    zoo: Any,
    reader_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    write_page(tmp_path, TEXTS)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert message in zoo("run", reader_folder, *arguments, code=2)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_pieces_of_one_ink_file_are_read_one_by_one(
    zoo: Any, pen_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "words.dat"
    rows = [".COORD X Y"]
    for text in TEXTS:
        for stroke in write(text):
            rows += [".PEN_DOWN", *(f"{x:.1f} {-y:.1f}" for x, y in stroke), ".PEN_UP"]
    strokes = [len(write(text)) for text in TEXTS]
    rows.append(f'.SEGMENT WORD 0-{strokes[0] - 1} ? "{TEXTS[0]}"')
    rows.append(f'.SEGMENT WORD {strokes[0]}-{sum(strokes) - 1} ? "{TEXTS[1]}"')
    path.write_text("\n".join(rows) + "\n")
    first, second = zoo("run", pen_folder, path).splitlines()
    model = load_model(pen_folder)
    for shown, text, number in ((first, TEXTS[0], 0), (second, TEXTS[1], 1)):
        assert shown == f"{path}#{number}\t{model.read(write(text)).text}"
    picture = tmp_path / "ink.png"
    options = ["--picture", picture]
    assert "several pieces of writing" in zoo("run", pen_folder, path, *options, code=2)
    assert not picture.exists()
    one = save_ink(tmp_path / "ink.inkml", TEXTS[0])
    zoo("run", pen_folder, one, *options)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "reads pen strokes" in zoo("run", pen_folder, one, "--page", code=2)


def test_doubts_and_hints_go_to_standard_error(
    reader_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((60, 300), 255, np.uint8)).save(tmp_path / "white.png")
    for options, said in (
        ([], "found no line of writing; is it a page? then add --page"),
        (["--page"], "unsure: there is no writing"),
    ):
        with contextlib.suppress(SystemExit):
            main(["run", str(reader_folder), str(tmp_path / "white.png"), *options])
        written = capsys.readouterr()
        assert written.out == "\n"
        assert said in written.err


def test_each_input_without_a_line_of_writing_gets_a_hint(
    reader_folder: Path, line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = [tmp_path / "one.png", line, tmp_path / "two.png"]
    for path in (inputs[0], inputs[2]):
        Image.fromarray(np.full((60, 300), 255, np.uint8)).save(path)
    with contextlib.suppress(SystemExit):
        main(["run", str(reader_folder), *map(str, inputs)])
    hints = [row for row in capsys.readouterr().err.splitlines() if "no line of writing" in row]
    assert [row.partition(": found")[0] for row in hints] == [
        f"zoo: {inputs[0]}",
        f"zoo: {inputs[2]}",
    ]


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (None, "cannot read"),
        ("<alto", "not well-formed XML"),
        ("<mets/>", "neither ALTO nor PAGE"),
        ("<alto><Layout><Page><TextLine/></Page></Layout></alto>", "no line can be read"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><alto>&b;</alto>', "declares entities"),
    ],
)
def test_bad_layouts_exit_with_1_and_write_nothing(
    zoo: Any, reader_folder: Path, line: Path, tmp_path: Path, layout: str | None, message: str
) -> None:
    path, out = tmp_path / "page.xml", tmp_path / "out.xml"
    if layout is not None:
        path.write_text(layout)
    options = ["--layout", path, "--out", out]
    assert message in zoo("run", reader_folder, line, *options, code=1)
    assert not out.exists()


BAD_LINE = '<TextLine ID="bad" HPOS="1" VPOS="1" WIDTH="1e" HEIGHT="9"/>'


def test_a_damaged_line_is_named_or_refused(
    zoo: Any, reader_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, _ = write_page(tmp_path, TEXTS)
    good = layout.read_text("utf-8")
    layout.write_text(good.replace("</TextBlock>", f"{BAD_LINE}</TextBlock>"), "utf-8")
    image, out = tmp_path / "page.png", tmp_path / "out.xml"
    options = ["--layout", layout, "--out", out]
    with contextlib.suppress(SystemExit):
        main(["run", *map(str, (reader_folder, image, *options))])
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert "bad was left out: its WIDTH is not a number: '1e'" in shown.err
    assert b'<TextLine ID="bad" HPOS="1" VPOS="1" WIDTH="1e" HEIGHT="9"' in out.read_bytes()
    out.unlink()
    assert "bad: its WIDTH" in zoo("run", reader_folder, image, *options, "--strict", code=1)
    assert not out.exists()


def test_a_blank_page_is_written(zoo: Any, reader_folder: Path, line: Path, tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<alto><Layout><Page/></Layout></alto>")
    out = tmp_path / "out.xml"
    options = ["--layout", tmp_path / "page.xml", "--out", out]
    assert zoo("run", reader_folder, line, *options) == "\n"
    assert b"<Page" in out.read_bytes()


def test_one_of_several_pages_is_chosen(
    zoo: Any, reader_folder: Path, line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = '<TextLine ID="{}" HPOS="0" VPOS="0" WIDTH="90" HEIGHT="60"/>'
    pages = "".join(f"<Page>{entry.format(name)}</Page>" for name in "ab")
    (tmp_path / "page.xml").write_text(f"<alto><Layout>{pages}</Layout></alto>")
    options = ["--layout", tmp_path / "page.xml", "--json"]
    with contextlib.suppress(SystemExit):
        main(["run", *map(str, (reader_folder, line, *options))])
    shown = capsys.readouterr()
    assert '"id": "a"' in shown.out
    assert "has 2 pages of the image's form; page 1 was taken" in shown.err
    assert '"id": "b"' in zoo("run", reader_folder, line, *options, "--page-number", "2")
    assert "no page 3" in zoo("run", reader_folder, line, *options, "--page-number", "3", code=1)


def test_a_damaged_segment_of_ink_is_named_or_refused(
    zoo: Any, pen_folder: Path, tmp_path: Path
) -> None:
    strokes = "".join(f".PEN_DOWN\n0 {y}\n{x} 9\n" for x, y in ((5, 20), (9, 1)))
    path = tmp_path / "a.dat"
    path.write_text(f'{strokes}.SEGMENT WORD 0-1 OK "a"\n.SEGMENT WORD 5 OK "b"\n')
    with pytest.warns(ZooWarning, match=r"segment 1 \('b'\) was left out"):
        assert zoo("run", pen_folder, path)
    assert "names component 5" in zoo("run", pen_folder, path, "--strict", code=1)


def test_white_paper_is_no_text(zoo: Any, reader_folder: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 300), 255, np.uint8)).save(tmp_path / "white.png")
    assert zoo("run", reader_folder, tmp_path / "white.png") == "\n"


@pytest.mark.parametrize("pen", [False, True])
def test_a_reader_is_fine_tuned_run_and_scored(
    zoo: Any, reader_folder: Path, pen_folder: Path, tmp_path: Path, pen: bool
) -> None:
    folder, out = write_folder(tmp_path / "lines", 9, header=True, pen=pen), tmp_path / "out"
    start = pen_folder if pen else reader_folder
    options = ["--lines", folder, "--out", out, "--epochs", "1", "--limit", "2"]
    assert str(out) in zoo("finetune", start, *options)
    found = load_model(out)
    assert "on 2 lines" in found.card["data"]
    assert "--epochs 1 --limit 2" in found.metrics[0].command
    one = next(path for path in sorted(folder.iterdir()) if path.name != "lines.tsv")
    assert zoo("run", out, one) == f"{found.read(one)}\n"
    rows = json.loads(zoo("evaluate", out, "--data", folder, "--json"))
    assert {(row["metric"], row["split"], row["lines"]) for row in rows} == {
        ("cer", "test", 3),
        ("wer", "test", 3),
    }
    with open(folder / "lines.tsv", "a") as table:
        table.write("nowhere\tlo\ttest\n")
    with pytest.warns(ZooWarning, match=r"line 11 was left out: there is no file"):
        assert json.loads(zoo("evaluate", out, "--data", folder, "--json"))[0]["lines"] == 3
    assert "there is no file" in zoo("evaluate", out, "--data", folder, "--strict", code=1)
    assert "holds a finished model" in zoo("finetune", start, *options, code=2)
