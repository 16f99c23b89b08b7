"""Line recognisers: normalised images, convolutions, LSTM layers and CTC over characters.

    zoo train crnn.latin --out runs/latin
    zoo evaluate runs/latin

``crnn.latin`` reads French and English. It is trained on the lines of Copiste (modern French, 199
training writers) and Poilus (French wills of 1914 to 1918) and, since there is no free set of
English line images by many writers, on words and texts of UNIPEN rendered as images, a fraction of
them in each epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.ctc.alphabet import Alphabet
from zoo.folder.figures import Figure
from zoo.handwriting.datasets import load_ink, load_lines
from zoo.handwriting.line_image import LineNormaliser
from zoo.handwriting.processor import Lines
from zoo.handwriting.training.examples import (
    LineExamples,
    Sample,
    ink_samples,
    plain_examples,
    samples_of,
    some_of,
)
from zoo.handwriting.training.image_augmentation import ImageAugmentation
from zoo.handwriting.training.ink_rendering import InkRendering
from zoo.handwriting.training.texts import text_to_learn, text_to_score
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one pretrained model: those of every recipe, and these.

    Args:
        normaliser: converts images to columns.
        augmentation: strength of the augmentation of lines.
        rendering: how ink is rendered.
        changed_ink: fraction of the rendered ink that is augmented like lines.
        poilus_share: how often a line of Poilus is used per epoch, on average.
        formula_share: the same for Copiste's formula of consent.
        words_share: the same for UNIPEN's words.
        texts_share: the same for UNIPEN's texts.
        validation_words: number of rendered words in the validation set.
    """

    normaliser: LineNormaliser = field(default_factory=LineNormaliser)
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)
    rendering: InkRendering = field(default_factory=InkRendering)
    changed_ink: float = 1.0
    poilus_share: float = 1.0
    formula_share: float = 0.25
    words_share: float = 0.16
    texts_share: float = 0.16
    validation_words: int = 500
    license: str = "cc-by-4.0"


MODELS = {
    "crnn.latin": Values(
        corpus="copiste+poilus+unipen",
        languages=("fr", "en"),
        network={"dropout": 0.25, "weight_dropout": 0.15},
        # After the first plan, training lines are read no better than others, so the second plan
        # uses less dropout. With that alone, Copiste's training lines are soon read twice as well
        # as those of other writers, but words and Poilus hardly improve: it uses more of them.
        plans=(
            Plan(epochs=40, learning_rate=2e-3, weight_decay=0.02),
            Plan(
                epochs=16,
                learning_rate=1.5e-3,
                weight_decay=0.02,
                seed=1,
                network={"dropout": 0.1, "weight_dropout": 0.0},
                values={"changed_ink": 0.5, "poilus_share": 1.3, "words_share": 0.4},
            ),
            # Other writers' lines are then read worse than training lines: more dropout again, and
            # stronger augmentation.
            Plan(
                epochs=10,
                learning_rate=1.5e-3,
                weight_decay=0.02,
                seed=2,
                network={"dropout": 0.2, "weight_dropout": 0.1},
                values={
                    "changed_ink": 0.5,
                    "poilus_share": 1.6,
                    "words_share": 0.3,
                    "augmentation": ImageAugmentation(
                        stretch=0.25, size=0.16, shear=0.4, elastic=1.5, gaps=0.5
                    ),
                },
                start_shares=(0.15, 0.3, 0.45),
            ),
        ),
        data_note=(
            "Copiste d'un jour ((c) BAnQ, CC BY 4.0; 3,957 lines of text, and the formula of "
            "consent, of 199 writers; the formula mentions non-commercial purposes), Testaments de "
            "Poilus (Archives nationales and CREMMA, CC BY 4.0; 2,462 lines), and words and texts "
            "of UNIPEN train_r01_v07 (CC BY 4.0, doi 10.5281/zenodo.1195803). UNIPEN's ink is "
            "real; rendering it as images is our addition. No writer is in two splits. Lines with "
            "crossed-out words are not scored, and the long s counts as s."
        ),
        limits=(
            "French and English in Latin script, one line at a time; pages need a layout file or "
            "clean, straight lines. Names, numbers and rare characters are the least reliable. Its "
            "output is a draft for a person to correct, not evidence."
        ),
        comparison=(
            {
                "what": "public French kraken models on mixed hands, other data",
                "value": 22,
                "unit": "% CER",
                "source": "approximate, as reported by their authors",
            },
        ),
    ),
}


def training_samples(values: Values) -> list[Sample]:
    """The training samples, each with how often it is used per epoch."""
    samples = []
    for name, share in (("copiste", 1.0), ("poilus", values.poilus_share)):
        for line in load_lines(name)["train"]:
            line_share = values.formula_share if line.kind == "consent" else share
            samples.append(Sample(line, text_to_learn(line), line_share))
    for name, share in (("unipen_words", values.words_share), ("unipen_texts", values.texts_share)):
        samples += ink_samples(load_ink(name)["train"], share)
    return [sample for sample in samples if sample.text]


def scored_sets(split: str) -> dict[str, list[Sample]]:
    """The scored samples of a split by the name of their set, the headline set first."""
    lines = {
        name: samples_of(load_lines(name)[split], text_to_score) for name in ("copiste", "poilus")
    }
    return lines | {"unipen_words, rendered": ink_samples(load_ink("unipen_words")[split])}


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
    from zoo.handwriting.training.run import HandwritingTraining

    values = MODELS[name]
    texts = (sample.text for sample in training_samples(values))
    processor = Lines(values.normaliser, Alphabet.of_texts(texts))
    sets = scored_sets("validation")
    validation = [
        example
        for set_name, chosen in sets.items()
        for example in plain_examples(
            chosen, processor, values.validation_words if "rendered" in set_name else None
        )
    ]
    # The same number from each set, so that the language model is chosen for all of them.
    choice = [sample for chosen in sets.values() for sample in some_of(chosen, 130)]
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        examples = LineExamples(
            training_samples(chosen),
            processor,
            stage.plan.seed,
            name,
            chosen.augmentation,
            chosen.rendering,
            chosen.changed_ink,
        )
        training = HandwritingTraining(
            card=values.card(name),
            examples=examples.set,
            validation=validation,
            choice=choice,
            reader=processor,
            network=chosen.network,
            settings={"augmentation": chosen.augmentation, "rendering": chosen.rendering},
        )
        run.train(training, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test lines of its corpora: character and word error rates.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a folder of lines to score on instead, see
            :func:`zoo.handwriting.training.folder.read_folder`; if it specifies splits, its test
            lines are scored.
        progress: called with the number of lines read since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpora are not those of this recipe.
    """
    from zoo.handwriting.training.scores import evaluate_folder, evaluate_sets

    if data is not None:
        return evaluate_folder(model, reference, data, progress)
    own_values(model, reference, MODELS)
    return evaluate_sets(model, reference, scored_sets("test"), progress)
