"""Confidences and doubts of handwriting recognisers, and what their cards say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.ctc.training.confidence import FACT, fit_confidences
from zoo.handwriting.reading import HandwritingRecognition


def fit_readings(
    model: HandwritingRecognition, outputs: Sequence[np.ndarray], references: Sequence[str]
) -> None:
    """Fit a recogniser's confidences to held-out lines, and note on its card how good they are.

    Args:
        model: a handwriting recognition task.
        outputs: ``(outputs, labels)`` log-probabilities of lines that it was not trained on.
        references: what they say.
    """
    said = fit_confidences(model, outputs, references, "reading")
    if said:
        limit = model.searches.settings.doubtful_confidence
        model.card[FACT] = (
            f"{said} Below {limit:.2f} a reading is doubted, and the command line prints a warning."
        )
