"""Taggers of messages: a bidirectional LSTM over words and characters, and a CRF.

    zoo train tagger_bilstm.snips --out runs/snips
    zoo evaluate runs/snips

What makes them good for their size:

- word vectors of a large corpus that training does not change, so that words that it never saw lie
  near those that it saw, and a learnt vector beside it for the words of the training data, hidden
  now and then, the rare ones most of the time;
- dropout with one mask for all words of a message (Gal and Ghahramani 2016, arXiv:1512.05287);
- the intent's probabilities shift the scores of the tags (Qin et al. 2019, arXiv:1909.02188);
- where a corpus does not mark what the model tells, or tells less, the loss allows every tag that
  may be right (Tsuboi et al. 2008), so that corpora with other labels are learnt together;
- an exponential moving average of the weights and cosine decay of the learning rate to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.dialogue.datasets import TaggedMessage, load_tagged
from zoo.dialogue.tagging.training.examples import Annotation
from zoo.dialogue.tagging.training.rewriting import rewritten
from zoo.folder.figures import Figure
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values, published

Labels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Source:
    """A corpus of a model.

    Args:
        corpus: its name.
        labels: for each of its labels those of the model, see
            :class:`~zoo.dialogue.tagging.training.examples.Annotation`.
        hidden: labels of the model that it does not mark.
        repeats: how often each message is in an epoch.
        validation: validate on it too.
    """

    corpus: str
    labels: Labels = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    repeats: int = 1
    validation: bool = True


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one model: those of every recipe, and these.

    Args:
        sources: the corpora.
        vocabulary: number of words with a vector.
        batch: messages in a batch.
        rare_dropout: see :class:`~zoo.dialogue.training.batches.WordDropout`.
        word_dropout: the same.
        intent_weight: weight of the intent's loss.
        label_smoothing: share of the probability that is spread over the intents.
        swapped_values: share of the entities that get another value of their label.
        outside: the intent of messages that are out of scope.
        rewritten: messages to make from those of the corpora, see
            :func:`~zoo.dialogue.tagging.training.rewriting.rewritten`.
        with_intents: learn the intents.
        values_of_labels: which kind of value an entity of a label has.
    """

    sources: tuple[Source, ...]
    vocabulary: int = 20_000
    batch: int = 32
    rare_dropout: float = 0.5
    word_dropout: float = 0.05
    intent_weight: float = 1.0
    label_smoothing: float = 0.0
    swapped_values: float = 0.0
    rewritten: int = 0
    outside: str = ""
    with_intents: bool = True
    values_of_labels: Mapping[str, str] = field(default_factory=dict)


_CHAT: Labels = {
    "account_id": ("account",),
    "account_number": ("account",),
    "arrival_city": ("destination",),
    "arrival_time": ("time",),
    "booking_confirmation_number": ("booking",),
    "car_brand": ("vehicle",),
    "car_model": ("vehicle",),
    "car_year": ("year",),
    "card_number": ("card",),
    "charge_amount": ("amount",),
    "charge_date": ("date",),
    "charge_time": ("time",),
    "claimid": ("claim",),
    "company_name": ("company",),
    "cost": ("amount",),
    "current_city": ("city",),
    "current_zipcode": ("postcode",),
    "datacategoryvalues": (),
    "departure_city": ("departure",),
    "departure_time": ("time",),
    "drink_item": ("drink",),
    "email_address": ("email",),
    "end_date": ("date",),
    "excluded_ingredient": ("ingredient",),
    "expense_type": (),
    "first_name": ("person",),
    "flight_number": ("flight",),
    "food_item": ("food",),
    "item_code": ("item",),
    "item_name": ("product",),
    "last_name": ("person",),
    "lastuseddate": ("date",),
    "lastusedtime": ("time",),
    "name": ("person",),
    "new_seat_number": ("seat",),
    "number_of_passengers": ("people",),
    "offer": (),
    "old_seat_number": ("seat",),
    "order_number": ("order",),
    "payment_type": (),
    "phone_number": ("phone",),
    "phonenumber": ("phone",),
    "police_notified": (),
    "policyid": ("policy",),
    "price": ("amount",),
    "replacement_reason": (),
    "seat_type": (),
    "service_type": (),
    "size": (),
    "software_name": ("product",),
    "start_date": ("date",),
    "target_account_number": ("account",),
    "transferamount": ("amount",),
}
_SOCIAL = ("corporation", "creative-work", "group", "location", "person", "product")

