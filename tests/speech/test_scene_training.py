"""Training on scenes: a tiny model from start to end, a broken run, and the English recipes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speech.toy import RATE, speech_like
from zoo import load_model
from zoo.errors import DataError, UsageError
from zoo.speech.datasets.builders import JoinedUtterances
from zoo.speech.features import LogMel
from zoo.speech.processor import Utterance
from zoo.speech.training import run as run_module
from zoo.speech.training import scenes as scenes_module
from zoo.speech.training.run import SceneTraining
from zoo.speech.training.scenes import FeatureStore, SceneAugmentation
from zoo.training import run
from zoo.training.plan import Plan, Stage
from zoo.training.recipe import RecipeValues

TEXTS = ("A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT")
TINY = {"channels": 2, "layers": 1, "units": 8, "dropout": 0.2}
SCENES = SceneAugmentation(
    variants=2, join_share=0.3, silence_share=0.3, silence_seconds=2.0, sound_share=0.3
)


@pytest.fixture(autouse=True)
def few_noises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short noises of each kind; making all of them takes seconds each time."""
    monkeypatch.setattr(scenes_module, "_NOISES", 2)
    monkeypatch.setattr(scenes_module, "_NOISE_SECONDS", 2.0)


def utterances(count: int, texts: tuple[str, ...] = TEXTS, seed: int = 0) -> list[Utterance]:
    return [
        Utterance(speech_like(1.0, seed + i), texts[i % len(texts)], f"speaker{i % 3}", f"u{i}")
        for i in range(count)
    ]


def train(name: str, out: Path, **values: Any) -> Any:
    """A tiny run on a few utterances."""
    card = {"name": name, "languages": ["en"], "license": "apache-2.0", "dataset": "toy"}
    ahead = {"look_ahead": 2} if name.startswith("ctc_lstm") else {}
    settings: dict[str, Any] = {
        "training": utterances(8),
        "validation": utterances(2, seed=50),
        "scenes": SCENES,
        "repeats": {},
        "longest": 5.0,
        "network": TINY | ahead,
        "plan": Plan(epochs=2, learning_rate=1e-2, warmup_steps=2, checkpoint_seconds=0.0),
    } | values
    plan, log_mel = settings.pop("plan"), LogMel(mel_bins=20)
    store = FeatureStore(
        out / "training" / "features",
        settings.pop("training"),
        log_mel,
        settings["scenes"],
        plan.seed,
        {"corpus": card["dataset"]},
    )
    training = SceneTraining(
        card=card, training=store, log_mel=log_mel, seconds=4.0, rising=1, **settings
    )
    return load_model(run.train(training, Stage(plan, out)))


@pytest.mark.parametrize("architecture", ["ctc_bilstm", "ctc_lstm"])
def test_a_model_is_trained_and_hears_the_same_whole_and_streamed(
    tmp_path: Path, architecture: str
) -> None:
    model = train(f"{architecture}.tiny", tmp_path / "run")
    log_mel = model.processor.log_mel
    assert log_mel.normalisation == "fixed"
    recordings = [LogMel(mel_bins=20).log_mel(row.samples) for row in utterances(8)]
    pooled = np.concatenate(recordings)
    # The stored energies are halves (float16), of which the statistics are.
    assert log_mel.prior_mean == pytest.approx(pooled.mean(axis=0), abs=0.01)
    assert log_mel.prior_deviation == pytest.approx(pooled.std(axis=0), abs=0.01)
    assert set(model.processor.vocabulary) == {"", " ", *"".join(TEXTS)}
    (figure,) = model.metrics
    assert figure.metric == "label_error_rate"
    assert np.isfinite(figure.value)
    with open(tmp_path / "run/training/history.csv", newline="") as history:
        first, second = (float(row["training_loss"]) for row in csv.DictReader(history))
    assert second < 0.5 * first
    # Blanks and spaces alone are no test of a stream: without them the model writes something.
    bias = model.network.get_layer("logits").bias
    values = bias.numpy()
    values[[model.processor.alphabet.blank, model.processor.vocabulary.index(" ")]] -= 30.0
    bias.assign(values)
    model.set_search({**model.decoder, "hopeless_entropy": 1e6}, model.files)
    samples = np.concatenate([speech_like(1.5, seed=7), np.zeros(RATE), speech_like(0.7, seed=8)])
    text = model.transcribe(samples.astype(np.float32), RATE).text
    assert text
    if not model.streams:
        with pytest.raises(UsageError, match="ctc_lstm streams"):
            model.open_stream()
        return
    for chunk in (333, 1_600, 100_000):
        stream = model.open_stream()
        for start in range(0, len(samples), chunk):
            stream.feed(samples[start : start + chunk])
        assert stream.finish().text == text


