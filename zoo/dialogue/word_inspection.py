"""What dialogue models share when they are looked into: reading words, on a tape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.dialogue.word_features import WIDTH, WordConfig
from zoo.inspection import operations as op
from zoo.inspection.recurrence import bidirectional
from zoo.inspection.tape import Node, Tape

WORDS, MESSAGES = "words", "messages"
SHOWN = 24
"""Characters of a message that a step shows."""

Weights = Mapping[str, np.ndarray]


def word_features(
    weights: Weights, words: np.ndarray, known: np.ndarray, characters: np.ndarray
) -> np.ndarray:
    """What :func:`zoo.dialogue.word_features.read_words` gives its recurrent layers.

    Args:
        weights: arrays by variable path.
        words: ``(messages, words)`` ids.
        known: the same of the learnt vectors.
        characters: ``(messages, words, characters)`` ids.

    Returns:
        ``(messages, words, features)``.
    """
    real = (characters != 0)[..., None]
    letters = weights["character_vectors/embeddings"][characters] * real
    around, count = WIDTH // 2, characters.shape[-1]
    padded = np.pad(letters, ((0, 0), (0, 0), (around, around), (0, 0)))
    kernel = weights["spelling/kernel"][0]
    spelled = weights["spelling/bias"] + sum(
        padded[:, :, k : k + count] @ tap for k, tap in enumerate(kernel)
    )
    highest = (np.maximum(spelled, 0) * real).max(axis=2)
    general = weights["word_vectors/embeddings"][words]
    learnt = weights["known_vectors/embeddings"][known]
    return np.concatenate([general, learnt, highest], axis=-1)


def read_message(
    tape: Tape, x: Node, config: WordConfig, weights: Weights, axis: str = WORDS
) -> Node:
    """The recurrent layers over words ``(batch, words, 2 * units)``.

    Args:
        tape: on which they are recorded.
        x: ``(batch, words, features)``.
        config: has ``layers``.
        weights: arrays by variable path.
        axis: the kind of their steps.
    """
    for number in range(1, config.layers + 1):
        x, _ = bidirectional(tape, f"recurrent_{number}", x, weights, "lstm", axis=axis)
    return x


def pool_message(tape: Tape, words: Node) -> Node:
    """The maximum and the mean over words ``(batch, 2 * width)``."""
    return op.concatenate(tape, [op.highest(tape, words), op.mean(tape, words)])


def dense(tape: Tape, x: Node, weights: Weights, name: str) -> Node:
    """The dense layer called ``name``."""
    return op.dense(tape, x, weights[f"{name}/kernel"], weights[f"{name}/bias"])


def short(text: str, most: int = SHOWN) -> str:
    """The beginning of a message in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
