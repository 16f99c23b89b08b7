"""Images and strokes to text: one and many, places, alternatives, alignments, pages, bad input."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import make_model
from tests.handwriting.toy import LABELS, draw, make_reader, write, write_page
from zoo import load_model
from zoo.ctc.decoding import LabelSpan, ctc_log_probability, greedy, ranges_from_spans
from zoo.ctc.search import OWN_MODEL
from zoo.errors import DataError, FolderError, UsageError
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.ink_reading import PenRecognition
from zoo.handwriting.line_reading import LineRecognition
from zoo.handwriting.page_xml import TextLine, read_layout
from zoo.language_models.character_ngram import CharacterNgram

TEXTS = ["loiz vol", "zi lo", "il vozi lil oo"]


@pytest.fixture(scope="module")
def lines() -> Any:
    return make_reader("crnn")


@pytest.fixture(scope="module")
def pen() -> Any:
    return make_reader("pen_bilstm")


@pytest.fixture(scope="module", params=["crnn", "pen_bilstm"])
def reader(request: pytest.FixtureRequest, lines: Any, pen: Any) -> Any:
    return lines if request.param == "crnn" else pen


def given(reader: Any, text: str, seed: int = 0) -> Any:
    """A text as the reader takes it."""
    rng = np.random.default_rng(seed)
    return draw(text, rng) if isinstance(reader, LineRecognition) else write(text, rng)


def test_a_reading_has_text_characters_and_confidence(reader: Any) -> None:
    found = reader.read(given(reader, TEXTS[2]))
    assert str(found) == found.text == reader(given(reader, TEXTS[2])).text
    assert len(found.text) > 3
    assert "".join(one.text for one in found.characters) == found.text
    assert 0 < found.confidence <= 1
    assert all(0 < one.confidence <= 1 for one in found.characters)
    assert [one.text for one in found.alternatives] == [found.text]


def test_characters_follow_each_other_and_stay_inside(lines: Any, pen: Any) -> None:
    image = draw(TEXTS[2])
    end = 0.0
    for one in lines.read(image).characters:
        assert end - 1e-6 <= one.start < one.end <= image.shape[1] + 10
        end = one.end
    strokes = write(TEXTS[2])
    last = (0, 0)
    for one in pen.read(strokes).characters:
        assert last <= one.start <= one.end
        assert 0 <= one.end[1] < len(strokes[one.end[0]])
        last = one.start


def test_places_are_those_of_the_image_that_was_given(lines: Any) -> None:
    image = draw(TEXTS[2])
    wide = np.pad(image, ((7, 3), (200, 31)), constant_values=255)
    plain, moved = (lines.read(one).characters for one in (image, wide))
    assert len(plain) == len(moved) > 3
    for a, b in zip(plain, moved, strict=True):
        assert a.text == b.text
        assert b.end == pytest.approx(a.end + 200, abs=1)


def test_a_list_gives_what_each_gives_alone(reader: Any) -> None:
    inputs = [given(reader, text, number) for number, text in enumerate(TEXTS * 2)]
    progress: list[int] = []
    found = reader.read(inputs, on_progress=progress.append)
    assert sum(progress) == len(inputs)
    for one, own in zip(found, inputs, strict=True):
        alone = reader.read(own)
        assert one.text == alone.text
        assert one.confidence == pytest.approx(alone.confidence, rel=1e-3)
    assert reader.read(inputs[:1])[0].text == found[0].text


def test_the_greedy_text_is_that_of_the_public_log_probs(reader: Any) -> None:
    source = given(reader, TEXTS[0])
    log_probs = reader.log_probs(source)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1.0, atol=1e-5)
    labels = greedy(log_probs, reader.processor.alphabet.blank).labels
    assert reader.processor.alphabet.decode(labels).strip() == reader.read(source).text


def test_alternatives_and_language_models_change_the_search(reader: Any) -> None:
    source = given(reader, TEXTS[2])
    several = reader.read(source, n_best=3, beam_size=8).alternatives
    assert len({one.text for one in several}) == 3
    assert [one.score for one in several] == sorted((one.score for one in several), reverse=True)
    eight = [one.text for one in reader.read(source, n_best=8, beam_size=8).alternatives]
    assert len(set(eight)) == len(eight) > 2
    model = CharacterNgram.train(["zzz zzz zzz"] * 5, order=3)
    biased = reader.read(source, language_model=model, lm_weight=3.0)
    plain = reader.read(source).text
    assert set(biased.text) <= {"z", " "}
    assert set(plain) - {"z", " "}
    with pytest.raises(UsageError, match="no language model of its own"):
        reader.read(source, language_model="own")
    with pytest.raises(UsageError, match="n_best"):
        reader.read(source, n_best=0)


def test_score_and_alignment_are_those_of_ctc(reader: Any) -> None:
    source = given(reader, TEXTS[0])
    labels = reader.processor.alphabet.encode("lo z").tolist()
    wanted = ctc_log_probability(reader.log_probs(source), labels, 0)
    assert reader.score(source, "lo z") == pytest.approx(wanted)
    found = reader.align(source, "lo z")
    assert found.text == "".join(one.text for one in found.characters) == "lo z"
    assert found.alternatives[0].score == pytest.approx(wanted)
    with pytest.raises(DataError, match="outside the alphabet"):
        reader.align(source, "löx")
    with pytest.raises(UsageError, match="frames"):
        reader.align(source, "lo" * 200)
    assert reader.score(source, "lo" * 200) == -np.inf


def test_ranges_reach_half_way_to_the_neighbours() -> None:
    spans = [LabelSpan(1, 2, 3, 1.0), LabelSpan(2, 7, 8, 1.0), LabelSpan(3, 9, 11, 1.0)]
    ranges = ranges_from_spans(spans, 12)
    assert ranges == [(0.0, 5.0), (5.0, 8.5), (8.5, 12.0)]
    assert ranges_from_spans([], 5) == []
    assert ranges_from_spans(spans[:1], 9) == [(0.0, 9.0)]


def test_a_saved_reader_reads_the_same(reader: Any, tmp_path: Path) -> None:
    model = make_reader(reader.architecture.name)
    ngram = CharacterNgram.train(["lo zi"], order=2)
    model.set_search({"beam_size": 4, "lm_weight": 0.3}, {OWN_MODEL: ngram.to_bytes()})
    again = load_model(model.save(tmp_path / "reader"))
    assert again.check() < 2e-3
    source = given(reader, TEXTS[0])
    assert again.read(source).text == model.read(source).text
    assert again.read(source, language_model="own").confidence > 0
    assert again.processor == model.processor
    wider = load_model(tmp_path / "reader", vocabulary=(*LABELS, "é"))
    np.testing.assert_allclose(
        np.asarray(wider.network.get_layer("logits").kernel)[:, : len(LABELS)],
        np.asarray(again.network.get_layer("logits").kernel),
    )


def test_a_malformed_processor_is_a_folder_error(reader: Any) -> None:
    kind, files = type(reader.processor), reader.processor.files()
    good = reader.processor.settings()
    assert kind.from_folder(good, files) == reader.processor
    for settings in ({}, {**good, "features": {"what": 1}}, {**good, "alphabet": {"blank": 3}}):
        with pytest.raises(FolderError):
            kind.from_folder(settings, files)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_an_alignment_is_drawn(reader: Any, tmp_path: Path, suffix: str) -> None:
    source = given(reader, "lo zi")
    path = reader.alignment_plot(source, tmp_path / f"a{suffix}")
    assert path.stat().st_size > 2000
    other = reader.alignment_plot(source, tmp_path / f"b{suffix}", "lo zi")
    assert other.read_bytes() != path.read_bytes()
    with pytest.raises(UsageError, match="must end in"):
        reader.alignment_plot(source, tmp_path / "a.txt")


def test_an_alignment_of_a_dollar_is_drawn(tmp_path: Path) -> None:
    model = make_reader("crnn", labels=("", "$", "l"))
    assert model.alignment_plot(draw("lo"), tmp_path / "a.png", "$l$").exists()


def test_images_of_every_source_are_read(lines: Any, tmp_path: Path) -> None:
    image = draw(TEXTS[0])
    wanted = lines.read(image).text
    Image.fromarray(image).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), data, io.BytesIO(data)):
        assert lines.read(source).text == wanted
    assert lines.read(Image.fromarray(image)).text == wanted
    assert lines.read(255 - image).text == wanted


@pytest.mark.parametrize("shape", [(1, 1), (40, 300), (1, 500)])
def test_a_blank_image_has_an_empty_text(lines: Any, shape: tuple[int, int]) -> None:
    found = lines.read([np.full(shape, 255, np.uint8), draw("lo"), np.zeros(shape, np.uint8)])
    assert [found[0].text, found[2].text] == ["", ""]
    assert found[0].characters == ()
    assert found[1].text == lines.read(draw("lo")).text


def test_a_very_wide_line_is_read(lines: Any) -> None:
    wide = np.tile(draw("loiz "), (1, 200))[:, :20_000]
    assert len(lines.read(wide).text) > 100


def test_bad_images_are_clear_errors(lines: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(DataError, match="not a valid image"):
        lines.read(tmp_path / "a.png")
    with pytest.raises(DataError, match="not a valid image"):
        lines.read([draw("lo"), tmp_path / "a.png"])
    with pytest.raises(UsageError, match="an image is"):
        lines.read(5)
    assert lines.read([]) == []


def test_strokes_of_every_source_are_read(pen: Any, tmp_path: Path) -> None:
    strokes = write(TEXTS[0])
    wanted = pen.read(strokes).text
    traces = "".join(
        "<trace>" + ", ".join(f"{x:.4f} {y:.4f}" for x, y in stroke) + "</trace>"
        for stroke in strokes
    )
    path = tmp_path / "a.inkml"
    path.write_text(f'<ink xmlns="http://www.w3.org/2003/InkML">{traces}</ink>')
    lists = [stroke.tolist() for stroke in strokes]
    for source in (path, str(path), Ink(strokes), lists, tuple(map(tuple, lists))):
        assert pen.read(source).text == wanted
    for one in pen.read([path, Ink(strokes), str(path)]) + pen.read([strokes, lists]):
        assert one.text == wanted


@pytest.mark.parametrize(
    ("ink", "message"),
    [
        ([], "no ink"),
        ([[]], "no ink"),
        ([[(0, 0), (float("nan"), 1)]], "NaN"),
        (5, "ink is a path"),
        (np.array(3), "ink is a path"),
        ([1, 2], "shape"),
        ([[(1, 2)], 7], "shape|list of points"),
    ],
)
def test_bad_strokes_are_usage_errors(pen: Any, ink: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pen.read(ink)


def test_one_point_is_read_as_something_small(pen: Any) -> None:
    assert len(pen.read([[(3, 4)]]).text) <= 1


def _rows(line: TextLine) -> slice:
    return slice(int(line.polygon[:, 1].min()), int(line.polygon[:, 1].max()))


def test_a_page_is_read_by_its_layout(lines: Any, tmp_path: Path) -> None:
    path, page = write_page(tmp_path, TEXTS)
    found = lines.read_page(tmp_path / "page.png", path)
    assert found.doubts == ()
    assert [one.line.identity for one in found.lines] == ["line_0", "line_1", "line_2"]
    assert str(found) == found.text == "\n".join(str(one) for one in found.lines)
    for source in (str(path), path.read_bytes(), read_layout(path)):
        assert lines.read_page(page, source).text == found.text
    for one in found.lines:
        ink = np.flatnonzero((page[_rows(one.line)] < 128).any(axis=0))
        starts = [character.start for character in one.reading.characters]
        assert starts == sorted(starts)
        assert ink[0] - 60 < starts[0] < ink[0] + 40
        assert ink[-1] - 40 < one.reading.characters[-1].end < ink[-1] + 60
        assert one.boxes.shape == (len(one.reading.characters), 4, 2)
        np.testing.assert_allclose(one.boxes[:, 0, 0], starts, atol=2)
        assert (one.boxes[:, 2, 1] - one.boxes[:, 0, 1] > 20).all()
    out = found.save(tmp_path / "out.xml")
    again = read_layout(out)
    assert [one.text for one in again.lines] == [str(one) for one in found.lines]
    assert f'WC="{found.lines[0].reading.confidence:.4f}"' in out.read_text(encoding="utf-8")


def test_a_page_without_a_layout_is_read_with_its_doubts(lines: Any, tmp_path: Path) -> None:
    _, page = write_page(tmp_path, TEXTS)
    found = lines.read_page(page)
    assert len(found.lines) == 3
    assert found.doubts == ()
    again = read_layout(found.save(tmp_path / "out.xml"))
    assert [line.text for line in again.lines] == [line.reading.text for line in found.lines]
    blank = lines.read_page(np.full((300, 300), 255, np.uint8))
    assert (blank.text, blank.lines) == ("", ())
    assert "no writing" in blank.doubts[0]


def test_lines_in_which_nothing_was_read_are_told(lines: Any, tmp_path: Path) -> None:
    layout, page = write_page(tmp_path, TEXTS)
    page[: len(page) // 3] = 255
    found = lines.read_page(page, layout)
    assert [bool(line.reading.text) for line in found.lines] == [False, True, True]
    assert found.doubts == ("no text was read in 1 of 3 lines",)


def test_lines_outside_the_page_are_named_and_the_others_read(lines: Any, tmp_path: Path) -> None:
    path, page = write_page(tmp_path, TEXTS)
    layout = path.read_text()
    layout = layout.replace('<Polygon POINTS="40 20 ', '<Polygon POINTS="9040 20 ')
    start = layout.index("9040")
    end = layout.index('"', start)
    layout = layout[:start] + "9000 20 9100 20 9100 60 9000 60" + layout[end:]
    found = lines.read_page(page, layout.encode())
    assert found.doubts == ("line_0 lies outside the image",)
    assert (found.lines[0].reading.text, found.lines[0].reading.confidence) == ("", 0.0)
    assert found.lines[1].reading.text == lines.read_page(page, path).lines[1].reading.text
    # It keeps the text that it had.
    written = read_layout(found.save(tmp_path / "out.xml"))
    assert written.lines[0].text == TEXTS[0]
    assert written.lines[1].text == found.lines[1].reading.text


def test_a_line_that_cannot_be_read_is_named_and_the_others_read(lines: Any) -> None:
    page = np.full((200, 3100), 255, np.uint8)
    word = draw(TEXTS[2], np.random.default_rng(0))
    page[10 : 10 + word.shape[0], 50 : 50 + word.shape[1]] = word
    page[150, 50:3050] = 0  # a rule
    rule = "<TextLine ID='rule' HPOS='0' VPOS='130' WIDTH='3100' HEIGHT='40'/>"
    layout = (
        f"<alto><Layout><Page WIDTH='3100' HEIGHT='200'>{rule}"
        f"<TextLine ID='word' HPOS='0' VPOS='0' WIDTH='3100' HEIGHT='{20 + word.shape[0]}'/>"
        "</Page></Layout></alto>"
    )
    counts: list[int] = []
    found = lines.read_page(page, layout.encode(), on_progress=counts.append)
    assert sum(counts) == 2
    doubt, *_ = found.doubts
    assert doubt.startswith("rule cannot be read: the line is")
    assert found.lines[0].unread in doubt
    assert found.lines[1].unread == ""
    (alone,) = lines.read_page(page, layout.replace(rule, "").encode()).lines
    assert found.lines[1].reading == alone.reading


def test_bad_layouts_are_clear_errors(lines: Any, tmp_path: Path) -> None:
    path, page = write_page(tmp_path, TEXTS)
    with pytest.raises(DataError, match="cannot read"):
        lines.read_page(page, tmp_path / "nowhere.xml")
    with pytest.raises(DataError, match="cannot read"):
        lines.read_page(tmp_path / "nowhere.png", path)
    with pytest.raises(DataError, match="another page, or turned"):
        lines.read_page(page.T, path)
    with pytest.raises(UsageError, match="a layout is"):
        lines.read_page(page, 5)


def test_the_classes_say_what_they_are(lines: Any, pen: Any) -> None:
    assert isinstance(lines, LineRecognition)
    assert isinstance(pen, PenRecognition)
    assert "crnn.tiny" in repr(lines)


def test_a_language_model_may_be_a_file_that_changes_or_a_folder(
    reader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = given(reader, TEXTS[2])
    # Such a name could be that of a model, too.
    monkeypatch.chdir(tmp_path)
    path = Path("char_lstm.ngram")
    for letter in "zo":
        CharacterNgram.train([letter * 3] * 5, order=3).save(path)
        os.utime(path, ns=(ord(letter), ord(letter)))
        for named in (str(path), path):
            found = reader.read(source, language_model=named, lm_weight=3.0, beam_size=8)
            assert set(found.text) == {letter}
    for number in range(6):
        reader.read(source, language_model=CharacterNgram.train(["lo" * (number + 1)], order=2))
    assert len(reader.searches._bound) == 4
    folder = make_model().save(tmp_path / "letters")
    for named in (str(folder), folder):
        assert reader.read(source, language_model=named, lm_weight=0.5).alternatives
    with pytest.raises(UsageError, match=r"unknown model 'char_lstm\.nothing'"):
        reader.read(source, language_model="char_lstm.nothing")
