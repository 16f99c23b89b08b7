"""Language models: smoothing by hand, normalisation, files, and agreement with the networks."""

from __future__ import annotations

import json
import math
import pickle
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from tests.conftest import VOCABULARY, make_model
from zoo.ctc.decoding import prefix_beam_search
from zoo.errors import DataError, UsageError
from zoo.language_models.loading import (
    UNKNOWN,
    CharacterNgram,
    LanguageModel,
    RecurrentCharacters,
    WordNgram,
    load_language_model,
)
from zoo.language_models.ngram import MAX_ORDER, Ngrams, _discounts

TEXTS = ["yes", "no", "go on", "yes yes", "one two three", "go", "no one", "stop", "stop on one"]
LETTERS = sorted(set("".join(TEXTS)))
ALPHABET = ["", *LETTERS]


def walk(model: LanguageModel, labels: Sequence[int]) -> tuple[Any, np.ndarray, float]:
    """State, next log-probabilities and total log-probability after some labels."""
    state, following = model.start()
    total = 0.0
    for label in labels:
        total += float(following[label])
        (state,), (following,) = model.advance([state], np.array([label]))
    return state, following, total


def labels_of(text: str, alphabet: Sequence[str] = ALPHABET) -> list[int]:
    return [list(alphabet).index(character) for character in text]


def total(model: LanguageModel, text: str, alphabet: Sequence[str] = ALPHABET) -> float:
    state, _, score = walk(model, labels_of(text, alphabet))
    return score + float(model.finish([state])[0])


def test_witten_bell_by_hand() -> None:
    # Texts "ab" and "aa", symbols a, b and the end.
    model = CharacterNgram.train(["ab", "aa"], order=2)
    # All: a 3, b 1, end 2 of 6, 3 different; below that 1/3 each.
    unigram = [(3 + 3 / 3) / 9, (1 + 3 / 3) / 9, (2 + 3 / 3) / 9]
    assert model.ngrams.probabilities(()) == pytest.approx(unigram)
    # After a: a 1, b 1, end 1 of 3, 3 different.
    after_a = [(1 + 3 * p) / 6 for p in unigram]
    assert model.ngrams.probabilities((0,)) == pytest.approx(after_a)
    # After b: end 1 of 1, 1 different.
    after_b = [p / 2 for p in unigram[:2]] + [(1 + unigram[2]) / 2]
    assert model.ngrams.probabilities((1,)) == pytest.approx(after_b)
    # At the beginning: a 2 of 2, 1 different.
    begin = (2 + unigram[0]) / 3
    expected = math.log(begin * after_a[1] * after_b[2])
    assert model.log_probability("ab") == pytest.approx(expected)


@given(
    st.lists(st.text("abc d", max_size=8), min_size=1, max_size=8).filter(any),
    st.integers(1, 5),
    st.text("abc dx", max_size=8),
)
@settings(deadline=None)
def test_character_probabilities_sum_to_one(texts: list[str], order: int, before: str) -> None:
    model = CharacterNgram.train(texts, order)
    alphabet = ["", *model.symbols, "x"]
    bound = model.bind(alphabet)
    state, following, _ = walk(bound, [i for c in before if (i := "".join(alphabet).find(c) + 1)])
    known = np.exp(following[1:-1]).sum() + np.exp(bound.finish([state])[0])
    assert known == pytest.approx(1.0)
    assert following[-1] == UNKNOWN


def test_nothing_is_known_after_an_unknown_character() -> None:
    ngram = CharacterNgram.train(TEXTS, 4)
    alphabet = [*ALPHABET, "@"]
    _, following, score = walk(ngram.bind(alphabet), [*labels_of("on"), len(ALPHABET)])
    assert np.exp(following[1:-1]) == pytest.approx(ngram.ngrams.probabilities(())[:-1])
    assert score == pytest.approx(walk(ngram.bind(alphabet), labels_of("on"))[2] + UNKNOWN)


def test_a_longer_order_predicts_its_own_texts_better() -> None:
    scores = [
        sum(CharacterNgram.train(TEXTS, order).log_probability(text) for text in TEXTS)
        for order in (1, 2, 3, 5)
    ]
    assert scores == sorted(scores)
    model = CharacterNgram.train(TEXTS, 4)
    assert model.log_probability("no one") > model.log_probability("on noe") + 3


