"""Training and fine-tuning of taggers."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.dialogue.datasets import TaggedMessage
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.tagging.tagging import Tagger
from zoo.dialogue.tagging.training.calibration import (
    choose_intent_temperature,
    choose_temperature,
    choose_threshold,
)
from zoo.dialogue.tagging.training.examples import (
    Annotation,
    TaggedExample,
    label_names,
    make_examples,
)
from zoo.dialogue.tagging.training.files import read_tagged, split_messages
from zoo.dialogue.tagging.training.growth import regrown
from zoo.dialogue.tagging.training.options import TaggerOptions
from zoo.dialogue.tokens import tokenize
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.training.learning import DialogueFinetuning, DialogueTraining, file_names
from zoo.dialogue.words import Words
from zoo.errors import DataError, ZooWarning
from zoo.store.locate import Reference
from zoo.training.run import finetune
from zoo.training.seen import fingerprints
from zoo.training.subject import Start, read_start

if TYPE_CHECKING:
    from zoo.dialogue.tagging.training.objective import TaggerObjective

LONGEST = 100
"""Tokens; longer messages of corpora are not trained on."""

LONGEST_OF_ONES_OWN = 1000
"""The same for messages of one's own, of which each counts."""

_SHOWN = 12  # messages that are tagged after each epoch


