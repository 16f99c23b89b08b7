"""Tagged messages as arrays: ids, the tags that may be right, and intents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.dialogue.datasets import Span, TaggedMessage
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.words import WordIds
from zoo.errors import DataError


@dataclass(frozen=True)
class Annotation:
    """Messages of one corpus, and how its labels fit those of the model.

    Args:
        messages: the messages.
        labels: for each label of the corpus those of the model that it may stand for; a label that
            is not named is its own, and one that stands for none is not an entity.
        hidden: labels of the model that the corpus does not mark, so that any word outside its
            entities may be one.
        repeats: how often each message is in an epoch.
    """

    messages: Sequence[TaggedMessage]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    repeats: int = 1

    def names(self, label: str) -> tuple[str, ...]:
        """The labels of the model that a label of the corpus may stand for."""
        return self.labels.get(label, (label,))


@dataclass(frozen=True)
class TaggedExample:
    """A message to learn from.

    Args:
        message: as the corpus has it, with the entities that the model has labels for.
        ids: the message as ids.
        allowed: ``(tokens, tags)`` bool, which tags may be right.
        intent: number of the intent, or -1.
    """

    message: TaggedMessage
    ids: WordIds
    allowed: np.ndarray
    intent: int


def label_names(annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """All labels of the model that annotations name, sorted."""
    return tuple(
        sorted(
            {
                name
                for annotation in annotations
                for message in annotation.messages
                for span in message.entities
                for name in annotation.names(span.label)
            }
        )
    )


def make_examples(
    annotations: Sequence[Annotation], processor: TaggedWords, longest: int = 10_000
) -> list[TaggedExample]:
    """Encode messages; those without a word are left out.

    Args:
        annotations: the messages.
        processor: vocabulary, labels and intents.
        longest: tokens; messages with more are left out.

    Raises:
        DataError: no message is left, or a label or an intent is unknown.
    """
    labels = {name: number for number, name in enumerate(processor.labels)}
    intents = {name: number for number, name in enumerate(processor.intents)}
    examples = []
    for annotation in annotations:
        hidden = [tag for name in annotation.hidden for tag in _tags(labels, name)]
        for message in annotation.messages:
            ids = processor.encode(message.text)
            if not 0 < len(ids.tokens) <= longest:
                continue
            spans = [span for span in message.entities if annotation.names(span.label)]
            allowed = _allowed(ids, spans, annotation, labels, hidden)
            intent = intents.get(message.intent, -1) if message.intent else -1
            if message.intent and intents and intent < 0:
                raise DataError(f"the model has no intent {message.intent!r}")
            mapped = tuple(
                Span(annotation.names(span.label)[0], span.start, span.end) for span in spans
            )
            known = TaggedMessage(message.text, mapped, message.intent, message.dialogue)
            examples += [TaggedExample(known, ids, allowed, intent)] * annotation.repeats
    if not examples:
        raise DataError("there is no message with a word in it")
    return examples


def _allowed(
    ids: WordIds,
    spans: Sequence[Span],
    annotation: Annotation,
    labels: Mapping[str, int],
    hidden: Sequence[int],
) -> np.ndarray:
    """Which tags may be right; a token belongs to an entity if they share a character."""
    tags = 2 * len(labels) + 1 if labels else 0
    allowed = np.zeros((len(ids.tokens), tags), bool)
    if not tags:
        return allowed
    allowed[:, [0, *hidden]] = True
    for span in spans:
        inside = [n for n, t in enumerate(ids.tokens) if t.start < span.end and t.end > span.start]
        for place, token in enumerate(inside):
            allowed[token] = False
            for name in annotation.names(span.label):
                allowed[token, _tags(labels, name)[1 if place else 0]] = True
    return allowed


def _tags(labels: Mapping[str, int], name: str) -> tuple[int, int]:
    """The numbers of the beginning and the inside tag of a label."""
    if name not in labels:
        raise DataError(f"the model has no label {name!r}")
    return 2 * labels[name] + 1, 2 * labels[name] + 2
