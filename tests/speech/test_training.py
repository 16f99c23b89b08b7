"""Training a recogniser: examples and resumed runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.speech.toy import LABELS, RATE, speech_like
from zoo import load_model
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import OWN
from zoo.errors import DataError, UsageError
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.examples import AugmentedFeatures
from zoo.speech.training.recordings import split_by_hash
from zoo.speech.training.run import RecogniserTraining
from zoo.training import run
from zoo.training.plan import Plan, Stage

PROCESSOR = Speech(LogMel(mel_bins=20), Alphabet(LABELS))


def utterances(count: int, seconds: float = 1.0) -> list[Utterance]:
    texts = ("A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT")
    return [
        Utterance(speech_like(seconds, seed=i), texts[i % 4], f"speaker{i % 3}", f"u{i}")
        for i in range(count)
    ]


def test_an_example_depends_on_seed_number_and_epoch_alone() -> None:
    def make(seed: int = 0) -> AugmentedFeatures:
        return AugmentedFeatures(utterances(4), PROCESSOR, AudioAugmentation(), 3, seed)

    first, again, other = make(), make(), make(seed=1)
    again.example(0, 0)  # in another order
    for number, epoch in ((2, 5), (0, 1), (2, 5)):
        features, labels = first.example(number, epoch)
        same, _ = again.example(number, epoch)
        np.testing.assert_array_equal(features, same)
        assert PROCESSOR.alphabet.decode(labels) == utterances(4)[number].text
    assert not np.array_equal(other.example(2, 5)[0], first.example(2, 5)[0])
    shapes = {first.example(1, epoch)[0].shape for epoch in range(12)}
    assert 1 < len(shapes) <= 3  # as many speeds as variants


def test_utterances_too_short_for_their_text_are_left_out() -> None:
    rows = [*utterances(2), Utterance(speech_like(0.05), "BEGAN TO EAT", "s", "short")]
    examples = AugmentedFeatures(rows, PROCESSOR, AudioAugmentation(), 2, 0)
    assert examples.lengths == [98, 98]
    with pytest.raises(DataError, match="long enough"):
        AugmentedFeatures(rows[2:], PROCESSOR, AudioAugmentation(), 2, 0)
    rows = [Utterance(speech_like(1.0), "XYZ", "s", "odd")]
    with pytest.raises(DataError, match="transcript of odd has characters outside"):
        AugmentedFeatures(rows, PROCESSOR, AudioAugmentation(), 2, 0)


def test_rows_are_split_by_name_whatever_their_order() -> None:
    rows = [(f"{i}.wav", "A") for i in range(20)]
    kept, others = split_by_hash(rows, 0.1)
    assert len(kept) == 2
    assert sorted(kept + others) == sorted(rows)
    assert split_by_hash(rows[::-1], 0.1)[0] == kept


def test_a_run_that_was_stopped_ends_at_the_same_weights(tmp_path: Path) -> None:
    def train(out: Path) -> None:
        training = RecogniserTraining(
            card={
                "name": "ctc_lstm.tiny",
                "languages": ["en"],
                "license": "apache-2.0",
                "dataset": "toy",
            },
            training=utterances(8),
            validation=utterances(2, 1.2),
            network={"channels": 2, "layers": 1, "units": 8, "dropout": 0.2},
            log_mel=LogMel(mel_bins=20),
            batch=4,
            augmentation=AudioAugmentation(),
            variants=2,
        )
        run.train(training, Stage(Plan(epochs=1, learning_rate=1e-2, checkpoint_seconds=0.0), out))

    train(tmp_path / "whole")

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
            train(tmp_path / "broken")
    train(tmp_path / "broken")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
    model = load_model(tmp_path / "whole")
    assert model.processor.log_mel.normalisation == "running"
    assert isinstance(model.transcribe(speech_like(1.0), RATE, language_model=OWN).text, str)
    with pytest.raises(UsageError, match="finished model"):
        train(tmp_path / "whole")