@dataclass(kw_only=True)
class TaggerTraining(DialogueTraining[Tagger]):
    """Training of a new tagger.

    The examples are messages; what is not told here is as in
    :class:`~zoo.dialogue.training.learning.DialogueTraining`.

    Args:
        rare_dropout: see :class:`~zoo.dialogue.training.batches.WordDropout`.
        word_dropout: the same.
        intent_weight: weight of the intent's loss.
        label_smoothing: share of the probability that is spread over the intents.
        swapped_values: share of the entities that get another value of their label.
        outside: the intent of messages that are out of scope, or empty.
        with_intents: learn the intents that the messages have.
        values_of_labels: which kind of value an entity of a label has.
    """

    decisive = (
        *DialogueTraining.decisive,
        "rare_dropout",
        "word_dropout",
        "intent_weight",
        "label_smoothing",
        "swapped_values",
        "outside",
        "with_intents",
    )

    training: Sequence[Annotation]
    validation: Sequence[Annotation]
    rare_dropout: float = 0.5
    word_dropout: float = 0.05
    intent_weight: float = 1.0
    label_smoothing: float = 0.0
    swapped_values: float = 0.0
    outside: str = ""
    with_intents: bool = True
    values_of_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {"outside": self.outside, "values": dict(self.values_of_labels)}

    def examples_in(self, part: Sequence[Annotation]) -> int:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        return sum(len(one.messages) for one in part)

    @cached_property
    def new_processor(self) -> TaggedWords:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        texts = [message.text for one in self.training for message in one.messages]
        intents = {m.intent for one in self.training for m in one.messages if m.intent}
        return TaggedWords(
            Words.of_texts(texts, frequent_words(), size=self.vocabulary),
            label_names(self.training),
            tuple(sorted(intents)) if self.with_intents else (),
        )

    def outputs(self, processor: TaggedWords) -> Mapping[str, int]:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        return {"labels": len(processor.labels), "intents": len(processor.intents)}

    def objective(self, task: Tagger, seed: int) -> TaggerObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.dialogue.tagging.training.objective import TaggerObjective

        set_word_vectors(task.network, task.processor.words)
        return TaggerObjective(
            task.network,
            task.config,
            task.processor.labels,
            make_examples(self.training, task.processor, LONGEST),
            self._validation_examples(task),
            batch=self.batch,
            seed=seed,
            rare_dropout=self.rare_dropout,
            word_dropout=self.word_dropout,
            intent_weight=self.intent_weight,
            label_smoothing=self.label_smoothing,
            swapped_values=self.swapped_values,
        )

    def sample(self, task: Tagger) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        messages = [message.text for one in self.validation for message in one.messages]
        shown = messages[:: max(1, len(messages) // _SHOWN)][:_SHOWN]
        return "\n".join(str(result) for result in task.tag(shown))

    def finish(self, task: Tagger) -> None:
        """Choose the temperatures and, where something is out of scope, the threshold."""
        calibrate(task, self._validation_examples(task))

    def _validation_examples(self, task: Tagger) -> list[TaggedExample]:
        return make_examples(self.validation, task.processor)


def calibrate(task: Tagger, examples: Sequence[TaggedExample]) -> None:
    """Choose a tagger's temperatures and its threshold on validation messages."""
    if task.labels:
        task.decoder["temperature"] = choose_temperature(task, examples)
    if task.intents:
        temperature = choose_intent_temperature(task, examples)
        task.decoder["intent_temperature"] = temperature
        outside = task.settings.outside
        if outside in task.intents:
            task.decoder["intent_threshold"] = choose_threshold(
                task, examples, outside, temperature
            )


@dataclass(kw_only=True)
class TaggerFinetuning(DialogueFinetuning[Tagger]):
    """Fine-tuning of a tagger on messages.

    What is not told here is as in :class:`~zoo.dialogue.training.learning.DialogueFinetuning`.

    Args:
        hidden: labels that the data does not mark.
    """

    options: TaggerOptions
    hidden: tuple[str, ...] = ()

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {**super().values, "keep_labels": self.options.keep_labels}

    def objective(self, task: Tagger, seed: int) -> TaggerObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.dialogue.tagging.training.objective import TaggerObjective

        annotation = Annotation(self.training, hidden=self.hidden)
        training = make_examples([annotation], task.processor)
        return TaggerObjective(
            task.network,
            task.config,
            task.processor.labels,
            training,
            self._validation_examples(task),
            batch=self.options.batch_for(len(training)),
            seed=seed,
            swapped_values=0.2,
        )

    def sample(self, task: Tagger) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        shown = [message.text for message in self.validation[:_SHOWN]]
        return "\n".join(str(result) for result in task.tag(shown))

    def finish(self, task: Tagger) -> None:
        """Choose the temperatures anew."""
        super().finish(task)
        calibrate(task, self._validation_examples(task))

    def _validation_examples(self, task: Tagger) -> list[TaggedExample]:
        return make_examples([Annotation(self.validation, hidden=self.hidden)], task.processor)


def finetune_tagger(
    reference: Reference,
    files: Sequence[Path],
    out: Path,
    options: TaggerOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a tagger on messages of your own.

    The model learns the labels and intents of the messages, new ones included, and their words.
    The folder holds the weights with the highest F1 of entities on the held-out messages.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        files: files of messages, see :mod:`zoo.dialogue.tagging.training.files`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: a file is missing, empty or malformed, or there are too few messages.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.

    Example:
        >>> finetune_tagger("tagger_bilstm.chat", [Path("orders.jsonl")], Path("runs/orders"))
    """
    options = options or TaggerOptions()
    messages = _readable([message for path in files for message in read_tagged(path)])
    start = read_start(reference)
    old = start.bundle.processor
    marked = label_names([Annotation(messages)])
    meant = {message.intent for message in messages if message.intent}
    if not marked and not meant:
        raise DataError("the messages have neither entities nor intents to learn")
    labels = _grown(old.labels, marked, options.keep_labels, "labels")
    intents = _grown(old.intents, meant, options.keep_labels, "intents")
    hidden = tuple(sorted(set(labels) - set(marked)))
    training, validation = split_messages(messages, options.validation, options.seed)
    bundle = regrown(start.bundle, labels, intents, [message.text for message in training])
    finetuning = TaggerFinetuning(
        start=Start(start.reference, bundle),
        data=file_names(files),
        options=options,
        training=training,
        validation=validation,
        seen=fingerprints(files),
        hidden=hidden,
    )
    return finetune(finetuning, out, command)


def _readable(messages: Sequence[TaggedMessage]) -> list[TaggedMessage]:
    """Messages that are not too long to learn from; of others there is a warning."""
    short = [one for one in messages if len(tokenize(one.text)) <= LONGEST_OF_ONES_OWN]
    if len(short) < len(messages):
        warnings.warn(
            f"{len(messages) - len(short):,} of {len(messages):,} messages are longer than "
            f"{LONGEST_OF_ONES_OWN:,} words and left out",
            ZooWarning,
            stacklevel=3,
        )
    if not short:
        raise DataError("there is no message that is short enough to learn from")
    return short


def _grown(old: Sequence[str], new: Collection[str], keep: bool, what: str) -> tuple[str, ...]:
    """The labels or intents of the data, with the model's own if they are to be kept.

    Where the data has none at all the model keeps its own.
    """
    lost = sorted(set(old) - set(new))
    if keep or not new or not lost:
        return tuple(sorted({*old, *new}))
    named = ", ".join(lost[:3]) + (" and others" if len(lost) > 3 else "")
    warnings.warn(
        f"the data has none of {len(lost)} {what} of the model ({named}), which are left out; "
        "keep_labels (--keep-labels) keeps them",
        ZooWarning,
        stacklevel=3,
    )
    return tuple(sorted(new))
