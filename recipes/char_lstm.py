"""Character language models: one long text, next-character prediction, carried state.

    zoo train char_lstm.shakespeare --out runs/shakespeare
    zoo evaluate runs/shakespeare

These models are good for their size because of regularisation, not width:

- dropout on the embedding, between the layers and before the softmax, with one mask for all time
  steps (Gal and Ghahramani 2016), since a text of a million characters is quickly memorised;
- dropout of the recurrent weights in each step (Merity et al. 2018);
- an exponential moving average of the weights, which is what is validated and saved;
- cosine decay of the learning rate to zero, and AdamW's weight decay;
- the state carried over from window to window, so that no window starts from a zero state.

The Transformer has no state to carry: it is trained on windows as long as its context.

Matrix products run in bfloat16 in training where the CPU multiplies in it, which halves the time;
the weights and the gates' arithmetic stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.datasets import load_text
from zoo.folder.figures import Figure
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values, published


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one pretrained model: those of every recipe, and these.

    Args:
        batch: number of parallel streams of text.
        window: length of backpropagation through time, in characters.
    """

    batch: int = 64
    window: int = 128
    license: str = "apache-2.0"
    limits: str = (
        "It knows a single text and its characters. It writes in the style of that text and makes "
        "things up; nothing it says can be relied on."
    )


SHAKESPEARE_NOTE = (
    "Tiny Shakespeare, 1,115,394 characters of the plays (public domain), from "
    "karpathy/char-rnn. The last 10 % is the test set, as in nanoGPT; 2 % from the middle "
    "of the remainder is the validation set."
)
SHAKESPEARE_FIGURES = (
    published(
        "nanoGPT, Transformer of 10.65 M parameters", 1.4697, "nats/char", "karpathy/nanoGPT"
    ),
    published("minGRU", 1.548, "nats/char", "Feng et al. 2024, arXiv:2410.01201"),
    published("minLSTM", 1.555, "nats/char", "Feng et al. 2024, arXiv:2410.01201"),
)


def opponent(network: dict[str, Any], epochs: int, learning_rate: float, **more: Any) -> Values:
    """An opponent of ``char_lstm.shakespeare``, of as many weights.

    Rate and dropout are the best of the trials of ``scripts/benchmarks/comparison_trials.py``, as
    many for each architecture, and the epochs what fits into half an hour of one core; with more of
    them, and more dropout, a model gets further.
    """
    return Values(
        corpus="karpathy_shakespeare",
        languages=("en",),
        network=network,
        plans=(Plan(epochs=epochs, learning_rate=learning_rate, weight_decay=0.05),),
        data_note=SHAKESPEARE_NOTE,
        comparison=SHAKESPEARE_FIGURES,
        **{"batch": 32, **more},
    )


MODELS = {
    "char_lstm.shakespeare": Values(
        corpus="karpathy_shakespeare",
        languages=("en",),
        network={
            "units": 512,
            "embedding": 128,
            "embedding_dropout": 0.1,
            "hidden_dropout": 0.5,
            "output_dropout": 0.5,
            "weight_dropout": 0.5,
        },
        plans=(
            Plan(epochs=36, learning_rate=3e-3, weight_decay=0.05),
            Plan(epochs=7, learning_rate=1.5e-3, weight_decay=0.05),
        ),
        batch=32,
        data_note=SHAKESPEARE_NOTE,
        comparison=SHAKESPEARE_FIGURES,
    ),
    "char_gru.shakespeare": opponent(
        {
            "units": 594,
            "embedding": 128,
            "embedding_dropout": 0.05,
            "hidden_dropout": 0.25,
            "output_dropout": 0.25,
            "weight_dropout": 0.25,
        },
        5,
        7.5e-3,
    ),
    "char_rnn.shakespeare": opponent(
        {
            "units": 1040,
            "embedding": 128,
            "embedding_dropout": 0.05,
            "hidden_dropout": 0.15,
            "output_dropout": 0.15,
            "weight_dropout": 0.15,
        },
        6,
        1e-3,
    ),
    "char_transformer.shakespeare": opponent(
        {
            "layers": 5,
            "width": 240,
            "heads": 6,
            "context": 256,
            "embedding_dropout": 0.2,
            "hidden_dropout": 0.2,
            # Dropped attention weights made a step 1.6 times as long on a CPU.
            "attention_dropout": 0.0,
        },
        3,
        1e-3,
        batch=16,
        window=256,
    ),
    "char_lstm.war_and_peace": Values(
        corpus="war_and_peace",
        languages=("en",),
        network={
            "units": 512,
            "embedding": 128,
            "embedding_dropout": 0.05,
            "hidden_dropout": 0.2,
            "output_dropout": 0.2,
            "weight_dropout": 0.2,
        },
        plans=(Plan(epochs=14, learning_rate=3e-3),),
        batch=32,
        data_note=(
            "War and Peace by Leo Tolstoy in the translation of Louise and Aylmer Maude (public "
            "domain), Project Gutenberg EBook 2600 without its header and footer. The last 20 % is "
            "the test set, the same fraction as in DeepOBS; 2 % from the middle of the remainder "
            "is the validation set."
        ),
        comparison=(
            published(
                "LSTM 2x128, Adam, mean of 10 seeds",
                1.266,
                "nats/char",
                "DeepOBS, Schneider et al. 2019",
            ),
            published(
                "LSTM 2x128, SGD, mean of 10 seeds",
                1.230,
                "nats/char",
                "DeepOBS, Schneider et al. 2019",
            ),
            published(
                "LSTM 2x256, another split",
                1.137,
                "nats/char",
                "Karpathy et al. 2015, arXiv:1506.02078",
            ),
        ),
    ),
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
    from zoo.text.processor import Characters
    from zoo.text.training.run import LanguageModelTraining

    values = MODELS[name]
    text = load_text(values.corpus)
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        training = LanguageModelTraining(
            card=values.card(name),
            characters=Characters.of_text(*text.values()),
            training=text["train"],
            validation=text["validation"],
            network=chosen.network,
            batch=chosen.batch,
            window=chosen.window,
        )
        run.train(training, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test set of its corpus, in one pass with the state carried over.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a UTF-8 text file to score on instead.
        progress: called with the number of characters read since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
    """
    from zoo.text.training.scores import evaluate_file, evaluate_language_model

    if data is not None:
        return evaluate_file(model, reference, data, progress)
    corpus = own_values(model, reference, MODELS).corpus
    text, command = load_text(corpus)["test"], f"zoo evaluate {reference}"
    return evaluate_language_model(model, text, corpus, "test", command, progress)
