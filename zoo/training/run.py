"""What every training shares around the trainer: its start, and what is told of a fine-tuning."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import UsageError
from zoo.folder.bundle import read_bundle
from zoo.folder.figures import Figure
from zoo.folder.weights_file import assign_weights
from zoo.training.plan import Plan
from zoo.training.rundir import RunDirectory
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.training.trainer import Objective


def train_from(
    start: Path | None,
    objective: Objective,
    plan: Plan,
    run: RunDirectory,
    *,
    card: Mapping[str, Any],
    on_epoch: Callable[[int], None] | None = None,
) -> list[Figure]:
    """Train a new network, perhaps from the weights of a model folder of the same network.

    Args:
        start: the folder; its weights are kept if nothing does better.
        objective: what to learn, with the network.
        plan: how to train.
        run: the run's folder.
        card: how the model's card begins.
        on_epoch: called after each epoch with its number.

    Returns:
        The best validation figure, whose weights the network now has.

    Raises:
        ZooError: the folder cannot be read or is of another network, or the run fails.
    """
    from zoo.training.trainer import Trainer

    start_loss = None
    if start is not None:
        assign_weights(objective.network, read_bundle(start).weights, str(start))
        start_loss = objective.validate()
    if start is not None and plan.start_shares:
        before = [variable.numpy() for variable in objective.network.trainable_variables]
        # The mean of both may be better than the start where the trained weights alone are not.
        reached = Trainer(objective, plan, run, on_epoch).train()
        reached = mix_with_start(objective, before, (*plan.start_shares, 1.0), reached)
    else:
        reached = Trainer(objective, plan, run, on_epoch, start_loss).train()
    command = f"zoo train {card['name']} --out {run.path}"
    return [
        _validation_figure(
            objective, reached, dataset=card["dataset"], command=command, seed=plan.seed
        )
    ]


def mix_with_start(
    objective: Objective, before: Sequence[np.ndarray], shares: Sequence[float], reached: float
) -> float:
    """Put the mean of old and new weights into the network where it does better than the new ones.

    Args:
        objective: with the network, which has the new weights.
        before: the old weights, one array for each trainable variable.
        shares: of the old weights in the mean, tried one after the other.
        reached: the validation loss of the new weights.

    Returns:
        The validation loss of the weights that the network has afterwards.
    """
    variables = objective.network.trainable_variables
    after = [variable.numpy() for variable in variables]

    def assign(share: float) -> None:
        for variable, old, new in zip(variables, before, after, strict=True):
            variable.assign(share * old + (1 - share) * new)

    best = 0.0
    for share in shares:
        assign(share)
        loss = objective.validate()
        if objective.validation_figure.is_better(loss, reached):
            best, reached = share, loss
    assign(best)
    return reached


def load_to_finetune(reference: str, plan: Plan) -> Any:
    """A model to train further.

    Args:
        reference: as ``load_model`` takes it.
        plan: says which numbers to compute in, and the seed of dropout and of new weights.

    Raises:
        ZooError: it cannot be loaded.
    """
    import keras

    from zoo.loading import load_model

    keras.utils.set_random_seed(plan.seed)
    return load_model(reference, dtype=plan.dtype)


def with_characters(model: Any, reference: str, plan: Plan, texts: Iterable[str]) -> Any:
    """The model, its vocabulary grown by the characters of texts that it lacks.

    Args:
        model: as :func:`load_to_finetune` gives it.
        reference: what it was loaded by.
        plan: how it will be trained.
        texts: what it is to learn.
    """
    from zoo.loading import load_model

    new = {character for text in texts for character in text} - set(model.processor.vocabulary)
    if not new:
        return model
    wider = (*model.processor.vocabulary, *sorted(new))
    return load_model(reference, dtype=plan.dtype, vocabulary=wider)


def finetune(
    model: Any,
    reference: str,
    objective: Objective,
    plan: Plan,
    run: RunDirectory,
    *,
    corpus: str,
    learnt: str,
    command: str,
    on_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train a model further and write on it where it comes from and what was gained.

    If nothing does better on the validation data than the start, the start's weights are kept.

    Args:
        model: the task.
        reference: what it was loaded by.
        objective: what to learn, with the model's network.
        plan: how to train.
        run: the run's folder.
        corpus: names of the data, for card and figures.
        learnt: how much was learnt from, such as ``"12 lines"``.
        command: the command that does it again.
        on_epoch: called after each epoch with its number.

    Raises:
        ZooError: the run fails.
    """
    from zoo.training.trainer import Trainer

    before = objective.validate()
    after = Trainer(objective, plan, run, on_epoch, before).train()
    start = objective.validation_figure.in_unit(before)
    model.metrics = [
        _validation_figure(
            objective, after, dataset=corpus, command=command, seed=plan.seed, start=start
        )
    ]
    base = model.card.get("name", reference)
    model.card |= {
        "name": f"{model.architecture.name}.{run.path.name}",
        "base_model": base,
        "dataset": corpus,
        "data": f"Fine-tuned from {base} on {learnt}.",
    }


def finetune_command(function: Callable[..., Any], data: str, given: Mapping[str, Any]) -> str:
    """The command line of a fine-tuning, with the options that are not as they are by default.

    Args:
        function: the task's function, whose keyword arguments the options are.
        data: the option that names the data, such as ``"--text ..."``.
        given: the arguments that the function was called with.
    """
    command = f"zoo finetune {given['reference']} {data} --out {given['out']}"
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and given[name] != parameter.default:
            value = "" if given[name] is True else f" {given[name]}"
            command += f" --{name.replace('_', '-')}{value}"
    return command


def check_share(validation: float) -> None:
    """Check the share of the data that is kept to choose on.

    Raises:
        UsageError: it is not between 0 and 1.
    """
    if not 0 < validation < 1:
        raise UsageError(f"validation must be a share between 0 and 1, not {validation}")


def _validation_figure(objective: Objective, value: float, **facts: Any) -> Figure:
    scorer = f"zoo {__version__} training"
    return objective.validation_figure.figure(value, split="validation", scorer=scorer, **facts)
