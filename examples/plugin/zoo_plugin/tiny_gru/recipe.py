"""Recipe of ``tiny_gru``: the English phrases as one text.

zoo train tiny_gru.phrases --out runs/writer
zoo run runs/writer "the old "
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.folder.figures import Figure
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues
from zoo_plugin.corpus import NAME, load_lines

MODELS = {
    "tiny_gru.phrases": RecipeValues(
        corpus=NAME,
        languages=("en",),
        network={"width": 64},
        plans=(Plan(epochs=15, learning_rate=1e-2, warmup_steps=10, average=0.9, dtype="float32"),),
        license="apache-2.0",
        data_note="The English sentences of the phrases, one a line; 10 % are the test set.",
        limits="It writes the sentences that it was trained on.",
    )
}


def load_text(split: str) -> str:
    """The English lines of a split of the phrases."""
    return "".join(f"{line.text}\n" for line in load_lines(split) if line.language == "en")


def train(name: str, out: Path, command: str = "", **changes: Any) -> Path:
    """Train a model of :data:`MODELS`; the arguments are those of every recipe.

    The training of the built-in character models takes any architecture of its task.
    """
    from zoo.text.processor import Characters
    from zoo.text.training.run import LanguageModelTraining
    from zoo.training.run import train

    values = MODELS[name]
    text, validation = load_text("train"), load_text("validation")
    for stage in stages(values.plans, out, command, **changes):
        training = LanguageModelTraining(
            card=values.card(name),
            characters=Characters.of_text(text, validation),
            training=text,
            validation=validation,
            network=values.network,
            batch=8,
            window=40,
        )
        train(training, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Cross-entropy of the test set, or of a text file; the arguments are those of every recipe."""
    from zoo.files import read_text
    from zoo.text.training.scores import evaluate_language_model

    command = f"zoo evaluate {reference}"
    if data is None:
        text, dataset, split = load_text("test"), NAME, "test"
    else:
        text, dataset, split = read_text([data]), data.name, "whole"
        command += f" --data {data}"
    return evaluate_language_model(model, text, dataset, split, command, progress)
