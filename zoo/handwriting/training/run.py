"""Training, fine-tuning and scoring of handwriting recognisers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.ctc.search import OWN, OWN_MODEL
from zoo.ctc.task import tidy
from zoo.ctc.training.objective import CTCObjective, Example
from zoo.ctc.training.search_choice import CHARACTER_MODELS, choose_language_model
from zoo.errors import DataError, UsageError
from zoo.folder.figures import Figure
from zoo.folder.manifest import sha256_of
from zoo.handwriting.ink import FEATURES
from zoo.handwriting.processor import Lines, Pen
from zoo.handwriting.training.examples import (
    ExampleSet,
    LineExamples,
    PenExamples,
    Sample,
    features_of,
    plain_examples,
    some_of,
)
from zoo.handwriting.training.folder import read_folder, split_lines
from zoo.training.batching import SizedBatches
from zoo.training.error_rates import error_rates
from zoo.training.plan import Plan
from zoo.training.publish import make_task
from zoo.training.run import (
    check_share,
    finetune,
    finetune_command,
    load_to_finetune,
    train_from,
    with_characters,
)
from zoo.training.rundir import RunDirectory

SIZES = {Lines: 12_000, Pen: 16_000}
"""Frames of a batch with its padding, which are about 16 lines or 120 words of a pen."""

_VALIDATION_BATCH = 16
_CHOICE = 400  # inputs on which the search's settings are chosen


def train_handwriting(
    *,
    card: Mapping[str, Any],
    out: Path,
    training: ExampleSet,
    validation: Sequence[Example],
    choice: Sequence[Sample],
    processor: Lines | Pen,
    network: Mapping[str, Any],
    plan: Plan,
    values: Mapping[str, Any],
    start: Path | None = None,
) -> Path:
    """Train a recogniser from scratch and write its model folder.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
        out: the run's folder; a broken run in it is continued.
        training: what to learn from.
        validation: examples of other writers to choose on.
        choice: inputs of other writers to choose the search on; of many a few hundred are taken.
        processor: features and alphabet.
        network: values of the builder; labels and the features' width are added.
        plan: how to train.
        values: what else the result depends on, for the run's folder.
        start: a model folder of the same network to start from; its weights are kept if nothing
            does better.

    Returns:
        ``out``, a model folder.

    Raises:
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.catalogue import registry

    entry = registry().architecture(card["name"].partition(".")[0])
    width = {"features": FEATURES} if isinstance(processor, Pen) else {}
    if isinstance(processor, Lines):
        width = {"height": processor.normaliser.height}
    config = entry.load("config")(labels=len(processor.alphabet), **width, **network)
    everything = {
        "model": card["name"],
        "dataset": card["dataset"],
        "network": asdict(config),
        "features": processor.normaliser.settings(),
        "plan": asdict(plan),
        "size": SIZES[type(processor)],
        "examples": len(training.lengths),
        **values,
    }
    with RunDirectory(out, everything) as run:
        keras.utils.set_random_seed(plan.seed)
        made = entry.load("builder")(config, dtype=plan.dtype)
        objective = _objective(made, training, validation, processor, plan.seed)
        rows = train_from(start, objective, plan, run, card=card)
        model = make_task(entry.name, made, config, processor, card)
        add_language_model(model, training.texts, choice)
        model.metrics = rows
        model.save(run.path)
        run.finish()
    return run.path


