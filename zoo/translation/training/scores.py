"""BLEU and chrF of translators, and the length penalty that does best."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from zoo.folder.figures import Figure
from zoo.training.seen import warn_of_known_data
from zoo.translation.processor import Direction
from zoo.translation.training.pairs import Pair, read_pairs

if TYPE_CHECKING:
    from zoo.translation.translation import Translation

CHOICES = {
    "length_penalty": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0),
    "backward_weight": (0.0, 0.1, 0.2, 0.3, 0.5),
}
_CHOSEN_ON = 1800
_DOUBTED = 5  # percent


def references_of(pairs: Iterable[Pair]) -> dict[Direction, dict[str, list[str]]]:
    """For each direction every source with all of its translations, each of them once."""
    references: dict[Direction, dict[str, list[str]]] = {}
    for pair in pairs:
        of_direction = references.setdefault((pair.source_language, pair.target_language), {})
        texts = of_direction.setdefault(pair.source, [])
        if pair.target not in texts:
            texts.append(pair.target)
    return references


def evaluate_file(
    model: Translation,
    reference: str,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a file of the user's pairs, see :func:`evaluate_translations`.

    Args:
        model: a translation task.
        reference: its name, for the command in the figures.
        data: a file of pairs, see :func:`~zoo.translation.training.pairs.read_pairs`.
        progress: called with the number of characters translated since the last call, and of all.

    Raises:
        UsageError: the model does not translate in a direction that the pairs need.
        DataError: the file is missing or malformed.
    """
    command = f"zoo evaluate {reference} --data {data}"
    warn_of_known_data(model, data)
    tests = {"whole": read_pairs(data)}
    return evaluate_translations(
        model, tests, dataset=data.name, command=command, progress=progress
    )


