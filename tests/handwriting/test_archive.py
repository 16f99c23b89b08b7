"""Many pages at once: what is found, broken runs that go on, pages that fail, PDF and TIFF."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.layout_schemas import check_layout_file
from tests.handwriting.toy import write_page
from zoo import load_model
from zoo.cli import main
from zoo.ctc.alphabet import Alphabet
from zoo.errors import DataError, UsageError, ZooError, ZooWarning
from zoo.handwriting import scans
from zoo.handwriting.archive import read_archive, read_archive_page
from zoo.handwriting.archive_pages import expand_inputs, find_pages
from zoo.handwriting.archive_report import REPORT, PageOutcome, Report, summary
from zoo.handwriting.image import count_pages, read_oriented
from zoo.handwriting.line_image import LineNormaliser
from zoo.handwriting.page_xml import read_layout
from zoo.handwriting.processor import Lines
from zoo.handwriting.training.folder import read_folder

TEXTS = ["loiz vol", "zi lo"]
MODEL = "crnn.latin"


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model(MODEL)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A page with PAGE, one with ALTO, one without a layout file, and one that is no image."""
    folder = tmp_path / "scans"
    for name, kind in (("a/page2", "alto"), ("a/page10", "page")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_page(folder / "a", TEXTS, Path(name).name, kind)
    write_page(folder, TEXTS, "plain")[0].unlink()
    (folder / "broken.png").write_text("no image")
    (folder / "notes.txt").write_text("no page")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder but the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def tiff(path: Path, sizes: list[tuple[int, int]], thumbnail: bool = False) -> Path:
    images = [
        Image.fromarray(np.full((height, width), 10 * number, np.uint8))
        for number, (width, height) in enumerate(sizes)
    ]
    images[0].save(path, save_all=True, append_images=images[1:])
    if thumbnail:  # make the second image a smaller copy of the first, as scanners write it
        data = path.read_bytes()
        first = int.from_bytes(data[4:8], "little")
        count = int.from_bytes(data[first : first + 2], "little")
        at = first + 2 + 12 * count
        second = int.from_bytes(data[at : at + 4], "little")
        entry = second + 2  # its first tag, ImageWidth, is followed by what need not be there
        number = int.from_bytes(data[second : second + 2], "little")
        tags = [data[entry + 12 * i : entry + 12 * i + 12] for i in range(number)]
        new = b"\xfe\x00\x04\x00\x01\x00\x00\x00\x01\x00\x00\x00"
        block = (number + 1).to_bytes(2, "little") + new + b"".join(tags)
        block += data[entry + 12 * number : entry + 12 * number + 4]
        moved = data[:at] + len(data).to_bytes(4, "little") + data[at + 4 :]
        path.write_bytes(moved + block)
    return path


def test_a_broken_run_goes_on_and_leaves_the_same_files(
    model: Any, archive: Path, tmp_path: Path
) -> None:
    whole = read_archive(model, [archive], tmp_path / "whole")
    out = tmp_path / "broken"

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_archive(model, [archive], out, on_progress=stop)
    assert len((out / REPORT).read_bytes().splitlines()) == 2
    with open(out / REPORT, "ab") as stream:
        stream.write(b'{"page": "a/pa')  # the process was killed while it wrote
    (out / "a").mkdir(exist_ok=True)
    (out / "a" / ".page2.xml.abcd1234").write_text("half of it")
    started: list[tuple[int, int]] = []
    assert (
        read_archive(model, [archive], out, on_start=lambda *counts: started.append(counts))
        == whole
    )
    assert started == [(4, 1)]
    assert contents(out) == contents(tmp_path / "whole")
    assert set(contents(out)) == {"a/page10.xml", "a/page2.xml", "plain.xml", REPORT}


def test_pages_are_read_with_their_layout_files_or_get_new_ones(
    model: Any, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcomes = read_archive(model, [archive], out)
    assert [each.page for each in outcomes] == [
        "a/page2.png",
        "a/page10.png",
        "broken.png",
        "plain.png",
    ]
    assert "is not a valid image" in outcomes[2].error
    for name in ("page2", "page10"):
        wanted = model.read_page(archive / f"a/{name}.png", archive / f"a/{name}.xml")
        found = read_layout(out / f"a/{name}.xml")
        assert [line.text for line in found.lines] == [str(line) for line in wanted.lines]
        assert [line.identity for line in found.lines] == ["line_0", "line_1"]
    check_layout_file((out / "plain.xml").read_bytes())
    assert read_layout(out / "plain.xml").image == "plain.png"
    read_archive(model, [archive], tmp_path / "pages", "page")
    for name in ("a/page2", "a/page10", "plain"):
        check_layout_file((tmp_path / f"pages/{name}.xml").read_bytes())


def test_what_has_changed_is_read_again_and_what_failed_tried_again(
    model: Any, archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    read_archive(model, [archive], out)
    shutil.copy(archive / "plain.png", archive / "broken.png")
    (out / "plain.xml").unlink()
    done: list[int] = []
    outcomes = read_archive(model, [archive], out, on_progress=done.append)
    assert sum(done) == 2
    assert not any(each.error for each in outcomes)
    (archive / "plain.png").touch()
    done.clear()
    read_archive(model, [archive], out, on_progress=done.append)
    assert sum(done) == 1
    with pytest.raises(UsageError, match="holds pages read with another options"):
        read_archive(model, [archive], out, beam_size=4)
    (out / REPORT).write_text("{}\n{}\n")
    with pytest.raises(ZooError, match="is damaged; remove it"):
        read_archive(model, [archive], out)


def test_the_folder_of_the_results_is_never_read_nor_that_of_the_pages_written(
    model: Any, archive: Path
) -> None:
    for _ in range(2):
        outcomes = read_archive(model, [archive], archive / "out")
        assert len(outcomes) == 4
    for folder in (archive, archive.parent):
        with pytest.raises(UsageError, match="choose another folder for the results"):
            read_archive(model, [archive], folder)


def test_a_page_of_another_folder_does_not_replace_one_of_its_name(
    model: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for folder, width in (("a", 60), ("b", 70)):
        (tmp_path / folder).mkdir()
        Image.new("L", (width, 40), 255).save(tmp_path / folder / "1.png")
    read_archive(model, [tmp_path / "a"], out)
    before = contents(out)
    with pytest.raises(UsageError, match=r"a.1\.png, which .*b.1\.png would replace"):
        read_archive(model, [tmp_path / "b"], out)
    assert contents(out) == before
    # An archive that was moved is read on.
    (tmp_path / "a").rename(tmp_path / "c")
    (outcome,) = read_archive(model, [tmp_path / "b"], out)
    assert (outcome.error, outcome.scan) == ("", str(tmp_path / "b" / "1.png"))


def test_two_processes_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with (
        Report(tmp_path / "out", {}),
        pytest.raises(ZooError, match="another process"),
        Report(tmp_path / "out", {}),
    ):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file; give a folder"), Report(tmp_path / "file", {}):
        pass


def test_results_have_different_names(tmp_path: Path) -> None:
    names = ["x/a.png", "x/A.jpg", "y/a.png", "y/b.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (9, 9)).save(tmp_path / name)
    found = find_pages([tmp_path / name for name in [*names, "x/a.png"]])
    assert [page.target for page in found] == ["x/a.png.xml", "x/A.jpg.xml", "y/a.xml", "y/b.xml"]


def test_patterns_and_folders_stand_for_their_files_in_natural_order(tmp_path: Path) -> None:
    for name in ("p10.png", "p9.png", ".p1.png", "sub/p1.png", "x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    def names(*inputs: str) -> list[str]:
        found = expand_inputs([tmp_path / each for each in inputs], (".png",))
        return [path.relative_to(tmp_path).as_posix() for path in found]

    assert names("") == ["p9.png", "p10.png", "sub/p1.png"]
    assert names("**/p1*.png", "p9.png") == ["p10.png", "sub/p1.png", "p9.png"]
    assert names("none.png") == ["none.png"]
    with pytest.raises(UsageError, match="no file matches"):
        names("*.jpg")
    with pytest.raises(UsageError, match="there is no tif file in the folder"):
        expand_inputs([tmp_path], (".tif",))


def test_a_layout_file_is_found_by_the_image_it_names_or_by_its_own_name(tmp_path: Path) -> None:
    write_page(tmp_path, TEXTS, "named")[0].rename(tmp_path / "other.xml")
    (tmp_path / "page").mkdir()
    write_page(tmp_path, TEXTS, "kept", "page")[0].rename(tmp_path / "page" / "renamed.xml")
    (tmp_path / "kept.png").rename(tmp_path / "renamed.png")
    write_page(tmp_path, TEXTS, "twice")
    shutil.copy(tmp_path / "twice.xml", tmp_path / "page" / "twice.xml")
    (tmp_path / "mets.xml").write_text("<mets/>")
    found = {page.name: page.layouts for page in find_pages([tmp_path])}
    assert found == {
        "named.png": (tmp_path / "other.xml",),
        "renamed.png": (tmp_path / "page/renamed.xml",),
        "twice.png": (tmp_path / "twice.xml", tmp_path / "page/twice.xml"),
    }
    (one,) = find_pages([tmp_path / "renamed.png"])
    assert one.layouts == (tmp_path / "page/renamed.xml",)


def namesakes(folder: Path) -> None:
    """Images of one name in three folders, and their layout files in the folders' ``page``."""
    for name, text in zip("abc", ("loi", "zi", "vol"), strict=True):
        (folder / name / "page").mkdir(parents=True)
        write_page(folder / name, [text], "0001", "page")
        (folder / name / "0001.xml").rename(folder / name / "page" / "0001.xml")
    (folder / "a" / "page" / "0001.xml").unlink()


def test_of_images_of_one_name_the_nearest_is_that_of_a_layout_file(tmp_path: Path) -> None:
    namesakes(tmp_path)
    found = {page.name: page.layouts for page in find_pages([tmp_path])}
    assert found == {
        "a/0001.png": (),
        "b/0001.png": (tmp_path / "b/page/0001.xml",),
        "c/0001.png": (tmp_path / "c/page/0001.xml",),
    }
    lines = read_folder(tmp_path, Lines(LineNormaliser(), Alphabet(("", "a"))))
    for line, folder in zip(lines, "bc", strict=True):
        alone = read_folder(tmp_path / folder, Lines(LineNormaliser(), Alphabet(("", "a"))))
        np.testing.assert_array_equal(line.source.image, alone[0].source.image)


def test_a_layout_file_between_images_of_its_name_is_used_for_none(
    model: Any, tmp_path: Path
) -> None:
    namesakes(tmp_path)
    (tmp_path / "b/page/0001.xml").rename(tmp_path / "layout.xml")
    pages = find_pages([tmp_path])
    assert [page.layouts for page in pages] == [(), (), (tmp_path / "c/page/0001.xml",)]
    assert "layout.xml was not used" in read_archive_page(model, pages[0]).doubts[-1]
    with pytest.raises(DataError, match=r"layout\.xml was not used"):
        read_archive_page(model, pages[0], strict=True)
    with pytest.warns(ZooWarning, match=r"layout\.xml was left out: it may be about any of"):
        read_folder(tmp_path, Lines(LineNormaliser(), Alphabet(("", "a"))))


def test_a_damaged_layout_file_is_named_with_its_page(model: Any, tmp_path: Path) -> None:
    write_page(tmp_path, TEXTS)[0].write_text("<alto")
    (outcome,) = read_archive(model, [tmp_path], tmp_path / "out")
    assert "not well-formed" in outcome.error


def test_pages_of_a_tiff_file_are_read_one_by_one(tmp_path: Path) -> None:
    path = tiff(tmp_path / "book.tif", [(30, 20), (15, 10), (40, 50)])
    assert count_pages(path) == 3
    assert read_oriented(path, 3).grey.shape == (50, 40)
    assert (read_oriented(path, 3).grey == 20).all()
    with pytest.raises(DataError, match="has no page 4"):
        read_oriented(path, 4)
    pages = find_pages([path])
    assert [page.name for page in pages] == [f"book.tif, page {n}" for n in (1, 2, 3)]
    assert pages[2].target == "book/0003.xml"
    assert pages[2].image == "book.tif#page=3"
    assert [page.number for page in find_pages([path], number=2)] == [2]


@pytest.mark.parametrize(("said", "number"), [("", 1), ("2", 2), ("0", 1), ("9", 1), ("x", 1)])
def test_a_layout_of_one_page_is_that_of_one_page_of_a_file(
    model: Any, tmp_path: Path, said: str, number: int
) -> None:
    path = tiff(tmp_path / "book.tif", [(90, 60), (90, 60), (90, 60)])
    line = "<TextLine ID='a' HPOS='1' VPOS='1' WIDTH='80' HEIGHT='40'/>"
    layout = f"<alto><Layout><Page PHYSICAL_IMG_NR='{said}'>{line}</Page></Layout></alto>"
    (tmp_path / "book.xml").write_text(layout)
    pages = find_pages([path])
    found = [read_archive_page(model, page) for page in pages]
    assert [reading.layout is not None for reading in found] == [n == number for n in (1, 2, 3)]
    doubt = f"book.xml is the layout of page {number} alone"
    assert [doubt in reading.doubts for reading in found] == [n != number for n in (1, 2, 3)]
    (third,) = find_pages([path], number=3)
    assert read_archive_page(model, third, page_number=3).layout is not None
    with pytest.raises(DataError, match=doubt):
        read_archive_page(model, pages[2], strict=True)


def test_a_smaller_copy_in_a_tiff_file_is_no_page(tmp_path: Path) -> None:
    path = tiff(tmp_path / "scan.tif", [(30, 20), (15, 10), (40, 50)], thumbnail=True)
    assert count_pages(path) == 2
    assert read_oriented(path, 2).grey.shape == (50, 40)


def test_frames_of_an_animation_are_no_pages(tmp_path: Path) -> None:
    frames = [Image.new("L", (9, 9), value) for value in (0, 99)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert count_pages(tmp_path / "a.gif") == 1


def pdf(path: Path, sizes: list[tuple[float, float]]) -> Path:
    """A PDF with a black rectangle in the lower left quarter of each page."""
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(len(sizes)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(sizes)}>>"]
    for i, (width, height) in enumerate(sizes):
        drawn = f"0 g 0 0 {width / 2} {height / 2} re f"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {4 + 2 * i} 0 R>>"
        )
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream")
    data, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj{body}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF"
    path.write_text(f"{data}xref\n0 {size}\n0000000000 65535 f \n{table}{end}")
    return path


def test_pages_of_a_pdf_are_drawn_at_300_dots_an_inch(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    path = pdf(tmp_path / "book.pdf", [(72, 36), (14400, 14400)])
    with scans.open_scans(path) as book:
        assert book.pages == 2
        grey = book.read(1).grey
        assert grey.shape == (150, 300)
        assert grey.dtype == np.uint8
        assert grey[100:, :140].max() < 10
        assert grey[:70].min() == grey[:, 160:].min() == 255
        with pytest.raises(DataError, match="has no page 3"):
            book.read(3)
    path.write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(DataError, match="is a damaged PDF"):
        scans.open_scans(path)
    with pytest.raises(DataError, match="there is no such file"):
        scans.open_scans(tmp_path / "none.pdf")


def test_a_huge_page_of_a_pdf_is_drawn_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pypdfium2")
    monkeypatch.setattr(scans, "MAX_PIXELS", 10_000)
    with scans.open_scans(pdf(tmp_path / "book.pdf", [(14400, 14400)])) as book:
        height, width = book.read(1).grey.shape
    assert 90 <= height == width <= 100


def test_the_summary_counts_pages_and_names_doubts_by_their_number() -> None:
    outcomes = [PageOutcome(f"{n}.png", doubts=("bent", f"line {n} is dark")) for n in range(7)]
    said = summary([*outcomes, PageOutcome("z.png", error="gone"), PageOutcome("y.png")])
    assert said[0] == "8 of 9 pages read, 7 of them with doubts"
    assert said[1] == "unsure: bent: 0.png, 1.png, 2.png, 3.png, 4.png and 2 more"
    assert said[2] == "unsure: line 0 is dark: 0.png"
    many = [PageOutcome("a.png", doubts=tuple(map(str, range(12))))]
    assert summary(many)[-1] == "2 more kinds of doubts are in pages.jsonl"


def test_the_command_reads_folders_and_ends_with_1_if_a_page_failed(
    zoo: Any, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for again in (False, True):
        with pytest.raises(SystemExit) as ended:
            main(["run", MODEL, str(archive), "--out", str(out)])
        assert ended.value.code == 1
        said = capsys.readouterr()
        assert f"plain.png\t{out / 'plain.xml'}\n" in said.out
        assert "3 of 4 pages read" in said.err
        assert "zoo: broken.png: " in said.err
        assert ("3 of 4 pages are there already" in said.err) == again
    rows = json.loads((out / REPORT).read_text().splitlines()[-2])
    assert rows["page"] == "broken.png"
    shown = zoo("run", MODEL, archive / "a" / "*.png", "--page")
    assert len([row for row in shown.splitlines() if row.startswith("page2.png\t")]) == 2
    assert "zoo: broken.png: " in zoo("run", MODEL, archive, "--json", code=1)
    zoo("run", MODEL, archive / "plain.png", "--out", tmp_path / "one.xml", "--format", "page")
    check_layout_file((tmp_path / "one.xml").read_bytes())
