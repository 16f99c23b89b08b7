"""A recogniser that learns from another one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ctc.test_objective import BINS, LABELS, example, objective
from zoo.ctc.subsampling import output_frames
from zoo.ctc.training.distillation import TaughtCTCObjective


def teach(features: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """What a teacher hears: other things at each output."""
    count = int(output_frames(frames).max())
    logits = np.random.default_rng(features.shape[1]).normal(size=(len(features), count, LABELS))
    return np.asarray(tf.nn.log_softmax(3.0 * logits))


def taught(share: float) -> Any:
    plain = objective()
    lengths = [len(example(i)[0]) for i in range(60)]
    validation = [example(1000 + i) for i in range(10)]
    options: dict[str, Any] = {"blank": 0, "batch": 8, "seed": 1}
    made = TaughtCTCObjective(
        plain.network, example, lengths, validation, teacher=teach, share=share, **options
    )
    return plain, made


def test_the_loss_is_a_mixture_over_the_outputs_that_count() -> None:
    plain, made = taught(1.0)
    features, frames, labels, counts, probabilities = made.batches(0)[0]
    assert features.shape[-1] == BINS
    heard = plain._log_probs(features, frames).numpy()
    cross = 0.0
    for row, count in enumerate(output_frames(frames).tolist()):
        cross -= float((probabilities[row, :count] * heard[row, :count]).sum())
    batch = features, frames, labels, counts, probabilities
    assert float(made.loss(batch, [], False)[0]) == pytest.approx(cross / counts.sum(), rel=1e-4)
    ctc = float(plain.loss(batch[:-1], [], False)[0])
    _, half = taught(0.25)
    expected = 0.25 * cross / counts.sum() + 0.75 * ctc
    assert float(half.loss(batch, [], False)[0]) == pytest.approx(expected, rel=1e-4)


def test_what_is_learnt_is_what_the_teacher_hears() -> None:
    _, made = taught(1.0)
    batch = made.batches(0)[0]
    variables = made.network.trainable_variables
    optimizer = tf.keras.optimizers.Adam(1e-2)
    losses = []
    for _ in range(30):
        with tf.GradientTape() as tape:
            loss, _ = made.loss(batch, [], True)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]
