"""Recipe of ``line_gru``: train and evaluate on the phrases.

zoo train line_gru.phrases --out runs/phrases
zoo evaluate runs/phrases
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.folder.figures import Figure
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues
from zoo_plugin import __version__
from zoo_plugin.corpus import LANGUAGES, NAME, load_lines, read_lines

if TYPE_CHECKING:
    from zoo_plugin.line_language.task import LanguageIdentification

MODELS = {
    "line_gru.phrases": RecipeValues(
        corpus=NAME,
        languages=LANGUAGES,
        network={"units": 32},
        plans=(Plan(epochs=5, learning_rate=1e-2, warmup_steps=10, average=0.9, dtype="float32"),),
        license="apache-2.0",
        data_note="400 sentences made of phrases in four languages; 10 % are the test set.",
        limits="It knows a few dozen words of four languages.",
    )
}


def train(name: str, out: Path, command: str = "", **changes: Any) -> Path:
    """Train a model of :data:`MODELS`.

    Args:
        name: a key of :data:`MODELS`.
        out: the run's folder; an interrupted run in it is continued.
        command: the command line that trains it, for the model card.
        **changes: fields of each plan to change, such as ``epochs=1``.

    Returns:
        The model folder.
    """
    from zoo.training.run import train
    from zoo_plugin.line_language.training import ClassifierTraining

    values = MODELS[name]
    for stage in stages(values.plans, out, command, **changes):
        training = ClassifierTraining(
            card=values.card(name),
            training=load_lines("train"),
            validation=load_lines("validation"),
            network=values.network,
        )
        train(training, stage)
    return out


def evaluate(
    model: LanguageIdentification,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Accuracy on the test set, or on a file of lines.

    Args:
        model: the task.
        reference: what ``zoo evaluate`` was given, for the command in the figures.
        data: a file as :func:`zoo_plugin.corpus.read_lines` reads it.
        progress: called with the number of lines since the last call, and of all.
    """
    command = f"zoo evaluate {reference}"
    if data is None:
        lines, dataset, split = load_lines("test"), NAME, "test"
    else:
        lines, dataset, split = read_lines(data), data.name, "whole"
        command += f" --data {data}"

    def count(number: int) -> None:
        if progress is not None:
            progress(number, len(lines))

    results = model.classify([line.text for line in lines], on_progress=count)
    right = sum(
        result.language == line.language for result, line in zip(results, lines, strict=True)
    )
    accuracy = Figure.measured(
        "accuracy",
        100 * right / len(lines),
        "%",
        higher_is_better=True,
        dataset=dataset,
        split=split,
        scorer=f"zoo_plugin {__version__}",
        command=command,
        lines=len(lines),
    )
    return [accuracy]
