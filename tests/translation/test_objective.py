"""Training of sequence-to-sequence networks: the loss, its sampled softmax, batches, a toy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import DataError
from zoo.translation.processor import BEGIN, END, Subwords
from zoo.translation.seq2seq_lstm import build
from zoo.translation.seq2seq_values import Seq2SeqConfig
from zoo.translation.training.examples import Examples, make_examples
from zoo.translation.training.objective import Seq2SeqObjective
from zoo.translation.training.pairs import Pair

VOCABULARY = 40


def examples(count: int, seed: int = 0, longest: int = 6) -> Examples:
    """Toy pairs: the target is the source backwards."""
    rng = np.random.default_rng(seed)
    texts = [rng.integers(5, VOCABULARY, rng.integers(1, longest + 1)) for _ in range(count)]
    both = [text for source in texts for text in (source, source[::-1])]
    numbers = np.arange(count, dtype=np.int32)
    return Examples(
        np.concatenate(both).astype(np.int32),
        np.concatenate([[0], np.cumsum([len(text) for text in both])]),
        2 * numbers,
        2 * numbers + 1,
        np.full(count, 4, np.int32),
        tuple(map(str, both)),
    )


def objective(count: int = 60, **values: Any) -> Seq2SeqObjective:
    network = {key: values.pop(key) for key in ("tie_embeddings", "units") if key in values}
    longest = values.pop("longest", 6)
    config = Seq2SeqConfig(VOCABULARY, **({"embedding": 16, "units": 16} | network))
    keras.utils.set_random_seed(0)
    made = build(config)
    for variable in made.trainable_variables:
        variable.assign_add(0.2 * keras.random.normal(variable.shape, seed=1))
    return Seq2SeqObjective(
        made,
        config,
        examples(count, longest=longest),
        examples(20, seed=1, longest=longest),
        **({"batch": 8, "seed": 1} | values),
    )


def plain_loss(made: Seq2SeqObjective, batch: Any, smoothing: float) -> float:
    """The definition: cross-entropy with the smoothed distribution, over the vocabulary."""
    source, target, places, labels, candidates, _ = batch
    logits = np.asarray(made.network([source, target], training=False)[0], np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    log_probs = log_probs.reshape(-1, VOCABULARY)[places]
    right = np.take_along_axis(log_probs, candidates[labels][:, None], 1)[:, 0]
    return float(-((1 - smoothing) * right + smoothing * log_probs.mean(-1)).mean())


def weight(made: Seq2SeqObjective, batch: Any) -> float:
    """A batch's tokens for each that a batch has on average."""
    tokens = sum(len(each[3]) for each in made.batches(0))
    return len(batch[3]) * made.steps_per_epoch / tokens


@pytest.mark.parametrize("tie", [True, False])
def test_the_loss_is_the_smoothed_cross_entropy(tie: bool) -> None:
    made = objective(others=0, label_smoothing=0.1, tie_embeddings=tie)
    batch = made.batches(0)[0]
    assert sorted(batch[4]) == list(range(VOCABULARY))
    loss, _ = made.loss(batch, [], training=False)
    assert float(loss) == pytest.approx(
        plain_loss(made, batch, 0.1) * weight(made, batch), rel=1e-5
    )


