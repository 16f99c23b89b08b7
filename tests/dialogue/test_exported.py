"""Exported dialogue models run with NumPy and ONNX Runtime alone, and tell what the model tells."""

from __future__ import annotations

from pathlib import Path

from tests.dialogue.test_mood import CHAT, mood_bundle
from tests.dialogue.test_tracking import tracker_bundle
from tests.dialogue.toy import make_task, messages, tagger_bundle
from tests.export.running import run_example
from zoo import load_model
from zoo.export.writing import export


def test_the_example_tags_what_the_model_tags(tmp_path: Path) -> None:
    texts = ["Hi, I'm Ana Lopez, order 4471 was for March 3rd", "", "Please cancel it!"]
    for number, model in enumerate((load_model("tagger_bilstm.chat"), make_task(tagger_bundle()))):
        folder, _ = export(model, tmp_path / str(number), "onnx")
        told = [str(result) for result in model.tag([*texts, messages()[0].text])]
        assert run_example(folder, *texts, messages()[0].text) == "\n".join(told)


def test_the_example_tells_the_moods_that_the_model_tells(tmp_path: Path) -> None:
    for number, model in enumerate(
        (load_model("sentiment_lstm.topical_chat"), make_task(mood_bundle(threshold=0.1)))
    ):
        folder, _ = export(model, tmp_path / str(number), "onnx")
        told = [str(mood) for mood in model.follow(CHAT)]
        spoken = [f"{speaker}: {text}" for text, speaker in CHAT]
        assert run_example(folder, *spoken) == "\n".join(told)


def test_the_example_follows_what_the_model_follows(tmp_path: Path) -> None:
    tracker = make_task(tracker_bundle())
    tracker.decoder["request_threshold"] = 0.4
    chat = ["I want tahi food", "system: Which area?", "the nroth, and the phone?", "", "turkich!"]
    told = [{"text": one} for one in chat]
    told[1] = {"text": "Which area?", "speaker": "system"}
    states = [str(state) for state in tracker.track(told)]
    assert len(set(states)) > 1
    for kind in ("onnx", "onnx-int8"):
        folder, _ = export(tracker, tmp_path / kind, kind)
        written = run_example(folder, *chat).split("\n")
        if kind == "onnx":
            assert written == states
        assert len(written) == len(chat)