def test_a_streaming_recogniser_learns_from_another(tmp_path: Path) -> None:
    teacher = train("ctc_bilstm.tiny", tmp_path / "teacher")
    model = train("ctc_lstm.tiny", tmp_path / "run", teacher=str(tmp_path / "teacher"), taught=0.5)
    assert model.processor.vocabulary == teacher.processor.vocabulary
    told = json.loads((tmp_path / "run/training/run.json").read_text())
    assert "taught" in json.dumps(told)
    teach = run_module.teacher_of(tmp_path / "teacher", model.processor)
    features = model.processor.log_mel.features(speech_like(1.0))
    frames = np.array([len(features)], np.int32)
    heard = teach(features[None], frames)
    np.testing.assert_allclose(heard[0], teacher.log_probs(speech_like(1.0), RATE), atol=1e-4)
    others = {"training": utterances(4, ("XYLOPHONE",)), "validation": utterances(1, ("X",))}
    with pytest.raises(DataError, match="cannot teach a recogniser with other labels"):
        train(
            "ctc_lstm.tiny",
            tmp_path / "other",
            teacher=str(tmp_path / "teacher"),
            taught=0.5,
            **others,
        )


def test_a_run_that_was_stopped_ends_at_the_same_weights(tmp_path: Path) -> None:
    train("ctc_lstm.tiny", tmp_path / "whole")

    class StoppedError(Exception):
        pass

    import zoo.training.trainer as trainer

    original = trainer.Trainer._save

    def stop(self: trainer.Trainer, *args: object) -> None:
        original(self, *args)  # type: ignore[arg-type]
        raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_save", stop)
        with pytest.raises(StoppedError):
            train("ctc_lstm.tiny", tmp_path / "broken")
    assert (tmp_path / "broken/training/checkpoint.npz").exists()
    assert not (tmp_path / "broken/manifest.json").exists()
    train("ctc_lstm.tiny", tmp_path / "broken")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
    features = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "training/features").iterdir()}
        for name in ("whole", "broken")
    ]
    assert features[0] == features[1]
    with pytest.raises(UsageError, match="finished model"):
        train("ctc_lstm.tiny", tmp_path / "whole")


def test_a_broken_run_is_not_continued_in_other_scenes(tmp_path: Path) -> None:
    import zoo.training.trainer as trainer

    original = trainer.Trainer._save

    def stop(self: trainer.Trainer, *args: object) -> None:
        original(self, *args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "_save", stop)
        with pytest.raises(KeyboardInterrupt):
            train("ctc_bilstm.tiny", tmp_path / "run")
    for change in ({"longest": 4.0}, {"scenes": replace(SCENES, warp=0.2)}, {"repeats": {"a": 2}}):
        with pytest.raises(UsageError, match=f"other values: {next(iter(change))}"):
            train("ctc_bilstm.tiny", tmp_path / "run", **change)


def test_single_words_are_learnt_and_joined_with_a_space(tmp_path: Path) -> None:
    words = ("GO", "NOT", "A", "BAD")
    plan = Plan(epochs=1, warmup_steps=1, checkpoint_seconds=1e9)
    rows = utterances(6, words)
    model = train("ctc_bilstm.tiny", tmp_path, training=rows, validation=rows[:2], plan=plan)
    assert set(model.processor.vocabulary) == {"", " ", *"".join(words)}


def test_utterances_of_several_corpora_are_in_a_row_with_their_sources() -> None:
    named = [replace(row, source="books") for row in utterances(2)]
    joined = JoinedUtterances({"english": named, "an4": utterances(3)})
    assert len(joined) == 5
    assert [row.source for row in joined] == ["books", "books", "an4", "an4", "an4"]
    assert [row.identity for row in joined] == ["u0", "u1", "u0", "u1", "u2"]
    with pytest.raises(IndexError):
        joined[5]


def shrunk(values: Any, **changes: Any) -> RecipeValues:
    made: RecipeValues = replace(values, **changes)
    return made


def few(name: str) -> dict[str, list[Utterance]]:
    """A corpus in the splits that the real one has."""
    tests = {"english": ("test_clean", "test_other", "test_common_voice")}.get(name, ("test",))
    counts = {"train": 8, "validation": 2} | {test: 2 + n for n, test in enumerate(tests)}
    sources = ("so762_train", "cv_en") if name == "english" else ("",)
    return {
        split: [
            replace(row, source=sources[i % len(sources)])
            for i, row in enumerate(utterances(count, seed=len(name)))
        ]
        for split, count in counts.items()
    }


