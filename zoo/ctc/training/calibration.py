"""Fitting a recogniser's confidences and doubts to held-out data, and how far they are off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jiwer
import numpy as np

from zoo.ctc.alphabet import Alphabet
from zoo.ctc.calibration import calibrated, logit, sigmoid, uncertainty, unfamiliarity
from zoo.ctc.decoding import ctc_log_probability, greedy, words_from_spans
from zoo.ctc.grammar import Phrase
from zoo.ctc.phrases import PhraseBeam, compile_phrases
from zoo.ctc.search import DOUBTFUL, HOPELESS, NEVER, Search, SearchSettings

BINS = 10
FALSE_DOUBTS = 0.03
"""The share of held-out data that may be doubted for its unfamiliarity."""

FALSE_REJECTIONS = 0.025
"""The share of held-out phrases that may be taken for none of a list."""

_PRIOR = 0.01  # of squared coefficients, so that data that can be told apart has a finite curve
_ROOM = 1.1  # above what held-out speech reaches, before it is doubted
_LISTS = 10
_TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """How far confidences are from the share of what is right, 0 to 1.

    The mean over ``BINS`` equal intervals of confidence, weighted by what lies in them, of the
    distance between mean confidence and share of what is right (Naeini et al. 2015; Guo et al.
    2017).

    Args:
        confidences: 0 to 1.
        right: whether each answer was.
    """
    sure, good = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if not len(sure):
        return 0.0
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs((sure - good)[bins == number].sum()) for number in range(BINS)]
    return float(sum(gaps)) / len(sure)


def fit_logistic(x: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Scale and bias of the likeliest curve ``sigmoid(scale * x + bias)`` (Platt 1999).

    Args:
        x: a number for each answer.
        right: whether it was.

    Returns:
        The scale, not below 0, and the bias; rounded to four decimals.
    """
    design = np.stack([np.asarray(x, np.float64), np.ones(len(x))], axis=1)
    target = np.asarray(right, np.float64)
    found = np.array([1.0, 0.0])
    for _ in range(100):  # Newton's method
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -500, 500)))
        gradient = design.T @ (p - target) + _PRIOR * found
        curve = (design * (p * (1 - p))[:, None]).T @ design + _PRIOR * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        found = found - np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    return max(0.0, round(float(found[0]), 4)), round(float(found[1]), 4)


@dataclass(frozen=True)
class WordJudgement:
    """A word that was read.

    Args:
        confidence: before it is calibrated.
        right: whether it stands in the reference there.
    """

    confidence: float
    right: bool


def judged_words(
    alphabet: Alphabet,
    outputs: Sequence[np.ndarray],
    references: Sequence[str],
    search: Search | None = None,
) -> list[WordJudgement]:
    """Each word that is read, with its confidence, and whether it is right.

    Args:
        alphabet: the labels.
        outputs: ``(outputs, labels)`` log-probabilities of utterances or lines.
        references: what they say.
        search: how to read them; left out, greedily.
    """
    found = []
    for log_probs, reference in zip(outputs, references, strict=True):
        best = search.run(log_probs)[0] if search else greedy(log_probs, alphabet.blank)
        words = words_from_spans(best.spans, alphabet.vocabulary, alphabet.separator, 1.0)
        right = _right_words(reference, [word.text for word in words])
        found += [
            WordJudgement(word.confidence, good) for word, good in zip(words, right, strict=True)
        ]
    return found


def _right_words(reference: str, words: Sequence[str]) -> list[bool]:
    if not reference.split():
        return [False] * len(words)
    right = [False] * len(words)
    for chunk in jiwer.process_words(reference, " ".join(words)).alignments[0]:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (
                chunk.hyp_end_idx - chunk.hyp_start_idx
            )
    return right


def fit_words(words: Sequence[WordJudgement]) -> tuple[float, float]:
    """Scale and bias of the words' curve, see :func:`fit_logistic`.

    Args:
        words: of held-out data, as :func:`judged_words` gives them.
    """
    return fit_logistic([logit(word.confidence) for word in words], [word.right for word in words])


def calibrate(
    settings: SearchSettings,
    alphabet: Alphabet,
    outputs: Sequence[np.ndarray],
    references: Sequence[str],
    seed: int = 0,
) -> SearchSettings:
    """Settings whose confidences are fitted to held-out utterances or lines.

    Words' confidences, the limits above which outputs are doubted, and the confidence in given
    phrases: the references themselves are the phrases, half of them at a time, so that the other
    half is what is none of them.

    Args:
        settings: the others of them are kept.
        alphabet: the labels.
        outputs: ``(outputs, labels)`` log-probabilities.
        references: what they say.
        seed: of the choice of halves.
    """
    scale, bias = fit_words(judged_words(alphabet, outputs, references))
    reached = max(
        (uncertainty(one, len(greedy(one, alphabet.blank).labels)) for one in outputs), default=0.0
    )
    phrases = _fit_phrases(alphabet, outputs, references, seed)
    return replace(
        settings,
        word_scale=scale,
        word_bias=bias,
        doubtful_entropy=round(max(DOUBTFUL, _ROOM * reached), 4),
        hopeless_entropy=round(max(HOPELESS, _ROOM * reached * HOPELESS / DOUBTFUL), 4),
        **phrases,
    )


