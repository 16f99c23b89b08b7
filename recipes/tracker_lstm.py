"""Trackers of what is asked for in a dialogue, message by message.

    zoo train tracker_lstm.woz --out runs/woz
    zoo evaluate runs/woz

Every value is scored by its words, not by weights of its own: by the likeness of its words to those
of the message and of the system's message before it, by attention from its word vectors, and by
what stands at the place that it finds. So the values can be changed when the model is loaded, and a
value that was rare in training is found as well as a frequent one. Training puts other values into
a part of the turns, for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import load_dialogues, load_ontology
from zoo.dialogue.tracking.ontology import Ontology
from zoo.folder.figures import Figure
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values, published


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one model: those of every recipe, and these.

    Args:
        vocabulary: number of words with a vector.
        batch: turns in a batch.
        swapped_values: share of the turns in which a value is replaced.
        request_weight: weight of the questions' loss.
        distractors: other words of a turn that are candidates of each slot.
    """

    vocabulary: int = 12_000
    batch: int = 32
    swapped_values: float = 0.3
    request_weight: float = 1.0
    distractors: int = 0


MODELS = {
    "tracker_lstm.woz": Values(
        corpus="woz",
        languages=("en",),
        network={
            "units": 96,
            "filters": 48,
            "input_dropout": 0.3,
            "hidden_dropout": 0.3,
            "weight_dropout": 0.2,
        },
        plans=(Plan(epochs=50, learning_rate=3e-3, weight_decay=0.03, average=0.998),),
        license="apache-2.0",
        data_note=(
            "WOZ 2.0, 1,200 typed dialogues about restaurants (Apache-2.0; Wen et al. 2017, "
            "Mrkšić et al. 2017), split as published. Three labels whose values the ontology "
            "writes otherwise are repaired."
        ),
        limits=(
            "It knows restaurants: food, area, price range, and what people ask for there. Its "
            "joint goal is 3 points below that of GLAD and GCE, which read the system's acts as "
            "the corpus annotates them; this model reads what the system said. Values that are "
            'implied (sushi, on a budget) are often missed, and "I don\'t care" may be laid to '
            "another slot."
        ),
        comparison=(
            published("GCE (joint goal)", 88.5, "%", "Nouri and Hosseini-Asl 2018"),
            published("GLAD (joint goal)", 88.1, "%", "Zhong et al. 2018"),
            published("NBT (joint goal)", 84.4, "%", "Mrkšić et al. 2017"),
        ),
    ),
}


def ontology_of(corpus: str) -> Ontology:
    """The slots and the requests of a corpus.

    Raises:
        DataError: the corpus is not there and cannot be fetched.
    """
    told = load_ontology(corpus)
    requests = tuple(told.pop("request", []))
    return Ontology({slot: tuple(values) for slot, values in told.items()}, requests)


def train(name: str, out: Path, command: str = "", **changes: Any) -> Path:
    """Train a registered model from its corpus.

    Args:
        name: a key of :data:`MODELS`.
        out: the run's folder; an interrupted run in it is resumed.
        command: the command line that trains it, for the model card.
        **changes: fields of each plan to change, such as ``epochs=1``.

    Returns:
        The model folder.
    """
    from zoo.dialogue.tracking.training.run import TrackerTraining

    values = MODELS[name]
    training, validation = (load_dialogues(values.corpus, part) for part in ("train", "validation"))
    ontology = ontology_of(values.corpus)
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        subject = TrackerTraining(
            card=values.card(name),
            training=training,
            validation=validation,
            ontology=ontology,
            network=chosen.network,
            vocabulary=chosen.vocabulary,
            batch=chosen.batch,
            swapped_values=chosen.swapped_values,
            request_weight=chosen.request_weight,
            distractors=chosen.distractors,
        )
        run.train(subject, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test set of its corpus.

    Args:
        model: a model of :data:`MODELS`.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a JSON file of dialogues with states to score on instead.
        progress: called with the number of turns read since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
        DataError: the file is missing or malformed.
    """
    from zoo.dialogue.tracking.training.scores import evaluate_file, score_dialogues

    if data is not None:
        return evaluate_file(model, reference, data, progress)
    corpus = own_values(model, reference, MODELS).corpus
    turns = load_dialogues(corpus, "test")
    return score_dialogues(
        model,
        turns,
        on_progress=(lambda count: progress(count, len(turns))) if progress else None,
        dataset=corpus,
        split="test",
        command=f"zoo evaluate {reference}",
    )
