"""Examples, folders, fine-tuning and scoring of handwriting, on a script that is soon learnt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.handwriting.toy import LABELS, draw, make_reader, write, write_folder, write_page
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.training.examples import fits
from zoo.errors import DataError, UsageError, ZooWarning
from zoo.handwriting.ink import InkNormaliser
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.line_image import LineNormaliser
from zoo.handwriting.processor import Line, Lines, Pen
from zoo.handwriting.training.examples import (
    LineExamples,
    PenExamples,
    Sample,
    is_a_line,
    long_enough,
    plain_examples,
    samples_of,
    single_lines,
)
from zoo.handwriting.training.folder import read_folder, split_lines
from zoo.handwriting.training.ink_rendering import InkRendering
from zoo.handwriting.training.run import HandwritingOptions, finetune_handwriting
from zoo.handwriting.training.scores import evaluate_folder
from zoo.handwriting.training.texts import clean_text, text_to_learn, text_to_score, usable_ink

LINES = Lines(LineNormaliser(), Alphabet(LABELS))
PEN = Pen(InkNormaliser(), Alphabet(LABELS))


def line(text: str, **values: Any) -> Line:
    return Line(draw("lo"), text, **values)


def test_texts_are_compared_after_nfc_squeezed_and_with_round_s() -> None:
    assert clean_text("  e\u0301te\u0301 \t auſſi ") == "été aussi"


@pytest.mark.parametrize(
    ("given", "learnt", "scored"),
    [
        (line("un deux", kind="text"), "un deux", "un deux"),
        (line("un >deux< trois", kind="text"), "un deux trois", ""),
        (line("un >< trois", kind="DefaultLine"), "", ""),
        (line("J'ai lu", kind="consent"), "J'ai lu", ""),
        (line("wikitexte_0001", kind="id"), "", ""),
        (line("la maiſon", kind="InterlinearLine"), "la maison", "la maison"),
    ],
)
def test_crossed_out_words_marks_and_formulas_stay_out_of_the_scores(
    given: Line, learnt: str, scored: str
) -> None:
    assert text_to_learn(given) == learnt
    assert text_to_score(given) == scored


@pytest.mark.parametrize(
    ("ink", "usable"),
    [
        (Ink([], "word", "7", "OK", "sta/me"), True),
        (Ink([], "word", "7", "BAD", "sta/me"), False),
        (Ink([], "ra\\@n", "7", "OK", "kai/me"), False),
        (Ink([], "Hotel", "7", "OK", "sie/me"), False),
        (Ink([], "a", "7", "OK", "sta/me"), False),
        (Ink([], "a", "1c", "?", "app/me"), True),
        (Ink([], "ab", "1c", "?", "app/me"), False),
    ],
)
def test_bad_sources_and_single_characters_of_unipen_are_left_out(ink: Ink, usable: bool) -> None:
    assert usable_ink(ink) is usable


def test_ink_of_several_lines_is_known_by_its_height() -> None:
    text = "lozi volo zil"
    one = write(text)
    several = [stroke + np.array([0.0, 90.0 * row]) for row in range(4) for stroke in one]
    assert is_a_line(one, text)
    assert not is_a_line(several, f"{text} " * 4)
    samples = samples_of([Ink(one, text), Ink(several, f"{text} " * 4)])
    assert [sample.text for sample in single_lines(samples)] == [text]


@pytest.mark.parametrize("kind", [LineExamples, PenExamples])
def test_an_example_depends_on_seed_number_and_epoch_alone(kind: Any) -> None:
    processor = LINES if kind is LineExamples else PEN
    samples = samples_of([Ink(write("lo zi"), "lo zi"), Ink(write("vil"), "vil")], share=0.5)
    made, again, other = (kind(samples, processor, seed, "here") for seed in (1, 1, 2))
    features, labels = made.example(1, 3)
    assert labels.tolist() == processor.alphabet.encode("vil").tolist()
    assert fits(len(features), labels)
    np.testing.assert_array_equal(features, again.example(1, 3)[0])
    for different in (made.example(1, 4)[0], other.example(1, 3)[0]):
        assert features.shape != different.shape or np.abs(features - different).max() > 0.01
    assert made.set.texts == ["lo zi", "vil"]
    assert made.set.shares == [0.5, 0.5]
    for number, length in enumerate(made.set.lengths):
        assert length == pytest.approx(len(made.example(number, 0)[0]), rel=0.4)


def test_lines_and_ink_are_learnt_side_by_side() -> None:
    samples = [
        Sample(line("lo"), "lo"),
        Sample(Ink(write("zi"), "zi"), "zi"),
        Sample(line("x"), ""),
    ]
    made = LineExamples(samples, LINES, 0, "here")
    assert made.set.texts == ["lo", "zi"]
    assert all(made.example(i, 0)[0].shape[1] == 48 for i in (0, 1))


def test_a_share_of_the_drawn_ink_is_left_as_it_is_drawn() -> None:
    strokes = [stroke.astype(np.float32) for stroke in write("lo")]
    image = InkRendering().draw(strokes, np.random.default_rng([0, 0, 0]))
    drawn = LINES.normaliser.normalise(image).columns
    plain, changed = (
        LineExamples(
            [Sample(Ink(strokes, "lo"), "lo")], LINES, 0, "here", changed_ink=share
        ).example(0, 0)[0]
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(plain, drawn)
    assert changed.shape != drawn.shape or not np.allclose(changed, drawn)


def test_what_cannot_be_learnt_from_is_refused() -> None:
    with pytest.raises(DataError, match="no line is long enough"):
        LineExamples([Sample(line("lo" * 300), "lo" * 300)], LINES, 0, "here")
    with pytest.raises(DataError, match="here, number 1 has characters outside"):
        LineExamples([Sample(line("é"), "é")], LINES, 0, "here")
    assert plain_examples([Sample(line("lé"), "lé")], LINES)[0][1].tolist() == [2]
    short = long_enough(np.ones((3, 5), np.float32), np.array([1, 1, 2]))
    assert short.shape == (16, 5)
    assert fits(len(short), np.array([1, 1, 2]))


def test_a_line_that_cannot_be_read_is_not_learnt_from(tmp_path: Path) -> None:
    rule = np.full((48, 3000), 255, np.uint8)
    rule[20] = 0
    folder = write_folder(tmp_path / "lines", 3)
    Image.fromarray(rule).save(folder / "rule.png")
    with open(folder / "lines.tsv", "a") as table:
        table.write("rule.png\tlo\n")
    with pytest.warns(ZooWarning, match=r"rule\.png was left out: the line is \d+ columns wide"):
        samples = [line.to_learn for line in read_folder(folder, LINES)]
    assert len(samples) == 3
    with pytest.raises(DataError, match=r"rule\.png: the line is \d+ columns wide"):
        read_folder(folder, LINES, strict=True)
    samples.append(Sample(Line(rule, "lo"), "lo"))
    assert len(plain_examples(samples, LINES)) == 3
    assert len(LineExamples(samples, LINES, 0, "here").set.lengths) == 3


def test_a_folder_of_images_and_a_table_is_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "lines", 9, header=True)
    found = read_folder(folder, LINES)
    assert [one.split for one in found] == ["train", "validation", "test"] * 3
    learnt, chosen = split_lines(found, 0.1)
    assert (len(learnt), len(chosen)) == (3, 3)
    assert len(split_lines(found, 0.1, limit=2)[0]) == 2
    plain = read_folder(write_folder(tmp_path / "plain", 10), LINES)
    learnt, chosen = split_lines(plain, 0.2)
    assert (len(learnt), len(chosen)) == (8, 2)
    assert split_lines(plain, 0.2)[1] == chosen


def test_a_folder_of_pages_is_cut_into_lines(tmp_path: Path) -> None:
    write_page(tmp_path, ["lo zi", "vol"], "one")
    write_page(tmp_path, ["zizi"], "two")
    found = read_folder(tmp_path, LINES)
    assert [one.identity for one in found] == ["one_000", "one_001", "two_000"]
    assert [one.to_learn.text for one in found] == ["lo zi", "vol", "zizi"]
    assert all(isinstance(one.source, Line) and len(one.source.image) == 48 for one in found)
    # Exports hold such files too.
    (tmp_path / "METS.xml").write_text("<mets/>")
    (tmp_path / "blank.xml").write_text("<alto><Layout><Page/></Layout></alto>")
    assert len(read_folder(tmp_path, LINES)) == 3
    (tmp_path / "alto").mkdir()
    twin = tmp_path / "alto" / "one.xml"
    twin.write_bytes((tmp_path / "one.xml").read_bytes())
    with pytest.raises(DataError, match=r"are about the same image .*one\.png"):
        read_folder(tmp_path, LINES)
    twin.unlink()
    (tmp_path / "two.png").unlink()
    missing = r"two\.xml.* it is about the image 'two\.png', which is not in the folder"
    with pytest.warns(ZooWarning, match=missing):
        assert len(read_folder(tmp_path, LINES)) == 2
    with pytest.raises(DataError, match=missing):
        read_folder(tmp_path, LINES, strict=True)


def test_a_folder_of_unipen_files_says_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_text('.PEN_DOWN\n1 2\n3 4\n.SEGMENT WORD 0 ? "lo"\n')
    (found,) = read_folder(tmp_path, PEN)
    assert (found.identity, found.to_score.text) == ("a.dat_000", "lo")
    # The same strokes as a text and as its words are there once.
    (tmp_path / "a.dat").write_text(
        ".PEN_DOWN\n1 2\n3 4\n.PEN_DOWN\n5 6\n7 8\n"
        '.SEGMENT TEXT 0-1 ? "lo vol"\n.SEGMENT WORD 0 ? "lo"\n.SEGMENT WORD 1 ? "vol"\n'
    )
    assert [one.to_learn.text for one in read_folder(tmp_path, PEN)] == ["lo", "vol"]
    (tmp_path / "lines.tsv").write_text("a.dat\tlo vol\n")
    (both,) = read_folder(tmp_path, PEN)
    assert isinstance(both.source, Ink)
    assert (len(both.source.strokes), both.source.text) == (2, "lo vol")
    (tmp_path / "lines.tsv").unlink()
    with pytest.raises(DataError, match="neither a lines"):
        read_folder(tmp_path, LINES)


def test_a_table_may_hold_any_characters(tmp_path: Path) -> None:
    Image.fromarray(draw("lo")).save(tmp_path / "a.png")
    (tmp_path / "lines.tsv").write_text("a.png\tlo\u2028vol" + "z" * 200_000 + "\n")
    (line,) = read_folder(tmp_path, LINES)
    assert line.source.text.startswith("lo\u2028vol")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a.png", "line 1: expected file, text"),
        ("nowhere.png\tlo", "there is no file"),
        ("../lines.tsv\tlo", "is outside the folder"),
        ("a.png\tlo\na.png\tlo", "line 2: a.png was there before"),
        ("file\tkind\na.png\tlo", "no column 'text'"),
        ("file\ttext\tsplit\na.png\tlo\tdev", "split 'dev'"),
        ("file\ttext\tsplit\na.png\tlo", "expected file, text, split"),
        ("bad.png\tlo", "not a valid image"),
        ("", "is empty"),
        ("a.png\t ", "line 1: expected file, text|neither a lines"),
    ],
)
def test_malformed_tables_are_data_errors(tmp_path: Path, table: str, message: str) -> None:
    Image.fromarray(draw("lo")).save(tmp_path / "a.png")
    (tmp_path / "bad.png").write_text("text")
    (tmp_path / "lines.tsv").write_text(table)
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path, LINES)


def test_bad_rows_of_a_table_are_named_and_the_others_read(tmp_path: Path) -> None:
    Image.fromarray(draw("lo")).save(tmp_path / "a.png")
    (tmp_path / "bad.png").write_text("text")
    (tmp_path / "lines.tsv").write_text("bad.png\tlo\nnone.png\tlo\nalone\na.png\tlo\n")
    with pytest.warns(ZooWarning) as warned:
        (line,) = read_folder(tmp_path, LINES)
    assert line.identity == "a.png"
    for told, said in zip(
        warned,
        ("line 1 .*not a valid image", "line 2 .*there is no file", "line 3 .*expected"),
        strict=True,
    ):
        assert re.search(said, str(told.message))
    with pytest.raises(DataError, match=r"line 1: .* not a valid image"):
        read_folder(tmp_path, LINES, strict=True)


def test_bad_calls_write_nothing(tmp_path: Path) -> None:
    start = str(make_reader("crnn").save(tmp_path / "start"))
    folder = write_folder(tmp_path / "lines", 2)
    for values, message in (
        ({"validation": 1.5}, "fraction between"),
        ({"limit": 0}, "at least 1"),
    ):
        with pytest.raises(UsageError, match=message):
            HandwritingOptions(**values)
    for name in ("nowhere", "a" * 300):
        with pytest.raises(DataError, match="no folder"):
            finetune_handwriting(start, tmp_path / name, tmp_path / "out")
    (folder / "lines.tsv").write_text("000.png\tlo\n")
    with pytest.raises(DataError, match="two lines"):
        finetune_handwriting(start, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_scores_leave_out_what_is_crossed_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "lines", 3)
    rows = (folder / "lines.tsv").read_text().splitlines()
    (folder / "lines.tsv").write_text("\n".join([f"{rows[0]} >lo<", *rows[1:]]))
    done: list[int] = []
    model = make_reader("crnn")
    found = evaluate_folder(model, "m", folder, lambda count, total: done.append(count))
    assert sum(done) == 2
    assert found[0].extra["lines"] == 2
    assert found[0].split == "whole"
    assert found[0].command == f"zoo evaluate m --data {folder}"
