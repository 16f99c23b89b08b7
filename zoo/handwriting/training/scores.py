"""Error rates of handwriting recognisers on test sets and on folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.ctc.search import OWN, OWN_MODEL
from zoo.ctc.task import tidy
from zoo.errors import DataError
from zoo.folder.figures import Figure
from zoo.handwriting.training.examples import Sample, features_of
from zoo.handwriting.training.folder import read_folder
from zoo.training.error_rates import error_rates

if TYPE_CHECKING:
    from zoo.handwriting.reading import HandwritingRecognition

_BATCH = 16


def evaluate_folder(
    model: HandwritingRecognition[Any],
    reference: str,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a recogniser on a folder of one's own; of one that names splits on its test lines.

    Args:
        model: a handwriting recognition task.
        reference: its name, for the command in the figures.
        folder: see :func:`~zoo.handwriting.training.folder.read_folder`.
        progress: called with the number of inputs read since the last call, and of all.

    Returns:
        Rows as :func:`evaluate_handwriting` gives them.

    Raises:
        DataError: the folder has nothing to score, or a file is missing or damaged.
    """
    lines = read_folder(folder, model.processor)
    test = [line for line in lines if line.split == "test"]
    command = f"zoo evaluate {reference} --data {folder}"
    samples = [line.to_score for line in test or lines]
    split = "test" if test else "whole"
    return evaluate_handwriting(model, samples, folder.name, split, command, progress)


def evaluate_sets(
    model: HandwritingRecognition[Any],
    reference: str,
    sets: Mapping[str, Sequence[Sample]],
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a recogniser on test sets.

    Args:
        model: a handwriting recognition task.
        reference: its name, for the command in the figures.
        sets: what to score on by its name, the headline's first.
        progress: called with the number of inputs read since the last call, and of all.

    Returns:
        Figures as :func:`evaluate_handwriting` gives them, one set after the other.

    Raises:
        DataError: a set has nothing to score.
    """
    command, total = f"zoo evaluate {reference}", sum(map(len, sets.values()))
    return [
        figure
        for name, samples in sets.items()
        for figure in evaluate_handwriting(model, samples, name, "test", command, progress, total)
    ]


def evaluate_handwriting(
    model: HandwritingRecognition[Any],
    samples: Sequence[Sample],
    dataset: str,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
    total: int | None = None,
) -> list[Figure]:
    """Character and word error rates, greedy and with the model's own language model.

    Case and punctuation count; texts are compared as
    :func:`~zoo.handwriting.training.texts.clean_text` gives them.

    Args:
        model: a handwriting recognition task.
        samples: what to score on; for a reader of images ink is drawn plainly.
        dataset: its name in the figures.
        split: which part of it, in the figures.
        command: the command that gives the figures again.
        progress: called with the number of inputs read since the last call, and of all.
        total: of all inputs, where these are not all.

    Returns:
        Figures in percent, each with a 95 % bootstrap interval; the first is the greedy character
        error rate.

    Raises:
        DataError: there is nothing to score.
    """
    scored = [sample for sample in samples if sample.text]
    if not scored:
        raise DataError(f"{dataset}: there are no lines to score")
    ways: list[tuple[str, dict[str, Any]]] = [("greedy", {})]
    if OWN_MODEL in model.files:
        ways.append(("beam with its own language model", {"language_model": OWN}))
    searches = [model.searches.make(**arguments) for _, arguments in ways]
    recognised: list[list[str]] = [[] for _ in ways]
    for start in range(0, len(scored), _BATCH):
        part = scored[start : start + _BATCH]
        outputs = model.outputs([features_of(sample.source, model.processor) for sample in part])
        for texts, search in zip(recognised, searches, strict=True):
            for log_probs in outputs:
                labels = search.run(log_probs)[0].labels
                texts.append(tidy(model.processor.alphabet.decode(labels)))
        if progress:
            progress(len(part), total or len(scored))
    return error_rates(
        [sample.text for sample in scored],
        {name: texts for (name, _), texts in zip(ways, recognised, strict=True)},
        ("cer", "wer"),
        dataset=dataset,
        split=split,
        command=command,
        lines=len(scored),
    )
