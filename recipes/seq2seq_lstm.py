"""Translators: an attention LSTM over subwords.

    zoo train seq2seq_lstm.tatoeba --out runs/tatoeba
    zoo evaluate runs/tatoeba

What makes these models small and quick to train on a CPU:

- no input feeding, so decoder, attention and softmax run on all steps of a batch at once, and the
  softmax of a training step covers only the subwords of its batch and a sample of others;
- one network and one embedding for all directions, so that every language is trained together with
  the others (Johnson et al. 2017, arXiv:1611.04558);
- batches of similar lengths, with all directions mixed;
- label smoothing, dropout with one mask for all time steps, an exponential moving average of the
  weights and cosine decay of the learning rate to zero.

``tatoeba_plain`` is the same without attention, for comparison: the decoder receives only the final
states of the encoder (Sutskever et al. 2014, arXiv:1409.3215).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.folder.figures import Figure
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values
from zoo.translation.datasets import load_translations


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one model: those of every recipe, and these.

    Args:
        directions: source and target language of each direction.
        vocabulary_size: number of subwords, shared by all languages.
        batch: number of pairs in a batch.
        label_smoothing: fraction of the target probability that is spread over the vocabulary.
        others: number of sampled subwords in the softmax of a training step besides those of its
            batch; 0 for the whole vocabulary.
        subword_dropout: probability of skipping a merge when splitting sources (BPE-dropout).
        variants: fraction of the pairs that also train in another spelling, such as capitals or
            without a final mark; single words and more numbers and names to copy come with it.
        beam_size: the model's default beam size.
    """

    directions: tuple[tuple[str, str], ...]
    vocabulary_size: int
    batch: int = 128
    label_smoothing: float = 0.1
    others: int = 512
    subword_dropout: float = 0.0
    variants: float = 0.0
    beam_size: int = 5
    license: str = "cc-by-2.0"
    limits: str = (
        "It knows short everyday sentences. Longer texts are translated sentence by sentence, "
        "without context. Names and rare words may come out wrong; have a person check any "
        "translation that matters."
    )


def published(split: str, value: float) -> dict[str, Any]:
    """What the text-only attention GRU of WMT17 scored: BLEU on lower-cased tokenised text."""
    return {
        "what": f"text-only attention GRU of WMT17, {split}",
        "value": value,
        "unit": "BLEU",
        "source": "lium-lst/wmt17-mmt",
        "split": split,
    }


_OTHERS = ("de", "es", "fr")
_SIX = tuple(direction for code in _OTHERS for direction in (("en", code), (code, "en")))
_TATOEBA_NOTE = (
    "Sentence pairs English-French, English-German and English-Spanish from Tatoeba, selected by "
    "manythings.org/anki (CC BY 2.0 FR, attribution: tatoeba.org and manythings.org/anki). The "
    "first 2,000 English sentences in order of sha256 are the test set, the next 2,000 the "
    "validation set; pairs with one of them, or one of their translations, on either side are "
    "excluded from training."
)
_NO_DROPOUT = {"hidden_dropout": 0.0, "output_dropout": 0.0}
_TATOEBA = Values(
    corpus="tatoeba",
    languages=("de", "en", "es", "fr"),
    directions=_SIX,
    vocabulary_size=8000,
    network={
        "units": 512,
        "embedding": 256,
        "attention": "multiplicative",
        "hidden_dropout": 0.1,
        "output_dropout": 0.1,
    },
    # A few epochs over many pairs underfit, so the later plans use no dropout.
    plans=(
        Plan(epochs=3, learning_rate=2e-3, warmup_steps=1000),
        Plan(
            epochs=2,
            learning_rate=1.5e-3,
            seed=1,
            network=_NO_DROPOUT,
        ),
        Plan(
            epochs=5,
            learning_rate=1.2e-3,
            warmup_steps=500,
            seed=2,
            network=_NO_DROPOUT,
        ),
        # Unscaled, the attention had saturated on a single position and stopped learning.
        Plan(
            epochs=6,
            learning_rate=1.5e-3,
            warmup_steps=500,
            seed=3,
            network={**_NO_DROPOUT, "attention": "scaled"},
        ),
        Plan(
            epochs=6,
            learning_rate=1.5e-3,
            warmup_steps=500,
            seed=4,
            network={**_NO_DROPOUT, "attention": "scaled"},
            start_shares=(0.2, 0.4),
        ),
        # Words and phrases, capitals, missing marks, and what must be copied.
        Plan(
            epochs=6,
            learning_rate=1.5e-3,
            warmup_steps=500,
            seed=5,
            network={**_NO_DROPOUT, "attention": "scaled"},
            values={"variants": 0.06},
            start_shares=(0.2, 0.4),
        ),
    ),
    batch=256,
    beam_size=10,
    data_note=_TATOEBA_NOTE,
)


