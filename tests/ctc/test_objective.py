"""Training with CTC: the loss is the decoder's own, batches are complete, and a toy is learnt."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.ctc.decoding import ctc_log_probability
from zoo.ctc.subsampling import output_frames
from zoo.ctc.training.examples import Example, fits, pad_batch
from zoo.ctc.training.objective import CTCObjective
from zoo.errors import DataError
from zoo.speech.networks import CTCBiLSTMConfig, build_bidirectional
from zoo.training.plan import Plan
from zoo.training.rundir import RunDirectory
from zoo.training.trainer import Trainer

LABELS, BINS = 5, 8


def example(number: int, epoch: int = 0) -> Example:
    """A toy utterance: each label is a stretch of frames with its own bin lit, noise on top."""
    rng = np.random.default_rng([number, epoch])
    labels = np.random.default_rng(number).integers(1, LABELS, 2 + number % 4).astype(np.int32)
    stretches = []
    for label in labels:
        stretch = np.zeros((int(rng.integers(12, 20)), BINS), np.float32)
        stretch[2:-4, label] = 2.0
        stretches.append(stretch)
    features = np.concatenate(stretches)
    return features + 0.1 * rng.standard_normal(features.shape).astype(np.float32), labels


def objective(count: int = 60, batch: int = 8) -> CTCObjective:
    keras.utils.set_random_seed(0)
    network = build_bidirectional(
        CTCBiLSTMConfig(labels=LABELS, bins=BINS, channels=4, layers=1, units=16)
    )
    lengths = [len(example(i)[0]) for i in range(count)]
    validation = [example(1000 + i) for i in range(10)]
    return CTCObjective(network, example, lengths, validation, blank=0, batch=batch, seed=1)


def test_the_loss_is_the_ctc_probability_of_the_decoder() -> None:
    made = objective()
    batch = made.batches(0)[0]
    loss, _ = made.loss(batch, [], training=False)
    features, frames, labels, counts = batch
    log_probs = made._log_probs(features, frames).numpy()
    expected = -sum(
        ctc_log_probability(
            log_probs[row], labels[row, : counts[row]].tolist(), 0, length=int(output_frames(n))
        )
        for row, n in enumerate(frames)
    )
    assert float(loss) == pytest.approx(expected / counts.sum(), rel=1e-4)


def test_an_example_without_labels_costs_the_blanks_of_its_real_frames() -> None:
    made = objective()
    silence = np.random.default_rng(5).standard_normal((50, BINS)).astype(np.float32)
    none = np.zeros(0, np.int32)
    batch = pad_batch([example(1), (silence, none), example(3), (silence[:9], none)])
    features, frames, labels, counts = batch
    assert counts.tolist()[1::2] == [0, 0]
    assert frames.max() > 50
    log_probs = made._log_probs(features, frames).numpy()
    expected = 0.0
    for row, outputs in enumerate(map(int, output_frames(frames))):
        if counts[row]:
            words = labels[row, : counts[row]].tolist()
            expected -= ctc_log_probability(log_probs[row], words, 0, length=outputs)
        else:
            expected -= float(log_probs[row, :outputs, 0].sum())
    loss, _ = made.loss(batch, [], training=False)
    assert float(loss) == pytest.approx(expected / (counts.sum() + 2), rel=1e-4)


@pytest.mark.parametrize("blank", [0, 1, LABELS - 1])
def test_examples_without_labels_teach_blanks_with_finite_gradients(blank: int) -> None:
    made = objective()
    made._blank = blank
    silence, none = np.zeros((40, BINS), np.float32), np.zeros(0, np.int32)
    features, labels = example(1)
    words = (features, labels - (labels <= blank))  # none of them the blank
    for rows in ([words, (silence, none)], [(silence, none), (silence[:9], none)]):
        batch = pad_batch(rows)
        with tf.GradientTape() as tape:
            loss, _ = made.loss(batch, [], training=True)
        found = tape.gradient(loss, made.network.trainable_variables)
        assert np.isfinite(float(loss))
        assert all(np.isfinite(gradient.numpy()).all() for gradient in found)
    # The last batch has no words at all: its gradient raises the blank and lowers the rest.
    bias = found[[v.path for v in made.network.trainable_variables].index("logits/bias")].numpy()
    assert bias[blank] < 0 < np.delete(bias, blank).min()


def test_an_epoch_has_every_example_once_and_like_lengths_together() -> None:
    made = objective(count=61)
    batches = made.batches(3)
    assert len(batches) == made.steps_per_epoch == 8
    seen = sorted(
        tuple(row[:count])
        for _, _, rows, counts in batches
        for row, count in zip(rows, counts, strict=True)
    )
    assert seen == sorted(tuple(example(i)[1]) for i in range(61))
    waste = np.mean([1 - frames.mean() / frames.max() for _, frames, _, _ in batches])
    assert waste < 0.2


def test_the_batches_of_an_epoch_are_the_same_at_each_call_and_differ_between_epochs() -> None:
    made = objective()
    first, again, other = made.batches(0)[0], made.batches(0)[0], made.batches(1)[0]
    np.testing.assert_array_equal(first[0], again[0])
    assert first[0].shape != other[0].shape or np.abs(first[0] - other[0]).max() > 0.01


def test_a_toy_is_learnt(tmp_path: Path) -> None:
    made = objective()
    before = made.validate()
    with RunDirectory(tmp_path / "run", {}) as run:
        after = Trainer(made, Plan(epochs=12, learning_rate=2e-2, dtype="float32"), run).train()
    assert before > 0.6
    assert after < 0.1
    assert (tmp_path / "run" / "training" / "learning_curve.png").exists()


def test_labels_that_cannot_be_aligned_are_known() -> None:
    assert fits(8, np.asarray([1, 2]))
    assert not fits(8, np.asarray([1, 1]))
    assert fits(9, np.asarray([1, 1]))


def test_no_examples_are_refused() -> None:
    network = build_bidirectional(CTCBiLSTMConfig(labels=3, bins=8, channels=2, layers=1, units=2))
    with pytest.raises(DataError):
        CTCObjective(network, example, [], [example(1)], blank=0, batch=2, seed=0)