def test_a_network_that_cannot_be_split_has_the_same_loss() -> None:
    class Unsplit:
        def parameters(self) -> int:
            return 0

    split = objective(others=0)
    arguments = {"batch": 8, "seed": 1, "others": 20}
    whole = Seq2SeqObjective(
        split.network, Unsplit(), examples(60), examples(20, seed=1), **arguments
    )
    batch = whole.batches(0)[0]
    losses = [float(made.loss(batch, [], training=False)[0]) for made in (split, whole)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert whole.validate() == pytest.approx(split.validate(), rel=1e-5)


def test_the_sampled_softmax_stands_for_the_whole() -> None:
    made = objective(others=20, label_smoothing=0.1)
    compiled = tf.function(lambda *batch: made.loss(batch, [], training=False)[0])
    losses = []
    for epoch in range(60):
        batch = made._make(examples(60), np.arange(2), epoch)
        own = len(set(batch[3].tolist()))
        assert len(batch[4]) == own + 20 < VOCABULARY
        assert len(set(batch[4].tolist())) == own + 20
        losses.append(float(compiled(*map(tf.constant, batch))))
    exact = plain_loss(made, batch, 0.1) * weight(made, batch)
    assert np.std(losses) > 1e-4
    assert np.mean(losses) == pytest.approx(exact, abs=4 * np.std(losses) / 60**0.5 + 2e-3)


def test_every_token_of_an_epoch_weighs_the_same() -> None:
    made = objective(count=64, others=0, longest=12)
    nats = [float(made.loss(batch, [], training=False)[0]) for batch in made.batches(0)]
    alone = [plain_loss(made, batch, 0.1) for batch in made.batches(0)]
    tokens = [len(batch[3]) for batch in made.batches(0)]
    assert min(tokens) < 0.5 * max(tokens)
    assert np.mean(nats) == pytest.approx(np.average(alone, weights=tokens), rel=1e-5)


def test_tokens_that_a_batch_lacks_are_always_among_the_others() -> None:
    made = objective(count=60, others=3)
    for batch in made.batches(0):
        own, candidates = set(batch[3].tolist()), batch[4]
        rest = VOCABULARY - len(own)
        assert len(own) > 3
        assert len(candidates) == len(own) + 3
        np.testing.assert_allclose(batch[5][-3:], np.log(rest / 3), rtol=1e-6)


def test_a_batch_holds_the_sentences_as_the_network_must_see_them() -> None:
    made = objective(count=8)
    source, target, places, labels, candidates, _ = made.batches(0)[0]
    right = np.zeros(target.size, int)
    right[places] = candidates[labels]
    found = set()
    for row, steps in enumerate(right.reshape(target.shape)):
        end = int(np.flatnonzero(steps == END)[0])
        read = source[row][source[row] != 0]
        assert read[0] == 4
        assert read[-1] == END
        assert read[1:-1].tolist() == steps[:end][::-1].tolist()
        assert target[row, : end + 1].tolist() == [BEGIN, *steps[:end]]
        assert not target[row, end + 1 :].any()
        found.add(tuple(read[1:-1]))
    training = examples(8)
    assert found == {tuple(training.text(number)) for number in training.source}


def test_an_epoch_has_every_pair_once_and_its_order_is_its_own() -> None:
    made = objective(count=61)
    first, again, other = (
        [batch[0].tolist() for batch in made.batches(epoch)] for epoch in (0, 0, 1)
    )
    assert len(first) == made.steps_per_epoch == 8
    assert sum(len(batch) for batch in first) == 61
    assert first == again
    assert first != other


def test_the_validation_loss_is_that_of_the_definition() -> None:
    made = objective(label_smoothing=0.3)
    pairs = [made._example(made._validation, made._validation, number) for number in range(20)]
    batch = made._pad(pairs)
    batch = (*batch[:3], batch[3], np.arange(VOCABULARY), None)
    assert made.validate() == pytest.approx(plain_loss(made, batch, 0.3), rel=1e-5)


def test_pairs_are_encoded_and_those_too_long_or_empty_left_out() -> None:
    texts = [f"the number {i} is not {i + 1}" for i in range(300)]
    processor = Subwords.train(texts, 340, [("en", "fr"), ("fr", "en")])
    pairs = [
        Pair(texts[3], texts[4], "en", "fr"),
        Pair(texts[4], texts[3], "fr", "en"),
        Pair(texts[5], " \u200b", "en", "fr"),
        Pair(" ".join(texts), texts[3], "en", "fr"),
    ]
    made = make_examples(pairs, processor, longest=50)
    assert len(made) == 2
    assert processor.pieces(made.language) == ["<2fr>", "<2en>"]
    assert processor.decode(made.text(made.source[0])) == texts[3]
    assert made.source[0] == made.target[1]
    source, target = made.lengths()
    assert source[0] == len(processor.encode_source(texts[3], "fr"))
    assert target[0] == len(processor.encode(texts[4])) + 1
    with pytest.raises(DataError, match="no pair"):
        make_examples(pairs[2:], processor, longest=50)


def test_each_epoch_can_have_subwords_of_its_own() -> None:
    texts = [f"the number {i} is not {i + 1}" for i in range(300)]
    processor = Subwords.train(texts, 340, [("en", "fr")])
    usual = make_examples(
        [Pair(text, text[::-1], "en", "fr") for text in texts], processor, longest=50
    )
    config = Seq2SeqConfig(len(processor), embedding=8, units=8)
    made = Seq2SeqObjective(
        build(config),
        config,
        usual,
        usual,
        batch=100,
        seed=0,
        segmented=lambda epoch: usual.segmented_anew(processor, 0.3, epoch),
    )

    def sources(epoch: int) -> list[list[int]]:
        return [row[row != 0].tolist() for batch in made.batches(epoch) for row in batch[0]]

    first, again, other = sources(0), sources(0), sources(1)
    assert first == again
    assert sorted(first) != sorted(other)
    assert {processor.decode(ids) for ids in first} == set(texts)
    assert {processor.decode(ids) for ids in other} == set(texts)
    assert sum(map(len, first)) > usual.lengths()[0].sum()
    targets = {tuple(row[row > BEGIN].tolist()) for batch in made.batches(1) for row in batch[1]}
    assert targets == {tuple(processor.encode(text[::-1]).tolist()) for text in texts}


def test_training_in_sixteen_bits_gives_gradients_to_all(tmp_path: Path) -> None:
    config = Seq2SeqConfig(VOCABULARY, embedding=8, units=8, tie_embeddings=False)
    network = build(config, dtype="mixed_bfloat16")
    made = Seq2SeqObjective(network, config, examples(8), examples(8), batch=8, seed=0)
    with tf.GradientTape() as tape:
        loss, _ = made.loss(made.batches(0)[0], [], training=True)
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    assert all(np.abs(tf.convert_to_tensor(g).numpy()).max() > 0 for g in gradients)