MODELS = {
    "tagger_bilstm.snips": Values(
        corpus="snips",
        languages=("en",),
        sources=(Source("snips"),),
        network={
            "units": 192,
            "layers": 2,
            "input_dropout": 0.4,
            "hidden_dropout": 0.5,
            "weight_dropout": 0.3,
        },
        plans=(Plan(epochs=26, learning_rate=4e-3, weight_decay=0.02),),
        batch=64,
        rare_dropout=1.0,
        word_dropout=0.1,
        swapped_values=0.3,
        license="cc0-1.0",
        data_note="SNIPS, 13,784 commands to a voice assistant (CC0), split by Goo et al. 2018.",
        limits=(
            "It knows the seven kinds of commands of its data, in lower case. Names of albums, "
            "tracks, films and other works are its weak side."
        ),
        comparison=(
            published("Stack-Propagation, BiLSTM (slot F1)", 94.2, "%", "Qin et al. 2019"),
            published("SF-ID BLSTM (slot F1)", 92.23, "%", "E et al. 2019"),
            published("slot-gated (slot F1)", 88.8, "%", "Goo et al. 2018"),
        ),
    ),
    # The intent head alone; no entities are marked in this corpus.
    "tagger_bilstm.clinc": Values(
        corpus="clinc",
        languages=("en",),
        sources=(Source("clinc"),),
        network={
            "units": 192,
            "intent_units": 256,
            "input_dropout": 0.3,
            "hidden_dropout": 0.5,
            "weight_dropout": 0.2,
        },
        plans=(Plan(epochs=40, learning_rate=4e-3, weight_decay=0.03),),
        batch=64,
        rare_dropout=0.5,
        word_dropout=0.1,
        label_smoothing=0.1,
        outside="oos",
        license="cc-by-3.0",
        data_note="CLINC150, 23,700 questions to an assistant (CC BY 3.0; Larson et al. 2019).",
        limits="It knows the 150 intents of its data; what is near them may be taken for one.",
        comparison=(
            published("BERT (accuracy in scope, full)", 96.9, "%", "Larson et al. 2019"),
            published("MLP (accuracy in scope, full)", 93.5, "%", "Larson et al. 2019"),
        ),
    ),
    "tagger_bilstm.social": Values(
        corpus="wnut17",
        languages=("en",),
        sources=(
            Source("wnut17", repeats=2),
            Source(
                "broad_twitter",
                {
                    "LOC": ("location",),
                    "ORG": ("corporation", "group"),
                    "PER": ("person",),
                },
                hidden=("creative-work", "product"),
                validation=False,
            ),
        ),
        network={
            "units": 128,
            "filters": 96,
            "input_dropout": 0.4,
            "hidden_dropout": 0.5,
            "weight_dropout": 0.3,
        },
        plans=(Plan(epochs=12, learning_rate=3e-3, weight_decay=0.03),),
        vocabulary=32_000,
        rare_dropout=2.0,
        word_dropout=0.1,
        swapped_values=0.3,
        license="cc-by-4.0",
        data_note=(
            "WNUT-17, 5,690 messages with rare and emerging entities, and the Broad Twitter "
            "Corpus, 9,337 tweets (both CC BY 4.0). An organisation of the latter may be a "
            "corporation or a group."
        ),
        limits="It reads English of social media; names that it never saw are often missed.",
        comparison=(
            published("UH-RiTUAL (entity F1)", 41.86, "%", "Derczynski et al. 2017"),
            published("SpinningBytes (entity F1)", 40.78, "%", "Derczynski et al. 2017"),
        ),
    ),
    "tagger_bilstm.chat": Values(
        corpus="multidogo",
        languages=("en",),
        sources=(Source("multidogo", _CHAT), Source("restaurants", _CHAT, repeats=2)),
        network={
            "units": 144,
            "filters": 96,
            "input_dropout": 0.25,
            "hidden_dropout": 0.35,
            "weight_dropout": 0.1,
        },
        plans=(Plan(epochs=8, learning_rate=4e-3),),
        batch=128,
        rare_dropout=1.0,
        swapped_values=0.1,
        rewritten=40_000,
        with_intents=False,
        values_of_labels={
            "account": "code",
            "amount": "number",
            "booking": "code",
            "card": "code",
            "claim": "code",
            "date": "date",
            "email": "email",
            "order": "code",
            "people": "number",
            "phone": "code",
            "policy": "code",
            "postcode": "code",
            "quantity": "number",
            "time": "time",
        },
        license="cdla-permissive-1.0",
        data_note=(
            "MultiDoGO, what customers write to a service in six domains (CDLA-Permissive 1.0; "
            "Peskov et al. 2019), and Restaurants-8k (CC BY 4.0; Coope et al. 2020), over one "
            "inventory of labels."
        ),
        limits=(
            "It knows customer service in English. Each message is read alone: a bare number or "
            "name that answers a question is tagged by its form."
        ),
    ),
}


