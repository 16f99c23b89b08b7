"""Confidences of recognisers, fitted to held-out data, and what their cards say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.ctc.search import OWN, OWN_MODEL
from zoo.ctc.task import CTCRecogniser
from zoo.ctc.training.calibration import fit_words, halved_calibration_error, judged_words

CALIBRATION = ("word_scale", "word_bias", "lm_word_scale", "lm_word_bias")
"""The settings that are fitted."""
FACT = "confidence"
"""The card's sentences about the confidences."""

_LEAST = 100  # words; a curve of fewer would be worse than none
_SEARCHED = 300  # lines or utterances that are read with the language model


def fit_confidences(
    model: CTCRecogniser, outputs: Sequence[np.ndarray], references: Sequence[str], result: str
) -> str:
    """Fit a recogniser's confidences to held-out lines or utterances.

    There is a curve of words that are read greedily, and one of words that are read with the
    model's own language model. With fewer than 100 words they stay as they are.

    Args:
        model: a recognition task.
        outputs: ``(outputs, labels)`` log-probabilities of what it was not trained on.
        references: what they say.
        result: what its results are called, such as ``reading``.

    Returns:
        For the card, what the confidences mean and how good they are; empty if they stay.
    """
    alphabet = model.processor.alphabet
    halves = [judged_words(alphabet, outputs[half::2], references[half::2]) for half in (0, 1)]
    words = [word for half in halves for word in half]
    if len(words) < _LEAST:
        return ""
    scale, bias = fit_words(words)
    values = {"word_scale": scale, "word_bias": bias}
    said = (
        f"A word's confidence is how likely it is to be right; that of a {result} is the mean of "
        f"its words'. It was fitted to {len(words):,} words of validation data. The expected "
        "calibration error, on words that the curve was not fitted to, is "
        f"{100 * halved_calibration_error(halves):.1f} %"
    )
    if OWN_MODEL in model.files:
        search = model.searches.make(language_model=OWN)
        chosen = np.linspace(0, len(outputs) - 1, min(len(outputs), _SEARCHED)).astype(int)
        halves = [
            judged_words(
                alphabet,
                [outputs[place] for place in part],
                [references[place] for place in part],
                search,
            )
            for part in (chosen[0::2], chosen[1::2])
        ]
        scale, bias = fit_words([word for half in halves for word in half])
        values |= {"lm_word_scale": scale, "lm_word_bias": bias}
        said += (
            ", and with the model's own language model "
            f"{100 * halved_calibration_error(halves):.1f} %"
        )
    model.set_search({**model.decoder, **values}, model.files)
    return f"{said}."
