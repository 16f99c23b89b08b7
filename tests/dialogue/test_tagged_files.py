"""Tagged messages of one's own: all formats, what is wrong with them, and models that grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dialogue.toy import make_task, messages, tagger_bundle
from zoo.dialogue.datasets import Span, TaggedMessage
from zoo.dialogue.tagging.training.files import read_tagged, split_messages
from zoo.dialogue.tagging.training.growth import regrown
from zoo.dialogue.training.growth import grown_words
from zoo.dialogue.word_ids import FIRST, UNKNOWN
from zoo.errors import DataError, UsageError, ZooWarning

TEXT = "I am Ana at 7pm"
ANA, SEVEN = Span("person", 5, 8), Span("time", 12, 15)
BOTH = [TaggedMessage(TEXT, (ANA, SEVEN))]

FILES = {
    "words.conll": "I O\nam O\nAna B-person\nat O\n7pm B-time\n\n",
    "words.tsv": "-DOCSTART-\nI\tx\tO\nam\tx\tO\nAna\tx\tB-person\nat\tx\tO\n7pm\tx\tB-time",
    "doccano.jsonl": json.dumps({"text": TEXT, "label": [[12, 15, "time"], [5, 8, "person"]]}),
    "prodigy.jsonl": json.dumps(
        {
            "text": TEXT,
            "spans": [
                {"start": 5, "end": 8, "label": "person"},
                {"start_offset": 12, "end_offset": 15, "label": "time"},
            ],
        }
    ),
    "spacy.json": json.dumps([[TEXT, {"entities": [[5, 8, "person"], [12, 15, "time"]]}]]),
    "studio.json": json.dumps(
        [
            {
                "data": {"text": TEXT},
                "annotations": [
                    {
                        "result": [
                            {"value": {"start": 5, "end": 8, "labels": ["person"]}},
                            {"value": {"start": 12, "end": 15, "labels": ["time"]}},
                            {"type": "relation", "from_id": "a", "to_id": "b"},
                        ]
                    }
                ],
            }
        ]
    ),
}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


EMOJI = "💩😀 I am Ana from Rome"
PEOPLE = (Span("person", 8, 11), Span("city", 17, 21))


def studio(results: list[dict[str, Any]], text: str = EMOJI) -> str:
    return json.dumps([{"data": {"text": text}, "annotations": [{"result": results}]}])


def test_spans_that_were_counted_in_a_browser_are_found(tmp_path: Path) -> None:
    """In UTF-16 an emoji is two units; the copy of the text beside a span says which it was."""
    for shift in (0, 2):
        told = [
            {"start": span.start + shift, "end": span.end + shift, "labels": [span.label]}
            for span in PEOPLE
        ]
        copies = [{**one, "text": copy} for one, copy in zip(told, ("Ana", "Rome"), strict=True)]
        row = {"text": EMOJI, "ner": copies, "tokens": [{"text": "I", "start": 5, "end": 6}]}
        for name, text in (
            ("studio.json", studio([{"value": one} for one in copies])),
            ("min.json", json.dumps([row])),
            ("prodigy.jsonl", json.dumps({**row, "ner": None, "spans": copies})),
        ):
            assert read_tagged(write(tmp_path, name, text)) == [TaggedMessage(EMOJI, PEOPLE)]
    half = studio([{"value": {**copies[0], "text": "Eve"}}], "\ud83d" + EMOJI)
    with pytest.raises(DataError, match="as the export says"):
        read_tagged(write(tmp_path, "half.json", half))
    wrong = studio([{"value": {"start": 5, "end": 8, "labels": ["person"], "text": "Ana"}}])
    with pytest.raises(DataError, match="the message has 'am ', not 'Ana' as the export says"):
        read_tagged(write(tmp_path, "wrong.json", wrong))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("studio.json", studio([{"value": {"choices": ["book"]}}])),
        ("prodigy.jsonl", json.dumps({"text": EMOJI, "accept": ["book"], "answer": "accept"})),
        ("doccano.jsonl", json.dumps({"text": EMOJI, "label": ["book"]})),
        ("empty.jsonl", json.dumps({"text": EMOJI, "entities": [], "label": ["book"]})),
        ("spacy.json", json.dumps([[EMOJI, {"cats": {"book": 1.0, "cancel": 0.0}}]])),
        ("doccano.jsonl", f'{{"text": "{EMOJI}", "entities": [], "cats": ["book"]}}\n'),
        ("rasa.yml", f"nlu:\n- intent: book\n  examples: |\n    - {EMOJI}\n"),
    ],
)
def test_what_a_message_is_for_is_read_where_it_stands(
    name: str, text: str, tmp_path: Path
) -> None:
    assert read_tagged(write(tmp_path, name, text)) == [TaggedMessage(EMOJI, (), "book")]


@pytest.mark.parametrize(
    "told",
    ['[{"entity": "city"}]', '{"entity": "city", "value": "{x} [y](z)"}', "(city:Roma)"],
)
def test_rasa_entities_may_be_tables_and_lists(told: str, tmp_path: Path) -> None:
    path = write(
        tmp_path, "nlu.yml", f"nlu:\n- intent: go\n  examples: |\n    - to [Rome]{told} now\n"
    )
    (message,) = read_tagged(path)
    assert (message.text, message.entities) == ("to Rome now", (Span("city", 3, 7),))


@pytest.mark.parametrize("told", ['{"entity": "city"', "[1", "("])
def test_a_rasa_entity_that_cannot_be_read_is_named(told: str, tmp_path: Path) -> None:
    path = write(
        tmp_path, "nlu.yml", f"nlu:\n- intent: go\n  examples: |\n    - to [Rome]{told} now\n"
    )
    with pytest.raises(DataError, match="go"):
        read_tagged(path)


def test_rejected_examples_are_left_out_of_a_list_too(tmp_path: Path) -> None:
    rows = [{"text": "order 44", "answer": answer} for answer in ("reject", "accept", "ignore")]
    path = write(tmp_path, "prodigy.json", json.dumps(rows))
    assert read_tagged(path) == [TaggedMessage("order 44")]


def test_entities_of_a_page_are_read_from_its_text(tmp_path: Path) -> None:
    value = {
        "start": "/p[1]/text()[1]",
        "startOffset": 0,
        "endOffset": 3,
        "globalOffsets": {"start": 3, "end": 6},
        "hypertextlabels": ["person"],
        "text": "Ana",
    }
    task = {
        "data": {"text": "Hi Ana"},
        "annotations": [{"result": [{"type": "hypertextlabels", "value": value}]}],
    }
    (message,) = read_tagged(write(tmp_path, "page.json", json.dumps([task])))
    assert message.entities == (Span("person", 3, 6),)


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_messages(tmp_path: Path, name: str) -> None:
    assert read_tagged(write(tmp_path, name, FILES[name])) == BOTH


def test_rasa_examples_are_read_with_their_intents(tmp_path: Path) -> None:
    text = """
