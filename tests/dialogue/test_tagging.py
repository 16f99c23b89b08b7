"""The task ``token-classification`` without Keras: verbs, conversations, states, command line."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.dialogue.toy import make_task, messages, save, tagger_bundle
from zoo.dialogue.datasets import Span, TaggedMessage, from_tokens
from zoo.dialogue.messages import Message
from zoo.dialogue.scores import interval
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.tagging.results import Entity, Tagging
from zoo.dialogue.tagging.training.examples import Annotation, label_names, make_examples
from zoo.dialogue.tagging.training.scores import entity_f1
from zoo.dialogue.training.batches import WordDropout
from zoo.dialogue.word_ids import UNKNOWN
from zoo.dialogue.words import pad_words
from zoo.errors import DataError, FolderError, UsageError

ODD = [
    "",
    " \n\t ",
    "😀🎉" * 30,
    "привет, как дела? नमस्ते 你好",
    "\x00\x1b[31m\u202eabc",
    "word " * 3000,
    "x" * 100_000,
]


@pytest.fixture(scope="module")
def tagger() -> Any:
    return make_task(tagger_bundle())


def test_entities_stand_where_they_say_and_do_not_overlap(tagger: Any) -> None:
    found = 0
    for text in [*(one.text for one in messages()), *ODD]:
        result = tagger.tag(text)
        assert result.text == text
        place = 0
        for entity in result.entities:
            assert place <= entity.start < entity.end <= len(text)
            assert text[entity.start : entity.end] == entity.text
            assert entity.label in tagger.labels
            assert 0 <= entity.score <= 1
            place = entity.end
            found += 1
        json.dumps(result.to_dict())
    assert found > 100


def test_a_message_without_words_has_no_entities_and_no_intent(tagger: Any) -> None:
    empty = tagger.tag(" ")
    assert (empty.entities, empty.intent) == ((), None)
    assert tagger.tag([]) == []
    with pytest.raises(UsageError, match="expected a str"):
        tagger.tag(3)


def test_an_intent_below_the_threshold_is_none(tagger: Any) -> None:
    text = messages()[0].text
    score = tagger.tag(text).intent_score
    assert tagger.tag(text, intent_threshold=score - 1e-6).intent in tagger.intents
    assert tagger.tag(text, intent_threshold=score + 1e-6).intent is None
    for wrong in (2, "0.5", True):
        with pytest.raises(UsageError, match="intent_threshold must be a number from 0"):
            tagger.tag(text, intent_threshold=wrong)
    with pytest.raises(UsageError, match="now is a datetime, not 'today'"):
        tagger.tag(text, now="today")


def test_the_intent_out_of_scope_is_never_told() -> None:
    bundle = tagger_bundle()
    plain = make_task(bundle)
    text = next(one.text for one in messages() if plain.tag(one.text).intent == "book")
    outside = make_task(replace(bundle, decoder={"outside": "book"})).tag(text)
    assert outside.intent == "cancel"
    assert outside.intent_score == pytest.approx(1 - plain.tag(text).intent_score, abs=1e-5)


def test_a_model_may_have_labels_or_intents_alone() -> None:
    text = messages()[0].text
    assert make_task(tagger_bundle(labels=())).tag(text).entities == ()
    assert make_task(tagger_bundle(labels=())).tag(text).intent
    assert make_task(tagger_bundle(intents=())).tag(text).intent is None
    assert make_task(tagger_bundle(intents=(), labels=("one",))).labels == ("one",)
    with pytest.raises(UsageError, match="labels, intents or both"):
        tagger_bundle(labels=(), intents=())


def test_a_higher_temperature_makes_scores_more_modest() -> None:
    bundle = tagger_bundle()
    text = messages()[0].text
    sharp = make_task(replace(bundle, decoder={"temperature": 0.5})).tag(text).entities
    flat = make_task(replace(bundle, decoder={"temperature": 5.0})).tag(text).entities
    assert [(e.start, e.end) for e in sharp] == [(e.start, e.end) for e in flat]
    assert np.mean([e.score for e in flat]) < np.mean([e.score for e in sharp])


@pytest.mark.parametrize("settings", [{"temperature": 0}, {"values": {"time": "tme"}}, {"x": 1}])
def test_malformed_settings_are_named(settings: dict[str, Any]) -> None:
    task = make_task(replace(tagger_bundle(), decoder=settings))
    with pytest.raises(FolderError, match=r"config\.json, decoder"):
        task.tag("hi")


def test_a_tagger_prints_its_entities_in_brackets() -> None:
    text = "I am Ana at 7pm"
    entities = (Entity("Ana", "person", 5, 8, 0.91234), Entity("7pm", "time", 12, 15, 0.5, "19:00"))
    result = Tagging(text, entities, "book", 0.75)
    assert str(result) == "book: I am [Ana](person) at [7pm](time)"
    assert result.to_dict()["entities"][1] == {
        "text": "7pm",
        "label": "time",
        "start": 12,
        "end": 15,
        "score": 0.5,
        "value": "19:00",
    }


def test_a_conversation_in_parts_equals_the_whole_to_the_bit(tagger: Any) -> None:
    texts = [one.text for one in messages()[:12]]
    whole = tagger.read_all(texts)
    assert whole == tagger.tag(texts)
    for cut in (0, 1, 5, 12):
        first = tagger.open_conversation()
        before = [first.feed(text) for text in texts[:cut]]
        second = tagger.open_conversation(first.state.to_json())
        after = [second.feed(Message(text, "ana")) for text in texts[cut:]]
        assert before + after == whole
        assert second.state.messages == len(texts)
        assert second.results == tuple(after)
    assert tagger.open_conversation().result is None


def test_a_state_of_other_weights_is_refused(tagger: Any) -> None:
    other = make_task(tagger_bundle(seed=1)).open_conversation()
    with pytest.raises(UsageError, match="another model"):
        tagger.open_conversation(other.state)
    with pytest.raises(DataError, match="damaged"):
        tagger.open_conversation(other.state.to_json()[:-3])
    with pytest.raises(UsageError, match="ConversationState"):
        tagger.open_conversation(7)


def test_a_refused_message_leaves_the_conversation_as_it_was(tagger: Any) -> None:
    conversation = tagger.open_conversation()
    conversation.feed("hi")
    state = conversation.state
    with pytest.raises(UsageError):
        conversation.feed({"no": "text"})
    assert conversation.state is state


def test_a_tagger_can_be_pickled(tagger: Any) -> None:
    text = messages()[3].text
    assert pickle.loads(pickle.dumps(tagger)).tag(text) == tagger.tag(text)


def test_the_command_tags_texts_files_and_streams(
    zoo: Any, tagger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tagger_bundle(), tmp_path / "tagger")
    texts = [one.text for one in messages()[:3]]
    assert zoo("run", folder, *texts) == "".join(f"{tagger.tag(text)}\n" for text in texts)
    chat = tmp_path / "chat.jsonl"
    lines = [json.dumps({"text": text, "speaker": "ana"}) for text in texts]
    chat.write_text("\n".join([lines[0], "{broken", *lines[1:]]))
    error = zoo("run", folder, chat, code=1)
    assert "line 2 is no message" in error
    chat.write_text("\n".join(lines))
    rows = json.loads(zoo("run", folder, chat, "--json"))
    assert rows == [{"speaker": "ana", **tagger.tag(text).to_dict()} for text in texts]
    stream = io.TextIOWrapper(io.BytesIO("\n".join([*lines, "?"]).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    state = tmp_path / "state.json"
    zoo("run", folder, "--follow", "--state", state, code=1)
    assert json.loads(state.read_text())["messages"] == 3
    zoo("run", folder, texts[0], "--state", state)
    assert json.loads(state.read_text())["messages"] == 4
    assert "give a text" in zoo("run", folder, code=2)
    assert "cannot read" in zoo("run", folder, tmp_path / "none.jsonl", code=1)
    chat = tmp_path / "odd.jsonl"
    chat.write_bytes(b"\n \n")
    assert "odd.jsonl has no messages" in zoo("run", folder, chat, code=1)
    chat.write_text('{"text": "Hi"}\n')
    told = zoo("evaluate", folder, "--data", chat, code=1)
    assert "odd.jsonl has neither entities nor intents to score" in told
    upper = tmp_path / "CHAT.JSONL"
    upper.write_text(lines[0], "utf-16")
    assert "it looks like UTF-16" in zoo("run", folder, upper, code=1)
    chat.write_bytes(b'{"text": "caf\xe9"}\n{"text": "hello"}\n')
    assert "line 1 is no message" in (said := zoo("run", folder, chat, code=1))
    assert "another encoding" in said
    assert "give it no texts" in zoo("run", folder, "--follow", "hi", code=2)


def test_what_was_answered_is_known_after_the_process_is_killed(
    zoo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tagger_bundle(), tmp_path / "tagger")
    state = tmp_path / "state.json"
    seen = []

    def lines() -> Iterator[bytes]:
        yield b'{"text": "one"}\n'
        seen.append(json.loads(state.read_text())["messages"])
        yield b'{"text": "two"}\n'
        seen.append(json.loads(state.read_text())["messages"])

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=lines()))
    zoo("run", folder, "--follow", "--state", state)
    assert seen == [1, 2]


def test_tags_without_marks_are_joined_where_neighbours_are_the_same() -> None:
    made = from_tokens(["Ana", "Lopez", "7", "pm", "x"], ["name", "name", "time", "time", "O"])
    assert made.entities == (Span("name", 0, 9), Span("time", 10, 14))
    marked = from_tokens(["a", "b", "c"], ["B-x", "B-x", "I-y"])
    assert marked.entities == (Span("x", 0, 1), Span("x", 2, 3), Span("y", 4, 5))


def test_corpora_with_other_labels_allow_what_may_be_right() -> None:
    message = TaggedMessage("Acme in Rome", (Span("org", 0, 4), Span("thing", 8, 12)))
    annotation = Annotation(
        [message], {"org": ("company", "group"), "thing": ()}, hidden=("product",), repeats=2
    )
    assert label_names([annotation]) == ("company", "group")
    processor = TaggedWords(tagger_bundle().processor.words, ("company", "group", "product"), ())
    first, second = make_examples([annotation], processor)
    assert first is second
    tags = ["O", "B-c", "I-c", "B-g", "I-g", "B-p", "I-p"]
    allowed = [{tags[t] for t in np.flatnonzero(row)} for row in first.allowed]
    assert allowed == [{"B-c", "B-g"}, {"O", "B-p", "I-p"}, {"O", "B-p", "I-p"}]
    with pytest.raises(DataError, match="no label 'person'"):
        make_examples([Annotation(messages())], processor)
    with pytest.raises(DataError, match="no message with a word"):
        make_examples([Annotation([TaggedMessage(" ")])], processor)


def test_f1_counts_an_entity_only_with_both_ends_and_its_label() -> None:
    gold = [[Span("a", 0, 3), Span("b", 4, 6)], [Span("a", 0, 1)]]
    found = [[Span("a", 0, 3), Span("a", 4, 6)], [Span("a", 0, 2), Span("a", 3, 4)]]
    assert entity_f1(gold, found) == pytest.approx(2 * 1 / (3 + 4))
    assert entity_f1(gold, gold) == 1.0
    assert entity_f1([[]], [[]]) == 0.0


def test_the_interval_of_one_group_is_its_value() -> None:
    rows = np.asarray([[1, 2], [1, 2]])
    low, high = interval(rows, ["x", "x"], lambda r: float(r[:, 0].sum() / r[:, 1].sum()))
    assert (low, high) == (50.0, 50.0)
    wide = interval(
        np.asarray([[0, 1], [1, 1]] * 20),
        [str(n) for n in range(40)],
        lambda r: float(r[:, 0].sum() / r[:, 1].sum()),
    )
    assert 25 < wide[0] < 45 < 55 < wide[1] < 75


def test_rare_words_are_hidden_more_often_than_frequent_ones() -> None:
    processor = tagger_bundle().processor
    encoded = [processor.encode("book") for _ in range(99)] + [processor.encode("ana")]
    hide = WordDropout(encoded, processor.words.known + 2, rare=1.0, both=0.0)
    words, known, _ = pad_words(encoded[-2:] * 4000, length=2)
    hidden_words, hidden_known = hide(words, known, np.random.default_rng(0))
    assert (hidden_words == words).all()
    assert (hidden_known[:, 1] == 0).all()  # padding stays
    share = [(hidden_known[row::2, 0] == UNKNOWN).mean() for row in (0, 1)]
    assert share[0] == pytest.approx(0.01, abs=0.01)
    assert share[1] == pytest.approx(0.5, abs=0.05)


def test_swapped_values_keep_their_labels_and_what_stands_around_them() -> None:
    from zoo.dialogue.tagging.training.augmentation import ValueSwap, entities

    task = tagger_bundle()
    examples = make_examples([Annotation(messages())], task.processor)
    example = examples[0]
    labels = [tag for tag, _, _ in entities(example.allowed)]
    assert labels == [1, 3]
    swap, rng = ValueSwap(examples, 1.0), np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        ids, allowed = swap(example, rng)
        assert len(ids.words) == len(ids.known) == len(ids.characters) == len(allowed)
        assert [tag for tag, _, _ in entities(allowed)] == labels
        outside = allowed[:, 0]
        kept = example.ids.words[example.allowed[:, 0]]
        assert ids.words[outside].tolist() == kept.tolist()
        seen.add(ids.characters.tobytes())
    assert len(seen) > 10
    same, allowed = ValueSwap(examples, 0.0)(example, rng)
    assert same is example.ids
    assert allowed is example.allowed
