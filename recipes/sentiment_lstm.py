"""Mood readers: an LSTM over words, and a causal LSTM over the messages of a conversation.

    zoo train sentiment_lstm.topical_chat --out runs/topical_chat
    zoo evaluate runs/topical_chat

The first plan learns moods from single comments (GoEmotions, its emotions put into the moods of the
conversations) together with the conversations; the second one learns from the conversations alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import MoodMessage, load_moods
from zoo.dialogue.mood.training.examples import renamed
from zoo.folder.figures import Figure
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values, published


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one model: those of every recipe, and these.

    Args:
        moods: names of the moods.
        valence: how good each is, from -1 to 1.
        comments: for each emotion of GoEmotions the mood that it is put into; empty to do without
            this corpus.
        with_comments: whether a plan learns from these.
        tests: names of the test splits.
        vocabulary: number of words with a vector.
        batch: messages in a batch.
    """

    moods: tuple[str, ...]
    valence: Mapping[str, float]
    comments: Mapping[str, str] = field(default_factory=dict)
    with_comments: bool = False
    tests: tuple[str, ...] = ("test",)
    vocabulary: int = 20_000
    batch: int = 128


def _comments(**emotions: str) -> dict[str, str]:
    return {
        emotion: mood.replace("_", " ")
        for mood, names in emotions.items()
        for emotion in names.split()
    }


_NETWORK = {
    "units": 112,
    "filters": 48,
    "input_dropout": 0.3,
    "hidden_dropout": 0.3,
    "message_dropout": 0.4,
    "weight_dropout": 0.1,
}

MODELS = {
    "sentiment_lstm.topical_chat": Values(
        corpus="topical_chat",
        languages=("en",),
        moods=(
            "angry",
            "curious",
            "disgusted",
            "fearful",
            "happy",
            "neutral",
            "sad",
            "surprised",
        ),
        valence={
            "angry": -1.0,
            "curious": 0.2,
            "disgusted": -0.8,
            "fearful": -0.6,
            "happy": 1.0,
            "sad": -0.7,
            "surprised": 0.1,
        },
        comments=_comments(
            angry="anger annoyance disapproval",
            curious="curiosity",
            disgusted="disgust",
            fearful="fear nervousness",
            happy="admiration amusement approval caring excitement gratitude joy love optimism "
            "pride relief",
            neutral="neutral",
            sad="disappointment embarrassment grief remorse sadness",
            surprised="surprise realization confusion",
        ),
        tests=("test_freq", "test_rare"),
        network=_NETWORK,
        plans=(
            Plan(epochs=4, learning_rate=3e-3, values={"with_comments": True}),
            Plan(epochs=8, learning_rate=1.5e-3, seed=1),
        ),
        license="apache-2.0",
        data_note=(
            "Topical-Chat, conversations of two people with the mood of each message "
            "(CDLA-Sharing 1.0, which leaves results free; Gopalakrishnan et al. 2019): the "
            "published validation conversations are trained on, a tenth of them held out. "
            "Pretrained on GoEmotions (Apache-2.0; Demszky et al. 2020)."
        ),
        limits=(
            "It knows friendly chats about topics; anger and disgust are rare in them. A mood is "
            "what other people took a message for."
        ),
    ),
    # The scripts of a television series: the scores are published, the weights are not.
    "sentiment_lstm.meld": Values(
        corpus="meld",
        languages=("en",),
        moods=("negative", "neutral", "positive"),
        valence={"negative": -1.0, "positive": 1.0},
        comments=_comments(
            negative="anger annoyance disapproval disgust fear nervousness disappointment "
            "embarrassment grief remorse sadness",
            neutral="neutral",
            positive="admiration amusement approval caring excitement gratitude joy love optimism "
            "pride relief",
        ),
        network=_NETWORK,
        plans=(
            Plan(epochs=3, learning_rate=3e-3, values={"with_comments": True}),
            Plan(epochs=8, learning_rate=1.5e-3, seed=1),
        ),
        license="other",
        data_note="MELD, lines of a television series (GPL-3.0; Poria et al. 2019).",
        limits="For scores only.",
        comparison=(
            published("bcLSTM, text and audio (weighted F1)", 66.7, "%", "Poria et al. 2019"),
            published("text CNN (weighted F1)", 64.3, "%", "Poria et al. 2019"),
        ),
    ),
}


def train(name: str, out: Path, command: str = "", **changes: Any) -> Path:
    """Train a registered model from its corpora.

    Args:
        name: a key of :data:`MODELS`.
        out: the run's folder; an interrupted run in it is resumed.
        command: the command line that trains it, for the model card.
        **changes: fields of each plan to change, such as ``epochs=1``.

    Returns:
        The model folder.
    """
    from zoo.dialogue.mood.training.run import MoodTraining

    values = MODELS[name]
    training, validation = (load_moods(values.corpus, part) for part in ("train", "validation"))
    comments: list[MoodMessage] = []
    if values.comments:
        comments = renamed(load_moods("go_emotions", "train"), values.comments)
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        subject = MoodTraining(
            card=values.card(name),
            training=[*training, *comments] if chosen.with_comments else training,
            validation=validation,
            vocabulary_texts=[one.text for one in (*training, *comments)],
            moods=chosen.moods,
            valence=chosen.valence,
            network=chosen.network,
            vocabulary=chosen.vocabulary,
            batch=chosen.batch,
        )
        run.train(subject, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test sets of its corpus.

    Args:
        model: a model of :data:`MODELS`.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a CSV file of messages with moods to score on instead.
        progress: called with the number of messages read since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
        DataError: the file is missing or malformed.
    """
    from zoo.dialogue.mood.training.scores import evaluate_file, score_moods

    if data is not None:
        return evaluate_file(model, reference, data, progress)
    values = own_values(model, reference, MODELS)
    sets = {split: load_moods(values.corpus, split) for split in values.tests}
    total = sum(map(len, sets.values()))
    figures = []
    for split, messages in sets.items():
        figures += score_moods(
            model,
            messages,
            on_progress=(lambda count: progress(count, total)) if progress else None,
            dataset=values.corpus,
            split=split,
            command=f"zoo evaluate {reference}",
        )
    return figures
