"""Choosing a CTC recogniser's language model and how its search weighs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from tqdm import tqdm

from zoo.ctc.search import SearchFactory, SearchSettings
from zoo.language_models.character_ngram import CharacterNgram
from zoo.language_models.word_ngram import WordNgram
from zoo.training.error_rates import character_error_rate, word_error_rate

Ngram = CharacterNgram | WordNgram

Maker = Callable[[Sequence[str]], Ngram]
Metric = Literal["wer", "cer"]

CHARACTER_MODELS: tuple[Maker, ...] = tuple(
    partial(CharacterNgram.train, order=order) for order in (6, 7)
)
"""Where there are far more words than the training texts have."""

MODELS: tuple[Maker, ...] = (
    partial(CharacterNgram.train, order=6),
    partial(WordNgram.train, order=2),
    partial(WordNgram.train, order=3),
)
_WEIGHTS = (0.3, 0.6, 0.9, 1.2)
_BONUSES = (0.0, 0.5, 1.0, 1.5)
_UNKNOWN = (1e-6, 1e-4, 1e-2)


def choose_language_model(
    alphabet: tuple[str, ...],
    texts: Sequence[str],
    outputs: Sequence[np.ndarray],
    references: Sequence[str],
    makers: Sequence[Maker] = MODELS,
    *,
    first: Metric = "wer",
    start: SearchSettings | None = None,
) -> tuple[Ngram, SearchSettings]:
    """The n-gram model of training texts, and the search settings, with the fewest errors.

    First the kind of model with its weight, then the bonus with the weight, then how open the
    vocabulary of a word model is.

    Args:
        alphabet: text of each label, ``""`` for the blank.
        texts: transcripts to learn from.
        outputs: ``(outputs, labels)`` log-probabilities of the validation set, one array an
            example.
        references: what they say.
        makers: what kinds of model to try.
        first: the error rate to choose by; of equals, both kinds count.
        start: settings that are not chosen here, such as the beam size; left out, the defaults.
    """
    models = [make(texts) for make in makers]
    start = start or SearchSettings()
    best = _best(
        [(m, replace(start, lm_weight=weight)) for m in models for weight in _WEIGHTS],
        alphabet,
        outputs,
        references,
        first,
    )
    near = [best[1].lm_weight + step for step in (-0.15, 0.0, 0.15, 0.3)]
    best = _best(
        [
            (best[0], replace(best[1], lm_weight=round(weight, 2), insertion_bonus=bonus))
            for weight in near
            for bonus in _BONUSES
        ],
        alphabet,
        outputs,
        references,
        first,
    )
    if isinstance(best[0], WordNgram):
        trials = [(best[0], replace(best[1], unknown_word_probability=u)) for u in _UNKNOWN]
        best = _best(trials, alphabet, outputs, references, first)
    return best


def _best(
    trials: Iterable[tuple[Ngram, SearchSettings]],
    alphabet: tuple[str, ...],
    outputs: Sequence[np.ndarray],
    references: Sequence[str],
    first: Metric,
) -> tuple[Ngram, SearchSettings]:
    """The first of the trials with the lowest rate; of equals, with the lowest sum of both."""
    results = []
    for model, settings in tqdm(list(trials), desc="choosing the language model", delay=2):
        factory = SearchFactory(alphabet, vars(settings), {})
        search = factory.make(model)
        recognised = [
            "".join(alphabet[label] for label in search.run(output)[0].labels).strip()
            for output in outputs
        ]
        rates = {
            "wer": word_error_rate(references, recognised).value,
            "cer": character_error_rate(references, recognised).value,
        }
        results.append(((rates[first], sum(rates.values())), model, settings))
    _, model, settings = min(results, key=lambda result: result[0])
    return model, settings
