"""Pen recognisers: strokes resampled by arc length, LSTM layers and CTC over characters.

    zoo train pen_bilstm.unipen --out runs/unipen
    zoo evaluate runs/unipen

``pen_bilstm.unipen`` is trained on UNIPEN's words and texts, with isolated digits, capitals and
lower-case letters mixed in, since characters that are rare by themselves are even rarer in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.ctc.alphabet import Alphabet
from zoo.folder.figures import Figure
from zoo.handwriting.datasets import load_ink
from zoo.handwriting.ink import InkNormaliser
from zoo.handwriting.processor import Pen
from zoo.handwriting.training.examples import (
    PenExamples,
    Sample,
    ink_samples,
    plain_examples,
    single_lines,
)
from zoo.handwriting.training.ink_augmentation import InkAugmentation
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one pretrained model: those of every recipe, and these.

    Args:
        normaliser: converts strokes to features.
        augmentation: strength of the augmentation of strokes.
        characters_step: one in this many isolated characters is used.
        characters_share: how often each of these is used per epoch, on average.
        validation_words: number of words in the validation set.
        validation_texts: number of texts in the validation set.
    """

    normaliser: InkNormaliser = field(default_factory=InkNormaliser)
    augmentation: InkAugmentation = field(default_factory=InkAugmentation)
    characters_step: int = 4
    characters_share: float = 0.5
    validation_words: int = 1500
    validation_texts: int = 300
    license: str = "cc-by-4.0"


_MORE_CHANGED = InkAugmentation(
    stretch=0.3, size=0.18, shear=0.45, slope=0.08, bend=0.16, hidden=0.5
)
MODELS = {
    "pen_bilstm.unipen": Values(
        corpus="unipen",
        languages=("en",),
        network={"dropout": 0.1},
        # After the first plan, training words are read twice as well as those of other writers: the
        # second one uses more dropout and stronger augmentation.
        plans=(
            Plan(epochs=10, learning_rate=3e-3, weight_decay=0.01),
            Plan(
                epochs=7,
                learning_rate=2e-3,
                weight_decay=0.01,
                seed=1,
                network={"dropout": 0.25, "weight_dropout": 0.1},
                values={"augmentation": _MORE_CHANGED},
            ),
            Plan(
                epochs=7,
                learning_rate=2e-3,
                weight_decay=0.01,
                seed=2,
                network={"dropout": 0.2, "weight_dropout": 0.15},
                values={"augmentation": _MORE_CHANGED},
                start_shares=(0.15, 0.3, 0.45),
            ),
        ),
        data_note=(
            "UNIPEN train_r01_v07 (CC BY 4.0, doi 10.5281/zenodo.1195803): words (category 7), "
            "texts of one line (8), and some of the isolated characters (1a, 1b, 1c). Excluded are "
            "sources with markup, gibberish, code or German, samples marked BAD, and words with a "
            "label of one character. No writer is in two splits."
        ),
        limits=(
            "English words and lines in Latin script without accents, written from left to right. "
            "It reads one line at a time and was not trained on cursive from before the 1990s."
        ),
    ),
}


def training_samples(values: Values) -> list[Sample]:
    """The training samples, each with how often it is used per epoch."""
    samples = []
    for name in ("unipen_words", "unipen_texts"):
        samples += ink_samples(load_ink(name)["train"])
    characters = load_ink("unipen_characters")["train"]
    chosen = (characters[i] for i in range(0, len(characters), values.characters_step))
    return samples + ink_samples(chosen, values.characters_share)


def scored_sets(split: str) -> dict[str, list[Sample]]:
    """The scored samples of a split by the name of their set, the headline set first.

    Only texts of one line are scored. The test words that do not occur in training are scored as a
    separate set as well.
    """
    corpus = load_ink("unipen_words")
    words = ink_samples(corpus[split])
    sets = {"unipen_words": words}
    if split == "test":
        known = {sample.text for sample in ink_samples(corpus["train"])}
        sets["unipen_words, words not in training"] = [w for w in words if w.text not in known]
    return sets | {"unipen_texts": single_lines(ink_samples(load_ink("unipen_texts")[split]))}


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
    from zoo.handwriting.training.run import HandwritingTraining

    values = MODELS[name]
    samples = training_samples(values)
    processor = Pen(values.normaliser, Alphabet.of_texts(sample.text for sample in samples))
    sets = scored_sets("validation")
    words = sets["unipen_words"]
    validation = plain_examples(words, processor, values.validation_words)
    validation += plain_examples(sets["unipen_texts"], processor, values.validation_texts)
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        examples = PenExamples(samples, processor, stage.plan.seed, name, chosen.augmentation)
        training = HandwritingTraining(
            card=values.card(name),
            examples=examples.set,
            validation=validation,
            choice=words,
            reader=processor,
            network=chosen.network,
            settings={"augmentation": chosen.augmentation},
        )
        run.train(training, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test words and texts of UNIPEN: character and word error rates.

    The words that do not occur in training are also scored separately.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a folder of ink to score on instead, see
            :func:`zoo.handwriting.training.folder.read_folder`.
        progress: called with the number of inputs read since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpus is not that of this recipe.
    """
    from zoo.handwriting.training.scores import evaluate_folder, evaluate_sets

    if data is not None:
        return evaluate_folder(model, reference, data, progress)
    own_values(model, reference, MODELS)
    return evaluate_sets(model, reference, scored_sets("test"), progress)