def unfamiliarity_limit(outputs: Sequence[np.ndarray], blank: int) -> float:
    """The unfamiliarity above which no more than :data:`FALSE_DOUBTS` of held-out data lie.

    Args:
        outputs: ``(outputs, labels)`` log-probabilities of utterances or lines.
        blank: index of the blank.

    Returns:
        The limit, rounded up to four decimals; :data:`~zoo.ctc.search.NEVER` where there is too
        little data for one, fewer than 34 of them.
    """
    if len(outputs) * FALSE_DOUBTS < 1:
        return NEVER
    reached = [unfamiliarity(one, blank) for one in outputs]
    limit = float(np.quantile(reached, 1 - FALSE_DOUBTS, method="higher"))
    return math.ceil(1e4 * limit) / 1e4


def word_calibration_error(words: Sequence[WordJudgement], settings: SearchSettings) -> float:
    """The expected calibration error of words that were read greedily, under some settings."""
    return calibration_error(words, settings.word_scale, settings.word_bias)


def calibration_error(words: Sequence[WordJudgement], scale: float, bias: float) -> float:
    """The expected calibration error of words under a curve."""
    sure = [calibrated(word.confidence, scale, bias) for word in words]
    return expected_calibration_error(sure, [word.right for word in words])


def halved_calibration_error(words: Sequence[Sequence[WordJudgement]]) -> float:
    """The expected calibration error of words under a curve that was fitted to others.

    Args:
        words: two halves; each is measured under the curve of the other.
    """
    first, second = words
    errors = [
        len(tested) * calibration_error(tested, *fit_words(fitted))
        for tested, fitted in ((first, second), (second, first))
    ]
    return sum(errors) / max(1, len(first) + len(second))


def _fit_phrases(
    alphabet: Alphabet, outputs: Sequence[np.ndarray], references: Sequence[str], seed: int
) -> dict[str, Any]:
    """The settings of :mod:`zoo.ctc.phrase_search`; none of them where there are few texts."""
    texts = sorted({" ".join(text.split()) for text in references} - {""})
    if len(texts) < 4:
        return {}
    tree = compile_phrases(tuple(map(Phrase, texts)), alphabet)
    places = {text: place for place, text in enumerate(texts)}
    rng = np.random.default_rng(seed)
    halves = [rng.permutation(len(texts)) < len(texts) // 2 for _ in range(_LISTS)]
    fits, known, scores, truths = [], [], [], []
    for log_probs, reference in zip(outputs, references, strict=True):
        truth = places.get(" ".join(reference.split()))
        beam = PhraseBeam(tree)
        beam.feed(log_probs)
        found = beam.scores()
        free = greedy(log_probs, alphabet.blank).labels
        filler = ctc_log_probability(log_probs, free, alphabet.blank)
        for half in halves:
            best = int(np.where(half, found, -np.inf).argmax())
            if truth is None or found[best] == -np.inf:
                continue
            count = max(len(tree.spellings[best]), len(free), 1)
            fits.append((found[best] - filler) / count)
            known.append(bool(half[truth]))
        if truth is not None:
            scores.append(found)
            truths.append(truth)
    scale, bias = fit_logistic(fits, known)
    losses = [_mean_loss(np.array(scores), truths, each) for each in _TEMPERATURES]
    accepted = [sigmoid(scale * fit + bias) for fit, one in zip(fits, known, strict=True) if one]
    limit = float(np.quantile(accepted, FALSE_REJECTIONS, method="lower")) if accepted else 1.0
    return {
        "phrase_scale": scale,
        "phrase_bias": bias,
        "phrase_temperature": _TEMPERATURES[int(np.argmin(losses))],
        "phrase_limit": min(0.5, math.floor(1e4 * limit) / 1e4),
    }


def _mean_loss(scores: np.ndarray, truths: Sequence[int], temperature: float) -> float:
    scaled = np.maximum(scores, -1e6) / temperature
    top = scaled.max(axis=1, keepdims=True)
    log_shares = scaled - top - np.log(np.exp(scaled - top).sum(axis=1, keepdims=True))
    return float(-log_shares[np.arange(len(truths)), truths].mean())
