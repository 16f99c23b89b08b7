"""The task ``token-classification``: entities and intents of messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.conversation import WORD_MODULES, ConversationTask
from zoo.dialogue.doubts import DoubtSettings
from zoo.dialogue.messages import Message
from zoo.dialogue.state import ConversationState
from zoo.dialogue.tagging.inference import TaggerInference, softmax
from zoo.dialogue.tagging.joining import code_tokens, entity_spans
from zoo.dialogue.tagging.processor import TaggedWords
from zoo.dialogue.tagging.results import Entity, Tagging
from zoo.dialogue.values import KINDS, normalise
from zoo.errors import UsageError
from zoo.task import check_no_options, one_or_many
from zoo.values import check_range, make_settings

if TYPE_CHECKING:
    from zoo.dialogue.tagging.tagger_bilstm import TaggerConfig
    from zoo.inspection.subject import InspectedInput

_GOLDEN = "Hi, I'm Ana, order 4471 was for March 3rd at 7:30pm."


@dataclass(frozen=True)
class TaggerSettings(DoubtSettings):
    """The decoder's settings: these, and when a message is doubted.

    Args:
        temperature: by which all scores are divided before probabilities are taken, so that an
            entity with a score of 0.9 is right in nine of ten cases.
        intent_threshold: an intent below this probability is none.
        intent_temperature: the same as ``temperature`` for intents.
        outside: the intent that stands for messages out of scope; it is never told, and what it is
            likely for has none.
        values: which kind of value an entity of a label has, see
            :data:`zoo.dialogue.values.KINDS`.

    Raises:
        UsageError: a value is out of range.
    """

    temperature: float = 1.0
    intent_threshold: float = 0.0
    intent_temperature: float = 1.0
    outside: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "temperature", float, 0.05, 20.0)
        check_range(self, "intent_temperature", float, 0.05, 20.0)
        check_range(self, "intent_threshold", float, 0.0, 1.0)
        unknown = set(self.values.values()) - set(KINDS)
        if unknown:
            raise UsageError(f"there is no kind of value {sorted(unknown)[0]!r}")


class Tagger(ConversationTask[Tagging]):
    """Finds the entities and the intent of messages.

    Example:
        >>> model = zoo.load_model("tagger_bilstm.chat")
        >>> print(model.tag("Hi, I'm Ana Lopez"))
        Hi, I'm [Ana Lopez](person)
    """

    verb = "tag"
    example = "zoo.dialogue.tagging.standalone"
    example_modules = (
        *WORD_MODULES,
        "zoo.decoding.crf",
        "zoo.dialogue.tagging.joining",
        "zoo.errors",
    )
    config: TaggerConfig
    processor: TaggedWords

    @property
    def settings(self) -> TaggerSettings:
        """The decoder's settings."""
        made: TaggerSettings = make_settings(TaggerSettings, self.decoder, "config.json, decoder")
        return made

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the kinds of entities that the model finds."""
        return tuple(self.processor.labels)

    @property
    def intents(self) -> tuple[str, ...]:
        """Names of the intents that the model tells apart."""
        return tuple(self.processor.intents)

    def tag(
        self,
        text: Any,
        *,
        intent_threshold: float | None = None,
        now: datetime | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> Any:
        """Find the entities and the intent of a message, or of each of a list.

        Args:
            text: a text, or a list of texts.
            intent_threshold: an intent below this probability is none; left out, the model's own.
            now: the moment that dates such as "tomorrow" count from; left out, they have no value.
            on_progress: called with the number of messages tagged since the last call.

        Returns:
            A :class:`~zoo.dialogue.tagging.results.Tagging`, or a list of them.

        Raises:
            UsageError: it is no text, or too long, or an argument is out of range or of another
                type.
        """
        if not isinstance(now, datetime | None):
            raise UsageError(f"now is a datetime, not {now!r:.60}")
        single, texts = one_or_many(text, str)
        messages = [Message(one) for one in texts]
        settings = self.settings
        if intent_threshold is not None:
            settings = replace(settings, intent_threshold=intent_threshold)
        inference = self.inference
        results = []
        for message in messages:
            results.append(self._tag(inference, message.text, settings, now))
            if on_progress:
                on_progress(1)
        return results[0] if single else results

    def read_message(
        self, inference: Any, state: ConversationState, message: Message
    ) -> tuple[Tagging, ConversationState]:
        """See :class:`~zoo.dialogue.conversation.ConversationTask`; each message stands alone."""
        result = self._tag(inference, message.text, self.settings, None)
        return result, replace(state, messages=state.messages + 1)

    def _tag(
        self,
        inference: TaggerInference,
        text: str,
        settings: TaggerSettings,
        now: datetime | None,
    ) -> Tagging:
        ids = self.processor.encode(text)
        output = inference.read(ids)
        entities: list[Entity] = []
        if inference.chain is not None and len(ids.tokens):
            joined = code_tokens(ids.tokens)
            tags, _ = inference.chain.viterbi(output.emissions, joined)
            spans = entity_spans(tags, ids.tokens)
            if spans:
                lattice = inference.chain.scaled(settings.temperature).lattice(
                    output.emissions / settings.temperature, joined
                )
            for label, begin, end, parts in spans:
                start, stop = ids.tokens[begin].start, ids.tokens[end - 1].end
                name, written = self.processor.labels[label], text[start:stop]
                score = min(
                    lattice.span(first, tags[first:last], [2 * label + 2]) for first, last in parts
                )
                kind = settings.values.get(name)
                value = normalise(kind, written, now) if kind else None
                entities.append(Entity(written, name, start, stop, score, value))
        intent, intent_score = None, 0.0
        if self.config.intents:
            probabilities = softmax(output.intents / settings.intent_temperature)
            if settings.outside in self.processor.intents:
                probabilities[self.processor.intents.index(settings.outside)] = 0.0
            best = int(probabilities.argmax())
            intent_score = float(probabilities[best])
            if len(ids.tokens) and intent_score >= settings.intent_threshold:
                intent = self.processor.intents[best]
        return Tagging(text, tuple(entities), intent, intent_score, self.doubts_of(ids))

    def front_end(self) -> dict[str, Any]:
        """The processor's settings, and the chain's scores ``between`` tags, ``start`` and ``end``.

        The tags are outside, then of each label beginning and inside.
        """
        chain = self.inference.chain
        if chain is None:
            return super().front_end()
        scores = {"between": chain.transitions, "start": chain.start, "end": chain.end}
        told = {name: array.tolist() for name, array in scores.items()}
        return {**super().front_end(), "chain": told}

    def subject(self, source: str, **options: Any) -> InspectedInput:
        """A message with its words as steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one text.
            **options: there are none.

        Raises:
            UsageError: it is no text, or has no words.
        """
        from zoo.dialogue.tagging.inspection import message_subject

        check_no_options(options)
        text = Message(source).text
        ids = self.processor.encode(text)
        if not ids.tokens:
            raise UsageError("a message to look into needs at least one word")
        return message_subject(text, ids, self.processor.labels, self.processor.intents)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """A message for the golden outputs."""
        ids = self.processor.encode(_GOLDEN)
        arrays = (ids.words, ids.known, ids.characters)
        return {f"input.{number}": array[None] for number, array in enumerate(arrays)}
