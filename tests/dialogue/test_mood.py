"""Moods over a conversation: what is told, states, pictures, the command line; and the network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dialogue.toy import make_task, random_weights, save, vocabulary
from zoo import load_model
from zoo.catalogue import registry
from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.mood import following
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.mood.speakers import speaker_number
from zoo.dialogue.mood.training.examples import conversation_arrays, make_examples
from zoo.dialogue.mood.training.files import read_moods, read_valences, split_conversations
from zoo.dialogue.mood.training.run import with_moods
from zoo.dialogue.mood.training.scores import mood_figures, weighted_f1
from zoo.dialogue.word_features import word_values
from zoo.errors import DataError, FolderError, UsageError, ZooWarning
from zoo.folder.bundle import Bundle
from zoo.training.plan import Plan

CHAT = [
    ("Hello, please book a table", "ana"),
    ("", "ben"),
    ("this is my booking 😀", "ana"),
    ("cancel it!", ""),
    ("parcel", "cleo"),
    ("hello", "dan"),
    ("$x$ at 7pm", "eve"),
]


def mood_bundle(seed: int = 0, **decoder: Any) -> Bundle:
    """An untrained mood reader."""
    processor = MoodWords(vocabulary(), ("bad", "good"))
    entry = registry().architecture("sentiment_lstm")
    sizes = {"word_vectors": 8, "known_vectors": 4, "character_vectors": 4, "filters": 8}
    config = entry.load("config")(
        **word_values(processor.words), moods=2, units=8, message=12, context=10, **sizes
    )
    card = {"name": "sentiment_lstm.toy", "languages": ["en"], "license": "apache-2.0"}
    settings = {"valence": {"bad": -1.0, "good": 1.0}, **decoder}
    return Bundle(entry, config, processor, settings, random_weights(config, seed), card=card)


@pytest.fixture(scope="module")
def follower() -> Any:
    return make_task(mood_bundle())


def test_a_mood_is_read_in_the_light_of_those_before_it_and_of_none_after(follower: Any) -> None:
    whole = follower.follow(CHAT)
    assert follower.follow(CHAT[:3]) == whole[:3]
    alone = follower.follow(CHAT[2:3])[0]
    assert alone.probabilities != whole[2].probabilities
    other = follower.follow([("cancel", "ana"), *CHAT[1:]])
    assert other[2].probabilities != whole[2].probabilities
    for mood in whole:
        assert sum(mood.probabilities.values()) == pytest.approx(1.0)
        assert mood.valence == pytest.approx(mood.probabilities["good"] - mood.probabilities["bad"])
        json.dumps(mood.to_dict())


def test_a_mood_that_is_hardly_negative_is_shown_as_zero(follower: Any) -> None:
    mood = replace(follower.follow(CHAT)[0], label="good", escalate=False)
    assert str(replace(mood, valence=-0.004)) == "good (+0.00)"
    assert str(replace(mood, valence=-0.006)) == "good (-0.01)"


def test_level_and_trend_are_those_of_the_speaker() -> None:
    moods = make_task(mood_bundle(weight=0.5, threshold=0.0)).follow(CHAT[:3])
    first, other, second = moods
    assert (first.level, first.trend) == (first.valence, first.valence)
    assert other.level == other.valence
    assert second.level == pytest.approx((first.level + second.valence) / 2)
    assert second.trend == pytest.approx(second.level - first.level)
    assert [mood.escalate for mood in moods] == [mood.level < 0 for mood in moods]


def test_a_state_remembers_those_who_spoke_last(
    follower: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LEVELS", 2)
    conversation = follower.open_conversation()
    for speaker in ("ana", "ben", "ana", "cleo"):
        mood = conversation.feed("hello", speaker=speaker)
    assert list(conversation.state.facts["levels"]) == ["ana", "cleo"]
    assert mood.trend == mood.level
    damaged = replace(conversation.state, facts={"speakers": ["ana"], "levels": {"ana": "high"}})
    with pytest.raises(DataError, match="levels are malformed"):
        follower.open_conversation(damaged).feed("hello")


def test_the_threshold_of_a_call_is_used(follower: Any) -> None:
    assert all(mood.escalate for mood in follower.follow(CHAT, threshold=1.0))
    assert not any(mood.escalate for mood in follower.follow(CHAT, threshold=-1.0))
    for wrong in (2.0, "low", True, float("nan")):
        with pytest.raises(UsageError, match="threshold must be a number from -1"):
            follower.follow(CHAT, threshold=wrong)
    with pytest.raises(UsageError, match="list of messages"):
        follower.follow("hello")
    assert follower.follow([]) == []


def test_a_conversation_in_parts_equals_the_whole_to_the_bit(follower: Any) -> None:
    whole = follower.follow(CHAT)
    for cut in range(len(CHAT) + 1):
        first = follower.open_conversation()
        before = [first.feed(one) for one in CHAT[:cut]]
        second = follower.open_conversation(first.state.to_json())
        assert before + [second.feed(one) for one in CHAT[cut:]] == whole
    assert second.state.messages == len(CHAT)


def test_speakers_are_numbered_as_they_begin() -> None:
    known: list[str] = []
    numbers = []
    for speaker in ("ana", "", "ben", "ana", "cleo", "dan", "eve", "ben"):
        number, known = speaker_number(speaker, known)
        numbers.append(number)
    assert numbers == [1, 0, 2, 1, 3, 3, 3, 2]
    assert len(known) <= 4


@pytest.mark.parametrize(
    "decoder", [{"temperature": 0}, {"threshold": 3}, {"weight": 0}, {"valence": {"bad": -2}}]
)
def test_malformed_settings_are_named(decoder: dict[str, Any]) -> None:
    with pytest.raises(FolderError, match=r"config\.json, decoder"):
        make_task(mood_bundle(**decoder)).follow(CHAT)


@pytest.mark.parametrize("moods", [["one"], ["a", "a"], ["", "b"], "ab", None, [1, 2]])
def test_malformed_moods_are_named(moods: Any) -> None:
    with pytest.raises(FolderError, match="moods"):
        MoodWords.from_folder({"moods": moods}, {"words.txt": b"a\n", "characters.txt": b"a\n"})


def test_the_course_is_drawn(follower: Any, tmp_path: Path) -> None:
    moods = follower.follow(CHAT)
    figure = follower.plot(moods, tmp_path / "mood.png")
    assert (tmp_path / "mood.png").read_bytes()[:4] == b"\x89PNG"
    (axes,) = figure.axes
    assert len(axes.get_yticklabels()) == len(CHAT)
    with pytest.raises(UsageError, match="no messages to draw"):
        follower.plot([])
    with pytest.raises(UsageError, match="must end in"):
        follower.plot(moods, tmp_path / "mood.doc")


def test_the_command_follows_a_chat(zoo: Any, follower: Any, tmp_path: Path) -> None:
    folder = save(mood_bundle(), tmp_path / "mood")
    chat, picture = tmp_path / "chat.jsonl", tmp_path / "mood.svg"
    rows = [json.dumps({"text": text, "speaker": speaker}) for text, speaker in CHAT[:3]]
    chat.write_text("\n".join(rows))
    moods = follower.follow(CHAT[:3])
    shown = zoo("run", folder, chat, "--picture", picture)
    names = [speaker for _, speaker in CHAT[:3]]
    assert shown == "".join(f"{n}\t{m}\n" for n, m in zip(names, moods, strict=True))
    assert picture.exists()
    assert "must end in" in zoo("run", folder, chat, "--plot", tmp_path / "x", code=2)


def test_weighted_f1_is_that_of_the_counts() -> None:
    gold, found = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    assert weighted_f1(gold, found) == pytest.approx(0.75 * 0.8 + 0.25 * 2 / 3)
    figures = mood_figures(gold, found, ["x", "x", "y", "y"], dataset="d", split="test")
    assert [one.metric for one in figures] == ["weighted_f1", "macro_f1", "accuracy"]
    assert figures[2].value == 75.0
    assert figures[0].extra["moods"] == {"a": 80.0, "b": 66.67}
    # A mood that only was found does not count in the mean over moods.
    (_, macro, _) = mood_figures(["a"], ["c"], ["x"], dataset="d", split="test")
    assert macro.value == 0.0


def test_messages_without_a_mood_are_read_but_not_learnt() -> None:
    processor = mood_bundle().processor
    rows = [
        MoodMessage("hello", "ana", "good", "1"),
        MoodMessage("book", "ben", "", "1"),
        MoodMessage("cancel", "ana", "bad", "2"),
    ]
    inputs, moods = conversation_arrays(make_examples(rows, processor))
    assert moods.tolist() == [[1, -1], [0, -1]]
    assert inputs[3].tolist() == [[0, 1], [2, 0]]
    assert inputs[4].tolist() == [[1, 2], [1, 0]]
    with pytest.raises(DataError, match="no mood 'fine'"):
        make_examples([MoodMessage("a", "", "fine", "1")], processor)
    with pytest.raises(DataError, match="no message with a mood"):
        make_examples([MoodMessage("a", "", "", "1")], processor)


def test_long_conversations_are_learnt_from_to_their_end() -> None:
    rows = [MoodMessage("hello", "ana", "bad" if n > 3 else "good", "1") for n in range(5)]
    examples = make_examples(rows, mood_bundle().processor, longest=2)
    assert [example.moods.tolist() for example in examples] == [[1, 1], [1, 1], [0]]


def test_the_inference_equals_the_network(follower: Any) -> None:
    rows = [MoodMessage(text, speaker, "good", "1") for text, speaker in CHAT]
    rows += [MoodMessage("hello", "ana", "bad", "2")]
    # Rows and conversations that only fill the arrays change nothing.
    examples = make_examples(rows, follower.processor)
    inputs, moods = conversation_arrays(examples, messages=12, conversations=4)
    assert (len(inputs[0]), len(inputs[3])) == (12, 4)
    assert moods[2:].max() == -1
    outputs = np.asarray(follower.network(list(inputs), training=False))
    state = follower.inference.start()
    known: list[str] = []
    for turn, (text, speaker) in enumerate(CHAT):
        number, known = speaker_number(speaker, known)
        logits, state = follower.inference.read(follower.processor.encode(text), number, state)
        np.testing.assert_allclose(outputs[0, turn], logits, atol=1e-4)
    shapes = {v.path: tuple(v.shape) for v in follower.network.weights}
    assert shapes == dict(follower.config.shapes())


def test_the_recipe_trains_a_mood_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from zoo.recipes import sentiment_lstm

    from zoo.dialogue.training import glove

    moods = {"great": "positive", "fine": "positive", "awful": "negative", "table": "neutral"}
    rows = [
        MoodMessage(f"this is {word}", "ana", mood, str(number))
        for number in range(12)
        for word, mood in moods.items()
    ]
    comments = [MoodMessage(f"so {word}", "", "joy", str(n)) for n, word in enumerate(moods)]
    monkeypatch.setattr(glove, "glove_vectors", lambda: {"great": np.ones(50, np.float32)})
    monkeypatch.setattr(
        sentiment_lstm,
        "load_moods",
        lambda corpus, split: comments[:1] if corpus == "go_emotions" else rows,
    )
    values = sentiment_lstm.MODELS["sentiment_lstm.meld"]
    one = Plan(epochs=3, learning_rate=2e-2, warmup_steps=4, average=0.8)
    small = replace(
        values,
        network={"units": 12, "message": 16, "context": 12, "filters": 8},
        plans=(replace(one, epochs=1, values={"with_comments": True}), replace(one, epochs=8)),
        vocabulary=80,
        batch=8,
    )
    monkeypatch.setitem(sentiment_lstm.MODELS, "sentiment_lstm.meld", small)
    model = load_model(sentiment_lstm.train("sentiment_lstm.meld", tmp_path / "run"))
    assert model.check() < 1e-3
    figures = sentiment_lstm.evaluate(model, "runs/run")
    assert figures[0].metric == "weighted_f1"
    assert figures[0].value > 80
    assert model.follow(["this is awful"])[0].valence < 0 < model.follow(["great"])[0].valence


def test_finetuning_learns_other_moods_from_csv(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.dialogue.training import growth

    monkeypatch.setattr(growth, "known_vectors", dict)
    start = make_task(mood_bundle()).save(tmp_path / "start")
    data = tmp_path / "mine.csv"
    words = {"ok": "good", "so": "odd"}
    rows = [f'"this is {w}, {n}",{words[w]},ana,{w}{n}' for n in range(15) for w in words]
    data.write_text("\n".join(["Text,mood,speaker,conversation", *rows]))
    out = tmp_path / "mine"
    common = ("--epochs", 2, "--learning-rate", 0.02)
    zoo("finetune", start, "--data", data, "--out", out, *common)
    model = load_model(out)
    assert model.moods == ("good", "odd")
    assert model.follow(["this is so, 3"])[0].label in model.moods
    with pytest.warns(UserWarning, match="fine-tuned on mine"):
        assert "weighted_f1" in zoo("evaluate", out, "--data", data)


def test_moods_of_ones_own_are_good_or_bad(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Text, Valence ,Mood\nhello,0.5,odd\nhi,,odd\n,,\nwell,,Negative\n")
    assert read_valences(path) == {"odd": 0.5}
    bundle = mood_bundle()
    bundle = replace(bundle, decoder={**bundle.decoder, "valence": {"good": 0.9, "bad": -0.8}})
    with pytest.warns(ZooWarning, match=r"^so so: it is not known how good"):
        grown = with_moods(bundle, ["Negative", "good", "odd", "so so"], ["hello"], {"odd": 0.5})
    assert grown.decoder["valence"] == {"Negative": -1.0, "good": 0.9, "odd": 0.5, "so so": 0.0}
    assert grown.decoder.keys() == bundle.decoder.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2", "there must be 'text' and 'mood'"),
        ("text,mood\nhello", "row 1 has too few columns"),
        ("text,mood\nWell, that is great,happy\n", "row 1 has more columns than the first line"),
        ("text,mood,valence\nhello,good,high\n", "a valence is a number from -1 to 1"),
        ("text,mood,valence\nhello,good,1\nhi,good,0\n", "'good' has another valence before"),
        ("text,mood\nhello,\n", "no message has a mood"),
        ('text,mood\n"hello"x,good\n', "not valid CSV"),
    ],
)
def test_a_malformed_csv_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        (read_valences if "valence" in text else read_moods)(tmp_path / "a.csv")
    with pytest.raises(DataError, match="at least two conversations"):
        split_conversations([MoodMessage("a", "", "good", "1")], 0.1, 0)