def evaluate_translations(
    model: Translation,
    tests: Mapping[str, Iterable[Pair]],
    *,
    dataset: str,
    command: str,
    tokenized: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """BLEU and chrF of each direction by sacrebleu (Post 2018, arXiv:1804.08771).

    A source that has several translations is translated once and scored against all of them.

    Args:
        model: a translation task.
        tests: pairs of each split that is scored, by its name.
        dataset: the test set's name in the figures.
        command: the command that gives the figures again.
        tokenized: score lower-cased, tokenised text first, as older publications do.
        progress: called with the number of characters translated since the last call, and of all.

    Returns:
        The figures, with sacrebleu's signatures.

    Raises:
        UsageError: the model does not translate in a direction that the pairs need.
    """
    work = [
        (split, direction, references)
        for split, pairs in tests.items()
        for direction, references in references_of(pairs).items()
    ]
    total = sum(len(text) for _, _, references in work for text in references)
    figures: list[Figure] = []
    for split, (source, target), references in work:
        translations = model.translate(
            list(references),
            target,
            source=source,
            on_progress=(lambda count: progress(count, total)) if progress else None,
        )
        facts: dict[str, Any] = {
            "dataset": dataset,
            "split": f"{split} {source}-{target}",
            "command": command,
            "sentences": len(references),
            "decoding": _decoding(model.settings),
        }
        scores = score_texts(
            [translation.text for translation in translations],
            list(references.values()),
            target,
            tokenized,
        )
        figures += [
            Figure.measured(metric, value, unit, higher_is_better=True, scorer=scorer, **facts)
            for metric, value, unit, scorer in scores
        ]
    return figures


def _decoding(settings: Any) -> str:
    said = f"beam {settings.beam_size}, length penalty {settings.length_penalty:g}"
    if settings.backward_weight:
        said += f", backward weight {settings.backward_weight:g}"
    return said


def score_texts(
    texts: Sequence[str],
    references: Sequence[Sequence[str]],
    language: str,
    tokenized: bool = False,
) -> list[tuple[str, float, str, str]]:
    """Metric, value, unit and scorer of translations.

    Args:
        texts: the translations.
        references: one or more right ones for each.
        language: theirs, for the tokeniser.
        tokenized: give BLEU on lower-cased, tokenised text (Moses, hyphens apart) first.
    """
    from sacrebleu.metrics import BLEU, CHRF

    # sacrebleu takes a stream for each reference; one that has run out gives None.
    streams: Any = list(map(list, zip_longest(*references)))
    rows = []
    scorer: Any
    if tokenized:
        from sacremoses import MosesTokenizer

        moses = MosesTokenizer(lang=language)

        def cut(text: Any) -> Any:
            return text and moses.tokenize(
                text.lower(), aggressive_dash_splits=True, return_str=True, escape=False
            )

        scorer = BLEU(tokenize="none", force=True)
        value = scorer.corpus_score(
            [cut(text) for text in texts], [[cut(text) for text in stream] for stream in streams]
        ).score
        version = importlib.metadata.version("sacremoses")
        name = f"sacremoses {version}, lower-cased; sacrebleu {scorer.get_signature()}"
        rows.append(("bleu_tokenized_lowercased", value, "BLEU", name))
    for metric, unit, scorer in (("bleu", "BLEU", BLEU()), ("chrf", "chrF2", CHRF())):
        value = scorer.corpus_score(list(texts), streams).score
        rows.append((metric, value, unit, f"sacrebleu {scorer.get_signature()}"))
    return rows


def mean_figure(figures: Sequence[Figure], metric: str, split: str) -> Figure:
    """The mean of a metric over directions, as a figure of its own."""
    chosen = [figure for figure in figures if figure.metric == metric]
    value = round(sum(figure.value for figure in chosen) / len(chosen), 4)
    name = f"{split}, mean of {len(chosen)} directions"
    return replace(chosen[0], value=value, split=name, extra={})


def choose_search(
    model: Translation, pairs: Iterable[Pair], choices: Mapping[str, Sequence[float]] = CHOICES
) -> dict[str, float]:
    """The settings of the search with the best BLEU, the mean of the directions.

    One is chosen after the other. The backward weight is 0 until it is chosen, and stays 0 if the
    model lacks the reverse of a direction.

    Args:
        model: a translation task.
        pairs: validation pairs; if there are many sources, some of them are used.
        choices: the values of each setting to choose from.
    """
    work = references_of(pairs)
    chosen = {"length_penalty": model.settings.length_penalty, "backward_weight": 0.0}
    for name, values in choices.items():
        if name == "backward_weight" and any(
            direction[::-1] not in model.directions for direction in work
        ):
            continue
        what = f"choosing the {name.replace('_', ' ')}"
        scores = [
            _mean_bleu(model, work, {**chosen, name: value}) for value in tqdm(values, desc=what)
        ]
        chosen[name] = values[int(np.argmax(scores))]
    return chosen


def fit_doubts(model: Translation, pairs: Iterable[Pair]) -> None:
    """Set the log-probability a piece below which one in twenty translations is doubted.

    Of ``seq2seq_lstm.tatoeba``'s translations of validation sentences those below have 33 points of
    chrF in the mean, and the others 66.

    Args:
        model: a translation task.
        pairs: validation pairs; if there are many sources, some of them are used.
    """
    work = references_of(pairs)
    each = max(1, _CHOSEN_ON // max(1, len(work)))
    found = [
        sentence.log_probs.mean()
        for (source, target), references in work.items()
        for text in model.translate(list(references)[:each], target, source=source)
        for sentence in text.sentences
        if len(sentence.log_probs)
    ]
    if not found:
        return
    limit = round(float(np.percentile(found, _DOUBTED)), 3)
    model.set_search({"doubtful_log_prob": limit})
    model.card["doubts"] = (
        f"A sentence is doubted, with a warning, if the log-probability of its translation is "
        f"below {limit} nats a subword: that of {_DOUBTED} % of {len(found):,} validation "
        "sentences is."
    )


def _mean_bleu(
    model: Translation, work: Mapping[Direction, Mapping[str, list[str]]], search: Mapping[str, Any]
) -> float:
    """The mean of the directions' BLEU with some settings, on some of the sources."""
    each = max(1, _CHOSEN_ON // max(1, len(work)))
    scores = []
    for (source, target), references in work.items():
        some = dict(list(references.items())[:each])
        texts = model.translate(list(some), target, source=source, **search)
        rows = score_texts([translation.text for translation in texts], list(some.values()), target)
        scores.append(next(value for metric, value, *_ in rows if metric == "bleu"))
    return float(np.mean(scores))
