"""Taggers against Keras, and trained by their recipe on a small language."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dialogue.toy import make_task, messages, tagger_bundle
from zoo import load_model
from zoo.errors import ZooWarning
from zoo.training.plan import Plan


@pytest.mark.parametrize(
    "values", [{"layers": 2}, {"labels": (), "intent_units": 6}, {"intents": ()}]
)
def test_the_inference_equals_the_network_and_padding_counts_for_nothing(
    values: dict[str, Any],
) -> None:
    from zoo.dialogue.words import pad_words

    task = make_task(tagger_bundle(**values))
    texts = ["Book a table for Ana at 7pm, please", "hi", "Eve"]
    encoded = [task.processor.encode(text) for text in texts]
    outputs = task.network(list(pad_words(encoded)), training=False)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    for row, ids in enumerate(encoded):
        read = task.inference.read(ids)
        expected = [part for part in read if part.size]
        assert len(expected) == len(outputs)
        for found, wanted in zip(outputs, expected, strict=True):
            array = np.asarray(found)[row]
            np.testing.assert_allclose(array[: len(wanted)], wanted, atol=2e-3)
    assert task.network.count_params() == task.config.parameters()
    assert {v.path for v in task.network.weights} == set(task.config.shapes())


def test_the_recipe_trains_a_tagger_that_finds_the_entities(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.recipes import tagger_bilstm

    from zoo.dialogue.tagging.training import run as tagger_run
    from zoo.dialogue.training import glove

    vectors = {w: np.full(50, 0.1, np.float32) for w in ("table", "hello")}
    monkeypatch.setattr(glove, "glove_vectors", lambda: vectors)
    language = messages()
    held = {"validation": language[3::10], "test": language[8::10]}
    rest = [one for one in language if not any(one in part for part in held.values())]
    parts = {"train": rest, **held}
    monkeypatch.setattr(tagger_bilstm, "load_tagged", lambda corpus, split: parts[split])
    values = replace(
        tagger_bilstm.MODELS["tagger_bilstm.snips"],
        network={"units": 24, "filters": 16, "known_vectors": 8, "character_vectors": 8},
        plans=(Plan(epochs=12, learning_rate=2e-2, warmup_steps=4, average=0.8, seed=3),),
        vocabulary=200,
        batch=8,
        values_of_labels={"time": "time"},
    )
    monkeypatch.setitem(tagger_bilstm.MODELS, "tagger_bilstm.snips", values)
    assert tagger_run.LONGEST > 20
    folder = tagger_bilstm.train("tagger_bilstm.snips", tmp_path / "run", "zoo train")
    model = load_model(folder)
    assert model.check() < 1e-3
    result = model.tag("Book a table for Ana at 7pm, please")
    assert [(e.text, e.label, e.value) for e in result.entities] == [
        ("Ana", "person", None),
        ("7pm", "time", "19:00"),
    ]
    assert result.intent == "book"
    figures = tagger_bilstm.evaluate(model, "runs/run")
    assert [figure.metric for figure in figures] == ["entity_f1", "intent_accuracy"]
    assert figures[0].value > 80
    assert figures[0].higher_is_better
    assert set(figures[0].extra["labels"]) == {"person", "time"}
    assert "higher" in str(figures[0].to_row())


def test_finetuning_learns_new_labels_and_keeps_others_if_asked(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.dialogue.training import growth

    monkeypatch.setattr(growth, "known_vectors", dict)
    start = make_task(tagger_bundle(units=16, filters=16)).save(tmp_path / "start")
    rows = []
    for number in range(40):
        text = f"my parcel {number:03} is late"
        rows.append({"text": text, "label": [[10, 13, "order"]], "intent": "late"})
    data = tmp_path / "mine.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    common = ("--epochs", 12, "--learning-rate", 0.02, "--batch", 8)
    out = tmp_path / "mine"
    with pytest.warns(ZooWarning) as told:
        zoo("finetune", start, "--data", data, "--out", out, *common)
    assert [str(one.message).partition(" of the model")[0] for one in told][:2] == [
        "the data has none of 2 labels",
        "the data has none of 2 intents",
    ]
    model = load_model(out)
    assert (model.labels, model.intents) == (("order",), ("late",))
    (entity,) = model.tag("my parcel 471 is late").entities
    assert (entity.text, entity.label) == ("471", "order")
    assert model.card["base_model"] == "tagger_bilstm.toy"
    out = tmp_path / "kept"
    zoo("finetune", start, "--data", data, "--out", out, "--keep-labels", *common[:1], 1)
    kept = load_model(out)
    assert kept.labels == ("order", "person", "time")
    assert kept.intents == ("book", "cancel", "late")


def test_long_messages_of_ones_own_are_learnt_and_too_long_ones_named(
    zoo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.dialogue.training import growth

    monkeypatch.setattr(growth, "known_vectors", dict)
    start = make_task(tagger_bundle(units=16, filters=16)).save(tmp_path / "start")
    long = "my order 4471 is late. " + "I have been waiting for it. " * 20
    rows = [{"text": f"{long}{n}", "entities": [[9, 13, "order"]]} for n in range(4)]
    rows.append({"text": "late " * 1001, "entities": [[0, 4, "state"]]})
    data = tmp_path / "long.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    with pytest.warns(ZooWarning, match="1 of 5 messages are longer than 1,000 words"):
        zoo("finetune", start, "--data", data, "--out", tmp_path / "out", "--epochs", 1)
    assert load_model(tmp_path / "out").labels == ("order",)


def test_made_messages_have_values_as_people_write_them() -> None:
    from zoo.dialogue.datasets import Span, TaggedMessage
    from zoo.dialogue.tagging.training.rewriting import rewritten

    labels = ("amount", "card", "date", "phone", "time", "person")
    given = [TaggedMessage("it was known", (Span(label, 7, 12),)) for label in labels]
    made = rewritten(given, 4000, seed=1)
    found = {
        label: {m.text[s.start : s.end] for m in made for s in m.entities if s.label == label}
        for label in labels
    }
    shapes = {
        "amount": (r"\$\d+\.\d\d", r"€[\d,]+", r"\d+ dollars"),
        "card": (r"\d{16}", r"\d{4}-\d{4}-\d{4}-\d{4}"),
        "date": (r"20\d\d-\d\d-\d\d", r"[A-Z][a-z]+ \d+(st|nd|rd|th)"),
        "phone": (r"\d{3}-\d{4}-\d{4}", r"\(\d{3}\) \d{3}-\d{4}", r"\+44 .*"),
        "time": (r"\d+:\d\d", r"\d+:?\d* ?[ap]m"),
    }
    for label, patterns in shapes.items():
        for pattern in patterns:
            assert any(re.fullmatch(pattern, value) for value in found[label]), pattern
        assert "known" in found[label]  # values of the data stay too
    ordinals = {tuple(match) for v in found["date"] for match in re.findall(r"(\d+)([a-z]{2})", v)}
    assert ordinals >= {("1", "st"), ("2", "nd"), ("3", "rd")}
    assert all(ending == "th" for day, ending in ordinals if int(day) in range(4, 21))
    assert {value.lower() for value in found["person"]} == {"known"}