version: "3.1"
nlu:
- intent: book
  examples: |
    - I am [Ana](person) at [7pm]{"entity": "time", "role": "start"}
    - a table please
- synonym: seven
  examples: |
    - 7
"""
    path = write(tmp_path, "nlu.yml", text)
    with pytest.warns(ZooWarning, match="book: roles and groups of entities are not learnt"):
        assert read_tagged(path) == [
            TaggedMessage(TEXT, (ANA, SEVEN), "book"),
            TaggedMessage("a table please", (), "book"),
        ]


def test_lines_of_rasa_without_a_hyphen_are_no_examples(tmp_path: Path) -> None:
    text = """
nlu:
- intent: greet
  examples: |
    - hello [Ana](person)
    # - hello [Bob](old_label)
    hello you
- intent: ask
  examples:
  - text: |
      are you [Ana](person)
      or not
  - hi
"""
    path = write(tmp_path, "nlu.yml", text)
    with pytest.warns(ZooWarning, match="greet: 1 lines without '- ' left out, the first: 'hell"):
        read = read_tagged(path)
    assert [(one.text, len(one.entities), one.intent) for one in read] == [
        ("hello Ana", 1, "greet"),
        ("are you Ana\nor not", 1, "ask"),
        ("hi", 0, "ask"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.conll", "word\n", "line 1 is 'word'; expected a word and a tag"),
        ("a.conll", "word X-date\n", "expected a word and a tag"),
        ("a.jsonl", '{"text"\n{"text": 3}', "line 1 is not valid JSON"),
        ("a.jsonl", '{"texts": "a"}', "line 1 is no table with 'text'"),
        ("a.jsonl", '{"text": 3}', "must be text"),
        ("a.jsonl", r'{"text": "a \ud800"}', "line 1: .* half a surrogate pair"),
        ("a.jsonl", '{"text": "abc", "entities": "x"}', "'entities' must be a list"),
        ("a.jsonl", '{"text": "abc", "label": [[0, 9, "x"]]}', "lies outside of the message"),
        ("a.jsonl", '{"text": "abc", "label": [[1, 1, "x"]]}', "lies outside of the message"),
        (
            "a.jsonl",
            '{"text": "abc", "label": [[0, 2, "x"], [1, 3, "y"]]}',
            "overlap at character 1",
        ),
        ("a.jsonl", '{"text": "abc", "label": [[0, 2]]}', "is no entity"),
        ("a.jsonl", '{"text": "abc", "label": [[0, true, "x"]]}', "two whole numbers"),
        ("a.json", '{"text": "abc"}', "is not a list of messages"),
        ("a.json", '[{"data": {}}]', "not of Label Studio's form"),
        ("a.yml", "nlu: 3", "no list 'nlu'"),
        ("a.yml", "nlu: [", "not valid YAML"),
        ("a.yml", "nlu: []", "holds no message"),
        ("a.spacy", "x", "spaCy"),
        ("a.jsonl", "\n\n", "is empty"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_tagged(write(tmp_path, name, text))


def test_a_broken_line_is_named_and_the_others_are_learnt(tmp_path: Path) -> None:
    lines = ['{"text": "a"}', '{"text"', '{"text": "abc", "label": [[0, 9, "x"]]}', '{"text": "b"}']
    path = write(tmp_path, "a.jsonl", "\n".join(lines))
    with pytest.warns(ZooWarning, match="2 of 4 lines left out, the first: .* line 2 is not valid"):
        assert [one.text for one in read_tagged(path)] == ["a", "b"]


def test_what_an_annotator_refused_is_not_learnt(tmp_path: Path) -> None:
    answers = ("accept", "reject", "ignore", None)
    rows = [json.dumps({"text": f"{answer}", "answer": answer}) for answer in answers]
    read = read_tagged(write(tmp_path, "prodigy.jsonl", "\n".join(rows)))
    assert [one.text for one in read] == ["accept", "None"]
    span = {"value": {"start": 5, "end": 8, "labels": ["person"]}}
    tasks = [
        {"data": {"text": "later"}, "annotations": []},
        {
            "data": {"message": TEXT},
            "annotations": [{"was_cancelled": True, "result": []}, {"result": [span]}],
        },
    ]
    read = read_tagged(write(tmp_path, "studio.json", json.dumps(tasks)))
    assert read == [TaggedMessage(TEXT, (ANA,))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("min.json", [{"text": TEXT, "label": [{"start": 5, "end": 8, "labels": ["person"]}]}]),
        ("doc.json", [{"text": TEXT, "ents": [{"start": 5, "end": 8, "label": "person"}]}]),
        ("tool.json", {"annotations": [None, [TEXT, {"entities": [[5, 8, "person"]]}]]}),
    ],
)
def test_other_shapes_of_the_same_tools_are_read(tmp_path: Path, name: str, content: Any) -> None:
    read = read_tagged(write(tmp_path, name, json.dumps(content)))
    assert read == [TaggedMessage(TEXT, (ANA,))]


def test_a_label_that_is_a_name_is_the_intent(tmp_path: Path) -> None:
    path = write(tmp_path, "classes.jsonl", '{"text": "hello", "label": "greet"}')
    assert read_tagged(path) == [TaggedMessage("hello", (), "greet")]


def test_other_marks_of_columns_are_read_as_bio(tmp_path: Path) -> None:
    text = "# text = Ana Lopez\nAna B-person\nLopez {last}-person\nat O\n# O\n7 {single}-time\n"
    for last, single in ("ES", "LU", "IB"):
        path = write(tmp_path, "a.conll", text.format(last=last, single=single))
        (message,) = read_tagged(path)
        assert message.text == "Ana Lopez at # 7"
        assert message.entities == (Span("person", 0, 9), Span("time", 15, 16))


def test_examples_of_rasa_with_their_own_tables_are_read(tmp_path: Path) -> None:
    text = """
