"""Training from scratch and fine-tuning, from the run's folder to the finished model.

:func:`train` and :func:`finetune` do what is the same for all tasks. What is special to one is in a
:class:`~zoo.training.subject.Training` or :class:`~zoo.training.subject.Finetuning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.folder.bundle import read_bundle
from zoo.folder.figures import Figure
from zoo.folder.weights_file import assign_weights
from zoo.loading import assemble, make_task
from zoo.network import check_backend
from zoo.task import Task
from zoo.training.objective import Objective
from zoo.training.plan import Plan, Stage
from zoo.training.precision import training_dtype
from zoo.training.rundir import RunDirectory
from zoo.training.seen import FACT
from zoo.training.subject import Finetuning, Learning, Training, sample_writer
from zoo.version import __version__


def train(training: Training[Any], stage: Stage) -> Path:
    """Train a new network and write its model folder.

    Args:
        training: what is special to the task: card, data, network, objective.
        stage: how to train, in which folder, and from which model's weights.

    Returns:
        The stage's folder, now a model folder.

    Raises:
        DataError: there is too little data.
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    check_backend("training")
    plan, card = stage.plan, training.card
    values = {"model": card["name"], "dataset": card["dataset"], "plan": plan, **training.values}
    with RunDirectory(stage.folder, values) as run:
        if run.finished:  # but not cleaned up
            run.finish()
            return run.path
        start = None if stage.start is None else read_bundle(stage.start)
        processor = training.processor(run, start)
        config = training.config(processor)
        keras.utils.set_random_seed(plan.seed)
        network = training.architecture.load("builder")(config, dtype=training_dtype(plan.dtype))
        task = make_task(
            training.architecture.name, network, config, processor, card, training.decoder
        )
        objective = training.objective(task, plan.seed)
        before = None
        if start is not None:
            assign_weights(network, start.weights, str(stage.start))
            before = objective.validate()
        reached = _train_network(training, task, objective, plan, run, before)
        training.finish(task)
        task.metrics = [
            _validation_figure(objective, reached, card["dataset"], plan, stage.command)
        ]
        task.save(run.path)
        run.finish()
    return run.path


def finetune(finetuning: Finetuning[Any], out: Path, command: str = "") -> Path:
    """Train a model further and write the result as a model folder.

    If nothing does better on the validation set than the start, the start's weights and its name
    are kept.

    Args:
        finetuning: what is special to the task: start, data, options, objective.
        out: the run's folder; an interrupted run in it is continued.
        command: the command line that does it again, for the card; empty where there is none.

    Returns:
        ``out``, now a model folder.

    Raises:
        DataError: there is too little data.
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    check_backend("fine-tuning")
    start, plan = finetuning.start, finetuning.options.plan()
    with RunDirectory(out, {"plan": plan, **finetuning.values}) as run:
        if run.finished:  # but not cleaned up
            run.finish()
            return run.path
        keras.utils.set_random_seed(plan.seed)
        task = assemble(
            start.bundle,
            start.reference,
            vocabulary=grown_vocabulary(start.bundle.processor, finetuning.texts()),
            dtype=training_dtype(plan.dtype),
        )
        objective = finetuning.objective(task, plan.seed)
        before = objective.validate()
        reached = _train_network(finetuning, task, objective, plan, run, before)
        gain = {"start": objective.validation_figure.in_unit(before)}
        task.metrics = [
            _validation_figure(objective, reached, finetuning.data, plan, command, **gain)
        ]
        if objective.validation_figure.is_better(reached, before):
            task.card |= {
                "name": f"{task.architecture.name}.{run.path.name}",
                "base_model": start.name,
                "dataset": finetuning.data,
                "data": f"Fine-tuned from {start.name} on {finetuning.learnt_from}.",
            }
            if finetuning.seen:
                task.card[FACT] = [*task.card.get(FACT, ()), *finetuning.seen]
        else:  # what is not new keeps its name and its data
            note = f"Fine-tuning on {finetuning.learnt_from} did not improve these weights."
            task.card["data"] = f"{task.card.get('data', '')} {note}".strip()
        finetuning.finish(task)
        task.save(run.path)
        run.finish()
    return run.path


def grown_vocabulary(processor: Any, texts: Iterable[str]) -> tuple[str, ...] | None:
    """A vocabulary with the characters of texts that it lacks at its end.

    Args:
        processor: has the vocabulary.
        texts: what must be in it.

    Returns:
        The vocabulary, or ``None`` if nothing is missing.
    """
    characters = {character for text in texts for character in text}
    if not characters:
        return None
    new = characters - set(processor.vocabulary)
    return (*processor.vocabulary, *sorted(new)) if new else None


def mix_with_start(
    objective: Objective, before: Sequence[np.ndarray], shares: Sequence[float], reached: float
) -> float:
    """Put the average of old and new weights into the network where that does better than the new.

    Args:
        objective: with the network, which has the new weights.
        before: the old weights, one array for each trainable variable.
        shares: weights of the old ones in the average to try, one after the other.
        reached: what the new weights reached on the validation set.

    Returns:
        What the weights that the network has afterwards reach on the validation set.
    """
    variables = objective.network.trainable_variables
    after = [variable.numpy() for variable in variables]

    def assign(share: float) -> None:
        for variable, old, new in zip(variables, before, after, strict=True):
            variable.assign(share * old + (1 - share) * new)

    best = 0.0
    for share in shares:
        assign(share)
        value = objective.validate()
        if objective.validation_figure.is_better(value, reached):
            best, reached = share, value
    assign(best)
    return reached


def _train_network(
    learning: Learning[Any],
    task: Task,
    objective: Objective,
    plan: Plan,
    run: RunDirectory,
    before: float | None,
) -> float:
    """Train the network, with its best weights in it afterwards.

    Args:
        learning: writes samples.
        task: holds the network.
        objective: what is trained.
        plan: how to train.
        run: the run's folder.
        before: what the weights reach on the validation set as they are, where they are worth
            keeping.

    Returns:
        What the weights then reach on the validation set.
    """
    from zoo.training.trainer import Trainer

    on_epoch = sample_writer(learning, task, run)
    if before is None or not plan.start_shares:
        return Trainer(objective, plan, run, on_epoch, before).train()
    weights = [variable.numpy() for variable in objective.network.trainable_variables]
    # The average of both may be better than the start where the trained weights alone are not.
    reached = Trainer(objective, plan, run, on_epoch).train()
    return mix_with_start(objective, weights, (*plan.start_shares, 1.0), reached)


def _validation_figure(
    objective: Objective, value: float, dataset: str, plan: Plan, command: str, **facts: Any
) -> Figure:
    return objective.validation_figure.figure(
        value,
        dataset=dataset,
        split="validation",
        scorer=f"zoo {__version__} training",
        command=command,
        seed=plan.seed,
        **facts,
    )