def load_sources(values: Values, split: str) -> list[Annotation]:
    """The corpora of a model as annotations.

    Raises:
        DataError: a corpus is not there and cannot be fetched.
    """
    return [
        Annotation(
            load_tagged(source.corpus, split),
            source.labels,
            source.hidden,
            source.repeats if split == "train" else 1,
        )
        for source in values.sources
        if split != "validation" or source.validation
    ]


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
    from zoo.dialogue.tagging.training.run import TaggerTraining

    values = MODELS[name]
    training, validation = (load_sources(values, split) for split in ("train", "validation"))
    if values.rewritten:
        messages = [
            message
            for source in values.sources
            for message in _in_labels_of_the_model(
                load_tagged(source.corpus, "train"), source.labels
            )
        ]
        training.append(Annotation(rewritten(messages, values.rewritten, seed=0)))
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        subject = TaggerTraining(
            card=values.card(name),
            training=training,
            validation=validation,
            network=chosen.network,
            vocabulary=chosen.vocabulary,
            batch=chosen.batch,
            rare_dropout=chosen.rare_dropout,
            word_dropout=chosen.word_dropout,
            intent_weight=chosen.intent_weight,
            label_smoothing=chosen.label_smoothing,
            swapped_values=chosen.swapped_values,
            outside=chosen.outside,
            with_intents=chosen.with_intents,
            values_of_labels=chosen.values_of_labels,
        )
        run.train(subject, stage)
    return out


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test sets of its corpora.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a file of tagged messages to score on instead.
        progress: called with the number of messages tagged since the last call, and the total.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
        DataError: the data cannot be read, or there is nothing to score in it.
    """
    from zoo.dialogue.tagging.training.scores import evaluate_file, score_messages

    if data is not None:
        return evaluate_file(model, reference, data, progress)
    values = own_values(model, reference, MODELS)
    sets = scored_sets(values, "test")
    total = sum(map(len, sets.values()))
    figures = []
    for name, messages in sets.items():
        figures += score_messages(
            model,
            messages,
            outside=values.outside,
            on_progress=(lambda count: progress(count, total)) if progress else None,
            dataset=name,
            split="test",
            command=f"zoo evaluate {reference}",
        )
    return figures


def scored_sets(values: Values, split: str) -> dict[str, list[TaggedMessage]]:
    """The messages of a split in the labels of the model, by corpus.

    Raises:
        DataError: a corpus is not there and cannot be fetched.
    """
    return {
        source.corpus: _in_labels_of_the_model(load_tagged(source.corpus, split), source.labels)
        for source in values.sources
        if split != "validation" or source.validation
    }


def _in_labels_of_the_model(messages: list[TaggedMessage], labels: Labels) -> list[TaggedMessage]:
    from zoo.dialogue.datasets import Span

    annotation = Annotation(messages, labels)
    return [
        TaggedMessage(
            message.text,
            tuple(
                Span(annotation.names(span.label)[0], span.start, span.end)
                for span in message.entities
                if annotation.names(span.label)
            ),
            message.intent,
            message.dialogue,
        )
        for message in messages
    ]
