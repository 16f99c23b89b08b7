"""Word and character error rates with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jiwer
import numpy as np

from zoo.errors import DataError
from zoo.folder.figures import Figure

RESAMPLES = 10_000


@dataclass(frozen=True)
class ErrorRate:
    """An error rate over a test set.

    Args:
        value: substitutions, deletions and insertions for each 100 reference units.
        low: lower end of the 95 % interval.
        high: its upper end.
        units: words or characters of the references.
    """

    value: float
    low: float
    high: float
    units: int


def word_error_rate(references: Sequence[str], recognised: Sequence[str]) -> ErrorRate:
    """Word error rate in percent, by jiwer, with a bootstrap interval.

    Args:
        references: what was said or written.
        recognised: the texts that were recognised, one for each.

    Raises:
        DataError: there are no references, or one is empty.
    """
    return _rate([jiwer.process_words(*pair) for pair in _pairs(references, recognised)])


def character_error_rate(references: Sequence[str], recognised: Sequence[str]) -> ErrorRate:
    """Character error rate in percent; see :func:`word_error_rate`."""
    return _rate([jiwer.process_characters(*pair) for pair in _pairs(references, recognised)])


_RATES = {"wer": word_error_rate, "cer": character_error_rate}


def error_rates(
    references: Sequence[str],
    recognised: Mapping[str, Sequence[str]],
    metrics: Sequence[str],
    **facts: Any,
) -> list[Figure]:
    """Figures: error rates in percent, each with its interval.

    Args:
        references: what was said or written.
        recognised: by the name of each way of decoding, the texts that it gave.
        metrics: ``"wer"``, ``"cer"`` or both, in the order of the figures.
        **facts: other fields of each figure, see :meth:`zoo.folder.figures.Figure.measured`.

    Raises:
        DataError: as :func:`word_error_rate`.
    """
    figures = []
    for decoding, texts in recognised.items():
        for metric in metrics:
            result = _RATES[metric](references, texts)
            figures.append(
                Figure.measured(
                    metric,
                    result.value,
                    "%",
                    scorer=f"jiwer {version('jiwer')}",
                    interval_95=(result.low, result.high),
                    units=result.units,
                    **facts,
                    decoding=decoding,
                )
            )
    return figures


def _pairs(references: Sequence[str], recognised: Sequence[str]) -> list[tuple[str, str]]:
    if not references or not all(text.strip() for text in references):
        raise DataError("every reference must have text")
    return list(zip(references, recognised, strict=True))


def _rate(outputs: Sequence[jiwer.WordOutput | jiwer.CharacterOutput]) -> ErrorRate:
    """The rate over all, and its 95 % percentile interval over resampled utterances.

    Utterances are resampled whole (Bisani and Ney 2004, "Bootstrap estimates for confidence
    intervals in ASR performance evaluation").
    """
    errors = np.asarray([o.substitutions + o.deletions + o.insertions for o in outputs])
    units = np.asarray([o.hits + o.substitutions + o.deletions for o in outputs])
    rng = np.random.default_rng(0)
    draws = rng.integers(len(outputs), size=(RESAMPLES, len(outputs)))
    rates = 100 * errors[draws].sum(axis=1) / units[draws].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    value = 100 * errors.sum() / units.sum()
    return ErrorRate(float(value), float(low), float(high), int(units.sum()))
