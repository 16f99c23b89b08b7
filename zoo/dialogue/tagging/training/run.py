"""Training of taggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.dialogue.tagging.processor import TaggedWords
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
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.training.subject import Training

if TYPE_CHECKING:
    from zoo.dialogue.tagging.training.objective import TaggerObjective
    from zoo.folder.bundle import Bundle
    from zoo.training.rundir import RunDirectory

LONGEST = 100
"""Tokens; longer messages are not trained on."""

_SHOWN = 12  # messages that are tagged after each epoch


@dataclass(kw_only=True)
class TaggerTraining(Training):
    """Training of a new tagger.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: messages to train on.
        validation: messages to validate on.
        network: values of the builder that the data does not decide.
        vocabulary: number of words with a vector.
        batch: messages in a batch.
        rare_dropout: see :class:`~zoo.dialogue.training.batches.WordDropout`.
        word_dropout: the same.
        intent_weight: weight of the intent's loss.
        label_smoothing: share of the probability that is spread over the intents.
        outside: the intent of messages that are out of scope, or empty.
        with_intents: learn the intents that the messages have.
        values: which kind of value an entity of a label has.
    """

    training: Sequence[Annotation]
    validation: Sequence[Annotation]
    network: Mapping[str, Any]
    vocabulary: int
    batch: int
    rare_dropout: float = 0.5
    word_dropout: float = 0.05
    intent_weight: float = 1.0
    label_smoothing: float = 0.0
    outside: str = ""
    with_intents: bool = True
    values_of_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {"outside": self.outside, "values": dict(self.values_of_labels)}

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Subject`."""
        names = (
            "network vocabulary batch rare_dropout word_dropout intent_weight label_smoothing "
            "outside with_intents"
        )
        counts = [
            sum(len(one.messages) for one in part) for part in (self.training, self.validation)
        ]
        return {**{name: getattr(self, name) for name in names.split()}, "messages": counts}

    @cached_property
    def _processor(self) -> TaggedWords:
        texts = [message.text for one in self.training for message in one.messages]
        intents = {m.intent for one in self.training for m in one.messages if m.intent}
        return TaggedWords(
            Words.of_texts(texts, frequent_words(), size=self.vocabulary),
            label_names(self.training),
            tuple(sorted(intents)) if self.with_intents else (),
        )

    def processor(self, run: RunDirectory, start: Bundle | None) -> TaggedWords:
        """See :class:`~zoo.training.subject.Training`."""
        return self._processor if start is None else start.processor

    def config(self, processor: TaggedWords) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(
            **word_values(processor.words),
            labels=len(processor.labels),
            intents=len(processor.intents),
            **self.network,
        )

    def objective(self, task: Any, seed: int) -> TaggerObjective:
        """See :class:`~zoo.training.subject.Subject`."""
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
        )

    def sample(self, task: Any) -> str:
        """See :class:`~zoo.training.subject.Subject`."""
        messages = [message.text for one in self.validation for message in one.messages]
        shown = messages[:: max(1, len(messages) // _SHOWN)][:_SHOWN]
        return "\n".join(str(result) for result in task.tag(shown))

    def finish(self, task: Any) -> None:
        """Choose the temperatures and, where something is out of scope, the threshold."""
        calibrate(task, self._validation_examples(task))

    def _validation_examples(self, task: Any) -> list[TaggedExample]:
        return make_examples(self.validation, task.processor)


def calibrate(task: Any, examples: Sequence[TaggedExample]) -> None:
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
