"""Examples of training with CTC: features and labels, in NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.ctc.subsampling import output_frames

Example = tuple[np.ndarray, np.ndarray]
"""Features ``(frames, width)`` float32, which of an image are its columns, and int32 labels."""


def pad_batch(examples: Sequence[Example]) -> tuple[np.ndarray, ...]:
    """Put examples of different lengths into arrays.

    Returns:
        Features ``(batch, frames, bins)`` float32, frame counts ``(batch,)`` int32, labels
        ``(batch, characters)`` int32 and label counts ``(batch,)`` int32; padding is zero.
    """
    frames = np.asarray([len(features) for features, _ in examples], np.int32)
    counts = np.asarray([len(labels) for _, labels in examples], np.int32)
    features = np.zeros((len(examples), frames.max(), examples[0][0].shape[1]), np.float32)
    labels = np.zeros((len(examples), max(1, counts.max())), np.int32)
    for row, (array, text) in enumerate(examples):
        features[row, : len(array)] = array
        labels[row, : len(text)] = text
    return features, frames, labels, counts


def fits(frames: int, labels: np.ndarray) -> bool:
    """Whether CTC can align the labels at all."""
    return bool(output_frames(frames) >= outputs_needed(labels))


def outputs_needed(labels: np.ndarray) -> int:
    """Outputs that CTC needs for the labels: one each, and a blank between equal ones."""
    return len(labels) + int((labels[1:] == labels[:-1]).sum())