@pytest.mark.parametrize("name", ["ctc_bilstm.english", "ctc_lstm.english", "ctc_lstm.librispeech"])
def test_the_recipe_trains_on_scenes_and_scores_every_test_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    from zoo.recipes import ctc_speech

    values = ctc_speech.MODELS[name]
    plans = tuple(
        replace(plan, epochs=1, warmup_steps=1, checkpoint_seconds=1e9)
        for plan in (values.plans[0], values.plans[-1])
    )
    network = values.network | {"channels": 2, "layers": 1, "units": 8}
    monkeypatch.setattr(ctc_speech, "load_speech", few)
    monkeypatch.setattr(ctc_speech, "load_texts", lambda corpus: [*TEXTS, *TEXTS])
    monkeypatch.setitem(
        ctc_speech.MODELS,
        name,
        shrunk(values, network=network, plans=plans, seconds=6.0, teacher=""),
    )
    model = load_model(ctc_speech.train(name, tmp_path / "run"))
    assert model.card["dataset"] == values.corpus
    assert model.processor.log_mel.normalisation == "fixed"
    assert (tmp_path / "run/training/stage_1/manifest.json").exists()
    # Both plans use the same stored features.
    assert len(list((tmp_path / "run").rglob("*.f16"))) == values.scenes.variants

    done: list[tuple[int, int]] = []
    figures = ctc_speech.evaluate(
        model, name, progress=lambda count, total: done.append((count, total))
    )
    parts = {("librispeech", "test"): 2}
    if name.endswith("english"):
        parts = {
            ("english", "test_clean"): 2,
            ("english", "test_other"): 3,
            ("english", "test_common_voice"): 4,
            ("an4", "test"): 2,
            ("english", "validation"): 1,
        }
    assert list(dict.fromkeys((figure.dataset, figure.split) for figure in figures)) == list(parts)
    assert done == [(1, sum(parts.values()))] * sum(parts.values())
    ways = ["greedy"] + ["greedy, streamed"] * model.streams
    for (dataset, split), count in parts.items():
        own = [figure for figure in figures if (figure.dataset, figure.split) == (dataset, split)]
        group = "Mandarin as first language" if split == "validation" else ""
        assert {figure.group for figure in own} == {group}
        found = [(figure.decoding, figure.metric) for figure in own]
        greedy = [(way, metric) for way in ways for metric in ("wer", "cer")]
        assert set(greedy) <= set(found)
        # The English models have a word model; it decodes each part too.
        assert (len(found) > len(greedy)) == name.endswith("english")
        words = sum(len(TEXTS[i % 4].split()) for i in range(count))
        assert {figure.extra["units"] for figure in own if figure.metric == "wer"} == {words}
        assert {figure.command for figure in own} == {f"zoo evaluate {name}"}


def test_the_streaming_recogniser_is_the_sibling_of_the_other_and_small_enough() -> None:
    from zoo.recipes.ctc_speech import MODELS

    from zoo.speech.networks import CTCLSTMConfig

    both, causal = MODELS["ctc_bilstm.english"], MODELS["ctc_lstm.english"]
    own = {"network": both.network, "plans": both.plans, "limits": both.limits}
    assert replace(causal, **own, teacher="", taught=0.0) == both
    assert causal.teacher == "ctc_bilstm.english"
    assert replace(causal.plans[-1], epochs=both.plans[-1].epochs) == both.plans[-1]
    network = {**causal.network, "units": both.network["units"]}
    assert network == {**both.network, "look_ahead": 8}
    # Blank, space, apostrophe and 26 letters.
    weights = CTCLSTMConfig(labels=29, **causal.network).parameters()
    assert 9_000_000 < weights <= 9_500_000


SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path

import zoo
from zoo.datasets import load_texts
from zoo.speech.datasets import load_speech
from zoo.recipes import ctc_speech
from zoo.speech.training import scenes

scenes._NOISES = 1  # of each kind
out = Path(sys.argv[1])


class Some:
    '''A few utterances of a split.'''

    def __init__(self, rows, count):
        self.rows, self.step = rows, len(rows) // count

    def __len__(self):
        return len(self.rows) // self.step

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        return self.rows[index * self.step]


def some(name):
    splits = load_speech(name)
    return {split: Some(rows, 30 if split == "train" else 4) for split, rows in splits.items()}


ctc_speech.load_speech = some
ctc_speech.load_texts = lambda name: load_texts(name)[::20]
name = "ctc_lstm.english"
values = ctc_speech.MODELS[name]
small = values.network | {"units": 16, "layers": 1, "channels": 2}
ctc_speech.MODELS[name] = replace(values, network=small, plans=values.plans[-1:], seconds=40.0)
folder = ctc_speech.train(name, out, epochs=1)
model = zoo.load_model(folder)
assert len(model.processor.vocabulary) == 29, model.processor.vocabulary
figures = ctc_speech.evaluate(model, name)
assert (figures[0].metric, figures[0].decoding) == ("wer", "greedy")
tests = {
    (corpus, split): sum(len(row.text.split()) for row in some(corpus)[split])
    for corpus in ("english", "an4")
    for split in load_speech(corpus)
    if split.startswith("test")
}
found = {
    (figure.dataset, figure.split): figure.extra["units"]
    for figure in figures
    if figure.metric == "wer" and not figure.group
}
assert found == tests, (found, tests)
print(list(found))
"""


def test_the_english_recipe_trains_and_scores_on_some_of_the_real_recordings(
    data_mirror: Path, tmp_path: Path
) -> None:
    # A folder in which the corpora are prepared saves the most of the time.
    env = {"TFDS_DATA_DIR": str(tmp_path / "tfds"), "TF_CPP_MIN_LOG_LEVEL": "2"} | os.environ
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.splitlines()[-1] == str(
        [
            ("english", "test_clean"),
            ("english", "test_other"),
            ("english", "test_common_voice"),
            ("an4", "test"),
        ]
    )