nlu:
- intent: yes
  examples:
  - text: |
      - I am [Ana](person)
    metadata:
      sentiment: neutral
"""
    read = read_tagged(write(tmp_path, "nlu.yml", text))
    assert read == [TaggedMessage("I am Ana", (ANA,), "yes")]


def test_another_suffix_names_the_formats(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.bio, \.conll"):
        read_tagged(tmp_path / "a.txt")


def test_inside_tags_without_an_entity_begin_one_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "a.bio", "Ana I-person\nat O\n7 B-time\npm I-person\n")
    with pytest.warns(
        ZooWarning, match="2 inside tags have no entity before them, the first in line 1"
    ):
        (message,) = read_tagged(path)
    assert [span.label for span in message.entities] == ["person", "time", "person"]


def test_a_text_is_never_in_training_and_validation() -> None:
    several = [TaggedMessage(text) for text in "abcdefghij" for _ in range(3)]
    training, validation = split_messages(several, 0.2, 0)
    assert len(validation) == 6
    assert not {m.text for m in training} & {m.text for m in validation}
    with pytest.raises(DataError, match="at least two different messages"):
        split_messages(several[:3], 0.2, 0)


def test_a_grown_tagger_keeps_the_rows_of_what_it_knew(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.dialogue.training import growth

    vector = np.arange(50, dtype=np.float32)
    monkeypatch.setattr(growth, "known_vectors", lambda: {"quark": vector})
    old = tagger_bundle()
    new = regrown(old, ("date", "time"), ("cancel", "pay"), ["the quark parcel"])
    processor = new.processor
    assert processor.labels == ("date", "time")
    assert {path: a.shape for path, a in new.weights.items()} == dict(new.config.shapes())

    def row(bundle: Any, path: str, word: str) -> np.ndarray:
        ids = bundle.processor.encode(word)
        index = ids.words if path.startswith("word") else ids.known
        return np.asarray(bundle.weights[path], np.float32)[index[0]]

    for path in ("word_vectors/embeddings", "known_vectors/embeddings"):
        assert (row(new, path, "table") == row(old, path, "table")).all()
    assert (
        row(new, "word_vectors/embeddings", "parcel")
        == row(old, "word_vectors/embeddings", "parcel")
    ).all()
    assert (row(new, "word_vectors/embeddings", "quark") == vector[:8]).all()
    unknown = np.asarray(old.weights["known_vectors/embeddings"], np.float32)[UNKNOWN]
    assert (row(new, "known_vectors/embeddings", "quark") == unknown).all()
    assert processor.encode("quark").known[0] == processor.words.known + FIRST - 2  # then "parcel"
    before = np.asarray(old.weights["chain/transitions"], np.float32)
    # O, B-time and I-time are tags 0, 3, 4 of both.
    keep = np.ix_([0, 3, 4], [0, 3, 4])
    assert (new.weights["chain/transitions"][keep] == before[keep]).all()
    assert new.weights["intents/bias"][0] == np.float32(old.weights["intents/bias"][1])
    assert abs(new.weights["intents/bias"][1]) < 1
    assert make_task(new).tag("the quark parcel at 7pm").intent in ("cancel", "pay")


def test_known_words_are_not_added_again() -> None:
    words = tagger_bundle().processor.words
    assert grown_words(words, [one.text for one in messages()]) == words
    assert grown_words(words, ["parcel"]).known == words.known + 1
    assert len(grown_words(words, ["parcel"]).words) == len(words.words)