@given(st.text("".join(LETTERS), max_size=12), st.integers(1, 3), st.sampled_from([0.0, 0.2]))
@settings(deadline=None)
def test_word_probabilities_sum_to_one(text: str, order: int, unknown: float) -> None:
    model = WordNgram.train(TEXTS, order).bind(ALPHABET, unknown_word_probability=unknown)
    state, following, score = walk(model, labels_of(text))
    if score == -math.inf:
        return
    sums = np.exp(following).sum() + np.exp(model.finish([state])[0])
    if text.endswith(" "):  # ending here has been paid for before the space
        sums = np.exp(following).sum()
    assert sums == pytest.approx(1.0)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("text", ["yes", "go on", "one two three", "no no no stop", "on"])
def test_letters_spend_exactly_the_probability_of_the_words(text: str, order: int) -> None:
    words = WordNgram.train(TEXTS, order)
    history, expected = words.ngrams.start(), 0.0
    for word in text.split():
        symbol = words.symbols.index(word)
        expected += math.log(words.ngrams.probabilities(history)[symbol])
        history = words.ngrams.history(history, symbol)
    expected += math.log(words.ngrams.probabilities(history)[-1])
    assert total(words.bind(ALPHABET), text) == pytest.approx(expected)
    # A space at the end changes nothing.
    assert total(words.bind(ALPHABET), text + " ") == pytest.approx(expected)


def test_a_closed_vocabulary_forbids_all_but_its_words() -> None:
    model = WordNgram.train(TEXTS).bind(ALPHABET)
    for wrong in ("yet", "yess", "ye", "g", " yes", "yes  no", "otwo"):
        assert total(model, wrong) == -math.inf, wrong
    _, following, _ = walk(model, labels_of("t"))
    allowed = {ALPHABET[i] for i in np.flatnonzero(following > -np.inf)}
    assert allowed == {"w", "h"}  # two, three


def test_an_open_vocabulary_lets_unknown_words_through_at_a_price() -> None:
    words = WordNgram.train(TEXTS)
    closed, rare = words.bind(ALPHABET), words.bind(ALPHABET, unknown_word_probability=0.01)
    often = words.bind(ALPHABET, unknown_word_probability=0.3)
    assert -math.inf < total(rare, "yet no") < total(often, "yet no") < total(often, "yes no")
    # A known word keeps its share, and gets what an unknown word of its letters would have.
    spelled = 1 / (len(LETTERS) - 1) * (1 / len(LETTERS)) ** 3
    history = words.ngrams.history(words.ngrams.start(), words.symbols.index("yes"))
    end = words.ngrams.probabilities(history)[-1]
    begin = 1 - words.ngrams.probabilities(words.ngrams.start())[-1]
    expected = 0.7 * math.exp(total(closed, "yes")) + 0.3 * spelled * end * begin
    assert math.exp(total(often, "yes")) == pytest.approx(expected)


def test_words_that_cannot_be_spelled_are_left_out() -> None:
    alphabet = ["", " ", *"yesno"]
    model = WordNgram.train(TEXTS).bind(alphabet)
    assert total(model, "yes no", alphabet) > -math.inf
    assert np.exp(model.start()[1]).sum() == pytest.approx(
        1 - math.exp(float(model.finish([model.start()[0]])[0]))
    )
    with pytest.raises(UsageError, match="none of the language model's words"):
        WordNgram.train(["hut"]).bind(alphabet)
    with pytest.raises(UsageError, match="no separator '_'"):
        WordNgram.train(TEXTS).bind(ALPHABET, separator="_")
    with pytest.raises(UsageError, match="unknown_word_probability"):
        WordNgram.train(TEXTS).bind(ALPHABET, unknown_word_probability=1.0)


