"""The task ``dialogue-state-tracking``: ontologies, turns, states; and the network beside it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dialogue.toy import make_task, random_weights, save
from zoo import load_model
from zoo.catalogue import registry
from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.tracking.arrays import held_candidates, turn_arrays
from zoo.dialogue.tracking.ontology import CARELESS, NOTHING, QUESTION, VALUE, Ontology, spans
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.dialogue.tracking.training.distractors import Distractors
from zoo.dialogue.tracking.training.examples import TurnSwap, targets, turn_examples
from zoo.dialogue.tracking.training.files import read_dialogues, split_dialogues
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.errors import DataError, FolderError, UsageError
from zoo.folder.bundle import Bundle
from zoo.training.plan import Plan

FOODS = ("thai", "north korean", "greek", "turkish")
AREAS = ("north", "south")
ONTOLOGY = Ontology({"food": FOODS, "area": AREAS}, ("phone", "address"))


def turns() -> list[DialogueTurn]:
    """Dialogues of two turns about food and areas."""
    made = []
    for number, food in enumerate(FOODS * 3):
        area = AREAS[number % 2]
        first = {"food": food}
        second = {**first, "area": area}
        name = str(number)
        made.append(DialogueTurn(name, "", f"I want {food} food", first, first, ()))
        made.append(
            DialogueTurn(
                name,
                "Which area?",
                f"the {area}, and the phone?",
                {"area": area},
                second,
                ("phone",),
            )
        )
    return made


def tracker_bundle(**values: Any) -> Bundle:
    """An untrained tracker."""
    texts = [text for turn in turns() for text in (turn.system, turn.user)]
    processor = TrackedWords(Words.of_texts(texts, ("greek", "spanish"), size=60), ONTOLOGY)
    entry = registry().architecture("tracker_lstm")
    sizes = {"word_vectors": 8, "known_vectors": 4, "character_vectors": 4, "filters": 8}
    config = entry.load("config")(
        **word_values(processor.words),
        **({"units": 8, "meaning": 8, "hidden": 8, **sizes} | values),
    )
    card = {"name": "tracker_lstm.toy", "languages": ["en"], "license": "apache-2.0"}
    return Bundle(entry, config, processor, {}, random_weights(config, 4), card=card)


@pytest.fixture(scope="module")
def tracker() -> Any:
    return make_task(tracker_bundle())


def test_candidates_are_nothing_anything_values_and_questions() -> None:
    kinds = [one.kind for one in ONTOLOGY.candidates]
    assert kinds == [
        NOTHING,
        CARELESS,
        *[VALUE] * 4,
        NOTHING,
        CARELESS,
        *[VALUE] * 2,
        *[QUESTION] * 2,
    ]
    assert ONTOLOGY.groups == {"food": slice(0, 6), "area": slice(6, 10)}
    assert ONTOLOGY.questions == slice(10, 12)
    assert Ontology.from_values(ONTOLOGY.to_values()) == ONTOLOGY
    assert Ontology.from_values({"food": ["thai"]}).requests == ()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "at least one slot"),
        ({"food": []}, "'food' of the ontology has no values"),
        ({"food": ["thai", "thai"]}, "repeat a name"),
        ({"food": [" "]}, "texts of 1 to 200 characters"),
        ({"food": "thai"}, "a list of values for each slot"),
        ({"food": list(map(str, range(100_001)))}, "100,001 values is too large"),
        (3, "a table of slots"),
        ({"food": ["thai"], "requests": ["phone"]}, "'requests' stands beside 'slots'"),
        ({"slots": {"food": ["thai"]}, "open": ["name"]}, "'name' is no slot"),
        ({"slots": {"food": ["thai"]}, "open": "food"}, "a list of values for each slot"),
        ({"slots": {"food": [3]}}, "texts of 1 to 200"),
        ({"slots": {"food": ["thai"]}, "request": ["phone"]}, "has no 'request'; it may have"),
    ],
)
def test_a_malformed_ontology_is_named(told: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Ontology.from_values(told)
    with pytest.raises(FolderError):
        TrackedWords.from_folder({"ontology": told}, {"words.txt": b"", "characters.txt": b""})


def test_words_match_whole_or_nearly(tracker: Any) -> None:
    processor = tracker.processor
    match, covered = processor.matches(processor.encode("Turkich or NORTH food, grek?"))
    names = [(one.slot, one.value) for one in ONTOLOGY.candidates]
    share = dict(zip(names, covered.tolist(), strict=True))
    assert share["area", "north"] == 1.0
    assert share["food", "north korean"] == 0.5
    assert 0.8 <= share["food", "turkish"] < 1.0
    assert share["food", "greek"] == 0.0  # a short word must be spelt right
    assert match.shape == (7, len(names))
    assert match[2, names.index(("food", "north korean"))] == 1.0
    empty = processor.matches(processor.encode(""))
    assert empty[0].shape == (0, len(names))
    assert not empty[1].any()


def test_a_value_is_not_meant_by_a_part_that_is_one_of_another_slot(tracker: Any) -> None:
    place = {(one.slot, one.value): n for n, one in enumerate(tracker.ontology.candidates)}
    korean = place["food", "north korean"]

    def half_said(text: str, reply_to: str = "") -> list[int]:
        found = [
            tracker.processor.matches(tracker.processor.encode(t))[1] for t in (text, reply_to)
        ]
        return tracker.ontology.half_said(*found)

    assert half_said("In the North") == [korean]
    assert half_said("the north, please", "North Korean food?") == []
    assert half_said("korean food in the north") == []
    assert half_said("korean food") == []
    many = [f"room {n}" for n in range(2000)]
    numbers = Ontology({"room": many, "floor": many[:5], "tag": list(map(str, range(2000)))})
    assert len(numbers.half_said([1.0, *[0.5] * 5000], [0.0] * 5001)) <= 2005


def test_the_shipped_tracker_takes_the_north_for_an_area_alone() -> None:
    states = load_model("tracker_lstm.woz").track(["A cheap thai place", "In the north, please"])
    assert states[-1].slots == {"food": "thai", "price range": "cheap", "area": "north"}


def test_the_state_is_carried_on_and_only_users_change_it(tracker: Any) -> None:
    texts = [{"text": t.user, "speaker": "user"} for t in turns()[:6]]
    states = tracker.track(texts)
    for before, after in itertools.pairwise(states):
        changed = {s for s in after.slots if before.slots.get(s) != after.slots[s]}
        assert changed == set(after.changed)
        assert before.slots.keys() <= after.slots.keys()
    conversation = tracker.open_conversation()
    conversation.feed(texts[0])
    held = conversation.result.slots
    result = conversation.feed("thai in the north?", speaker="System")
    assert (result.slots, result.changed, result.requests) == (held, (), ())
    quiet = conversation.feed(" ")
    assert (quiet.slots, quiet.requests) == (held, ())


def test_a_conversation_in_parts_equals_the_whole_to_the_bit(tracker: Any) -> None:
    messages = []
    for turn in turns()[:6]:
        messages += [{"text": turn.system, "speaker": "system"}, {"text": turn.user}]
    whole = tracker.track(messages)
    for cut in range(len(messages) + 1):
        first = tracker.open_conversation()
        before = [first.feed(one) for one in messages[:cut]]
        second = tracker.open_conversation(first.state.to_json())
        assert before + [second.feed(one) for one in messages[cut:]] == whole


def test_all_that_was_said_since_the_last_message_is_answered(tracker: Any) -> None:
    question, aside = "which food?", "one moment"
    one = tracker.track([(f"{question}\n{aside}", "system"), ("any", "ana")])[-1]
    for speaker in ("system", "Agent"):
        two = tracker.track([(question, speaker), (aside, "bot"), ("", "system"), ("any", "ana")])
        assert two[-1] == one
        assert not any(state.changed for state in two[:-1])
    conversation = tracker.open_conversation()
    for _ in range(300):
        conversation.feed("which food would you like?", "system")
    assert len(conversation.state.to_json()) < 10_000


def test_the_ontology_can_be_changed(tracker: Any) -> None:
    task = make_task(tracker_bundle())
    state = task.open_conversation().state
    task.ontology = {"slots": {"food": ["spanish", "greek"]}, "requests": ["phone"]}
    assert set(task.track(["spanish food"])[0].slots) <= {"food"}
    with pytest.raises(UsageError, match="another model"):
        task.open_conversation(state)
    task.ontology = {"food": [f"dish {number}" for number in range(20_000)]}
    assert len(task.track(["dish 7 please"])) == 1


def test_open_slots_copy_words_of_the_message() -> None:
    assert spans("To Peru, 2 of us") == [
        "To",
        "To Peru",
        "Peru",
        "2",
        "2 of",
        "2 of us",
        "of",
        "of us",
        "us",
    ]
    told = {"slots": {"food": ["thai"], "name": []}, "requests": [], "open": ["name"]}
    ontology = Ontology.from_values(told)
    assert ontology.to_values() == told
    heard = ontology.with_copied(["Ana Thai", "ana?"])
    assert heard.slots == {"food": ("thai",), "name": ("Ana", "Ana Thai", "Thai")}
    assert ONTOLOGY.with_copied(["Ana"]) is ONTOLOGY
    assert len(ontology.with_copied(["a b c d e f " * 10_000]).slots["name"]) < 400
    task = make_task(tracker_bundle())
    task.ontology = ontology
    messages = ["Ana here", "thai, please", "", "!" * 200]
    states = task.track(messages)
    for message, state in zip(messages, states, strict=True):
        if "name" in state.changed:
            assert state.slots["name"] in ("dontcare", *spans(message))
    first = task.open_conversation()
    first.feed(messages[0])
    second = task.open_conversation(first.state.to_json())
    assert [first.result, *(second.feed(one) for one in messages[1:])] == states


def test_the_ontology_is_given_at_load_and_to_the_command(zoo: Any, tmp_path: Path) -> None:
    folder = save(tracker_bundle(), tmp_path / "tracker")
    told = {"slots": {"food": ["spanish", "greek"]}, "requests": ["phone"]}
    model: Any = load_model(folder, ontology=told)
    assert model.ontology == Ontology.from_values(told)
    assert model.metrics == []
    with pytest.raises(UsageError, match="has no values; list some"):
        load_model(folder, ontology={"food": []})
    file = tmp_path / "ontology.json"
    file.write_text(json.dumps(told))
    shown = json.loads(zoo("run", folder, "spanish food", "--json", "--ontology", file))
    assert shown == [model.track(["spanish food"])[0].to_dict()]
    file.write_text("{")
    assert "not valid JSON" in zoo("run", folder, "hi", "--ontology", file, code=1)


def test_the_largest_ontology_is_read_and_too_long_a_message_for_it_is_named() -> None:
    task = make_task(tracker_bundle())
    task.ontology = {"food": [f"dish{chr(97 + n % 26)} {n}" for n in range(100_000)]}
    (state,) = task.track(["dishb 1"])
    assert state.slots.keys() <= {"food"}
    with pytest.raises(UsageError, match="too long for an ontology of 100,002 candidates"):
        task.track(["word " * 1_000])


def test_distractors_are_wrong_candidates_unless_the_turn_says_them() -> None:
    task = make_task(tracker_bundle())
    said = {"food": "mongolian"}
    turns_ = [
        DialogueTurn("1", "Hello", "I want mongolian food", said, said, ()),
        DialogueTurn("2", "", "", {}, {}, ()),
    ]
    heard = [(task.processor.encode(t.user), task.processor.encode(t.system)) for t in turns_]
    arrays = turn_arrays(
        task.processor, [(t.user, t.system) for t in turns_], [held_candidates(ONTOLOGY, {})] * 2
    )
    wanted = np.stack([targets(one, ONTOLOGY) for one in turn_examples(turns_)])
    distractors = Distractors(task.processor, 3)
    grown, more = distractors(arrays, turns_, heard, wanted, np.random.default_rng(0))
    assert distractors.places == {"food": slice(12, 15), "area": slice(15, 18)}
    assert more.shape == (2, 18)
    assert more[0].nonzero()[0].tolist() == [6, 12]  # the made-up food; nothing of the area
    assert more[1].nonzero()[0].tolist() == [0, 6]
    for before, after in zip(arrays, grown, strict=True):
        index = tuple(slice(size) for size in before.shape)
        np.testing.assert_array_equal(after[index], before)
    assert grown[3][0, 2, 12] == grown[4][0, 12] == 1.0  # "mongolian" matches itself
    assert task.network(grown, training=False).shape == (2, 18)


def test_the_loss_counts_distractors() -> None:
    from zoo.dialogue.tracking.training.objective import TrackerObjective

    task = make_task(tracker_bundle())
    plain, more = (
        TrackerObjective(task, turns(), turns(), batch=4, seed=0, distractors=count)
        for count in (0, 2)
    )
    losses = []
    for objective in (plain, more):
        batch = objective.batches(0)[0]
        losses.append(float(objective.loss(batch, [], training=False)[0]))
    assert losses[1] > losses[0] > 0  # more that may be wrong


def test_decisions_follow_the_scores(tracker: Any) -> None:
    logits = np.zeros(12, np.float32)
    logits[[0, 7, 10]] = 9.0, 9.0, 9.0
    logits[11] = -1.0
    said, asked = tracker.decide(logits, ONTOLOGY)
    assert said == {"area": ("dontcare", pytest.approx(1.0, abs=1e-3))}
    assert asked == ("phone",)
    assert held_candidates(ONTOLOGY, {"food": "greek", "area": "dontcare"}).nonzero()[
        0
    ].tolist() == [4, 7]
    assert held_candidates(ONTOLOGY, {}).nonzero()[0].tolist() == [0, 6]


def test_targets_and_swapped_values_agree() -> None:
    example = turn_examples(turns())[1]
    assert example.before == {"food": "thai"}
    assert targets(example, ONTOLOGY).nonzero()[0].tolist() == [0, 8, 10]
    large = Ontology({"food": (*FOODS, *(f"dish{n}" for n in range(9))), "area": AREAS})
    swap, rng = TurnSwap(large, 1.0), np.random.default_rng(0)
    first = turn_examples(turns())[0]
    for _ in range(10):
        other = swap(first, rng)
        food = other.turn.said["food"]
        assert food != "thai"
        assert other.turn.user == f"I want {food} food"
        assert other.turn.state == {"food": food}
    assert TurnSwap(large, 0.0)(first, rng) is first


def test_a_value_that_another_slot_has_is_not_swapped() -> None:
    places = tuple(f"town{letter}" for letter in "abcdefghijkl")
    large = Ontology({"departure": places, "destination": places})
    dialogue = [
        DialogueTurn("1", "", "from towna", {"departure": "towna"}, {"departure": "towna"}, ()),
        DialogueTurn(
            "1",
            "",
            "to townb",
            {"destination": "townb"},
            {"departure": "towna", "destination": "townb"},
            (),
        ),
    ]
    swap, rng = TurnSwap(large, 1.0), np.random.default_rng(0)
    for example in turn_examples(dialogue):
        swapped = [swap(example, rng) for _ in range(40)]
        assert any(one is not example for one in swapped)
        for one in swapped:
            assert all(value in one.turn.user for value in one.turn.said.values())


def test_a_conversation_keeps_the_ontology_that_it_began_with() -> None:
    tracker = make_task(tracker_bundle())
    began, conversation = tracker.ontology, tracker.open_conversation()
    alone = tracker.track(["I want thai food", "the north"])
    conversation.feed("I want thai food")
    tracker.ontology = {"slots": {"colour": ["red", "blue"]}}
    assert conversation.feed("the north") == alone[1]
    with pytest.raises(UsageError, match="another model"):
        tracker.open_conversation(conversation.state)
    tracker.ontology = began
    assert tracker.open_conversation(conversation.state).state == conversation.state


def test_the_command_tells_the_state_after_each_message(
    zoo: Any, tracker: Any, tmp_path: Path
) -> None:
    folder = save(tracker_bundle(), tmp_path / "tracker")
    states = tracker.track(["I want thai food", "the north, and the phone?"])
    shown = zoo("run", folder, "I want thai food", "the north, and the phone?")
    assert shown == "".join(f"{state}\n" for state in states)
    file = tmp_path / "state.json"
    first = json.loads(zoo("run", folder, "I want thai food", "--json", "--state", file))
    second = json.loads(zoo("run", folder, "the north, and the phone?", "--json", "--state", file))
    assert first + second == [state.to_dict() for state in states]
    file.write_text("{}")
    assert "no state of a conversation" in zoo("run", folder, "hi", "--state", file, code=1)


def test_the_inference_equals_the_network(tracker: Any) -> None:
    rows = [("the north, and the phone?", "Which area?"), ("thai", ""), ("north korean", "Food?")]
    held = [
        held_candidates(ONTOLOGY, slots) for slots in ({"food": "thai"}, {}, {"area": "dontcare"})
    ]
    arrays = turn_arrays(tracker.processor, rows, held)
    outputs = np.asarray(tracker.network(list(arrays), training=False))
    for row, (texts, one) in enumerate(zip(rows, held, strict=True)):
        heard = [tracker.inference.hear(text, tracker.processor) for text in texts]
        found = tracker.inference.score((heard[0], heard[1]), tracker.processor.candidates, one)
        np.testing.assert_allclose(outputs[row], found, atol=1e-4)
    assert {v.path: tuple(v.shape) for v in tracker.network.weights} == dict(
        tracker.config.shapes()
    )


def test_the_recipe_trains_a_tracker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from zoo.recipes import tracker_lstm

    from zoo.dialogue.training import glove

    monkeypatch.setattr(glove, "glove_vectors", lambda: {"thai": np.ones(50, np.float32)})
    monkeypatch.setattr(tracker_lstm, "load_dialogues", lambda corpus, split: turns())
    told = {**{s: list(v) for s, v in ONTOLOGY.slots.items()}, "request": list(ONTOLOGY.requests)}
    monkeypatch.setattr(tracker_lstm, "load_ontology", lambda corpus: dict(told))
    values = replace(
        tracker_lstm.MODELS["tracker_lstm.woz"],
        network={"units": 16, "meaning": 16, "hidden": 24, "filters": 8},
        plans=(Plan(epochs=12, learning_rate=2e-2, warmup_steps=4, average=0.8, seed=1),),
        vocabulary=80,
        batch=8,
    )
    monkeypatch.setitem(tracker_lstm.MODELS, "tracker_lstm.woz", values)
    model = load_model(tracker_lstm.train("tracker_lstm.woz", tmp_path / "run"))
    assert model.check() < 1e-3
    joint, request = tracker_lstm.evaluate(model, "runs/run")
    assert (joint.metric, request.metric) == ("joint_goal_accuracy", "turn_request_accuracy")
    assert joint.value > 80
    assert request.value > 80
    model.ontology = {"slots": {"food": ["spanish", "thai"]}, "requests": []}
    assert model.track(["I want spanish food"])[0].slots == {"food": "spanish"}


def test_finetuning_adds_slots_values_and_requests(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.dialogue.training import growth

    monkeypatch.setattr(growth, "known_vectors", dict)
    start = make_task(tracker_bundle()).save(tmp_path / "start")
    dialogues = [
        [{"user": f"in {color} please", "state": {"color": color}, "requests": ["price"]}]
        for color in ("red", "blue", "Red") * 4
    ]
    data = tmp_path / "mine.json"
    data.write_text(json.dumps(dialogues))
    out = tmp_path / "mine"
    zoo("finetune", start, "--data", data, "--out", out, "--epochs", 2, "--learning-rate", 0.02)
    model = load_model(out)
    assert model.ontology.slots == {**ONTOLOGY.slots, "color": ("red", "blue")}
    assert model.ontology.requests == ("phone", "address", "price")
    assert model.track(["in blue please"])[0].slots.keys() <= model.ontology.slots.keys()
    with pytest.warns(UserWarning, match="fine-tuned on mine"):
        assert "joint" in zoo("evaluate", out, "--data", data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("{}", "not a list of dialogues"),
        ("[3]", "dialogue 1 is not a list of turns"),
        ("[[3]]", "dialogue 1, turn 1 is no table"),
        ('[[{"user": 3}]]', "must be text"),
        (r'[[{"user": "\ud800", "state": {}}]]', "turn 1: .* half a surrogate pair"),
        ('[[{"user": "a", "state": {"x": 3}}]]', "'state' must be a table"),
        ('[[{"user": "a", "state": {}, "requests": "x"}]]', "'requests' must be a list"),
        ("[]", "holds no turn"),
    ],
)
def test_a_malformed_file_of_dialogues_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_dialogues(tmp_path / "a.json")
    with pytest.raises(DataError, match="at least two dialogues"):
        split_dialogues(turns()[:1], 0.1, 0)