def finetune_handwriting(
    reference: str,
    folder: Path,
    out: Path,
    *,
    epochs: int = 30,
    patience: int = 6,
    learning_rate: float = 1e-3,
    validation: float = 0.1,
    limit: int | None = None,
    seed: int = 0,
) -> Path:
    """Train a recogniser further on handwriting of one's own.

    The folder that is written holds the weights that did best on the lines kept back; if nothing
    did better than the start, those of the start. The output layer grows by the characters that the
    model does not know and keeps what it knew. Its language model is trained anew on the texts.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        folder: handwriting with texts, see
            :func:`~zoo.handwriting.training.folder.read_folder`.
        out: the run's folder; a broken run in it is continued.
        epochs: passes over the lines at most.
        patience: epochs without a better label error rate before it ends; 0 for never.
        learning_rate: its peak.
        validation: share of the lines to choose on, where the folder names no splits.
        limit: learn from so many lines only.
        seed: of dropout, changes and order.

    Returns:
        ``out``, a model folder.

    Raises:
        UsageError: an argument is out of range.
        DataError: the folder has no usable lines, or a file is missing or damaged.
    """
    given = dict(locals())
    check_share(validation)
    if limit is not None and limit < 1:
        raise UsageError(f"limit must be at least 1, not {limit}")
    plan = Plan(
        epochs=epochs, patience=patience, learning_rate=learning_rate, average=0.99, seed=seed
    )
    model = load_to_finetune(reference, plan)
    lines = read_folder(folder, model.processor)
    learnt, chosen = split_lines(lines, validation, limit)
    texts = sorted((line.identity, line.to_learn.text, line.split) for line in lines)
    values = {
        "model": reference,
        "lines": sha256_of(repr(texts).encode()),
        "plan": asdict(plan),
        "validation": validation,
        "limit": limit,
    }
    with RunDirectory(out, values) as run:
        model = with_characters(model, reference, plan, (line.text for line in learnt))
        make = LineExamples if isinstance(model.processor, Lines) else PenExamples
        training = make(learnt, model.processor, seed, str(folder)).set
        examples = plain_examples(chosen, model.processor)
        objective = _objective(model.network, training, examples, model.processor, seed)
        finetune(
            model,
            reference,
            objective,
            plan,
            run,
            corpus=folder.name,
            learnt=f"{len(training.lengths):,} lines",
            command=finetune_command(finetune_handwriting, f"--lines {folder.name}", given),
        )
        add_language_model(model, training.texts, chosen)
        model.save(run.path)
        run.finish()
    return run.path


def _objective(
    network: Any,
    training: ExampleSet,
    validation: Sequence[Example],
    processor: Lines | Pen,
    seed: int,
) -> CTCObjective:
    if not validation:
        raise DataError("no line to choose on is long enough for its text")
    # At least four steps an epoch, so that a few lines are not a single batch.
    size = min(SIZES[type(processor)], max(max(training.lengths), sum(training.lengths) / 4))
    return CTCObjective(
        network,
        training.prepare,
        training.lengths,
        validation,
        blank=processor.alphabet.blank,
        batch=_VALIDATION_BATCH,
        seed=seed,
        batching=SizedBatches(training.lengths, size, training.shares, seed),
    )


def add_language_model(model: Any, texts: Sequence[str], choice: Sequence[Sample]) -> None:
    """Give a recogniser a language model of its own, and the search settings that go with it.

    Args:
        model: a handwriting recognition task.
        texts: what the language model learns from.
        choice: inputs to choose on, see
            :func:`~zoo.ctc.training.search_choice.choose_language_model`; of many, 400 are taken.
    """
    chosen = some_of(choice, _CHOICE)
    outputs = model.outputs([features_of(sample.source, model.processor) for sample in chosen])
    found, settings = choose_language_model(
        model.processor.vocabulary,
        texts,
        outputs,
        [sample.text for sample in chosen],
        CHARACTER_MODELS,
        first="cer",
    )
    model.set_search(asdict(settings), {OWN_MODEL: found.to_bytes()})


def evaluate_folder(
    model: Any,
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
    model: Any,
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
    model: Any,
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
    found: list[list[str]] = [[] for _ in ways]
    for start in range(0, len(scored), _VALIDATION_BATCH):
        part = scored[start : start + _VALIDATION_BATCH]
        outputs = model.outputs([features_of(one.source, model.processor) for one in part])
        for texts, search in zip(found, searches, strict=True):
            for log_probs in outputs:
                labels = search.run(log_probs)[0].labels
                texts.append(tidy(model.processor.alphabet.decode(labels)))
        if progress:
            progress(len(part), total or len(scored))
    return error_rates(
        [sample.text for sample in scored],
        {name: texts for (name, _), texts in zip(ways, found, strict=True)},
        ("cer", "wer"),
        dataset=dataset,
        split=split,
        command=command,
        lines=len(scored),
    )