def noisy_posteriors(text: str, wrong: dict[int, str]) -> np.ndarray:
    """Log-probabilities that spell a text, but for letters that are heard as another one."""
    posteriors = np.full((2 * len(text), len(ALPHABET)), 0.01)
    posteriors[1::2, 0] = 1.0
    for i, character in enumerate(text):
        posteriors[2 * i, ALPHABET.index(character)] += 0.35
        posteriors[2 * i, ALPHABET.index(wrong.get(i, character))] += 0.45
    return np.log(posteriors / posteriors.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("kind", ["characters", "words", "open words"])
def test_fusion_repairs_what_was_misheard(kind: str) -> None:
    log_probs = noisy_posteriors("no one stop", {3: "e", 8: "h"})
    read = "".join(ALPHABET[i] for i in prefix_beam_search(log_probs, 0)[0].labels)
    assert read == "no ene shop"
    words = WordNgram.train(TEXTS)
    model = {
        "characters": CharacterNgram.train(TEXTS, 4).bind(ALPHABET),
        "words": words.bind(ALPHABET),
        "open words": words.bind(ALPHABET, unknown_word_probability=0.05),
    }[kind]
    found = prefix_beam_search(log_probs, 0, language_model=model, lm_weight=1.0)[0]
    assert "".join(ALPHABET[i] for i in found.labels) == "no one stop"


def test_a_label_can_be_renamed_for_the_model() -> None:
    model = CharacterNgram.train(TEXTS, 3)
    bars = ["", "|", *LETTERS[1:]]
    plain, renamed = model.bind(ALPHABET), model.bind(bars, {"|": " "})
    assert total(renamed, "go|on", bars) == pytest.approx(total(plain, "go on"))
    assert total(model.bind(bars), "go|on", bars) < total(plain, "go on")


@pytest.mark.parametrize("train", [CharacterNgram.train, WordNgram.train])
@pytest.mark.parametrize("order", [1, 3])
def test_saved_models_load_the_same(tmp_path: Path, train: Any, order: int) -> None:
    model = train([*TEXTS, "café"], order)
    loaded = load_language_model(model.save(tmp_path / "model.ngram"))
    assert type(loaded) is type(model)
    alphabet = [*ALPHABET, "a", "f", "c", "é"]
    for text in ("yes yes", "no one", "café"):
        assert total(loaded.bind(alphabet), text, alphabet) == total(
            model.bind(alphabet), text, alphabet
        )


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ngram"
    with pytest.raises(DataError, match="cannot read"):
        load_language_model(path)
    contents = {
        "empty": b"",
        "text": b"hello world, this is no model at all",
        "pickle": pickle.dumps({"a": 1}),
        "huge header": struct.pack("<Q", 2**62) + b"{}",
        "no format": struct.pack("<Q", 2) + b"{}",
    }
    for data in contents.values():
        path.write_bytes(data)
        with pytest.raises(DataError, match="not a valid n-gram file"):
            load_language_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ngrams.npy", b"x")
    with pytest.raises(DataError):
        load_language_model(path)
    with pytest.raises(DataError, match="cannot read"):
        load_language_model(tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model.ngram"
    return CharacterNgram.train(TEXTS, 3).save(path).read_bytes()


@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_damaged_files_are_refused_or_still_a_model(
    data: st.DataObject, saved: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(saved)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(saved) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.ngram"
    path.write_bytes(bytes(damaged)[: data.draw(st.integers(0, len(saved)) | st.none())])
    try:
        model = load_language_model(path)
    except DataError:
        return
    assert np.isfinite(model.ngrams.probabilities(())).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": 0}, "order"),
        ({"order": MAX_ORDER + 1}, "order"),
        ({"order": True}, "must be an integer"),
        ({"kind": "pickles"}, "pickles"),
        ({"symbols": ["aa", "b", "c"]}, "single characters"),
        ({"symbols": ["a", "a", "c"]}, "repeat"),
        ({"symbols": ["a"]}, "range"),
        ({"extra": 1}, "unknown fields"),
    ],
)
def test_each_part_of_the_header_is_checked(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    header = {"kind": "characters", "order": 2, "symbols": ["a", "b", "c"]} | change
    arrays = {
        "ngrams": np.array([[4, 0], [4, 2]], np.uint16),
        "counts": np.array([1, 2], np.uint32),
    }
    metadata = {"ngram": json.dumps({"format": "zoo-ngram-1"} | header)}
    path = tmp_path / "model.ngram"
    path.write_bytes(save(arrays, metadata))
    with pytest.raises(DataError, match=message):
        load_language_model(path)


def test_ngrams_out_of_order_or_range_are_refused() -> None:
    def make(keys: list[int], counts: list[int]) -> Ngrams:
        return Ngrams(3, 2, np.array(keys, np.uint64), np.array(counts))

    make([0b1100, 0b1101], [1, 1])  # begin a, begin b
    for keys, counts in [
        ([0b1101, 0b1100], [1, 1]),  # not in order
        ([0b1100, 0b1100], [1, 1]),  # twice
        ([0b1111], [1]),  # begin predicted
        ([0b11100], [1]),  # three symbols
        ([0b1100], [0]),  # never seen
        ([0b1100], [1, 1]),
    ]:
        with pytest.raises(UsageError, match="not sorted or have symbols out of range"):
            make(keys, counts)


def test_wrong_training_input_is_named() -> None:
    with pytest.raises(UsageError, match="not a single text"):
        CharacterNgram.train("abc")
    with pytest.raises(UsageError, match="no texts"):
        CharacterNgram.train([])
    with pytest.raises(UsageError, match="no words"):
        WordNgram.train(["  "])
    with pytest.raises(UsageError, match="order of an n-gram model must be 1 to"):
        CharacterNgram.train(TEXTS, 0)
    with pytest.raises(UsageError, match="too long; the maximum order is"):
        CharacterNgram.train(["".join(map(chr, range(32, 600)))], 9)
    with pytest.raises(UsageError, match="list with the text of each label"):
        CharacterNgram.train(TEXTS).bind("abc")


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn"])
def network(request: pytest.FixtureRequest) -> Any:
    return make_model(cell=request.param, layers=2, units=20, embedding=8)


def test_numpy_steps_agree_with_the_network(network: Any) -> None:
    alphabet = ["", *VOCABULARY[1:]]
    model = RecurrentCharacters.of_task(network).bind(alphabet)
    text = "the quick. brown fox!"
    expected = network.score("\n" + text + "\n").log_probs
    state, _, score = walk(model, labels_of(text, alphabet))
    assert score == pytest.approx(float(expected[:-1].sum()), abs=1e-4)
    assert model.finish([state])[0] == pytest.approx(float(expected[-1]), abs=1e-5)


def test_hypotheses_are_stepped_together_and_do_not_touch_each_other(network: Any) -> None:
    alphabet = ["", *VOCABULARY[1:], "@"]
    model = RecurrentCharacters.of_task(network).bind(alphabet)
    texts = ["ab@c", "xyzz", "a b.", "@@@@"]
    states = [model.start()[0]] * len(texts)
    for place in range(4):
        labels = np.array([alphabet.index(text[place]) for text in texts])
        before = [[part.copy() for part in state] for state in states]
        after, following = model.advance(states, labels)
        for old, kept in zip(states, before, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(old, kept, strict=True))
        states = after
    for text, state, row in zip(texts, states, following, strict=True):
        # What the network does not know it does not read.
        alone, expected, _ = walk(model, labels_of(text.replace("@", ""), alphabet))
        assert row == pytest.approx(expected, abs=1e-5)
        assert row[-1] == UNKNOWN
        for a, b in zip(alone, state, strict=True):
            assert a == pytest.approx(b, abs=1e-5)


def test_a_recogniser_in_capitals_can_use_a_network_in_small_letters() -> None:
    network = make_model(layers=1, units=8)
    small, capital = ["", " ", "g", "o"], ["", " ", "G", "O"]
    model = RecurrentCharacters.of_task(network)
    assert total(model.bind(capital), "GO GO", capital) == total(model.bind(small), "go go", small)
    stars = ["", "*", "g", "o"]
    assert total(model.bind(stars, {"*": " "}), "go*go", stars) == total(
        model.bind(small), "go go", small
    )


def test_only_text_generation_models_are_language_models() -> None:
    with pytest.raises(UsageError, match="must be a text generation model"):
        RecurrentCharacters.of_task("char_lstm.shakespeare")


def test_an4_transcripts_make_a_good_model_of_unseen_speakers(data_mirror: Path) -> None:
    folder = data_mirror / "github.com/cmusphinx/an4/archive"
    archive = folder / "b567d132f43304e70a2b2eca6077f22255311812.zip"
    if not archive.exists():
        pytest.skip("the mirror has no AN4")
    texts = {}
    with zipfile.ZipFile(archive) as content:
        for part in ("train", "test"):
            name = f"an4-{archive.stem}/etc/an4_{part}.transcription"
            lines = content.read(name).decode().splitlines()
            texts[part] = [
                " ".join(w for w in line.split()[:-1] if w not in ("<s>", "</s>")) for line in lines
            ]
    characters = CharacterNgram.train(texts["train"], order=6)
    words = WordNgram.train(texts["train"])
    alphabet = ["", *characters.symbols]
    length = sum(len(text) + 1 for text in texts["test"])

    def bits(model: LanguageModel) -> float:
        return -sum(total(model, text, alphabet) for text in texts["test"]) / length / math.log(2)

    assert len(words.symbols) == 99
    assert bits(characters.bind(alphabet)) < 1.6
    # Two words of the test speakers are not among the 99.
    assert bits(words.bind(alphabet)) == math.inf
    assert bits(words.bind(alphabet, unknown_word_probability=0.01)) < 1.5


def test_kneser_ney_by_hand() -> None:
    # Symbols a, b and the end (2); the begin mark is 3. Counts too few for estimates of discounts.
    model = Ngrams.count([[0, 1, 0, 1, 2], [0, 0, 2]], 3, 2, "kneser-ney")
    # Different symbols before a: begin, a, b; but after the begin mark the plain count is taken
    # only of n-grams that start with it, which a unigram does not. Before b: a. The end: a, b.
    unigram = np.array([3 - 0.75, 1 - 0.5, 2 - 0.75]) / 6 + (0.75 + 0.5 + 0.75) / 6 / 3
    assert model.probabilities(()) == pytest.approx(unigram)
    # After a: a once, b twice, the end once.
    after_a = np.array([1 - 0.5, 2 - 0.75, 1 - 0.5]) / 4 + (0.5 + 0.75 + 0.5) / 4 * unigram
    assert model.probabilities((0,)) == pytest.approx(after_a)
    begin = np.array([2 - 0.75, 0, 0]) / 2 + 0.75 / 2 * unigram
    assert model.probabilities((3,)) == pytest.approx(begin)


def test_kneser_ney_discounts_come_from_the_numbers_of_counts() -> None:
    # 6 n-grams once, 3 twice, 2 three times, 1 four times.
    counts = np.array([1] * 6 + [2] * 3 + [3] * 2 + [4])
    share = 6 / (6 + 2 * 3)
    wanted = [0.0, 1 - 2 * share * 3 / 6, 2 - 3 * share * 2 / 3, 3 - 4 * share * 1 / 2]
    assert _discounts(counts) == pytest.approx(np.array(wanted))


@given(st.text("".join(LETTERS), max_size=12), st.integers(1, 3))
@settings(deadline=None)
def test_kneser_ney_and_spelled_unknown_words_sum_to_one(text: str, order: int) -> None:
    words = WordNgram.train(TEXTS, order, "kneser-ney")
    model = words.bind(ALPHABET, unknown_word_probability=0.1, unknown_word_order=3)
    state, following, score = walk(model, labels_of(text))
    if score == -math.inf:
        return
    sums = np.exp(following).sum()
    if not text.endswith(" "):
        sums += np.exp(model.finish([state])[0])
    assert sums == pytest.approx(1.0)


def test_unknown_words_are_spelled_as_the_known_ones_are() -> None:
    words = WordNgram.train(TEXTS)
    even, spelled = (
        words.bind(ALPHABET, unknown_word_probability=0.1, unknown_word_order=order)
        for order in (0, 3)
    )
    assert total(spelled, "twhree") > total(even, "twhree") + 1
    assert total(spelled, "sysysy") < total(even, "sysysy") + 1
    with pytest.raises(UsageError, match="from 0 to 8"):
        words.bind(ALPHABET, unknown_word_order=9)


def test_the_smoothing_is_kept_in_the_file(tmp_path: Path) -> None:
    model = WordNgram.train(TEXTS, 2, "kneser-ney")
    loaded = load_language_model(model.save(tmp_path / "model.ngram"))
    assert loaded.ngrams.smoothing == "kneser-ney"
    np.testing.assert_array_equal(loaded.ngrams.probabilities(()), model.ngrams.probabilities(()))
    with pytest.raises(UsageError, match="smoothing"):
        WordNgram.train(TEXTS, 2, "laplace")
