"""The task ``dialogue-state-tracking``: what is asked for after each message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.conversation import WORD_MODULES, ConversationTask
from zoo.dialogue.doubts import DoubtSettings
from zoo.dialogue.messages import Message, as_messages
from zoo.dialogue.state import ConversationState
from zoo.dialogue.tracking.arrays import held_candidates, turn_arrays
from zoo.dialogue.tracking.inference import TrackerInference
from zoo.dialogue.tracking.ontology import (
    CARELESS,
    DONT_CARE,
    MAX_WORDS,
    NOTHING,
    RULED_OUT,
    Ontology,
)
from zoo.dialogue.tracking.processor import LIKE, SHORTEST, TrackedWords
from zoo.dialogue.tracking.results import DialogueState
from zoo.errors import UsageError
from zoo.task import check_no_options
from zoo.values import check_range, make_settings

if TYPE_CHECKING:
    from zoo.dialogue.tracking.tracker_lstm import TrackerConfig
    from zoo.inspection.subject import InspectedInput

SYSTEM = frozenset(("system", "assistant", "agent", "bot"))
"""The speakers whose messages are only what the others answer."""

_MOST_ANSWERED = 2_000  # characters, the last ones, of what the next message answers

_GOLDEN = ("What food would you like?", "Cheap chinese food in the north, and the phone number?")


@dataclass(frozen=True)
class TrackerSettings(DoubtSettings):
    """The decoder's settings: these, and when a message is doubted.

    Args:
        request_threshold: probability from which on something is asked for.
        slot_margin: what is added to the score of a slot's "nothing was said".

    Raises:
        UsageError: a value is out of range.
    """

    request_threshold: float = 0.5
    slot_margin: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "request_threshold", float, 0.0, 1.0)
        check_range(self, "slot_margin", float, -20.0, 20.0)


class Tracker(ConversationTask[DialogueState]):
    """Follows what is asked for in a conversation.

    Example:
        >>> model = zoo.load_model("tracker_lstm.woz")
        >>> conversation = model.open_conversation()
        >>> print(conversation.feed("A cheap thai place, please", speaker="user"))
        price range=cheap, food=thai
    """

    verb = "track"
    example = "zoo.dialogue.tracking.standalone"
    example_modules = (
        *WORD_MODULES,
        "zoo.dialogue.tracking.ontology",
        "zoo.dialogue.tracking.results",
        "zoo.errors",
    )
    config: TrackerConfig
    processor: TrackedWords

    @property
    def settings(self) -> TrackerSettings:
        """The decoder's settings."""
        made: TrackerSettings = make_settings(TrackerSettings, self.decoder, "config.json, decoder")
        return made

    @property
    def ontology(self) -> Ontology:
        """What a dialogue may be about; it can be set, to an ontology or a table of slots.

        Raises:
            UsageError: what it is set to is none.
        """
        ontology: Ontology = self.processor.ontology
        return ontology

    @ontology.setter
    def ontology(self, told: Any) -> None:
        self.processor = self.processor.adjusted(ontology=told)

    def track(
        self, messages: Any, *, on_progress: Callable[[int], object] | None = None
    ) -> list[DialogueState]:
        """The state after each message of a conversation.

        Args:
            messages: texts, :class:`~zoo.dialogue.messages.Message` or tables with ``text`` and
                ``speaker``. Those of the speakers in :data:`SYSTEM` change nothing; all of them
                since the last message of another are what the next one answers.
            on_progress: called with the number of messages read since the last call.

        Raises:
            UsageError: they are no messages.
        """
        conversation = self.open_conversation()
        states = []
        for message in as_messages(messages):
            states.append(conversation.feed(message))
            if on_progress:
                on_progress(1)
        return states

    def read_message(
        self, inference: TrackerInference, state: ConversationState, message: Message
    ) -> tuple[DialogueState, ConversationState]:
        """See :class:`~zoo.dialogue.conversation.ConversationTask`."""
        slots, scores = state.texts("slots"), state.numbers("scores")
        doubts = self.doubts_of(self.processor.encode(message.text))
        if message.speaker.lower() in SYSTEM:
            said = str(state.facts.get("reply_to", "")), message.text
            answered = "\n".join(filter(None, said))[-_MOST_ANSWERED:]
            facts = {**state.facts, "reply_to": answered}
            result = DialogueState(message.text, message.speaker, slots, scores, doubts=doubts)
            return result, replace(state, messages=state.messages + 1, facts=facts)
        texts = message.text, str(state.facts.get("reply_to", ""))
        processor = self.processor.with_copied(texts)
        heard = inference.hear(texts[0], processor), inference.hear(texts[1], processor)
        held = held_candidates(processor.ontology, slots)
        logits = inference.score(heard, processor.candidates, held)
        logits[processor.ontology.half_said(heard[0].covered[0], heard[1].covered[0])] = RULED_OUT
        spoken = not heard[0].empty
        changes, requests = self.decide(logits, processor.ontology) if spoken else ({}, ())
        changed = tuple(slot for slot, (value, _) in changes.items() if slots.get(slot) != value)
        slots = {**slots, **{slot: value for slot, (value, _) in changes.items()}}
        scores = {**scores, **{slot: score for slot, (_, score) in changes.items()}}
        result = DialogueState(
            message.text, message.speaker, slots, scores, requests, changed, doubts
        )
        facts = {"slots": slots, "scores": scores, "reply_to": ""}
        return result, replace(state, messages=state.messages + 1, facts=facts)

    def decide(
        self, logits: np.ndarray, ontology: Ontology
    ) -> tuple[dict[str, tuple[str, float]], tuple[str, ...]]:
        """What a message says: the value of each slot with its probability, and the questions.

        Args:
            logits: ``(candidates,)``.
            ontology: has the candidates.
        """
        settings = self.settings
        said = {}
        for slot, place in ontology.groups.items():
            scores = logits[place].astype(np.float64)
            scores[0] += settings.slot_margin
            raised = np.exp(scores - scores.max())
            best = int(scores.argmax())
            candidate = ontology.candidates[place.start + best]
            if candidate.kind != NOTHING:
                value = DONT_CARE if candidate.kind == CARELESS else candidate.value
                said[slot] = (value, float(raised[best] / raised.sum()))
        asked = 1 / (1 + np.exp(-logits[ontology.questions].astype(np.float64)))
        requests = zip(ontology.requests, asked, strict=True)
        return said, tuple(name for name, p in requests if p >= settings.request_threshold)

    def subject(self, source: Any, slot: str = "", **options: Any) -> InspectedInput:
        """A message with its words as steps and the values of a slot as labels; see
        :meth:`zoo.task.Task.subject`.

        Args:
            source: a text, or a conversation as in :meth:`track`, whose last message it is.
            slot: its name; left out, the one that the message says most surely something of, or
                else the first.
            **options: there are no others.

        Raises:
            UsageError: there is no message, or it has no words, or no such slot.
        """
        from zoo.dialogue.tracking.inspection import turn_subject

        check_no_options(options)
        messages = as_messages([source] if isinstance(source, str) else source)
        conversation = self.open_conversation()
        for message in messages[:-1]:
            conversation.feed(message)
        if not messages or not self.processor.encode(messages[-1].text).tokens:
            raise UsageError("a message to look into needs at least one word")
        slots = conversation.state.texts("slots")
        reply_to = str(conversation.state.facts.get("reply_to", ""))
        texts = messages[-1].text, reply_to
        processor = self.processor.with_copied(texts)
        ontology = processor.ontology
        arrays = turn_arrays(processor, [texts], [held_candidates(ontology, slots)])
        if not slot:
            said = conversation.feed(messages[-1])
            slot = max(said.changed, key=lambda one: said.scores[one], default="")
        slot = slot or next(iter(ontology.groups))
        if slot not in ontology.groups:
            known = ", ".join(ontology.groups)
            raise UsageError(f"the ontology has no slot {slot!r}; its slots are {known}")
        place = ontology.groups[slot]
        words = [[token.text for token in processor.encode(text).tokens] for text in texts]
        return turn_subject(arrays, place, ontology.candidates[place], words, texts[0])

    def front_end(self) -> dict[str, Any]:
        """The processor's settings, and from where on words look alike.

        Raises:
            UsageError: the ontology has open slots, which the example of an export cannot copy.
        """
        if self.ontology.open:
            raise UsageError(
                f"the open slots {', '.join(self.ontology.open)} cannot be exported; set an "
                "ontology without them first"
            )
        alike = {"like": LIKE, "shortest": SHORTEST, "candidate_words": MAX_WORDS}
        return {**super().front_end(), **alike}

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """A message and its answer for the golden outputs."""
        reply_to, text = _GOLDEN
        arrays = turn_arrays(
            self.processor, [(text, reply_to)], [held_candidates(self.ontology, {})]
        )
        return {f"input.{number}": array for number, array in enumerate(arrays)}