def _multi30k(target: str, comparison: tuple[dict[str, Any], ...]) -> Values:
    return Values(
        corpus="multi30k",
        languages=("en", target),
        directions=(("en", target),),
        vocabulary_size=6000,
        network={
            "units": 384,
            "embedding": 256,
            "embedding_dropout": 0.15,
            "hidden_dropout": 0.3,
            "output_dropout": 0.3,
            "weight_dropout": 0.2,
        },
        # After much dropout, a few epochs with less improve the fit.
        plans=(
            Plan(epochs=26, learning_rate=2e-3, warmup_steps=400, weight_decay=0.02),
            Plan(
                epochs=8,
                learning_rate=1e-3,
                warmup_steps=200,
                weight_decay=0.02,
                seed=1,
                network={
                    "embedding_dropout": 0.1,
                    "hidden_dropout": 0.15,
                    "output_dropout": 0.15,
                    "weight_dropout": 0.1,
                },
                start_shares=(0.25, 0.5),
            ),
        ),
        batch=64,
        license="other",
        data_note="Multi30k, captions of Flickr pictures, for research only.",
        comparison=comparison,
    )


MODELS = {
    "seq2seq_lstm.tatoeba": _TATOEBA,
    # A little wider, to make up for the weights of the attention.
    "seq2seq_lstm.tatoeba_plain": replace(
        _TATOEBA,
        network={**_TATOEBA.network, "attention": "none", "units": 552},
        plans=_TATOEBA.plans[:1],
        beam_size=5,
    ),
    "seq2seq_lstm.multi30k_en_de": _multi30k(
        "de",
        (published("test_2016_flickr en-de", 39.00), published("test_2017_flickr en-de", 31.25)),
    ),
    "seq2seq_lstm.multi30k_en_fr": _multi30k(
        "fr",
        (published("test_2016_flickr en-fr", 59.02), published("test_2017_flickr en-fr", 51.93)),
    ),
}

_TESTS = {
    "tatoeba": ("test",),
    "multi30k": ("test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"),
}


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
    from zoo.translation.training.run import TranslatorTraining

    values = MODELS[name]
    sentences = load_translations(values.corpus, "train")
    validation = load_translations(values.corpus, "validation")
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        training = TranslatorTraining(
            card=values.card(name),
            training=sentences,
            validation=validation,
            directions=chosen.directions,
            vocabulary_size=chosen.vocabulary_size,
            network=chosen.network,
            batch=chosen.batch,
            label_smoothing=chosen.label_smoothing,
            others=chosen.others,
            subword_dropout=chosen.subword_dropout,
            variants=chosen.variants,
            beam_size=chosen.beam_size,
        )
        run.train(training, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test sets of its corpus in all of its directions.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a file of sentence pairs to score on instead; its first line names the direction.
        progress: called with the number of characters translated since the last call, and the
            total.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
        DataError: the file is missing or malformed.
    """
    from zoo.translation.training.kept import kept_figures
    from zoo.translation.training.pairs import pairs_of
    from zoo.translation.training.scores import (
        evaluate_file,
        evaluate_translations,
        mean_figure,
    )

    if data is not None:
        return evaluate_file(model, reference, data, progress)
    corpus = own_values(model, reference, MODELS).corpus
    command = f"zoo evaluate {reference}"
    tests = {
        split: list(pairs_of(load_translations(corpus, split), model.directions))
        for split in _TESTS[corpus]
    }
    figures = evaluate_translations(
        model,
        tests,
        dataset=corpus,
        command=command,
        tokenized=corpus == "multi30k",
        progress=progress,
    )
    if len(model.directions) > 1:
        split = _TESTS[corpus][0]
        figures = [mean_figure(figures, metric, split) for metric in ("bleu", "chrf")] + figures
        figures += kept_figures(model, tests[split], dataset=corpus, split=split, command=command)
    return figures
