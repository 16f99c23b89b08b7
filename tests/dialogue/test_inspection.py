"""Taggers and mood readers looked into: traces, gradients and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inspection.networks import random_weights
from zoo import load_model
from zoo.dialogue.messages import Message
from zoo.dialogue.mood.inspection import SentimentNetwork, conversation_subject
from zoo.dialogue.mood.sentiment_lstm import SentimentConfig
from zoo.dialogue.tagging.inspection import TaggerNetwork
from zoo.dialogue.tagging.tagger_bilstm import TaggerConfig
from zoo.dialogue.tokens import Token
from zoo.dialogue.tracking.inspection import TrackerNetwork
from zoo.dialogue.tracking.tracker_lstm import TrackerConfig
from zoo.dialogue.words import WordIds
from zoo.errors import UsageError
from zoo.inspection.attribution import attribute_output
from zoo.inspection.highway import highway_of
from zoo.inspection.subject import InspectedInput, Steps
from zoo.inspection.tape import Tape
from zoo.inspection.traces import log_softmax, trace_network

WIDTHS: dict[str, int] = {
    "words": 20,
    "known": 10,
    "characters": 12,
    "word_characters": 4,
    "word_vectors": 3,
    "known_vectors": 2,
    "character_vectors": 3,
    "filters": 4,
    "units": 3,
}
CHAT = [("Great, thanks!", "ana"), ("", "ben"), ("My order 4471 is late. This is awful.", "ana")]


def ids(*shape: int, most: int) -> np.ndarray:
    return np.random.default_rng(1).integers(1, most, shape).astype(np.int32)


def made(values: dict[str, Any]) -> tuple[Any, InspectedInput]:
    """A small network on a tape and an input of it."""
    if "moods" in values:
        config: Any = SentimentConfig(**WIDTHS, message=4, context=3, **values)
        words = ids(3, 5, most=10)
        words[1], words[2, 3:] = 0, 0  # an empty message, and one of three words
        arrays: tuple[np.ndarray, ...] = (
            words,
            np.where(words, words % 9 + 1, 0),
            ids(3, 5, 4, most=12) * (words != 0)[..., None],
            np.array([[0, 1, 2]], np.int32),
            np.array([[1, 2, 1]], np.int32),
        )
        axes = {"messages": Steps("messages", np.arange(3.0)), "words": Steps("w", np.arange(8.0))}
        return SentimentNetwork, (config, InspectedInput(arrays, axes, "messages"))
    if "meaning" in values:
        config = TrackerConfig(**WIDTHS, hidden=4, **values)
        draw, sides = np.random.default_rng(2), []
        for length in (5, 2):
            words = ids(1, length, most=20), ids(1, length, most=10), ids(1, length, 4, most=12)
            sides += [*words, draw.random((1, length, 3)), draw.random((1, 3))]
        candidates = ids(1, 3, 2, most=20), ids(1, 3, 1, most=20), np.array([[2, 1, 0]], np.int32)
        arrays = (*sides, *candidates, np.array([[0.0, 1.0, 0.0]]))
        axes = {
            "message": Steps("words", np.arange(5.0)),
            "reply_to": Steps("words", np.arange(2.0)),
            "turn": Steps("turn", np.zeros(1)),
        }
        return TrackerNetwork, (config, InspectedInput(arrays, axes, "turn"))
    config = TaggerConfig(**WIDTHS, layers=2, **values)
    arrays = ids(1, 5, most=20), ids(1, 5, most=10), ids(1, 5, 4, most=12)
    axes = {"words": Steps("words", np.arange(5.0)), "messages": Steps("messages", np.zeros(1))}
    axis = "words" if config.labels else "messages"
    return TaggerNetwork, (config, InspectedInput(arrays, axes, axis))


NETWORKS: list[dict[str, Any]] = [
    {"labels": 2},
    {"labels": 2, "intents": 3, "intent_units": 4},
    {"labels": 0, "intents": 3},
    {"moods": 4},
    {"meaning": 4},
]


@pytest.mark.parametrize("values", NETWORKS, ids=lambda one: "-".join(one))
def test_gradients_are_those_of_finite_differences(values: dict[str, Any]) -> None:
    kind, (config, subject) = made(values)
    network = kind(config, random_weights(config.shapes()))
    inputs = network.inputs(subject.arrays)

    def loss(x: np.ndarray) -> float:
        tape = Tape(record=False)
        leaves = [tape.leaf(one) for one in (x, *inputs[1:])]
        return float(log_softmax(network.run(tape, leaves).logits.value)[0, -1, 1])

    tape = Tape()
    leaf, *others = (tape.leaf(one) for one in inputs)
    logits = network.run(tape, [leaf, *others]).logits
    gradient = np.zeros_like(logits.value)
    gradient[0, -1] = -np.exp(log_softmax(logits.value[0, -1]))
    gradient[0, -1, 1] += 1
    tape.backward(logits, gradient)
    assert leaf.gradient is not None
    draw = np.random.default_rng(0)
    for _ in range(5):
        direction = draw.normal(size=inputs[0].shape)
        step = 1e-6 * direction
        slope = (loss(inputs[0] + step) - loss(inputs[0] - step)) / 2e-6
        assert (leaf.gradient * direction).sum() == pytest.approx(slope, abs=1e-6)
    assert attribute_output(network, subject, points=64).error < 0.02
    curves = {(one.layer, one.state) for one in highway_of(network, subject).curves}
    assert any(layer.endswith("recurrent_1/forward") for layer, _ in curves)


def test_the_runs_over_words_are_those_of_each_message_in_the_order_of_the_text() -> None:
    kind, (config, subject) = made({"moods": 4})
    weights = random_weights(config.shapes())
    whole = trace_network(kind(config, weights), subject)
    words, known, characters, _, _ = subject.arrays
    alone = []
    for row, length in ((0, 5), (2, 3)):
        tape = Tape(record=False)
        network = kind(config, weights)
        arrays = (
            words[row : row + 1, :length],
            known[row : row + 1, :length],
            characters[row : row + 1, :length],
            np.zeros((1, 1), np.int32),
            np.ones((1, 1), np.int32),
        )
        network.run(tape, [tape.leaf(one) for one in network.inputs(arrays)])
        backward = tape.runs["recurrent_1/backward"]
        alone.append(backward.arrays["f"][0, ::-1])
    np.testing.assert_allclose(
        whole.gate("f", "recurrent_1/backward"), np.concatenate(alone), atol=1e-6
    )
    assert len(whole.steps("context")) == 3


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_way_back_of_a_message_begins_at_its_own_words(at: int) -> None:
    words = [
        WordIds(
            [Token("w", n, n + 1) for n in range(count)],
            *(np.ones(count, np.int32) for _ in range(2)),
            np.ones((count, 4), np.int32),
        )
        for count in (5, 0, 3)
    ]
    messages = [Message("a", "ana"), Message("", "ben"), Message("b", "ana")]
    given = conversation_subject(messages, words, ("bad", "good"))
    assert given.spans["words"].tolist() == [[0, 4], [5, 4], [5, 7]]
    kind, (config, subject) = made({"moods": 4})
    network = kind(config, random_weights(config.shapes()))
    found = highway_of(network, replace(subject, spans=given.spans), at=at)
    for way in ("forward", "backward"):
        curve = found.curve(f"recurrent_1/{way}", "h")
        if at != 1:  # the empty message has no words of its own
            assert curve.norms[0] > 0
            own = 5 if at == 0 else 3
            assert curve.norms[:own].min() > 0
            assert curve.norms[own:].max(initial=0.0) == pytest.approx(0.0, abs=1e-12) or at == 2


def test_a_tracker_is_looked_into_slot_by_slot(zoo: Any, tmp_path: Path) -> None:
    tracker = load_model("tracker_lstm.woz")
    texts = ["A cheap place, please", {"text": "Which food?", "speaker": "system"}, "thai food"]
    said = tracker.track(texts)[-1]
    trace = tracker.trace(texts)
    assert trace.steps("message/recurrent_1/forward").texts == ("thai", "food")
    assert trace.steps("reply_to/recurrent_1/forward").texts == ("Which", "food", "?")
    assert trace.subject is not None
    best = int(np.argmax(trace.log_probs[0]))
    assert trace.subject.labels[best] == said.slots["food"] == "thai"
    margin = tracker.settings.slot_margin
    shares = np.exp(trace.log_probs[0].astype(np.float64))
    shares[0] *= np.exp(margin)
    assert shares[best] / shares.sum() == pytest.approx(said.scores["food"], abs=1e-4)
    price = tracker.subject("A cheap place", slot="price range")
    assert list(price.labels[:3]) == ["(nothing)", "(anything)", "cheap"]
    with pytest.raises(UsageError, match="no slot 'colour'; its slots are"):
        tracker.subject("A cheap place", slot="colour")
    page = tmp_path / "page.html"
    assert "message/recurrent_1" in zoo("inspect", "tracker_lstm.woz", "thai food", "--out", page)


def test_the_pretrained_models_are_looked_into_by_what_their_verbs_take(
    tmp_path: Path, zoo: Any
) -> None:
    tagger, moods = load_model("tagger_bilstm.chat"), load_model("sentiment_lstm.topical_chat")
    trace = tagger.trace("Hi, I'm Ana, order 4471 was for March 3rd")
    assert trace.steps("recurrent_1/forward").texts[:3] == ("Hi", ",", "I'm")
    found = moods.trace(CHAT)
    assert found.steps("context").texts == ("Great, thanks!", "", "My order 4471 is late. …")
    followed = moods.follow(CHAT)
    settings = moods.settings
    raised = np.exp(np.asarray(found.log_probs, np.float64) / settings.temperature)
    for row, mood in zip(raised / raised.sum(-1, keepdims=True), followed, strict=True):
        assert row == pytest.approx(list(mood.probabilities.values()), abs=1e-4)
    for model, empty in ((tagger, " "), (moods, ["", " "])):
        with pytest.raises(UsageError, match="at least one word"):
            model.trace(empty)
    said = zoo("inspect", "tagger_bilstm.chat", "Order 4471 is late", "--out", tmp_path / "a.html")
    assert "recurrent_1/backward: lstm" in said
    (tmp_path / "chat.jsonl").write_text('{"text": "Hi"}\n{"text": "This is awful"}\n')
    chat = tmp_path / "chat.jsonl"
    said = zoo("inspect", "sentiment_lstm.topical_chat", chat, "--plot", tmp_path / "a.png")
    assert "context: lstm" in said
    assert (tmp_path / "a.png").stat().st_size > 1000
    (tmp_path / "chat.jsonl").write_text('{"text": "Hi"}\n{"text": \n')
    said = zoo("inspect", "sentiment_lstm.topical_chat", chat, code=1)
    assert "line 2" in said
