"""What exported recognisers share: whole inputs, and the likeliest label of each step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.export.runner import open_graph


def whole(folder: Path, features: np.ndarray) -> np.ndarray:
    """Log-probabilities ``(steps, labels)`` of ``(frames, width)`` at once."""
    lengths = np.array([len(features)], np.int32)
    inputs = {"features": features[None].astype(np.float32), "frames": lengths}
    (log_probs,) = open_graph(folder, "whole").run(["log_probs"], inputs)
    result: np.ndarray = log_probs[0]
    return result


class GreedyText:
    """Writes down the likeliest label of each step; repeats are joined and blanks dropped.

    Args:
        labels: by index.
        blank: index of the blank.
    """

    def __init__(self, labels: list[str], blank: int) -> None:
        self.labels, self.blank, self.last = labels, blank, blank

    def __call__(self, log_probs: np.ndarray) -> str:
        """The text of the next steps, ``(steps, labels)``."""
        written = ""
        for label in log_probs.argmax(axis=1).tolist():
            if label not in (self.blank, self.last):
                written += self.labels[label]
            self.last = label
        return written
