"""Training a recogniser: examples, error rates, the choice of a language model, resumed runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.speech.toy import LABELS, RATE, speech_like
from zoo import load_model
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import OWN, Search, SearchFactory, SearchSettings
from zoo.ctc.training.search_choice import Metric, choose_language_model
from zoo.errors import DataError, UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.recordings import split_by_hash
from zoo.speech.training.run import AugmentedFeatures, train_recogniser
from zoo.training.error_rates import character_error_rate, word_error_rate
from zoo.training.plan import Plan

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


def test_error_rates_count_and_have_an_interval() -> None:
    references = ["A B C D", "E F", "G"] * 20
    found = ["A X C D", "E F F", ""] * 20
    words = word_error_rate(references, found)
    assert words.value == pytest.approx(100 * 3 / 7)
    assert words.units == 140
    assert words.low < words.value < words.high
    assert words == word_error_rate(references, found)
    assert character_error_rate(["ABCD"], ["ABD"]).value == pytest.approx(25.0)
    exact = word_error_rate(["A B"], ["A B"])
    assert (exact.value, exact.low, exact.high) == (0.0, 0.0, 0.0)
    with pytest.raises(DataError):
        word_error_rate([], [])
    with pytest.raises(DataError):
        word_error_rate([" "], ["A"])


def test_the_interval_is_that_of_95_percent_over_whole_utterances() -> None:
    # 200 of 400 utterances are wrong in all words: in theory 50 +- 1.96 * 50 / sqrt(400).
    references = ["A B C D"] * 400
    found = ["A B C D", "E E E E"] * 200
    rate = word_error_rate(references, found)
    assert rate.value == 50.0
    assert (rate.low, rate.high) == pytest.approx((45.1, 54.9), abs=0.4)


def spoken(text: str, rng: np.random.Generator, blur: float) -> np.ndarray:
    """Outputs of a recogniser that is unsure: two frames a label, a blank after each."""
    rows = []
    for character in text:
        for label in (LABELS.index(character), 0):
            row = rng.normal(0.0, blur, len(LABELS))
            row[label] += 3.0
            rows.append(row)
    logits = np.asarray(rows)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


@pytest.mark.parametrize("first", ["wer", "cer"])
def test_the_chosen_language_model_mends_errors(first: Metric) -> None:
    rng = np.random.default_rng(0)
    texts = ["A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT", "GO TO A TOAD"]
    references = [texts[i % 5] for i in range(8)]
    outputs = [spoken(text, rng, blur=1.4) for text in references]
    model, settings = choose_language_model(LABELS, texts, outputs, references, first=first)
    rate = {"wer": word_error_rate, "cer": character_error_rate}[first]

    def errors(search: Search) -> float:
        found = [
            "".join(LABELS[x] for x in search.run(o)[0].labels).strip() or "-" for o in outputs
        ]
        return rate(references, found).value

    greedy = errors(SearchFactory(LABELS, {}, {}).make())
    assert greedy > 10
    assert errors(SearchFactory(LABELS, vars(settings), {}).make(model)) < greedy / 2


@pytest.mark.parametrize("first", ["wer", "cer"])
def test_the_language_model_is_chosen_by_the_error_rate_that_is_asked_for(first: Metric) -> None:
    reference = "BEE TOAD GO"
    one_wrong_word, two_wrong_letters = "BEE DATE GO", "BEG TOAD GE"
    rows = []
    for possible in zip(reference, one_wrong_word, two_wrong_letters, strict=True):
        row = np.full(len(LABELS), -20.0, np.float32)
        for character in set(possible):  # the outputs leave it to the language model
            row[LABELS.index(character)] = -np.log(len(set(possible)))
        blank = np.full(len(LABELS), -20.0, np.float32)
        blank[0] = 0.0
        rows += [row, blank]
    models = {
        "wer": CharacterNgram.train([one_wrong_word]),
        "cer": CharacterNgram.train([two_wrong_letters]),
    }
    makers = [lambda texts, model=model: model for model in models.values()]
    chosen, _ = choose_language_model(
        LABELS, [], [np.stack(rows)], [reference], makers, first=first
    )
    assert chosen is models[first]


def test_rows_are_split_by_name_whatever_their_order() -> None:
    rows = [(f"{i}.wav", "A") for i in range(20)]
    kept, others = split_by_hash(rows, 0.1)
    assert len(kept) == 2
    assert sorted(kept + others) == sorted(rows)
    assert split_by_hash(rows[::-1], 0.1)[0] == kept


def test_a_run_that_was_stopped_ends_at_the_same_weights(tmp_path: Path) -> None:
    def train(out: Path) -> None:
        train_recogniser(
            card={
                "name": "ctc_lstm.tiny",
                "languages": ["en"],
                "license": "apache-2.0",
                "dataset": "toy",
            },
            out=out,
            training=utterances(8),
            validation=utterances(2, 1.2),
            network={"channels": 2, "layers": 1, "units": 8, "dropout": 0.2},
            log_mel=LogMel(mel_bins=20),
            plan=Plan(epochs=1, learning_rate=1e-2, checkpoint_seconds=0.0),
            batch=4,
            augmentation=AudioAugmentation(),
            variants=2,
        )

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


def test_search_settings_know_their_names() -> None:
    assert SearchSettings().changed({"beam_size": None, "lm_weight": 0.7}).lm_weight == 0.7
    with pytest.raises(UsageError, match="beam_size"):
        SearchSettings(beam_size=0)
